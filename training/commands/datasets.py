"""The commands `datasets list` and `datasets download`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from training import datasets
from training.commands.options import DataOption
from training.errors import TrainingError
from training.tables import console


def list_datasets(data: DataOption = None) -> None:
    """List the datasets, their location and whether their files are verified. Exit status 1 if any is missing or damaged."""
    damaged = False
    table = Table("dataset", "title", "train + test", "location", "state")
    for name, source in datasets.SOURCES.items():
        try:
            splits = [datasets.read_published(name, split, data) for split in datasets.FILES]
            row = (" + ".join(f"{len(labels):,}" for _, labels in splits), str(datasets.locate(source, data)), "verified")
        except TrainingError as error:
            row = ("", "", str(error))
            damaged = True
        table.add_row(name, f"{source.title} ({source.licence})", *row)
    console.print(table)
    if damaged:
        raise typer.Exit(1)


def download_dataset(
    name: Annotated[str, typer.Argument(help="A published dataset.")],
    to: Annotated[Path | None, typer.Option(help="Target folder.")] = None,
) -> None:
    """Download a published dataset from its public mirrors and verify it. Requires internet access."""
    console.print(f"{name}: {datasets.download(name, to)}", soft_wrap=True)
