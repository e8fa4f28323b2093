"""The parts of README that are made from the code: `python -m tests.readme` writes them, a test holds them."""

from __future__ import annotations

import re

from app.settings import ROOT, Settings

README = ROOT / "README.md"
BEGIN, END = "<!-- settings: made by make fix -->", "<!-- end of settings -->"


def settings_table() -> str:
    """Every setting, its default and what it is, as Markdown."""
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = str(field.default).replace(str(ROOT) + "/", "")
        described = " ".join((field.description or "").split())
        rows.append(f"| `GAN_{name.upper()}` | {f'`{default}`' if default else ''} | {described} |")
    return "\n".join(rows)


def with_settings(readme: str) -> str:
    """README with its table of settings as it should be."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{settings_table()}\n{END}", readme, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(with_settings(README.read_text()))
