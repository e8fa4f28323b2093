"""The command `encoder`: trains the encoder of a version, which estimates the latent of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models.encoder import FILE, NETWORK
from models.repository import Repository
from training import datasets
from training.commands.options import THREADS, DataOption, ModelArgument, ReadOption, VersionOption
from training.commands.published import find_generator
from training.errors import TrainingError
from training.tables import console


def encoder(
    name: ModelArgument,
    version: VersionOption = None,
    repository: ReadOption = None,
    data: DataOption = None,
    images: Annotated[int, typer.Option(min=1_000, help="Number of pictures to train on, generated and real.")] = 600_000,
    minutes: Annotated[float, typer.Option(min=0.01, help="Time limit of the training.")] = 30.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the training.")] = 0,
    initial: Annotated[
        Path | None, typer.Option(help="encoder.onnx to start from, such as the one of the previous version.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the files to this folder instead of beside the version.")] = None,
) -> None:
    """Train an encoder, and store it beside the version, for /invert.

    It learns to find the latents of generated pictures, and to reproduce training pictures with the published generator.
    """
    import torch

    from training.datasets import tensors
    from training.inversion import making
    from training.inversion.fitting import Budget

    torch.set_num_threads(THREADS)
    found = find_generator(repository, name, version)
    manifest, title = found.manifest, f"{name}/{found.number}"
    path = found.companion(FILE)
    if out is None and path.exists():
        raise TrainingError(f"{title} already has an encoder, in {path}. Write another one elsewhere with --out.")
    reference = datasets.reference_of(manifest.dataset.name, manifest.dataset.sha256)
    train, test = (tensors.load(reference, split, data) for split in ("train", "test"))
    budget = Budget(images, minutes * 60)
    made = making.make(found, train, test, budget, seed=seed, initial=initial, say=console.print)
    if out is None:
        target = Repository(found.path.parent.parent)
        target.add_companion(name, manifest.digest, NETWORK, made.network)
        target.add_companion(name, manifest.digest, FILE, made.described)
    else:
        out.mkdir(parents=True, exist_ok=True)
        made.write(out)
    console.print(made.quality.model_dump_json(), markup=False, soft_wrap=True)
    console.print(f"Wrote {(out or path.parent) / NETWORK}, {len(made.network):,} bytes", soft_wrap=True)
