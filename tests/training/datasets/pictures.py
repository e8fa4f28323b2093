"""A small dataset of bars and boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.datasets import Contents


def contents(train: int = 40, test: int = 10, *, seed: int = 0, classes: tuple[str, ...] = ("bar", "box")) -> Contents:
    """Return vertical bars (class 0) and boxes (class 1) of random positions and levels, in turns; without classes, all 0."""
    rng = np.random.RandomState(seed)
    splits = []
    for count in (train, test):
        labels = (np.arange(count) % 2).astype(np.uint16)
        splits += [np.stack([_picture(rng, box=bool(label)) for label in labels]), labels if classes else 0 * labels]
    return Contents(*splits, classes=classes)


def _picture(rng: np.random.RandomState, *, box: bool) -> NDArray[np.uint8]:
    picture = np.zeros((28, 28), np.uint8)
    top, left = rng.randint(4, 10, 2)
    picture[top : top + 12, left : left + (12 if box else 3)] = rng.randint(120, 256)
    return picture
