"""Datasets as torch tensors. Each split is a single uint8 tensor in memory; MNIST's training split is 47 MB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from training.datasets.sources import SOURCES, Source, Split, read
from training.spec import DatasetName


@dataclass(frozen=True)
class Dataset:
    """One split in memory."""

    source: Source
    split: Split
    images: Tensor
    """uint8, (N, 1, 28, 28), 0 is background."""
    labels: Tensor
    """int64, (N,), in 0..K-1."""

    def __len__(self) -> int:
        return len(self.labels)


def load(name: DatasetName, split: Split, folder: Path | None = None) -> Dataset:
    """Read and verify one split.

    Raises:
        DatasetError: as `sources.read`.
    """
    images, labels = read(name, split, folder)
    return Dataset(
        SOURCES[name],
        split,
        torch.from_numpy(images.copy()).unsqueeze(1),
        torch.from_numpy(labels.astype("int64")),
    )
