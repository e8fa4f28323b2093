"""The interface of a source: a list of pictures that are decoded one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from app.images.decoding import Decoded
from training.datasets.contents import Split
from training.datasets.importing.options import Limits
from training.errors import DatasetError

Layout = Literal["folders of classes", "folder", "metadata", "npz", "npy", "idx", "csv", "parquet"]


@dataclass(frozen=True, slots=True)
class Item:
    """One picture of a source."""

    name: str
    """Its file, or its file and row."""
    label: int
    """Index into the labels of the source. 0 if there are none."""
    split: Split | None
    """Its split, if the source has splits."""
    load: Callable[[], Decoded]
    """Decodes it. Raises Unreadable."""


@dataclass(frozen=True)
class Ignored:
    """A file that is not imported."""

    file: str
    reason: str


class Source(Protocol):
    """The pictures of a folder, an archive or a file. They can be iterated over several times, in the same order."""

    layout: Layout
    labels: tuple[str, ...]
    """Names of the classes as in the source. Empty without classes."""
    ignored: tuple[Ignored, ...]
    count: int
    """Number of items, broken ones included."""
    has_splits: bool

    def items(self) -> Iterator[Item]:
        """Iterate over the pictures."""
        ...


def check_count(count: int, limits: Limits) -> None:
    """Raise DatasetError if a source has too many pictures."""
    if count > limits.pictures:
        raise DatasetError(f"There are {count:,} pictures, but the limit is {limits.pictures:,}. Import a part of them.")
