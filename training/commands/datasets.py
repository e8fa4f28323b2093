"""The commands `datasets list`, `import`, `preview`, `show`, `remove` and `download`. They do not import torch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from models.errors import RepositoryError
from models.manifest import NAME_PATTERN
from models.repository import Repository
from training import datasets
from training.commands.options import SHIPPED, STATE, DataOption
from training.datasets import DatasetInfo, DatasetRegistry, Entry, importing
from training.datasets.importing import Fit, Invert, Options, Report
from training.datasets.importing.report import FileProblem
from training.datasets.splitting import TEST_SHARE
from training.errors import BrokenPicturesError, DatasetError, TrainingError
from training.tables import console

_LISTED = 20
_LONGEST = 200
"""Characters of a title or a licence."""

SourceArgument = Annotated[
    Path, typer.Argument(metavar="PATH", help="Folder or zip archive of pictures, or a .npz, .npy, .csv, .parquet or IDX file.")
]
ReferenceArgument = Annotated[str, typer.Argument(metavar="DATASET", help="Name of a dataset, or name@version.")]
FitOption = Annotated[
    Fit,
    typer.Option(help="fit: the whole picture, padded. crop: its middle square. mnist: its ink, centred by mass."),
]
InvertOption = Annotated[Invert, typer.Option(help="Swap dark and bright in all pictures. auto decides by their borders.")]
RenameOption = Annotated[
    list[str] | None, typer.Option(metavar="OLD=NEW", help="Rename a class, as in --rename 0=t-shirt. Can be repeated.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def list_datasets(data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the datasets, their location and whether their files are verified. Exit status 1 if any is missing or damaged."""
    rows = [*_published(data), *_imported()]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        columns = (Column(each, overflow="fold") for each in ("dataset", "title", "train + test", "location", "state"))
        table = Table(*columns)
        for row in rows:
            counts = " + ".join(f"{row[split]:,}" for split in datasets.SPLITS) if row["train"] else ""
            cells = (row["dataset"], f"{row['title']} ({row['licence']})", counts, row["location"], row["state"])
            table.add_row(*(escape(cell) for cell in cells))
        console.print(table)
    if any(row["state"] != "verified" for row in rows):
        raise typer.Exit(1)


def _published(data: Path | None) -> Iterator[dict[str, Any]]:
    for name, dataset in datasets.PUBLISHED.items():
        row: dict[str, Any] = {"dataset": name, "title": dataset.title, "licence": dataset.licence}
        row |= {"train": 0, "test": 0, "location": ""}
        try:
            row |= {split: len(datasets.read_published(name, split, data)[1]) for split in datasets.SPLITS}
            yield {**row, "location": str(datasets.locate(dataset, data)), "state": "verified"}
        except TrainingError as error:
            yield {**row, "state": str(error)}


def _imported() -> Iterator[dict[str, Any]]:
    registry = DatasetRegistry()
    for name in registry.names():
        row: dict[str, Any] = {"dataset": name, "title": "", "licence": "", "train": 0, "test": 0}
        row["location"] = str(registry.folder / name)
        try:
            entry = registry.get(name)
            row |= {"dataset": entry.reference, "title": entry.title, "licence": entry.licence}
            row |= {split: len(registry.read(entry.reference, split)[1]) for split in datasets.SPLITS}
            yield {**row, "state": "verified"}
        except TrainingError as error:
            yield {**row, "state": str(error)}


