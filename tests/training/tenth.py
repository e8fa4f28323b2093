"""Less work for trainings and evaluations in tests that do not depend on the number of pictures: the first tenth of MNIST.

An evaluation of a tenth takes half the CPU time. The figures of a tenth and of all pictures differ, so they need different
cache folders.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.datasets import tensors
from training.datasets.registry import Split
from training.datasets.tensors import Dataset
from training.evaluation import judges

load_all = tensors.load


def load(reference: str, split: Split, folder: Path | None = None) -> Dataset:
    """Load the first tenth of a split of MNIST, or all of another dataset, in place of `training.datasets.tensors.load`."""
    data = load_all(reference, split, folder)
    count = len(data) // 10 if reference == "mnist" else len(data)
    return Dataset(data.source, data.split, data.images[:count], data.labels[:count])


def use() -> None:
    """In a forked trainer, use a tenth of MNIST, and train the judges of imported datasets for 30 steps instead of 1,000."""
    tensors.load = load
    judges.MIN_STEPS, judges.EPOCHS = 30, {"conv": 1, "mlp": 1}


@contextmanager
def a_tenth() -> Iterator[None]:
    """Use a tenth of MNIST in this process."""
    tensors.load = load
    try:
        yield
    finally:
        tensors.load = load_all
