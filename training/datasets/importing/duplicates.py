"""Finds pictures with equal pixels."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from training.datasets.importing.problems import shown
from training.datasets.importing.report import Duplicates

_EXAMPLES, _NAMES = 20, 5


def find(
    images: NDArray[np.uint8], labels: NDArray[np.uint16], is_test: NDArray[np.bool_], name_of: Callable[[int], str]
) -> Duplicates:
    """Find equal pictures.

    Args:
        images: (N, 28, 28).
        labels: (N,), all equal without classes.
        is_test: (N,), whether a picture is in the test split.
        name_of: name of the picture at an index.
    """
    groups = _groups(images)
    across_classes = [group for group in groups if len(np.unique(labels[group])) > 1]
    across_splits = [group for group in groups if len(np.unique(is_test[group])) > 1]
    worst = {id(group): group for group in [*across_classes, *across_splits, *groups]}
    return Duplicates(
        pictures=sum(len(group) - 1 for group in groups),
        across_classes=len(across_classes),
        across_splits=len(across_splits),
        examples=tuple(tuple(shown(name_of(int(n))) for n in g[:_NAMES]) for g in list(worst.values())[:_EXAMPLES]),
    )


def _groups(images: NDArray[np.uint8]) -> list[NDArray[np.intp]]:
    """Return the indices of each group of equal pictures, in order."""
    hashes = np.fromiter((zlib.crc32(picture) for picture in images), np.uint32, len(images))
    order = np.argsort(hashes, kind="stable")
    starts = np.flatnonzero(np.diff(hashes[order], prepend=hashes[order[:1]] ^ 1))
    groups = []
    for same in np.split(order, starts[1:]):
        if len(same) > 1:
            by_pixels: dict[bytes, list[int]] = {}
            for n in same:
                by_pixels.setdefault(images[n].tobytes(), []).append(int(n))
            groups += [np.array(group) for group in by_pixels.values() if len(group) > 1]
    return sorted(groups, key=lambda group: int(group[0]))
