"""Finds a dataset by its reference, among the published and the imported ones. Does not import torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.datasets.contents import Split
from training.datasets.description import DIGITS, DatasetInfo
from training.datasets.published import PUBLISHED, read_published
from training.datasets.registry import DatasetRegistry
from training.errors import DatasetError


def describe(reference: str, registry: DatasetRegistry | None = None) -> DatasetInfo:
    """Return the description of a dataset.

    Args:
        reference: a name, or name@version for a certain version of an imported dataset.
        registry: the imported datasets. Defaults to those in the state folder.

    Raises:
        DatasetError: there is no such dataset.
    """
    if reference in PUBLISHED:
        return PUBLISHED[reference]
    registry = registry or DatasetRegistry()
    if reference.partition("@")[0] not in registry.names():
        known = ", ".join([*PUBLISHED, *registry.names()])
        raise DatasetError(f"There is no dataset {reference!r}. Import it, or choose one of: {known}.")
    return registry.get(reference)


def reference_of(name: str, digest: str) -> str:
    """Return the reference of the dataset that a manifest names, whose digest is known."""
    return name if name in PUBLISHED else f"{name}@{digest[:DIGITS]}"


def read(
    reference: str, split: Split, folder: Path | None = None, registry: DatasetRegistry | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.integer]]:
    """Read and verify one split: pictures (N, 28, 28), where 0 is background, and labels (N,) in 0..K-1. Both are read-only.

    Args:
        reference: a name, or name@version for a certain version of an imported dataset.
        split: train or test.
        folder: folder of the files of a published dataset. Defaults to their usual location.
        registry: the imported datasets. Defaults to those in the state folder.

    Raises:
        DatasetError: there is no such dataset, or a file is missing or damaged. The message names the file and the remedy.
    """
    if reference in PUBLISHED:
        return read_published(reference, split, folder)
    found = describe(reference, registry)
    return (registry or DatasetRegistry()).read(found.reference, split)
