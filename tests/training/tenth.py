"""The first tenth of MNIST, for trainings and evaluations in tests that do not depend on the number of pictures.

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

load_all = tensors.load


def load(reference: str, split: Split, folder: Path | None = None) -> Dataset:
    """Load the first tenth of a split of MNIST, or all of another dataset, in place of `training.datasets.tensors.load`."""
    data = load_all(reference, split, folder)
    count = len(data) // 10 if reference == "mnist" else len(data)
    return Dataset(data.source, data.split, data.images[:count], data.labels[:count])


@contextmanager
def a_tenth() -> Iterator[None]:
    """Use a tenth of MNIST in this process."""
    tensors.load = load
    try:
        yield
    finally:
        tensors.load = load_all
