"""The section of a model card about its directions."""

from __future__ import annotations

from models.directions import Directions


def render(found: Directions) -> str:
    """Return the section as Markdown."""
    judge = f" The judge has the sha256 `{found.judge_sha256[:16]}…`." if found.judge_sha256 else ""
    return f"""## Directions

`edit={found.directions[0].name}:1.5` moves the latent along a direction. One unit is one standard deviation of the latents along it.
The directions were found with the pictures of the seeds 0 to {found.seeds - 1}, and measured on the next {found.checks} seeds.{judge}
The directions named sefa are eigenvectors of the first layer (arXiv:2007.06600).

{tables(found)}

The names and vectors have the sha256 `{found.sha256}`. They never change.
"""


def tables(found: Directions) -> str:
    """Return the properties, and what each direction does to them, as Markdown tables."""
    names = list(found.properties)
    amounts = list(next((d.effect.label_kept for d in found.directions if d.effect.label_kept), {}))
    properties = [
        f"| {name} | {each.what} | {each.mean:.3g} | {each.sd:.3g} | {each.explained:.2f} |"
        for name, each in found.properties.items()
    ]
    head = ["direction", *names, *(f"class at {amount}" for amount in amounts)]
    rows = []
    for each in found.directions:
        kept = each.effect.label_kept or {}
        cells = [f"{each.effect.moved[name]:+.2f}" for name in names] + [f"{kept[amount]:.1%}" for amount in amounts]
        rows.append(f"| {' | '.join([f'`{each.name}`', *cells])} |")
    return "\n".join(
        [
            "| property | definition | mean | standard deviation in a class | explained by the latent (R²) |",
            "|---|---|---|---|---|",
            *properties,
            "",
            "The table shows how far each property moves per unit of a direction, in standard deviations of the property, and the",
            "share of pictures that the judge still assigns to the same class:",
            "",
            f"| {' | '.join(head)} |",
            "|---" * len(head) + "|",
            *rows,
        ]
    )
