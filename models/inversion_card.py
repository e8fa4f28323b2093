"""The section of a model card about the encoder, and about the errors of the latents and seeds that are found."""

from __future__ import annotations

from models.encoder import Encoder
from models.inversion_figures import InversionFigures


def render(encoder: Encoder, figures: InversionFigures | None) -> str:
    """Return the section as Markdown.

    Args:
        encoder: description of the encoder.
        figures: what `python -m training inversion` has measured, if it has.
    """
    quality = encoder.quality
    accuracy = (
        f" It recognises the class of {quality.class_accuracy:.1%} of the test pictures."
        if quality.class_accuracy is not None
        else ""
    )
    parts = [
        "## Inversion",
        "`POST /invert` finds a latent for a picture, with an encoder of "
        f"{encoder.parameters:,} parameters that was trained on {encoder.images:,} generated and real pictures in "
        f"{encoder.seconds:,.0f} s. Its mean pixel error is {quality.test} grey levels on {quality.pictures:,} test pictures, and "
        f"{quality.generated} on as many generated pictures.{accuracy}",
    ]
    if figures is not None:
        parts += [table(figures)]
    return "\n\n".join(parts) + "\n"


def table(figures: InversionFigures) -> str:
    """Return pixel errors and times as a Markdown table, with the recovery of seeds."""
    rows = [
        f"| {each.name} | {each.pictures:,} | {each.mean} | {each.median} | {'' if each.milliseconds is None else each.milliseconds} |"
        for each in figures.methods
    ]
    lines = [
        "Pixel errors are root mean squares in grey levels of 0..255, of test pictures. Times are milliseconds of CPU time on one core.",
        "",
        "| method | test pictures | mean error | median error | ms |",
        "|---|---|---|---|---|",
        *rows,
    ]
    found = figures.recovery
    if found is not None:
        lines += [
            "",
            f"The index finds the right seed for {found.recovered:,} of {found.pictures:,} pictures of random seeds among the first "
            f"{found.seeds:,}.",
        ]
    return "\n".join(lines)
