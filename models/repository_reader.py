"""Reads stored versions: names, numbers, manifests, aliases and history. `models.repository` also writes them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from models.aliases import CHAMPION, Aliases, FileAliases
from models.atomic import Stamp, stamp_of
from models.errors import Damaged, NotFound
from models.history import Promotion, completed, read_history
from models.manifest import MANIFEST, Manifest
from models.names import is_name, is_number
from models.promotion_record import Promotions
from models.version import REQUIRED, Version

SETTLED_SECONDS = 2.0
"""Age of a folder's modification time after which a further change is certain to alter it."""


class RepositoryReader:
    """The versions in a folder of models.

    Args:
        root: the folder. Created by the first publication.
        aliases: storage of the aliases. Defaults to files in the folder.
    """

    def __init__(self, root: Path, aliases: Aliases | None = None) -> None:
        self.root = root
        self._aliases: Aliases = aliases or FileAliases(root)
        self._promotions = Promotions(root)
        self._read: dict[tuple[str, int], tuple[Stamp, Version]] = {}
        """Cache of versions by name and number, with the stamp of their manifest."""

    def names(self) -> list[str]:
        """Return the sorted names of the models that have a version."""
        try:
            found = [entry.name for entry in os.scandir(self.root) if is_name(entry.name)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(name for name in found if next(self._numbers(name), None))

    def numbers(self, name: str) -> list[int]:
        """Return the version numbers of a model in ascending order, without incomplete versions."""
        return sorted(self._numbers(name)) if is_name(name) else []

    def has(self, name: str, number: int) -> bool:
        """Whether a version exists. Takes constant time."""
        return is_name(name) and is_number(str(number)) and (self.root / name / str(number) / MANIFEST).is_file()

    def _numbers(self, name: str) -> Iterator[int]:
        folder = os.path.join(self.root, name)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
            for entry in entries:
                if is_number(entry.name) and os.path.isfile(f"{entry.path}/{MANIFEST}"):
                    yield int(entry.name)

    def get(self, name: str, number: int) -> Version:
        """Read a version's manifest.

        Raises:
            NotFound: the version does not exist.
            Damaged: the manifest cannot be read, or belongs to another version.
        """
        path = self.root / name / str(number)
        self._check_is_there(name, number)
        try:
            stamp = stamp_of(path / MANIFEST)
            known = self._read.get((name, number))
            if known and known[0] == stamp:
                return known[1]
            manifest = Manifest.model_validate_json((path / MANIFEST).read_bytes())
        except (OSError, ValidationError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise Damaged(
                f"{name}/{number}/{MANIFEST} cannot be read ({reason}). Restore it, or delete the version."
            ) from error
        if (manifest.name, manifest.version) != (name, number):
            raise Damaged(
                f"{name}/{number}/{MANIFEST} belongs to {manifest.name}/{manifest.version}. Versions must be published, not "
                "copied by hand: use python -m training export, or move it back."
            )
        version = self._version(path, manifest)
        self._read[name, number] = (stamp, version)
        return version

    def _version(self, path: Path, manifest: Manifest) -> Version:
        return Version(path, manifest)

    def refresh(self) -> None:
        """Learn of changes by other hosts. A folder shows them by itself.

        Raises:
            Unreachable: the object storage cannot be read. What is known stays.
        """

    def _check_is_there(self, name: str, number: int) -> None:
        if not self.has(name, number):
            self._read.pop((name, number), None)
            raise NotFound(f"There is no version {number} of model {name!r}. Choose one of {self.numbers(name)[-20:]}.")

    def aliases(self, name: str) -> dict[str, int]:
        """Return the mapping from alias to version number.

        Raises:
            Damaged: the aliases cannot be read.
        """
        return self._aliases.read(name)

    def served_aliases(self, name: str) -> dict[str, int]:
        """Return the aliases. If they are damaged or missing, or the champion does not exist, return the recorded champion."""
        with contextlib.suppress(Damaged):
            found = self.aliases(name)
            if self.has(name, found.get(CHAMPION, 0)):
                return {alias: number for alias, number in found.items() if self.has(name, number)}
        recorded = self.promoted(name)
        return {CHAMPION: recorded[0]} if recorded else {}

    def promoted(self, name: str) -> list[int]:
        """Return the existing versions that were promoted, latest first.

        Without a record, these are the versions promoted by their gate, followed by the first version without a gate.
        """
        recorded = [number for number in reversed(self._promotions.read(name)) if self.has(name, number)]
        if recorded:
            return recorded
        promoted, first = [], []
        for number in reversed(self.numbers(name)):
            with contextlib.suppress(Damaged):
                gate = self.get(name, number).manifest.gate
                if gate is None:
                    first = [number]
                elif gate.promoted:
                    promoted.append(number)
        return promoted + first

    def history(self, name: str) -> list[Promotion]:
        """Return the champion history of a model, oldest first. It ends with the present champion."""
        return self._history_until(name, self.served_aliases(name).get(CHAMPION))

    def _history_until(self, name: str, champion: int | None) -> list[Promotion]:
        return completed(read_history(self._history_path(name)), self._promotions.read(name), champion)

    def stamp(self, name: str, watched: Iterable[int] = ()) -> Stamp:
        """Return a value that changes with the aliases, the set of versions, and the files of watched or aliased versions.

        Cheap enough for frequent polling, regardless of the number of versions. Changes may be missed until `is_settled`.
        """
        folder = self.root / name
        stamps = [*self._aliases.stamp(name), *stamp_of(folder), *stamp_of(self._highest_path(name))]
        with contextlib.suppress(Damaged):
            watched = {*watched, *self.aliases(name).values()}
        for number in sorted(watched):
            path = folder / str(number)
            for file in (path, *(path / required for required in (MANIFEST, *REQUIRED))):
                stamps += stamp_of(file)
        return tuple(stamps)

    def is_settled(self, name: str) -> bool:
        """Whether further changes of a model's folder are certain to change its stamp.

        Two changes within one tick of the file system's clock have the same modification time.
        """
        try:
            return abs(time.time() - (self.root / name).stat().st_mtime) > SETTLED_SECONDS
        except OSError:
            return False

    def _history_path(self, name: str) -> Path:
        return self.root / name / ".history"

    def _highest_path(self, name: str) -> Path:
        return self.root / name / ".highest"
