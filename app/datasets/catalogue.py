"""The datasets that the service knows: the published ones, and those in the registry of its state folder."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import DatasetInUse, DatasetMissing, DatasetUnknown, StoreUnavailable
from app.images import encoding
from app.images.preprocessing import Convert
from app.retraining.job import Job
from models.errors import RepositoryError
from models.manifest import DatasetNote, Manifest
from models.repository import Repository
from training.datasets import (
    PUBLISHED,
    SPLITS,
    DatasetError,
    DatasetInfo,
    DatasetRegistry,
    Entry,
    PublishedDataset,
    Split,
    read_published,
    reference_of,
)
from training.datasets.importing.conversion import converter_of

logger = logging.getLogger("seedling")
COLUMNS = ROWS = 10
SHEETS = 16
"""Sheets of samples that are kept in memory, some 50 kB each."""


@dataclass(frozen=True)
class Described:
    """A dataset with what is counted in it."""

    info: DatasetInfo
    published: bool
    """Whether it was published by its authors, and not imported."""
    version: str | None
    """First digits of the digest of an imported dataset."""
    counts: dict[Split, int]
    class_counts: dict[Split, tuple[int, ...]]
    """Empty, like `counts`, if the files of a published dataset are missing."""
    created: datetime | None
    record: dict[str, Any]


class Catalogue:
    """Lists, describes, draws and removes datasets. Thread-safe.

    Args:
        registry: the imported datasets.
    """

    def __init__(self, registry: DatasetRegistry) -> None:
        self.registry = registry
        self._counted: dict[str, tuple[dict[Split, int], dict[Split, tuple[int, ...]]]] = {}
        self._sheets: OrderedDict[str, bytes] = OrderedDict()
        self._converters: dict[str, Convert] = {}
        self._lock = threading.Lock()

    def all(self, *, private: bool) -> list[Described]:
        """Return the newest version of every dataset: published ones, and with `private` imported ones as well.

        An imported dataset whose description cannot be read is left out, and logged.
        """
        found = [self._of_published(dataset) for dataset in PUBLISHED.values()]
        for name in self.registry.names() if private else ():
            try:
                found.append(_of_entry(self.registry.get(name)))
            except DatasetError as error:
                logger.error("%s", error)
        return found

    def get(self, reference: str) -> Described:
        """Return a dataset.

        Args:
            reference: its name, or name@version for a specific version of an imported one.

        Raises:
            DatasetUnknown: there is no such dataset.
            DatasetMissing: its description cannot be read.
        """
        info = self.info(reference)
        return self._of_published(info) if isinstance(info, PublishedDataset) else _of_entry(info)

    def info(self, reference: str) -> PublishedDataset | Entry:
        """Return what training needs to know about a dataset. See `get`."""
        if reference in PUBLISHED:
            return PUBLISHED[reference]
        name, _, version = reference.partition("@")
        versions = self.registry.versions(name) if name in self.registry.names() else []
        if not versions:
            known = ", ".join([*PUBLISHED, *self.registry.names()])
            raise DatasetUnknown(f"There is no dataset {reference!r}. Import it, or choose one of {known}.")
        if version and version not in versions:
            raise DatasetUnknown(f"{name} has no version {version!r}. Choose one of {', '.join(versions)}.")
        try:
            return self.registry.get(reference)
        except DatasetError as error:
            logger.error("%s", error)  # contains paths
            raise DatasetMissing(
                f"The description of {reference} cannot be read. Remove the dataset and import it again."
            ) from error

    def versions(self, name: str) -> list[str]:
        """Return the versions of an imported dataset. A published one has none."""
        return [] if name in PUBLISHED else self.registry.versions(name)

    def sheet(self, found: Described) -> bytes:
        """Return a PNG with 10 rows of 10 training pictures. With 2 to 10 classes, each column shows one class.

        Raises:
            DatasetMissing: the files of the dataset are missing or damaged.
        """
        digest = found.info.digest
        with self._lock:
            if digest not in self._sheets:
                self._sheets[digest] = self._draw(found)
                if len(self._sheets) > SHEETS:
                    self._sheets.popitem(last=False)
            self._sheets.move_to_end(digest)
            return self._sheets[digest]

    def converter(self, note: DatasetNote) -> Convert | None:
        """Return what converts a picture as those of an imported dataset were. None if that is unknown, or it is published."""
        if note.name in PUBLISHED:
            return None
        if note.sha256 not in self._converters:
            found = converter_of(self.registry, reference_of(note.name, note.sha256))
            if found is None:
                return None
            self._converters[note.sha256] = found
        return self._converters[note.sha256]

    def remove(self, reference: str, trained: Sequence[str], waiting: Sequence[Job], *, force: bool) -> None:
        """Remove a version of a dataset, or all versions of a plain name.

        Args:
            reference: the dataset.
            trained: versions of models that were trained on it (`trained_on`).
            waiting: jobs that have not ended yet.
            force: remove it even if versions were trained on it. Their manifests keep its digest.

        Raises:
            DatasetUnknown: there is no such dataset.
            DatasetInUse: it is needed.
            StoreUnavailable: it cannot be removed from the disk.
        """
        if reference in PUBLISHED:
            raise DatasetInUse(
                f"{reference} is a published dataset and part of the software. Only imported ones can be removed."
            )
        self.get(reference)
        needed = [job.id for job in waiting if str(job.spec.get("dataset", "")).startswith(_prefix(reference))]
        if needed:
            raise DatasetInUse(f"Job {needed[0]} needs {reference}. Cancel it, or wait for it.")
        if trained and not force:
            raise DatasetInUse(
                f"{_enumerated(trained)} {'was' if len(trained) == 1 else 'were'} trained on {reference}. Without it they are "
                "still served, but cannot be measured, compared in a quiz or retrained. To remove it anyway, add force=true."
            )
        try:
            self.registry.remove(reference)
        except DatasetError as error:
            logger.error("%s", error)
            raise StoreUnavailable(f"{reference} cannot be removed. Make the state folder writable, then try again.") from error

    def trained_on(self, reference: str, repository: Repository) -> list[str]:
        """Return the versions of models, such as digits/3, that were trained on a dataset, or on a version of it."""
        found = self.get(reference)
        digests = {found.info.digest}
        if not found.published and "@" not in reference:
            for version in self.versions(reference):
                digests.add(self.get(f"{reference}@{version}").info.digest)
        return [
            f"{manifest.name}/{manifest.version}" for manifest in manifests(repository) if manifest.dataset.sha256 in digests
        ]

    def _of_published(self, dataset: PublishedDataset) -> Described:
        if dataset.name not in self._counted:
            try:
                labels: dict[Split, NDArray[np.uint8]] = {split: read_published(dataset.name, split)[1] for split in SPLITS}
            except DatasetError:
                return Described(dataset, True, None, {}, {}, None, {})
            per_class: dict[Split, tuple[int, ...]] = {
                split: tuple(np.bincount(found, minlength=len(dataset.classes)).tolist()) for split, found in labels.items()
            }
            self._counted[dataset.name] = {split: len(found) for split, found in labels.items()}, per_class
        return Described(dataset, True, None, *self._counted[dataset.name], None, {})

    def _draw(self, found: Described) -> bytes:
        info = found.info
        try:
            if found.published:
                images, labels = read_published(info.name, "train")
            else:
                images, labels = self.registry.read(info.reference, "train")  # type: ignore[assignment]
        except DatasetError as error:
            logger.error("%s", error)
            remedy = PUBLISHED[info.name].remedy if found.published else "Remove the dataset and import it again"
            raise DatasetMissing(f"The server cannot read the pictures of {info.title}. {remedy}.") from error
        if 2 <= len(info.classes) <= COLUMNS:
            columns = len(info.classes)
            chosen = [np.flatnonzero(labels == label)[:ROWS] for label in range(columns)]
            cells = np.zeros((ROWS * columns, *images.shape[1:]), np.uint8)
            for label, indices in enumerate(chosen):
                cells[label : label + len(indices) * columns : columns] = images[indices]
            return encoding.png(encoding.sheet(cells, columns))
        spread = np.linspace(0, len(images) - 1, min(COLUMNS * ROWS, len(images))).astype(int)
        return encoding.png(encoding.sheet(images[spread], COLUMNS))


def manifests(repository: Repository) -> list[Manifest]:
    """Return the manifests of all versions that can be read."""
    found = []
    for name in repository.names():
        for number in repository.numbers(name):
            try:
                found.append(repository.get(name, number).manifest)
            except RepositoryError as error:
                logger.warning("%s", error)
    return found


def _of_entry(entry: Entry) -> Described:
    return Described(entry, False, entry.version, entry.counts, entry.class_counts, entry.created, entry.record)


def _prefix(reference: str) -> str:
    return reference if "@" in reference else f"{reference}@"


def _enumerated(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
