"""The command `train`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from models.manifest import sha256_of
from training.commands.options import DataOption
from training.errors import TrainingError
from training.loop.run_folder import RunFolder
from training.spec import PRESET_SUMMARIES, PresetName
from training.spec_options import spec_of
from training.tables import console, show_spec

EXIT_STOPPED = 3


def train(
    preset: Annotated[
        PresetName | None,
        typer.Option(help="; ".join(f"{name}: {text}" for name, text in PRESET_SUMMARIES.items()), show_default="standard"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run. Defaults to runs/<preset>-<time>.", show_default=False)
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Override a field of the spec. Can be repeated: --set gamma=0.5 --set batch_size=128",
        ),
    ] = None,
    spec: Annotated[Path | None, typer.Option(help="A spec.json to use instead of a preset.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the checkpoint in --out.")] = False,
    restartable: Annotated[
        bool,
        typer.Option("--restartable", help="Like --resume if --out has a checkpoint. For systems that repeat the command."),
    ] = False,
    initial: Annotated[
        Path | None, typer.Option(help="weights.pt of a published version to start from, instead of random weights.")
    ] = None,
    device: Annotated[str, typer.Option(help="torch device: cpu, cuda. Only the CPU is reproducible to the bit.")] = "cpu",
    data: DataOption = None,
    show: Annotated[bool, typer.Option("--show", help="Print the spec and describe its fields, without training.")] = False,
) -> None:
    """Train a GAN. Ctrl-C or SIGTERM saves a checkpoint and stops; --resume continues exactly there."""
    if resume and out is None:
        raise TrainingError("--resume requires the folder of the run. Name it with --out.")
    if resume and (option or spec or preset or initial):
        raise TrainingError(
            "A resumed run keeps its spec. Leave out --preset, --set, --spec and --initial, or leave out --resume."
        )
    if spec and preset:
        raise TrainingError("--spec and --preset cannot be combined. Leave out --preset, or change single fields with --set.")
    resume = resume or bool(restartable and out and RunFolder(out).checkpoint.exists())
    run_spec = RunFolder(out).read_spec() if resume and out else spec_of(preset or "standard", option or [], spec)
    if initial and not resume:
        run_spec = run_spec.model_copy(update={"initial_weights": sha256_of(initial)})
    if show:
        show_spec(run_spec)
        return
    from training.loop import run as running

    folder = RunFolder(out or Path("runs") / f"{run_spec.preset}-{datetime.now():%Y%m%d-%H%M%S}")
    console.print(f"Run folder: {folder.path}", soft_wrap=True)
    new = None if resume else run_spec
    reason = running.run(folder, new=new, initial=initial, resume=resume, device=device, data_folder=data)
    program = f"{sys.executable} -m training"
    if reason == "stopped":
        console.print(f"Stopped. Continue with: {program} train --resume --out {folder.path}", soft_wrap=True)
        raise typer.Exit(EXIT_STOPPED)
    name: str = "digits" if run_spec.conditional and run_spec.dataset == "mnist" else run_spec.preset
    if run_spec.task == "sharpen":
        name = f"sharpen-{'digits' if run_spec.dataset == 'mnist' else 'fashion'}"
    which = "" if folder.best.exists() else " --checkpoint last"
    console.print(f"Done. Publish with: {program} export {folder.path} --name {name}{which}", soft_wrap=True)
