"""The commands `evaluate` and `classifier`: the figures of a version, and the judges they are based on."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from models.repository import Repository
from training import datasets
from training.commands.options import (
    CACHE,
    EVALUATIONS,
    THREADS,
    BesideOption,
    CacheOption,
    DataOption,
    FastOption,
    ModelArgument,
    PicturesOption,
    ReadOption,
    VersionOption,
)
from training.commands.published import find_version, open_sharpeners
from training.errors import TrainingError
from training.tables import console, show_figures

JudgeKind = Literal["conv", "mlp"]


def evaluate(
    name: ModelArgument,
    version: VersionOption = None,
    repository: ReadOption = None,
    data: DataOption = None,
    pictures: PicturesOption = 10_000,
    cache: CacheOption = CACHE,
    fast: FastOption = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for JSON and pictures. Defaults to evaluations/<model>-<version> in GAN_STATE.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    beside: BesideOption = None,
) -> None:
    """Evaluate a published version. Each figure has a floor: the same figure for real pictures.

    Prints a table and writes evaluation.json and pictures (least certain, nearest training pictures) to --out.
    """
    found = find_version(repository, name, version)
    found.verify()
    manifest = found.manifest

    import torch

    from training.evaluation import report
    from training.evaluation.batteries import battery_of
    from training.evaluation.onnx_models import open_generator

    torch.set_num_threads(THREADS)
    clock = time.monotonic()
    others = open_sharpeners(Repository(found.path.parent.parent), name, beside)
    reference = datasets.reference_of(manifest.dataset.name, manifest.dataset.sha256)
    battery = battery_of(manifest.task, reference, data, pictures, cache, others)
    measured = battery.evaluate(open_generator(found.path, manifest), thorough=not fast)  # type: ignore[arg-type]
    figures, seconds = measured.figures, time.monotonic() - clock
    folder = out or EVALUATIONS / f"{name}-{manifest.version}"
    folder.mkdir(parents=True, exist_ok=True)
    report.write(folder, measured, seconds=seconds, training=battery.train.images)
    if battery.judge_sha256 != manifest.judge_sha256:
        console.print("The version's card used a different judge: its figures are not comparable with these.")
    if as_json:
        print(json.dumps({n: f.model_dump() for n, f in figures.items()}, indent=2))
        return
    show_figures(figures, f"{name}/{manifest.version}, {battery.count:,} pictures")
    console.print(f"Measured in {seconds:.0f} s. Wrote {folder}", soft_wrap=True)


def classifier(
    dataset: Annotated[str, typer.Argument(help="Dataset of the judge.")],
    out: Annotated[Path | None, typer.Option(help="Output file. Defaults to the dataset's judge.", show_default=False)] = None,
    kind: Annotated[JudgeKind, typer.Option(help="Architecture: conv is the first judge, mlp the second.")] = "conv",
    epochs: Annotated[
        int | None, typer.Option(min=1, max=100, help="Number of epochs. Defaults to that of the dataset's judge.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an existing judge.")] = False,
    data: DataOption = None,
) -> None:
    """Train a judge of a dataset: the classifier used for FID, coverage and label accuracy."""
    import torch

    from training.datasets import tensors
    from training.evaluation import judges

    path = out or judges.path_of(datasets.describe(dataset), kind)
    if path.exists() and not replace:
        raise TrainingError(f"{path} exists, and all published figures depend on it. Use --out, or --replace to overwrite it.")
    torch.set_num_threads(THREADS)
    train_split, test_split = (tensors.load(dataset, split, data) for split in ("train", "test"))
    fitted = judges.fit(train_split, lambda n, loss: console.print(f"epoch {n}  loss {loss:.4f}"), epochs, kind)
    judges.save(fitted, path)
    ((measure, value),) = judges.quality(fitted, test_split).items()
    console.print(f"Wrote {path}: test {measure} {value:.4f}", soft_wrap=True)
