"""Generate the parts of the documentation that come from the code. Run `python -m tests.documentation` to update them."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable

from app.settings import ROOT, Settings, default_of
from models import directions, directions_card, inversion_card, inversion_figures, sharpener_card
from models.manifest import Task
from models.repository import Repository
from models.version import Version
from training.datasets.importing import Limits

SETTINGS, QUALITY, SHARPENING, DATASETS, DIRECTIONS, INVERSION = (
    ROOT / "docs" / f"{name}.md" for name in ("settings", "quality", "sharpening", "datasets", "directions", "inversion")
)


def settings_table() -> str:
    """Return every setting with its default and description as a Markdown table."""
    rows = ["| variable | default | description |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = default_of(field).replace(str(ROOT) + "/", "")
        described = " ".join((field.description or "").split())
        rows.append(f"| `GAN_{name.upper()}` | {f'`{default}`' if default else ''} | {described} |")
    return "\n".join(rows)


def shipped(task: Task = "generate") -> list[Version]:
    """Return the champion of each shipped model of a task."""
    repository = Repository(ROOT / "models")
    versions = [repository.get(name, repository.aliases(name)["champion"]) for name in sorted(repository.names())]
    return [version for version in versions if version.manifest.task == task]


def figures_table() -> str:
    """Return the metrics of the shipped versions with their floors as a Markdown table."""
    versions = shipped()
    heads = [head for v in versions for head in (f"{v.name}/{v.number}", "real")]
    rows = [f"| figure | {' | '.join(heads)} | better |", "|---" * (len(heads) + 2) + "|"]
    for name, first in versions[0].manifest.metrics.items():
        figures = [v.manifest.metrics.get(name) for v in versions]
        cells = [_number(x) for figure in figures for x in ((figure.value, figure.floor) if figure else (None, None))]
        rows.append(f"| {name} | {' | '.join(cells)} | {first.better} |")
    return "\n".join(rows)


def ledger_tables() -> str:
    """Return the ledgers of the shipped sharpeners as Markdown tables."""
    sections = []
    for version in shipped("sharpen"):
        tables = sharpener_card.tables(version.manifest)
        sections += [f"### {version.name}/{version.number}", *tables]
    return "\n\n".join(sections)


def directions_tables() -> str:
    """Return what the directions of the shipped versions do as Markdown tables."""
    sections = []
    for version in shipped():
        found = directions.read(version.companion(directions.FILE), version.manifest.digest, version.manifest.z_dim)
        if found:
            sections += [f"### {version.name}/{version.number}", directions_card.tables(found)]
    return "\n\n".join(sections)


def inversion_tables() -> str:
    """Return how well pictures are found among those of the shipped versions as Markdown tables."""
    sections = []
    for version in shipped():
        found = inversion_figures.read(version.companion(inversion_figures.FILE), version.manifest.digest)
        if found:
            sections += [f"### {version.name}/{version.number}", inversion_card.table(found)]
    return "\n\n".join(sections)


def goals_table() -> str:
    """Return the requirements for the shipped generators and what they reach as a Markdown table."""
    versions = shipped()
    rows = [
        f"| figure | required | goal | {' | '.join(f'{v.name}/{v.number}' for v in versions)} |",
        "|---" * (len(versions) + 3) + "|",
    ]
    for description, required, goal, figure, formatted in GOALS:
        cells = []
        for version in versions:
            found = version.manifest.metrics.get(figure)
            available = found is not None and found.value is not None and found.floor is not None
            cells.append(formatted(found.value, found.floor) if available else "–")  # type: ignore[union-attr]
        rows.append(f"| {description} | {required} | {goal} | {' | '.join(cells)} |")
    return "\n".join(rows)


GOALS: list[tuple[str, str, str, str, Callable[[float, float], str]]] = [
    ("FID against the training set, as a multiple of the floor", "4", "1.5", "fid", lambda v, f: f"{v / f:.2f}"),
    ("the same on the second judge", "", "", "fid_mlp", lambda v, f: f"{v / f:.2f}"),
    ("coverage, as a fraction of the floor's", "0.93", "0.98", "coverage", lambda v, f: f"{v / f:.3f}"),
    ("density, as a fraction of the floor's", "0.85", "0.97", "density", lambda v, f: f"{v / f:.3f}"),
    ("label accuracy below real's, points", "1.0", "0.3", "label_accuracy", lambda v, f: f"{100 * (f - v):.2f}"),
    ("classification accuracy score below real's, points", "0.8", "0.3", "cas", lambda v, f: f"{100 * (f - v):.2f}"),
    ("two-sample test accuracy (its floor)", "0.70", "0.55", "c2st_accuracy", lambda v, f: f"{v:.3f} ({f:.3f})"),
]
"""Description, required value, goal, metric, and a function that formats the metric's value and floor."""


def limits_table() -> str:
    """Return the limits of imported sources as a Markdown table."""
    source = inspect.getsource(Limits)
    rows = ["| limit | default | description |", "|---|---|---|"]
    for field in dataclasses.fields(Limits):
        described = re.search(rf'    {field.name}: [^\n]*\n    """(.*?)"""', source, flags=re.DOTALL)
        text = " ".join(described[1].split()) if described else ""
        rows.append(f"| `{field.name}` | {field.default:,} | {text} |")
    return "\n".join(rows)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def with_settings(page: str) -> str:
    """Return the text of docs/settings.md with an up-to-date table of settings."""
    return _between("settings", settings_table(), page)


def with_figures(page: str) -> str:
    """Return the text of docs/quality.md with an up-to-date table of metrics."""
    return _between("figures", figures_table(), page)


def with_goals(page: str) -> str:
    """Return the text of docs/quality.md with an up-to-date table of goals."""
    return _between("goals", goals_table(), page)


def with_ledgers(page: str) -> str:
    """Return docs/sharpening.md with the ledgers of the shipped sharpeners."""
    return _between("ledgers", ledger_tables(), page)


def with_directions(page: str) -> str:
    """Return docs/directions.md with the directions of the shipped versions."""
    return _between("directions", directions_tables(), page)


def with_inversion(page: str) -> str:
    """Return docs/inversion.md with the figures of the shipped versions."""
    return _between("inversion", inversion_tables(), page)


def with_limits(page: str) -> str:
    """Return docs/datasets.md with an up-to-date table of limits."""
    return _between("limits", limits_table(), page)


def _between(name: str, text: str, page: str) -> str:
    begin, end = f"<!-- {name}: made by make fix -->", f"<!-- end of {name} -->"
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{text}\n{end}", page, flags=re.DOTALL)


if __name__ == "__main__":
    SETTINGS.write_text(with_settings(SETTINGS.read_text()))
    QUALITY.write_text(with_goals(with_figures(QUALITY.read_text())))
    SHARPENING.write_text(with_ledgers(SHARPENING.read_text()))
    DIRECTIONS.write_text(with_directions(DIRECTIONS.read_text()))
    INVERSION.write_text(with_inversion(INVERSION.read_text()))
    DATASETS.write_text(with_limits(DATASETS.read_text()))
