"""Less work for trainings and evaluations in tests that do not depend on the number of pictures: the first tenth of MNIST.

The figures of a tenth and of all pictures differ, so they need different cache folders.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from training.datasets import tensors
from training.datasets.contents import Split
from training.datasets.tensors import Dataset
from training.evaluation import calibration, distance, judges, report
from training.export import build, networks, weight_rounding
from training.loop import kid_meter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

load_all = tensors.load


def load(reference: str, split: Split, folder: Path | None = None) -> Dataset:
    """Load the first tenth of a split of MNIST, or all of another dataset, in place of `training.datasets.tensors.load`."""
    if reference != "mnist":
        return load_all(reference, split, folder)
    data = _tenth(split, folder)
    return Dataset(data.info, data.split, data.images.clone(), data.labels.clone())


@functools.cache
def _tenth(split: Split, folder: Path | None) -> Dataset:
    data = load_all("mnist", split, folder)
    count = len(data) // 10
    return Dataset(data.info, data.split, data.images[:count].clone(), data.labels[:count].clone())


def preload() -> None:
    """Read the files of MNIST once, in the process that trainers are forked from."""
    load("mnist", "train")
    load("mnist", "test")


def use() -> None:
    """In a forked trainer, use a tenth of MNIST, and at most an eighth of the samples of measurements, exports and evaluations.

    Judges of imported datasets are trained for 30 steps instead of 1,000, and the plots of the report are blank. The tests of
    `training` cover these parts in full.
    """
    tensors.load = load
    judges.MIN_STEPS, judges.EPOCHS = 30, {"conv": 1, "mlp": 1}
    build.PARITY_SEEDS, networks.TONE_SEEDS = 100, networks.TONE_SEEDS[:200]
    networks.CALIBRATION_SEEDS, weight_rounding.MOST_ROWS = networks.CALIBRATION_SEEDS[:64], 2_000
    calibration.ANY_LABEL_PICTURES = 100
    distance.KernelDistance = functools.partial(distance.KernelDistance, subsets=10)  # type: ignore[misc, assignment]
    distance.kid = functools.partial(distance.kid, subsets=10)
    kid_meter.KID_REALS, kid_meter.KID_FAKES = 1_000, 500
    report._save = _save_blank


def _save_blank(_plot: Figure, path: Path) -> None:
    from PIL import Image

    Image.new("L", (1, 1)).save(path)


@contextmanager
def a_tenth() -> Iterator[None]:
    """Use a tenth of MNIST in this process."""
    tensors.load = load
    try:
        yield
    finally:
        tensors.load = load_all
