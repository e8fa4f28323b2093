"""The command `inversion`: measures how well pictures are found among those of a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models import encoder as encoders
from models import inversion_card, seed_index
from models.inversion_figures import FILE
from models.locations import state_folder
from models.repository import Repository
from training import datasets
from training.commands.options import THREADS, DataOption, ModelArgument, ReadOption, VersionOption
from training.commands.published import find_generator
from training.errors import TrainingError
from training.tables import console


def inversion(
    name: ModelArgument,
    version: VersionOption = None,
    repository: ReadOption = None,
    data: DataOption = None,
    pictures: Annotated[int, typer.Option(min=10, help="Number of test pictures.")] = 10_000,
    indexes: Annotated[Path | None, typer.Option(help="Folder of all indexes. Defaults to nearest in GAN_STATE.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the file here instead of beside the version.")] = None,
) -> None:
    """Measure an encoder, its refinement and the index of seeds, and store the figures beside the version, for its card.

    The errors are compared with the errors of the nearest training picture and of principal components. Without an index of
    seeds, its rows are left out.
    """
    import torch

    from training.inversion import figures
    from training.inversion.drawing import SeedDrawer
    from training.inversion.publishing import OnnxEncoder

    torch.set_num_threads(THREADS)
    found = find_generator(repository, name, version)
    manifest, title = found.manifest, f"{name}/{found.number}"
    path = found.companion(FILE)
    if out is None and path.exists():
        raise TrainingError(f"{title} already has figures, in {path}. Write others elsewhere with --out.")
    described = encoders.read(found.companion(encoders.FILE), manifest.digest)
    if described is None:
        raise TrainingError(f"{title} has no encoder. Train one with: python -m training encoder {name}")
    folder = seed_index.find(indexes or state_folder() / "nearest", manifest.digest)
    index = None if folder is None else seed_index.SeedIndex(folder, manifest.digest)
    reference = datasets.reference_of(manifest.dataset.name, manifest.dataset.sha256)
    train, test = (datasets.read(reference, split, data)[0] for split in ("train", "test"))
    network = OnnxEncoder(found.companion(encoders.NETWORK), len(manifest.classes))
    subject = figures.Subject(manifest, SeedDrawer(found), network, described.sha256)
    result = figures.measure(subject, index, train, test[:pictures], say=console.print)
    content = (result.model_dump_json(indent=1) + "\n").encode()
    if out is None:
        Repository(found.path.parent.parent).add_companion(name, manifest.digest, FILE, content)
    else:
        out.write_bytes(content)
    console.print(inversion_card.table(result), markup=False, soft_wrap=True)
    console.print(f"Wrote {out or path}", soft_wrap=True)
