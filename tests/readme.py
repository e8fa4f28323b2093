"""The parts of README that are made from the code: `python -m tests.readme` writes them, tests hold them."""

from __future__ import annotations

import re

from app.__main__ import default_of
from app.settings import ROOT, Settings
from models.repository import Repository

README = ROOT / "README.md"


def settings_table() -> str:
    """Every setting, its default and what it is, as Markdown."""
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = default_of(field).replace(str(ROOT) + "/", "")
        described = " ".join((field.description or "").split())
        rows.append(f"| `GAN_{name.upper()}` | {f'`{default}`' if default else ''} | {described} |")
    return "\n".join(rows)


def figures_table() -> str:
    """The shipped digits' figures beside their floors, as Markdown."""
    rows = ["| figure | digits/1 | real (floor) | better |", "|---|---|---|---|"]
    for name, figure in Repository(ROOT / "models").get("digits", 1).manifest.metrics.items():
        value, floor = (f"{v:.3f}" if v is not None else "–" for v in (figure.value, figure.floor))
        rows.append(f"| {name} | {value} | {floor} | {figure.better} |")
    return "\n".join(rows)


def with_settings(readme: str) -> str:
    """README with its table of settings as it should be."""
    return _between("settings", settings_table(), readme)


def with_figures(readme: str) -> str:
    """README with the shipped digits' figures as they are."""
    return _between("figures", figures_table(), readme)


def _between(name: str, text: str, readme: str) -> str:
    begin, end = f"<!-- {name}: made by make fix -->", f"<!-- end of {name} -->"
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{text}\n{end}", readme, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(with_figures(with_settings(README.read_text())))