def import_dataset(
    path: SourceArgument,
    name: Annotated[str, typer.Option(help="Name of the dataset: lower-case letters, digits, _ and -.")],
    title: Annotated[str | None, typer.Option(help="What the pictures show. Defaults to the name.", show_default=False)] = None,
    licence: Annotated[str, typer.Option(help="Licence of the pictures, which model cards repeat.")] = "not stated",
    fit: FitOption = "fit",
    invert: InvertOption = "auto",
    skip_broken: Annotated[bool, typer.Option("--skip-broken", help="Leave out pictures that cannot be read.")] = False,
    test_share: Annotated[
        float, typer.Option(help="Share of pictures that are held out, if the source has no splits.", show_default="0.143")
    ] = TEST_SHARE,
    rename: RenameOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import your own pictures as a dataset of 28x28 greyscale pictures, for --set dataset=NAME."""
    if name in datasets.PUBLISHED:
        raise DatasetError(f"{name} is the name of a published dataset. Choose another one with --name.")
    if not re.fullmatch(NAME_PATTERN, name):
        raise DatasetError(f"{name!r} is not a name: lower-case letters, digits, _ and -, at most 64. Correct it with --name.")
    title = name if title is None else title
    if not all(1 <= len(text) <= _LONGEST for text in (title, licence)):
        raise DatasetError(f"--title and --licence take 1 to {_LONGEST} characters. Shorten them.")
    options = Options(fit, invert, skip_broken, test_share, _renames(rename))
    with _progress() as progress:
        try:
            imported = importing.read_source(path, options, progress=progress)
        except BrokenPicturesError as error:
            _show_problems("cannot be read", [FileProblem(file=f, reason=r) for f, r in error.broken], len(error.broken))
            raise
    record = imported.report.model_dump(mode="json")
    entry = DatasetRegistry().add(name, imported.contents, title=title, licence=licence, record=record)
    if as_json:
        print(json.dumps(_description(entry, []), indent=2))
        return
    _show_report(imported.report)
    console.print(
        f"Imported {entry.reference}. Train on it with: python -m training train --set dataset={name}", soft_wrap=True
    )


def preview_import(
    path: SourceArgument,
    out: Annotated[Path, typer.Option(help="PNG file to write: pairs of a picture before and after.")] = Path("preview.png"),
    count: Annotated[int, typer.Option(min=1, max=500, help="Number of pictures, spread evenly over the source.")] = 24,
    fit: FitOption = "fit",
    invert: InvertOption = "auto",
    rename: RenameOption = None,
    as_json: JsonOption = False,
) -> None:
    """Convert some pictures as an import would, and draw them before and after. Stores nothing else."""
    options = Options(fit, invert, renames=_renames(rename))
    preview = importing.preview(path, options, count=count)
    out.write_bytes(preview.sheet)
    if as_json:
        print(preview.report.model_dump_json(indent=2))
        return
    _show_report(preview.report)
    console.print(f"Wrote {out}", soft_wrap=True, markup=False)


def show_dataset(reference: ReferenceArgument, as_json: JsonOption = False) -> None:
    """Show a dataset: its counts, classes and digest, how it was imported, and the versions that were trained on it."""
    info = datasets.describe(reference)
    trained = _trained_on({info.digest})
    if as_json:
        print(json.dumps(_description(info, trained), indent=2))
        return
    counts = _counts(info)
    table = Table("", "", show_header=False)
    table.add_row("title", escape(info.title))
    table.add_row("licence", escape(info.licence))
    table.add_row("pictures", " + ".join(f"{sum(counts[split]):,} {split}" for split in datasets.SPLITS))
    table.add_row("digest", info.digest)
    table.add_row("models", ", ".join(trained) or "none")
    console.print(f"[bold]{escape(info.reference)}[/bold]")
    console.print(table)
    if isinstance(info, Entry):
        _show_report(Report.model_validate(info.record))
    else:
        classes = Table("class", *datasets.SPLITS)
        for n, name in enumerate(info.classes):
            classes.add_row(escape(name), *(f"{counts[split][n]:,}" for split in datasets.SPLITS))
        console.print(classes)


def remove_dataset(
    reference: ReferenceArgument,
    force: Annotated[bool, typer.Option("--force", help="Remove it even if versions were trained on it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a version of an imported dataset, or all of its versions."""
    if reference in datasets.PUBLISHED:
        raise DatasetError(f"{reference} is a published dataset. Only imported ones can be removed.")
    registry = DatasetRegistry()
    name, _, version = reference.partition("@")
    entries = [registry.get(f"{name}@{each}") for each in ([version] if version else registry.versions(name))]
    trained = _trained_on({entry.digest for entry in entries})
    if trained and not force:
        raise DatasetError(
            f"{reference} cannot be removed: {', '.join(trained)} were trained on it, and could no longer be evaluated or "
            "retrained. Delete those versions first, or add --force."
        )
    removed = registry.remove(reference)
    if as_json:
        print(json.dumps({"removed": removed}))
        return
    console.print(f"Removed {', '.join(removed)}", soft_wrap=True, markup=False)


def download_dataset(
    name: Annotated[str, typer.Argument(help="A published dataset.")],
    to: Annotated[Path | None, typer.Option(help="Target folder.")] = None,
) -> None:
    """Download a published dataset from its public mirrors and verify it. Requires internet access."""
    console.print(f"{name}: {datasets.download(name, to)}", soft_wrap=True)


def _renames(options: list[str] | None) -> dict[str, str]:
    pairs = [option.partition("=") for option in options or ()]
    for old, equals, new in pairs:
        if not (old and equals and new):
            raise DatasetError(f"--rename takes OLD=NEW, for example --rename 0=t-shirt, not {old + equals + new!r}.")
    return {old: new for old, _, new in pairs}


@contextmanager
def _progress() -> Iterator[importing.Progress]:
    """Show a progress bar while pictures are read, if stderr is a terminal."""
    columns = TextColumn("Reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    stderr = Console(stderr=True)
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task("Reading", total=None)

        def update(done: int, total: int) -> None:
            if done % 100 == 0 or done == total:
                bar.update(task, completed=done, total=total)

        yield update


def _trained_on(digests: set[str]) -> list[str]:
    """Return the versions of models that were trained on a dataset, as name/number. Damaged ones are left out."""
    found = set()
    for folder in (STATE, SHIPPED):
        repository = Repository(folder)
        for name in repository.names():
            for number in repository.numbers(name):
                try:
                    if repository.get(name, number).manifest.dataset.sha256 in digests:
                        found.add((name, number))
                except RepositoryError as error:
                    console.print(f"{name}/{number} is not considered: {error}", soft_wrap=True, markup=False)
    return [f"{name}/{number}" for name, number in sorted(found)]


def _counts(info: DatasetInfo) -> dict[datasets.Split, list[int]]:
    """Return the pictures of each class in each split, or of each split without classes."""
    if isinstance(info, Entry):
        return {split: list(info.class_counts[split]) for split in datasets.SPLITS}
    counts: dict[datasets.Split, list[int]] = {}
    for split in datasets.SPLITS:
        labels = datasets.read(info.name, split)[1].tolist()
        counts[split] = [labels.count(n) for n in range(len(info.classes))]
    return counts


def _description(info: DatasetInfo, trained: list[str]) -> dict[str, Any]:
    described = {
        "reference": info.reference,
        "name": info.name,
        "title": info.title,
        "licence": info.licence,
        "digest": info.digest,
        "classes": list(info.classes),
        "class_counts": _counts(info),
        "models": trained,
    }
    if isinstance(info, Entry):
        described |= {"created": info.created.isoformat(), "record": info.record}
    return described


def _show_report(report: Report) -> None:
    table = Table("", "", show_header=False)
    table.add_row("source", f"{escape(report.source)} ({report.layout})")
    is_sample = report.examined < report.found
    sample = f", of which {report.examined:,} were examined" if is_sample else ""
    table.add_row("found", f"{report.found:,} pictures{sample}")
    how = "as in the source" if report.splits == "source" else f"chosen by content, share {report.test_share:.3f}"
    counts = "" if is_sample else f"{report.counts['train']:,} train + {report.counts['test']:,} test, "
    table.add_row("splits", counts + how)
    table.add_row("fit", report.fit)
    table.add_row("inverted", f"{'yes' if report.inverted else 'no'} ({report.inverted_because})")
    if report.balanced is not None:
        table.add_row("balanced", "yes" if report.balanced else "no")
    table.add_row("duplicates", f"{report.duplicates.pictures:,}")
    console.print(table)
    if report.classes:
        classes = Table("class", "in the source", *(["examined"] if is_sample else datasets.SPLITS))
        for each in report.classes:
            counted = [each.train + each.test] if is_sample else [each.train, each.test]
            classes.add_row(escape(each.name), escape(each.label), *(f"{count:,}" for count in counted))
        console.print(classes)
    _show_problems("cannot be read", report.broken, report.broken_count)
    _show_problems("ignored", report.ignored, report.ignored_count)
    for warning in report.warnings:
        console.print(f"Warning: {warning}", soft_wrap=True, markup=False)


def _show_problems(title: str, problems: list[FileProblem] | tuple[FileProblem, ...], count: int) -> None:
    if not problems:
        return
    table = Table(title, "reason")
    for each in problems[:_LISTED]:
        table.add_row(escape(each.file), escape(each.reason))
    if count > _LISTED:
        table.add_row(f"and {count - _LISTED:,} more", "")
    console.print(table)
