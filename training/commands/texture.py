"""The command `texture`: statistics of fine detail of generated and of real pictures."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from training import datasets
from training.commands.options import THREADS, DataOption, ModelArgument, ReadOption, VersionOption
from training.commands.published import find_version
from training.errors import TrainingError
from training.tables import console

PICTURES = 2_000
TWO_SAMPLE_SEED = 0


def texture(
    name: ModelArgument,
    version: VersionOption = None,
    repository: ReadOption = None,
    data: DataOption = None,
    pictures: Annotated[int, typer.Option(min=100, max=60_000, help="Number of generated and of real pictures.")] = PICTURES,
    bands: Annotated[
        bool, typer.Option("--bands", help="Also run the two-sample test in three bands, which takes minutes.")
    ] = False,
) -> None:
    """Compare the texture of a version's pictures with that of held-out training pictures, if its run had any.

    Test pictures are not used, so that the command can guide the development of a generator.
    """
    import torch

    from training.datasets import tensors
    from training.evaluation import texture as ruler
    from training.evaluation.onnx_models import OnnxGenerator, open_generator
    from training.evaluation.two_sample import two_sample
    from training.loop import stopping
    from training.spec import TrainingSpec

    torch.set_num_threads(THREADS)
    found = find_version(repository, name, version)
    manifest, title = found.manifest, f"{name}/{found.number}"
    generator = open_generator(found.path, manifest)
    if not isinstance(generator, OnnxGenerator):
        raise TrainingError(f"{title} sharpens pictures. Name a model of the task generate.")
    spec = TrainingSpec.model_validate(manifest.spec)
    reference = datasets.reference_of(manifest.dataset.name, manifest.dataset.sha256)
    train = tensors.load(reference, "train", data)
    shown, held_out = stopping.hold_out(train, spec.held_out)
    real = (held_out if len(held_out) else shown).images
    real = real[torch.randperm(len(real), generator=torch.Generator().manual_seed(0))[:pictures]]
    labels = train.labels[torch.arange(pictures) % len(train)]
    fakes, _ = generator.draw(range(pictures), labels if generator.classes else None)
    table = Table("statistic", title, f"{len(real):,} {'withheld' if len(held_out) else 'training'} pictures")
    generated, expected = ruler.measure(fakes).as_dict(), ruler.measure(real).as_dict()
    for key, value in generated.items():
        table.add_row(key, f"{value:.4g}", f"{expected[key]:.4g}")
    for key, (band, _) in ruler.BANDS.items() if bands else ():
        accuracy = two_sample(band(real), band(fakes), TWO_SAMPLE_SEED).accuracy
        table.add_row(f"two-sample accuracy, {key}", f"{accuracy:.3f}", "0.5")
    console.print(table)
