"""The command `nearest`: builds the index of a version's seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models import seed_index
from models.locations import state_folder
from models.seed_index_build import Plan, build
from training.commands.options import ModelArgument, ReadOption, VersionOption
from training.commands.published import find_generator
from training.tables import console

SEEDS = 2_000_000


def nearest(
    name: ModelArgument,
    version: VersionOption = None,
    repository: ReadOption = None,
    seeds: Annotated[int, typer.Option(min=1_000, max=100_000_000, help="Number of seeds, counted from 0.")] = SEEDS,
    out: Annotated[Path | None, typer.Option(help="Folder of all indexes. Defaults to nearest in GAN_STATE.")] = None,
) -> None:
    """Build the index of a version's seeds, for /nearest. An interrupted build continues where it stopped.

    A running service uses the index as soon as it is complete. The command needs no libraries beyond those of the service.
    """
    from training.inversion.drawing import SeedDrawer

    found = find_generator(repository, name, version)
    root = out or state_folder() / "nearest"
    first: list[tuple[int, float]] = []

    def progress(done: int, seconds: float) -> None:
        first.append((done, seconds))
        (start, before) = first[0]
        speed = f", {(done - start) / (seconds - before):,.0f} a second" if seconds > before else ""
        console.print(f"{done:,} of {seeds:,} seeds{speed}", highlight=False)

    folder = build(root, Plan(found.manifest.digest, seeds), SeedDrawer(found), progress)
    index = seed_index.SeedIndex(folder, found.manifest.digest)
    size = sum(each.stat().st_size for each in folder.iterdir())
    console.print(
        f"{folder}: {index.info.seeds:,} seeds in {index.info.cells:,} cells, {size:,} bytes, {index.info.explained:.1%} of "
        f"the variance; drawn and coded in {index.info.seconds:,.0f} s",
        soft_wrap=True,
        highlight=False,
    )
