"""The command `seedling`: the server, the trainer and single pictures from a terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from app import __version__
from app.errors import SeedlingError
from models.errors import RepositoryError

TRAINING = ("train", "evaluate", "export", "sample", "datasets")
"""Commands of `python -m training`. The trainer imports torch, and the service never does, so they run there."""
FORMATS = {".png": "png", ".webp": "webp", ".npy": "npy", ".json": "json", ".zip": "zip"}
PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}

app = typer.Typer(
    name="seedling",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Every number is a picture: train a GAN on 28x28 pictures, and serve its generator.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"Seedling {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass


@app.command(context_settings=PASS_ON)
def serve(context: typer.Context) -> None:
    """Serve pictures over HTTP on port 8000. `seedling serve --help` lists the settings."""
    _run("app", *context.args)


@app.command(context_settings=PASS_ON)
def jobs(context: typer.Context) -> None:
    """Manage the retraining jobs of a running service."""
    _run("app", "jobs", *context.args)


@app.command()
def generate(
    seed: Annotated[
        str | None, typer.Argument(help="An integer in 0..4294967295, or a text. By default a random one.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; - for the standard output.")] = Path("-"),
    seeds: Annotated[str | None, typer.Option(help="Several seeds, such as 0-63,100: one sheet.")] = None,
    parents: Annotated[str | None, typer.Option(help="Parents of a child, such as 42,7 or (42,7,3),99.")] = None,
    child: Annotated[int | None, typer.Option(help="Number of the child. By default a random one.")] = None,
    label: Annotated[str | None, typer.Option(help="Class, by index or name, or a mixture such as 3:0.5,8:0.5.")] = None,
    psi: Annotated[float | None, typer.Option(help="Truncation, 0..2.")] = None,
    edit: Annotated[str | None, typer.Option(help="Amounts of directions, such as slant:1.5,thickness:-0.5.")] = None,
    model: Annotated[str, typer.Option(help="Name of the model.")] = "digits",
    version: Annotated[int | None, typer.Option(help="Version number. Defaults to the champion.")] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="png, webp, json, npy or zip. Defaults to the extension of the file.")
    ] = None,
    scale: Annotated[int | None, typer.Option(help="Enlargement, 1..32.")] = None,
    columns: Annotated[int | None, typer.Option(help="Pictures per row of a sheet.")] = None,
) -> None:
    """Draw the picture of a seed without a server. The file has the same bytes as the service's response."""
    from app.offline import Model

    kind = format_ or FORMATS.get(out.suffix.lower(), None if out.suffix else "png")
    if kind is None:
        raise typer.BadParameter(f"{out.suffix} is not a known extension. Use {', '.join(FORMATS)}, or --format.")
    if out == Path("-") and sys.stdout.isatty():
        raise typer.BadParameter("The file is binary. Name one with --out, or redirect the standard output.")
    request = {"seed": seed, "seeds": seeds, "parents": parents, "child": child, "label": label, "psi": psi, "edit": edit}
    drawn = Model(model, version).file(**request, format=kind, scale=scale, columns=columns)
    if out == Path("-"):
        sys.stdout.buffer.write(drawn)
    else:
        out.write_bytes(drawn)


def _training(name: str, summary: str) -> None:
    @app.command(name, context_settings=PASS_ON, help=summary)
    def command(context: typer.Context) -> None:
        _run("training", name, *context.args)


for _name, _summary in zip(
    TRAINING,
    (
        "Train a GAN.",
        "Evaluate a published version, compared with real pictures.",
        "Export a training run as a version.",
        "Draw a grid of seeds of a published version.",
        "List, import, preview, show, remove or download datasets.",
    ),
    strict=True,
):
    _training(_name, _summary)


def _run(module: str, *arguments: str) -> None:
    """Replace this process by `python -m module arguments`."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - no shell is wanted


def main() -> None:
    """Run the command line. Expected errors are printed as one line, with exit status 1."""
    try:
        app()
    except (SeedlingError, RepositoryError, OSError) as error:
        sys.stderr.write(f"Error: {error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
