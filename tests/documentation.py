"""The parts of the documentation that come from the code. `python -m tests.documentation` writes them, tests compare them."""

from __future__ import annotations

import re
from collections.abc import Callable

from app.settings import ROOT, Settings, default_of
from models import sharpener_card
from models.manifest import Task
from models.repository import Repository
from models.version import Version

SETTINGS, QUALITY, SHARPENING = (ROOT / "docs" / f"{name}.md" for name in ("settings", "quality", "sharpening"))


def settings_table() -> str:
    """Every setting, its default and what it is, as Markdown."""
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = default_of(field).replace(str(ROOT) + "/", "")
        described = " ".join((field.description or "").split())
        rows.append(f"| `GAN_{name.upper()}` | {f'`{default}`' if default else ''} | {described} |")
    return "\n".join(rows)


def shipped(task: Task = "generate") -> list[Version]:
    """The champion of each shipped model of a task."""
    repository = Repository(ROOT / "models")
    versions = [repository.get(name, repository.aliases(name)["champion"]) for name in sorted(repository.names())]
    return [version for version in versions if version.manifest.task == task]


def figures_table() -> str:
    """The shipped versions' figures beside their floors, as Markdown."""
    versions = shipped()
    heads = [head for v in versions for head in (f"{v.name}/{v.number}", "real")]
    rows = [f"| figure | {' | '.join(heads)} | better |", "|---" * (len(heads) + 2) + "|"]
    for name, first in versions[0].manifest.metrics.items():
        figures = [v.manifest.metrics.get(name) for v in versions]
        cells = [_number(x) for figure in figures for x in ((figure.value, figure.floor) if figure else (None, None))]
        rows.append(f"| {name} | {' | '.join(cells)} | {first.better} |")
    return "\n".join(rows)


def ledger_tables() -> str:
    """The ledgers of the shipped sharpeners, as Markdown."""
    sections = []
    for version in shipped("sharpen"):
        tables = sharpener_card.tables(version.manifest)
        sections += [f"### {version.name}/{version.number}", *tables]
    return "\n\n".join(sections)


def goals_table() -> str:
    """What was asked of the shipped generators, and what they reach, as Markdown."""
    versions = shipped()
    rows = [
        f"| figure | must | goal | {' | '.join(f'{v.name}/{v.number}' for v in versions)} |",
        "|---" * (len(versions) + 3) + "|",
    ]
    for words, must, goal, figure, reached in GOALS:
        cells = []
        for version in versions:
            found = version.manifest.metrics.get(figure)
            known = found is not None and found.value is not None and found.floor is not None
            cells.append(reached(found.value, found.floor) if known else "–")  # type: ignore[union-attr]
        rows.append(f"| {words} | {must} | {goal} | {' | '.join(cells)} |")
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
"""In words, what must be and what should be, the figure, and how it is told from value and floor."""


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def with_settings(page: str) -> str:
    """docs/settings.md with the table of settings as it should be."""
    return _between("settings", settings_table(), page)


def with_figures(page: str) -> str:
    """docs/quality.md with the shipped versions' figures as they are."""
    return _between("figures", figures_table(), page)


def with_goals(page: str) -> str:
    """docs/quality.md with what the shipped generators reach."""
    return _between("goals", goals_table(), page)


def with_ledgers(page: str) -> str:
    """docs/sharpening.md with the ledgers of the shipped sharpeners."""
    return _between("ledgers", ledger_tables(), page)


def _between(name: str, text: str, page: str) -> str:
    begin, end = f"<!-- {name}: made by make fix -->", f"<!-- end of {name} -->"
    return re.sub(f"{begin}.*{end}", lambda _: f"{begin}\n{text}\n{end}", page, flags=re.DOTALL)


if __name__ == "__main__":
    SETTINGS.write_text(with_settings(SETTINGS.read_text()))
    QUALITY.write_text(with_goals(with_figures(QUALITY.read_text())))
    SHARPENING.write_text(with_ledgers(SHARPENING.read_text()))
