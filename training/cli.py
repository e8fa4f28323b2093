"""The trainer's command line: python -m training train | export | promote | evaluate | sample | and more.

Commands import torch lazily, so that help texts and usage errors appear immediately.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from rich.console import Console

from models.errors import RepositoryError
from training.commands import datasets, directions, draw, encoder, evaluate, inversion, nearest, publish, texture, train
from training.errors import FolderInUseError, TrainingError

EXIT_IN_USE = 4
LIBRARIES = ("torch", "onnx", "torchmetrics", "matplotlib")
"""Packages that the extra `train` installs."""

app = typer.Typer(
    name="python -m training",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train a GAN on 28x28 pictures, evaluate it, and publish it for the service.",
)
app.command(
    epilog="Exit status: 0 done, 1 failed, 3 stopped by a signal (continue with --resume), 4 another trainer is running there."
)(train.train)
app.command()(publish.export)
app.command()(publish.candidate)
app.command()(publish.promote)
app.command()(evaluate.evaluate)
app.command()(texture.texture)
app.command()(directions.directions)
app.command()(encoder.encoder)
app.command()(nearest.nearest)
app.command()(inversion.inversion)
app.command()(draw.sample)
app.command()(draw.sharpen)
app.command()(evaluate.classifier)

datasets_app = typer.Typer(no_args_is_help=True, help="List, import, preview, show, remove or download datasets.")
datasets_app.command("list")(datasets.list_datasets)
datasets_app.command("import")(datasets.import_dataset)
datasets_app.command("preview")(datasets.preview_import)
datasets_app.command("show")(datasets.show_dataset)
datasets_app.command("remove")(datasets.remove_dataset)
datasets_app.command("download")(datasets.download_dataset)
app.add_typer(datasets_app, name="datasets")


def main() -> None:
    """Run the command line. Expected errors are printed as one line, with exit status 1, or 4 if the folder is in use."""
    try:
        app()
    except ModuleNotFoundError as error:
        if error.name not in LIBRARIES:
            raise
        remedy = "Run `make setup-train`, or install the extra `train` of Seedling"
        _fail(f"This command needs {error.name}, which is not installed. {remedy}.")
    except (TrainingError, RepositoryError, OSError) as error:
        _fail(error, EXIT_IN_USE if isinstance(error, FolderInUseError) else 1)


def _fail(error: object, status: int = 1) -> NoReturn:
    Console(stderr=True).print(f"Error: {error}", style="red", soft_wrap=True, highlight=False, markup=False)
    sys.exit(status)
