"""The registry of imported datasets: immutable versions, identified by a digest of their content. Does not import torch.

<registry>/<name>/<first 12 digits of the digest>/    dataset.json, {train,test}-images.npy, {train,test}-labels.npy
<registry>/<name>/newest                              the digits of the version that the plain name denotes

A version is written to a hidden folder first and then renamed, so that an interrupted import leaves no version.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from models.atomic import remove, sync, write_atomically
from models.errors import Locked
from models.locations import state_folder
from models.locking import exclusively
from training.datasets.contents import Contents, Split, digest_of, sha256_of
from training.datasets.description import Entry
from training.errors import DatasetError

DATASETS_VARIABLE = "SEEDLING_DATASETS"
"""Environment variable with the registry's folder. The service sets it for its trainers."""
DESCRIPTION, NEWEST = "dataset.json", "newest"
PUBLISHED_NAMES = ("mnist", "fashion-mnist", "letters")
"""Names that imported datasets cannot have (`training.datasets.published`)."""


class DatasetRegistry:
    """The imported datasets in a folder. Several processes may use it at the same time.

    Args:
        folder: the folder. By default, SEEDLING_DATASETS or `datasets` in the state folder. It is created on demand.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(os.environ.get(DATASETS_VARIABLE) or state_folder() / "datasets")

    def names(self) -> list[str]:
        """Return the names of the datasets in order."""
        return sorted(name for name in self._subfolders(self.folder) if self.versions(name))

    def versions(self, name: str) -> list[str]:
        """Return the versions of a dataset as the first digits of their digests, in order."""
        return sorted(v for v in self._subfolders(self.folder / name) if (self.folder / name / v / DESCRIPTION).is_file())

    def entries(self) -> list[Entry]:
        """Return the newest version of each dataset, in order of name.

        Raises:
            DatasetError: a description cannot be read.
        """
        return [self.get(name) for name in self.names()]

    def get(self, reference: str) -> Entry:
        """Return a version by reference. A plain name denotes the version that was imported last.

        Raises:
            DatasetError: there is no such version, or its description cannot be read.
        """
        name, _, version = reference.partition("@")
        versions = self.versions(name) if name in self._subfolders(self.folder) else []
        if not versions:
            known = ", ".join(self.names()) or "none"
            raise DatasetError(
                f"There is no imported dataset {name!r}. Import it, or choose another one. Imported are: {known}."
            )
        version = version or self._newest(name, versions)
        if version not in versions:
            raise DatasetError(f"{name} has no version {version}. Choose one of: {', '.join(versions)}.")
        path = self.folder / name / version / DESCRIPTION
        try:
            entry = Entry.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            detail = error.strerror if isinstance(error, OSError) else "it is not a description of a dataset"
            raise DatasetError(f"{path} cannot be read: {detail}. Remove the version and import the dataset again.") from error
        if (entry.name, entry.version) != (name, version):
            raise DatasetError(f"{path} describes {entry.reference}. Remove the version and import the dataset again.")
        return entry

    def read(self, reference: str, split: Split) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
        """Read and verify one split: pictures (N, 28, 28) and labels (N,). Both are read-only.

        Raises:
            DatasetError: there is no such version, or a file is missing or damaged.
        """
        entry = self.get(reference)
        images, labels = (self._array(entry, f"{split}-{part}") for part in ("images", "labels"))
        return images, labels

    def add(self, name: str, contents: Contents, *, title: str, licence: str, record: Mapping[str, Any] | None = None) -> Entry:
        """Store a version and make it the newest of its name. If there is a version with equal contents, it is not changed.

        Raises:
            DatasetError: the name, the description or the contents are invalid, or the folder cannot be written. Nothing is
                stored then.
        """
        contents.check()
        if name in PUBLISHED_NAMES:
            raise DatasetError(f"{name} is a published dataset. Choose another name.")
        try:
            entry = Entry.of(name, contents, title, licence, dict(record or {}))
        except ValidationError as error:
            fields = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
            raise DatasetError(f"The dataset cannot be stored ({fields}). Correct that and import it again.") from error
        try:
            with self._writing(name) as folder:
                if entry.version not in self.versions(name):
                    self._write(folder, entry, contents)
                write_atomically(folder / NEWEST, f"{entry.version}\n".encode())
        except OSError as error:
            raise DatasetError(
                f"The dataset cannot be stored in {self.folder} ({error.strerror}). Free some space or correct the "
                "permissions, then import it again."
            ) from error
        return self.get(entry.reference)

    def has(self, reference: str) -> bool:
        """Whether there is a version, or any version of a plain name."""
        name, _, version = reference.partition("@")
        found = self.versions(name)
        return version in found if version else bool(found)

    def copy(self, reference: str, source: DatasetRegistry) -> Entry:
        """Copy a version from another registry. It becomes the newest of its name if it is the only one.

        Files on the same file system are linked, which takes no space. They never change.

        Raises:
            DatasetError: there is no such version, or the folder cannot be written. Nothing is stored then.
        """
        entry = source.get(reference)
        try:
            with self._writing(entry.name) as folder:
                if entry.version not in self.versions(entry.name):
                    part = folder / f".part-{uuid.uuid4().hex}"
                    part.mkdir()
                    try:
                        for path in (source.folder / entry.name / entry.version).iterdir():
                            _link(path, part / path.name)
                        part.rename(folder / entry.version)
                    except BaseException:
                        shutil.rmtree(part, ignore_errors=True)
                        raise
                    sync(folder)
        except OSError as error:
            raise DatasetError(
                f"The dataset cannot be stored in {self.folder} ({error.strerror}). Free some space or correct the "
                "permissions, then try again."
            ) from error
        return entry

    def remove(self, reference: str) -> list[str]:
        """Remove a version, or all versions of a plain name. Damaged versions can be removed too.

        Returns:
            The references of the removed versions.

        Raises:
            DatasetError: there is no such version, or it cannot be removed.
        """
        name, _, version = reference.partition("@")
        versions = self.versions(name) if name in self._subfolders(self.folder) else []
        if not versions or (version and version not in versions):
            self.get(reference)  # raises the error
        versions = [version] if version else versions
        try:
            with self._writing(name) as folder:
                for each in versions:
                    hidden = folder / f".part-{uuid.uuid4().hex}"
                    (folder / each).rename(hidden)  # gone at once, even if deleting the files is interrupted
                    remove(hidden)
            if not self.versions(name):
                remove(self.folder / name)
        except OSError as error:
            raise DatasetError(
                f"{reference} cannot be removed ({error.strerror}). Correct the permissions, then try again."
            ) from error
        return [f"{name}@{each}" for each in versions]

    @contextmanager
    def _writing(self, name: str) -> Iterator[Path]:
        """Lock a dataset's folder for writing, and delete what an interrupted writer left there."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with exclusively(folder / ".lock"):
                for leftover in folder.glob(".part-*"):
                    remove(leftover)
                yield folder
        except Locked as error:
            raise DatasetError(str(error)) from error

    def _write(self, folder: Path, entry: Entry, contents: Contents) -> None:
        part = folder / f".part-{uuid.uuid4().hex}"
        part.mkdir()
        try:
            for name, array in contents.arrays.items():
                _save(part / f"{name}.npy", array)
            write_atomically(part / DESCRIPTION, f"{entry.model_dump_json(indent=2)}\n".encode())
            part.rename(folder / entry.version)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        sync(folder)

    def _array(self, entry: Entry, name: str) -> NDArray[Any]:
        path = self.folder / entry.name / entry.version / f"{name}.npy"
        remedy = f"Remove {entry.reference} and import the dataset again."
        try:
            array: NDArray[Any] = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DatasetError(f"{path} cannot be read ({error}). {remedy}") from error
        if sha256_of(array) != entry.hashes.get(name) or digest_of(entry.classes, entry.hashes) != entry.digest:
            raise DatasetError(f"{path} is damaged: its sha256 is not that of the import. {remedy}")
        array.flags.writeable = False
        return array

    def _newest(self, name: str, versions: list[str]) -> str:
        try:
            newest = (self.folder / name / NEWEST).read_text().strip()
        except OSError:
            newest = ""
        return newest if newest in versions else versions[-1]

    @staticmethod
    def _subfolders(folder: Path) -> list[str]:
        try:
            return [item.name for item in folder.iterdir() if not item.name.startswith(".") and item.is_dir()]
        except OSError:
            return []


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def _save(path: Path, array: NDArray[Any]) -> None:
    """Write an array as `np.save` does and flush it to the disk. `np.save` reports a full disk without its error number."""
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)
        file.flush()
        os.fsync(file.fileno())
