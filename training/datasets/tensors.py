"""Datasets as torch tensors. Each split is a single uint8 tensor in memory; MNIST's training split is 47 MB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from training.datasets.contents import Split
from training.datasets.description import DatasetInfo
from training.datasets.opening import describe, read


@dataclass(frozen=True)
class Dataset:
    """One split in memory."""

    info: DatasetInfo
    split: Split
    images: Tensor
    """uint8, (N, 1, 28, 28), 0 is background."""
    labels: Tensor
    """int64, (N,), in 0..K-1."""

    def __len__(self) -> int:
        return len(self.labels)


def load(reference: str, split: Split, folder: Path | None = None) -> Dataset:
    """Read and verify one split.

    Args:
        reference: a name, or name@version for a certain version of an imported dataset.
        split: train or test.
        folder: folder of the files of a published dataset. Defaults to their usual location.

    Raises:
        DatasetError: as `training.datasets.read`.
    """
    info = describe(reference)
    images, labels = read(info.reference, split, folder)
    return Dataset(info, split, torch.from_numpy(images.copy()).unsqueeze(1), torch.from_numpy(labels.astype("int64")))
