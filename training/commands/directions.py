"""The command `directions`: directions of a version's latents that change one property of its pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models import directions_card
from models.directions import FILE
from models.manifest import GENERATOR
from models.repository import Repository
from training.commands.options import THREADS, ModelArgument, ReadOption, VersionOption
from training.commands.published import find_generator
from training.errors import TrainingError
from training.tables import console


def directions(
    name: ModelArgument,
    version: VersionOption = None,
    repository: ReadOption = None,
    seeds: Annotated[int, typer.Option(min=1_000, max=100_000, help="Number of seeds to fit the directions to.")] = 8_192,
    checks: Annotated[int, typer.Option(min=100, max=10_000, help="Number of further seeds on which to measure them.")] = 1_000,
    out: Annotated[
        Path | None, typer.Option(help="Write the file here instead, for example to inspect it before it becomes permanent.")
    ] = None,
) -> None:
    """Measure directions such as slant and thickness, and store them beside the version, for edit=slant:1.5 in requests.

    Directions are stored once. Pictures that were drawn with them have permanent addresses, so they cannot be replaced.
    """
    import torch

    from training.datasets import PUBLISHED
    from training.evaluation import directions as finding
    from training.evaluation import judges
    from training.evaluation.onnx_models import OnnxGenerator
    from training.evaluation.properties import properties_of

    torch.set_num_threads(THREADS)
    found = find_generator(repository, name, version)
    manifest, title = found.manifest, f"{name}/{found.number}"
    path = found.companion(FILE)
    if out is None and path.exists():
        raise TrainingError(f"{title} already has directions, in {path}. Write others elsewhere with --out.")
    generator = OnnxGenerator(found.file(GENERATOR), len(manifest.classes))
    published = PUBLISHED.get(manifest.dataset.name)
    judge, judge_sha256 = judges.load(published) if published else (None, None)
    pictures = finding.Pictures(generator, properties_of(manifest.dataset.name), judge)
    result = finding.find(found, pictures, judge_sha256, seeds, checks, say=console.print)
    content = (result.model_dump_json(indent=1) + "\n").encode()
    if out is None:
        Repository(found.path.parent.parent).add_companion(name, manifest.digest, FILE, content)
    else:
        out.write_bytes(content)
    console.print(directions_card.render(result), markup=False, soft_wrap=True)
    console.print(f"Wrote {out or path}", soft_wrap=True)
