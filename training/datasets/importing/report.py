"""What an import found and did. It is stored with the dataset as JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from training.datasets.importing.items import Layout
from training.datasets.importing.options import Fit, Invert

BALANCED = 2.0
"""A dataset is balanced if its largest class has at most this many times the pictures of its smallest."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ClassCount(_Part):
    """The pictures of a class."""

    name: str
    """Name in the dataset."""
    label: str
    """Name in the source."""
    train: int
    test: int


class Duplicates(_Part):
    """Pictures with equal pixels after conversion. They are kept."""

    pictures: int
    """Pictures that are equal to an earlier one."""
    across_classes: int
    """Groups of equal pictures in different classes: their labels contradict each other."""
    across_splits: int
    """Groups of equal pictures in both splits. Only a source with its own splits has them."""
    examples: tuple[tuple[str, ...], ...]
    """Names of some groups, those across classes first."""


class FileProblem(_Part):
    """A file that is not part of the dataset."""

    file: str
    reason: str


class Report(_Part):
    """What an import found and did."""

    source: str
    """Name of the folder or file, without its path."""
    layout: Layout
    """The recognised layout of the source."""
    found: int
    """Pictures in the source, broken ones included."""
    examined: int
    """Pictures that were decoded, or were found to be broken. A preview examines a sample."""
    counts: dict[Literal["train", "test"], int]
    """Pictures of each split among the examined ones."""
    splits: Literal["source", "content"]
    """Whether the splits are those of the source, or chosen by the content of each picture."""
    test_share: float | None
    """Expected share of test pictures, if the splits are chosen by content."""
    classes: tuple[ClassCount, ...]
    """Empty without classes."""
    balanced: bool | None
    """Whether the largest class has at most twice as many pictures as the smallest. None without classes, and in a
    preview."""
    fit: Fit
    """How pictures were converted to 28x28 pixels."""
    invert: Invert
    """The requested inversion."""
    inverted: bool
    """Whether dark and bright were swapped."""
    inverted_because: str
    duplicates: Duplicates
    blank: int
    """Pictures with a single level."""
    broken: tuple[FileProblem, ...]
    """Pictures that could not be read and were left out. At most 1,000 are listed."""
    broken_count: int
    ignored: tuple[FileProblem, ...]
    """Files that are not pictures of the dataset. At most 1,000 are listed."""
    ignored_count: int
    warnings: tuple[str, ...]
    """Problems that may reduce the quality of the dataset, each with its remedy."""
