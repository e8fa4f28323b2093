"""The pictures and classes of an imported dataset: what is allowed, and the digest that identifies them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from training.errors import DatasetError

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
MAX_CLASSES = 256
MIN_PICTURES: dict[Split, int] = {"train": 10, "test": 2}
"""Figures need neighbours among the training pictures, and a variance of the test pictures."""
SIDE = 28


@dataclass(frozen=True)
class Contents:
    """The pictures of a dataset, which determine its digest."""

    train_images: NDArray[np.uint8]
    """(N, 28, 28), 0 is background."""
    train_labels: NDArray[np.uint16]
    """(N,), in 0..K-1. All 0 without classes."""
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint16]
    classes: tuple[str, ...] = ()
    """Names of the K classes, or empty."""

    def check(self) -> None:
        """Raise DatasetError unless the arrays fit together and both splits have enough pictures."""
        problem = ""
        for split in SPLITS:
            images, labels = self.arrays[f"{split}-images"], self.arrays[f"{split}-labels"]
            if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE) or labels.shape != images.shape[:1]:
                problem = f"its {split} split has images {images.dtype} {images.shape} and labels {labels.shape}"
            elif len(images) < MIN_PICTURES[split]:
                problem = f"its {split} split has {len(images)} pictures, but at least {MIN_PICTURES[split]} are needed"
            elif labels.dtype != np.uint16 or int(labels.max()) >= max(1, len(self.classes)):
                problem = f"its {split} split has labels outside of its {len(self.classes)} classes"
        if len(self.classes) > MAX_CLASSES or len(set(self.classes)) < len(self.classes) or len(self.classes) == 1:
            problem = f"it has {len(self.classes)} classes, but it needs none, or 2 to {MAX_CLASSES} different ones"
        if problem:
            raise DatasetError(f"The dataset cannot be stored: {problem}. Correct the source and import it again.")

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The four arrays by file name, without suffix."""
        return {
            "train-images": self.train_images,
            "train-labels": self.train_labels,
            "test-images": self.test_images,
            "test-labels": self.test_labels,
        }

    @cached_property
    def hashes(self) -> dict[str, str]:
        """sha256 of the bytes of each array."""
        return {name: sha256_of(array) for name, array in self.arrays.items()}

    @property
    def digest(self) -> str:
        """sha256 of the classes and the arrays. Equal contents have equal digests on every machine."""
        return digest_of(self.classes, self.hashes)


def sha256_of(array: NDArray[Any]) -> str:
    """Return the sha256 of an array's type, shape and bytes."""
    return hashlib.sha256(f"{array.dtype.name} {array.shape}\n".encode() + np.ascontiguousarray(array).tobytes()).hexdigest()


def digest_of(classes: tuple[str, ...], hashes: Mapping[str, str]) -> str:
    """Return the sha256 of a dataset: its classes and the sha256 of its arrays by name."""
    lines = [json.dumps(classes), *(f"{hashes[name]}  {name}" for name in sorted(hashes))]
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
