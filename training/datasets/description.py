"""What is known about a dataset besides its pictures: name, title, licence, classes, counts and digest."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.manifest import NAME_PATTERN
from training.datasets.contents import SPLITS, Contents, Split

DIGITS = 12
"""Digits of the digest that name a version."""


class DatasetInfo(Protocol):
    """What training and evaluation need to know about a dataset, published or imported."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def licence(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes. Empty for pictures without labels."""
        ...

    @property
    def digest(self) -> str:
        """sha256 of the content."""
        ...

    @property
    def reference(self) -> str:
        """The name under which this version of the dataset can always be read."""
        ...


class Entry(BaseModel):
    """A version of an imported dataset, as described in its `dataset.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    licence: Annotated[str, Field(min_length=1, max_length=200)]
    classes: tuple[Annotated[str, Field(pattern=r"^[!-~]{1,80}$")], ...]
    """Names of the classes. Empty for pictures without labels."""
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """sha256 of the classes and the arrays."""
    hashes: dict[str, str]
    """sha256 of the bytes of each array."""
    counts: dict[Split, int]
    """Pictures of each split."""
    class_counts: dict[Split, tuple[int, ...]]
    """Pictures of each class in each split. One number per split without classes."""
    created: datetime
    record: dict[str, Any]
    """How the dataset was imported: source, preprocessing, skipped files, duplicates."""

    @property
    def version(self) -> str:
        """The first digits of the digest."""
        return self.digest[:DIGITS]

    @property
    def reference(self) -> str:
        """The name under which this version can always be read."""
        return f"{self.name}@{self.version}"

    @classmethod
    def of(cls, name: str, contents: Contents, title: str, licence: str, record: dict[str, Any]) -> Entry:
        """Describe contents that are about to be stored.

        Raises:
            ValidationError: a field is invalid.
        """
        labels = {"train": contents.train_labels, "test": contents.test_labels}
        count = max(1, len(contents.classes))
        return cls(
            name=name,
            title=title,
            licence=licence,
            classes=contents.classes,
            digest=contents.digest,
            hashes=contents.hashes,
            counts={split: len(labels[split]) for split in SPLITS},
            class_counts={split: tuple(np.bincount(labels[split], minlength=count).tolist()) for split in SPLITS},
            created=datetime.now(UTC).replace(microsecond=0),
            record=record,
        )
