"""The one way to touch a version: read, publish, promote.

    <root>/<name>/config.pbtxt       for Triton, whose layout this is
    <root>/<name>/aliases.json       {"champion": 3, "previous": 2}
    <root>/<name>/.promotions        the versions that were in service (`models.promotions`)
    <root>/<name>/.highest           the highest number ever used
    <root>/<name>/.deleted           sha256 of the generators that were deleted
    <root>/<name>/<integer>/         an immutable version: generator.onnx, discriminator.onnx, manifest.json, ...

A version appears by a rename and the aliases change by a rename, so a reader never sees half of either.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from models.aliases import Aliases, FileAliases
from models.atomic import Stamp, remove, stamp_of, sync, write_atomically
from models.errors import Changed, Damaged, InService, NotFound, RepositoryError
from models.locking import exclusively
from models.manifest import MANIFEST, NAME_PATTERN, Manifest
from models.promotions import Promotions
from models.triton import triton_config
from models.version import REQUIRED, Check, Fill, Version, copier

logger = logging.getLogger("models")
CHAMPION, PREVIOUS = "champion", "previous"
MOST_VERSIONS = 10**9
"""A higher number is no count of versions."""
SETTLED_SECONDS = 2.0
"""After so long a further change of a folder is sure to get another modification time."""


class Repository:
    """A folder of models.

    Args:
        root: the folder; made when something is first published.
        aliases: where it is kept which version is champion; by default in the folder itself.
    """

    def __init__(self, root: Path, aliases: Aliases | None = None) -> None:
        self.root = root
        self._aliases: Aliases = aliases or FileAliases(root)
        self._promotions = Promotions(root)
        self._read: dict[tuple[str, int], tuple[Stamp, Version]] = {}
        """Versions by name and number, with the stamp of the manifest they were read from."""

    def names(self) -> list[str]:
        """The models that have a version, in order."""
        try:
            found = [entry.name for entry in os.scandir(self.root) if _is_name(entry.name)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(name for name in found if next(self._numbers(name), None))

    def numbers(self, name: str) -> list[int]:
        """The version numbers of a model, ascending; a version still being written is not among them."""
        return sorted(self._numbers(name)) if _is_name(name) else []

    def has(self, name: str, number: int) -> bool:
        """Whether there is such a version. Takes the same time however many there are."""
        return _is_name(name) and _is_number(str(number)) and (self.root / name / str(number) / MANIFEST).is_file()

    def _numbers(self, name: str) -> Iterator[int]:
        folder = os.path.join(self.root, name)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
            for entry in entries:
                if _is_number(entry.name) and os.path.isfile(f"{entry.path}/{MANIFEST}"):
                    yield int(entry.name)

    def get(self, name: str, number: int) -> Version:
        """Read a version's manifest.

        Raises:
            NotFound: there is no such version.
            Damaged: its manifest cannot be read, or is another version's.
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
                f"{name}/{number}/{MANIFEST} is that of {manifest.name}/{manifest.version}. Versions are published, not "
                "copied by hand: use python -m training export, or move it back."
            )
        version = Version(path, manifest)
        self._read[name, number] = (stamp, version)
        return version

    def _check_is_there(self, name: str, number: int) -> None:
        if not self.has(name, number):
            self._read.pop((name, number), None)
            raise NotFound(f"There is no version {number} of model {name!r}. Choose one of {self.numbers(name)[-20:]}.")

    def aliases(self, name: str) -> dict[str, int]:
        """Alias to version number.

        Raises:
            Damaged: they cannot be read.
        """
        return self._aliases.read(name)

    def served_aliases(self, name: str) -> dict[str, int]:
        """The aliases; or, if they are damaged, deleted or name a version that is not there, the champion on record."""
        with contextlib.suppress(Damaged):
            found = self.aliases(name)
            if self.has(name, found.get(CHAMPION, 0)):
                return {alias: number for alias, number in found.items() if self.has(name, number)}
        recorded = self.promoted(name)
        return {CHAMPION: recorded[0]} if recorded else {}

    def promoted(self, name: str) -> list[int]:
        """The versions that were in service and are still there, the last one first.

        Without a record: those that their gate promoted, then the first one that no gate was asked for.
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

    def stamp(self, name: str, watched: Iterable[int] = ()) -> Stamp:
        """Changes whenever the aliases or the set of versions do, or a file of a version that is watched or has an alias.

        Cheap enough to ask often, however many versions there are. It may stay the same until the folder `is_settled`.
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
        """Whether a further change of a model's folder is sure to be seen in its stamp.

        Within one tick of the file system's clock a folder can change twice with one modification time.
        """
        try:
            return abs(time.time() - (self.root / name).stat().st_mtime) > SETTLED_SECONDS
        except OSError:
            return False

    def publish(
        self, name: str, fill: Fill, *, unless: Callable[[], Version | None] = lambda: None, check: Check = lambda: None
    ) -> Version:
        """Add a version under the next free number; it becomes champion only if there is none.

        Args:
            name: of the model.
            fill: writes the files.
            unless: asked under the model's lock; a version that it returns is returned instead, and nothing is published.
            check: called when all files are written, before they become a version; nothing is published if it raises.

        Raises:
            RepositoryError: the name cannot be one.
            Locked: another process has held the model's lock for too long.
            Damaged: what `fill` wrote does not agree with its manifest; nothing was published.
        """
        check_name(name)
        with self._lock(name):
            return unless() or self._publish(name, fill, check)

    def _publish(self, name: str, fill: Fill, check: Check = lambda: None) -> Version:
        self._mend(name)
        is_first = next(self._numbers(name), None) is None
        number = self._next_number(name)
        part = self.root / name / f".{uuid.uuid4().hex}.part"
        part.mkdir()
        try:
            fill(part, number)
            try:
                staged = Version(part, Manifest.model_validate_json((part / MANIFEST).read_bytes()))
            except (FileNotFoundError, ValidationError) as error:
                raise Damaged(f"What was to be published has no proper {MANIFEST} ({error}). Export it again.") from error
            if (staged.name, staged.number) != (name, number):
                raise Damaged(f"What was to be {name}/{number} says it is {staged.name}/{staged.number}. Export it again.")
            staged.verify()
            for file in [*part.iterdir(), part]:
                sync(file)
            check()
            write_atomically(self._highest_path(name), f"{number}\n".encode())
            part.rename(self.root / name / str(number))
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        sync(self.root / name)
        if is_first:
            self._name_champion(name, {CHAMPION: number})
        self._mend(name)
        return self.get(name, number)

    def _mend(self, name: str) -> None:
        """Clear away what a killed writer left, and do what it no longer could. We hold the lock, so there is no other."""
        for leftover in (self.root / name).glob(".*.part"):
            remove(leftover)
        aliases = self.served_aliases(name)
        if CHAMPION not in aliases:
            return
        self._promotions.add(name, [aliases[alias] for alias in (PREVIOUS, CHAMPION) if alias in aliases])
        if self._are_lost(name):
            logger.error("the aliases of %s are lost; version %s is champion, as recorded", name, aliases[CHAMPION])
            self._aliases.write(name, aliases)
        config = self.root / name / "config.pbtxt"
        if not config.exists():
            write_atomically(config, triton_config(self.get(name, aliases[CHAMPION]).manifest).encode())

    def _are_lost(self, name: str) -> bool:
        try:
            return not self.has(name, self.aliases(name).get(CHAMPION, 0))
        except Damaged:
            return True

    def _name_champion(self, name: str, aliases: dict[str, int]) -> None:
        """Write the aliases, after the record from which they could be recovered."""
        self._promotions.add(name, [aliases[CHAMPION]])
        self._aliases.write(name, aliases)

    def promote(self, name: str, number: int, *, instead_of: int | None = None, check: Check = lambda: None) -> dict[str, int]:
        """Make a version champion; the one before becomes `previous`. Return the aliases.

        Args:
            name: of the model.
            number: the version.
            instead_of: the champion this was decided against; None if that does not matter.
            check: called under the model's lock; nothing is changed if it raises.

        Raises:
            RepositoryError: the name cannot be one.
            NotFound: there is no such version.
            Changed: the champion is another by now; nothing was changed.
        """
        check_name(name)  # before the lock, which makes the folder
        self._check_is_there(name, number)
        with self._lock(name):
            check()
            self.get(name, number)
            before = self.served_aliases(name)
            if before.get(CHAMPION) == number and not self._are_lost(name):
                return before
            if instead_of is not None and before.get(CHAMPION) != instead_of:
                raise Changed(f"The champion of {name} is {before.get(CHAMPION)} by now, no longer {instead_of}. Decide anew.")
            previous = before.get(CHAMPION, number)
            after = {CHAMPION: number} | ({PREVIOUS: previous} if previous != number else {})
            self._name_champion(name, after)
        return after

    def delete(self, name: str, number: int) -> None:
        """Remove a version that is not champion. Its number is never used again, and a shipped one is not taken in again.

        Raises:
            NotFound: there is no such version.
            InService: it is the champion.
        """
        check_name(name)
        self._check_is_there(name, number)
        with self._lock(name):
            aliases = self.served_aliases(name)
            if aliases.get(CHAMPION) == number:
                raise InService(f"{name}/{number} is the champion. Promote another version first.")
            folder = self.root / name / str(number)
            if not folder.is_dir():
                raise NotFound(f"Version {number} of model {name!r} was deleted just now. Nothing is left to do.")
            with contextlib.suppress(Damaged):
                digests = {*self._deleted(name), self.get(name, number).manifest.digest}
                write_atomically(self._deleted_path(name), f"{json.dumps(sorted(digests))}\n".encode())
            if number in aliases.values():
                self._aliases.write(name, {alias: target for alias, target in aliases.items() if target != number})
            part = self.root / name / f".{uuid.uuid4().hex}.part"
            folder.rename(part)  # gone for readers at once; what a crash leaves of it, the next writer clears away
            remove(part)
            sync(self.root / name)

    def adopt(self, shipped: Repository) -> list[Version]:
        """Take in the versions of another repository that this one lacks, by the generator's sha256.

        A model that is new here gets the other's champion too. A version that is damaged is passed over, and said in the
        log: the others are no worse for it.
        """
        adopted = []
        for name in shipped.names():
            is_new, champion = not self.numbers(name), None
            try:
                champion = shipped.aliases(name).get(CHAMPION)
            except RepositoryError as error:
                logger.error("the champion of the shipped %s is not known: %s", name, error)
            known = self._digests(name) | self._deleted(name)
            for number in shipped.numbers(name):
                try:
                    with self._lock(name):
                        source = shipped.get(name, number)
                        if source.manifest.digest in known:
                            self._mend(name)
                            continue
                        known = self._digests(name) | self._deleted(name)  # another process may have been faster
                        if source.manifest.digest not in known:
                            source.verify()
                            adopted.append(self._publish(name, copier(source)))
                            known.add(source.manifest.digest)
                except RepositoryError as error:
                    logger.error("%s/%s was not taken in: %s", name, number, error)
            if is_new and champion:
                with contextlib.suppress(Damaged):  # if it is damaged, that was said above
                    self._promote_digest(name, shipped.get(name, champion).manifest.digest)
        return adopted

    def _promote_digest(self, name: str, digest: str) -> None:
        """Promote the version that draws with this generator, whichever process took it in."""
        for number in self.numbers(name):
            if self.get(name, number).manifest.digest == digest:
                self.promote(name, number)
                return

    def _digests(self, name: str) -> set[str]:
        """What the versions draw with; of one whose manifest cannot be read nothing is known."""
        found = set()
        for number in self.numbers(name):
            with contextlib.suppress(Damaged):
                found.add(self.get(name, number).manifest.digest)
        return found

    def _deleted(self, name: str) -> set[str]:
        """What the versions drew with that were deleted."""
        try:
            return set(json.loads(self._deleted_path(name).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError, RecursionError):
            return set()

    def _deleted_path(self, name: str) -> Path:
        return self.root / name / ".deleted"

    def _next_number(self, name: str) -> int:
        """One that was never used, not even by a version deleted since: its URLs were promised never to change."""
        taken = [int(p.name) for p in (self.root / name).iterdir() if _is_number(p.name)]
        with contextlib.suppress(FileNotFoundError, ValueError):
            taken.append(int(self._highest_path(name).read_text()))
        return max([0, *(number for number in taken if number < MOST_VERSIONS)]) + 1

    def _highest_path(self, name: str) -> Path:
        return self.root / name / ".highest"

    @contextlib.contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """One writer a model, over all processes."""
        (self.root / name).mkdir(parents=True, exist_ok=True)
        with exclusively(self.root / name / ".lock"), self._aliases.lock(name):
            yield


def check_name(name: str) -> None:
    """Raise RepositoryError if a model cannot be called that."""
    if not _is_name(name):
        raise RepositoryError(
            f"{name!r} cannot name a model. Use up to 64 of a-z, 0-9, '-' and '_', beginning with one of a-z, 0-9."
        )


def _is_name(name: str) -> bool:
    return re.fullmatch(NAME_PATTERN, name) is not None


def _is_number(text: str) -> bool:
    return re.fullmatch("[1-9][0-9]*", text) is not None
