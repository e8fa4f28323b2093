"""Prints specs and figures as tables."""

from __future__ import annotations

import json

from rich.console import Console
from rich.table import Table

from models import card
from models.manifest import Figure
from training.spec import TrainingSpec

console = Console()


def show_spec(spec: TrainingSpec) -> None:
    """Print each field with its value, bounds and description."""
    table = Table("field", "value", "bounds", "description")
    for (name, field), value in zip(TrainingSpec.model_fields.items(), spec.model_dump(mode="json").values(), strict=True):
        bounds = [
            f"{sign} {getattr(bound, kind.lower()):,}"
            for bound in field.metadata
            for kind, sign in (("Ge", "≥"), ("Gt", ">"), ("Le", "≤"), ("Lt", "<"))
            if type(bound).__name__ == kind
        ]
        table.add_row(name, json.dumps(value), ", ".join(bounds), " ".join((field.description or "").split()))
    console.print(table)


def show_figures(figures: dict[str, Figure], title: str) -> None:
    """Print each figure with its floor."""
    table = Table("figure", "generated", "real (floor)", "better", "description", title=title)
    for name, figure in figures.items():
        table.add_row(name, *card.shown(figure), figure.better, figure.what)
    console.print(table)
