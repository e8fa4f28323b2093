"""The interface to stored versions: read, publish, promote and delete.

    <root>/<name>/config.pbtxt       Triton model configuration (this is Triton's layout)
    <root>/<name>/aliases.json       {"champion": 3, "previous": 2}
    <root>/<name>/.promotions        the promoted versions (`models.promotion_record`)
    <root>/<name>/.history           when and why they were promoted (`models.history`)
    <root>/<name>/.highest           the highest version number ever used
    <root>/<name>/.deleted           sha256 of the deleted generators
    <root>/<name>/companions/        files that were made after publication (`models.companions`)
    <root>/<name>/<integer>/         an immutable version: generator.onnx, discriminator.onnx, manifest.json, ...

Versions and aliases are written with an atomic rename, so readers never see a partial state.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import ValidationError

from models import companions
from models.aliases import CHAMPION, PREVIOUS
from models.atomic import remove, sync, write_atomically
from models.errors import Changed, Damaged, InService, NotFound, RepositoryError
from models.history import UNKNOWN, Cause, extended, write_history
from models.locking import exclusively
from models.manifest import MANIFEST, Manifest
from models.names import check_name, is_number
from models.repository_reader import RepositoryReader
from models.triton import triton_config
from models.version import Check, Fill, Version, copier

logger = logging.getLogger("models")
_SHIPPED = Cause(how="shipped")
MOST_VERSIONS = 10**9
"""Higher numbers are ignored when the next version number is chosen."""


class Repository(RepositoryReader):
    """A folder of models whose versions can be published, promoted and deleted. The arguments are those of the reader."""

    def publish(
        self,
        name: str,
        fill: Fill,
        *,
        unless: Callable[[], Version | None] = lambda: None,
        check: Check = lambda: None,
        cause: Cause = UNKNOWN,
    ) -> Version:
        """Add a version with the next free number. The first version of a model becomes champion.

        Args:
            name: name of the model.
            fill: writes the files.
            unless: called under the model's lock. If it returns a version, that is returned and nothing is published.
            check: called after all files are written, before they become a version. If it raises, nothing is published.
            cause: what the history records if the version becomes champion.

        Raises:
            RepositoryError: the name is invalid.
            Locked: another process has held the model's lock for too long.
            Damaged: the files do not match their manifest. Nothing is published.
        """
        check_name(name)
        with self._lock(name):
            return unless() or self._publish(name, fill, check, cause=cause)

    def _publish(self, name: str, fill: Fill, check: Check = lambda: None, claim: str = "", cause: Cause = UNKNOWN) -> Version:
        """Publish a version, under the lock. Object storage reserves its number with the claim, which publishers may share."""
        self._repair(name)
        is_first = next(self._numbers(name), None) is None
        number = self._next_number(name)
        part = self.root / name / f".{uuid.uuid4().hex}.part"
        part.mkdir()
        try:
            self._fill(part, name, number, fill)
            check()
            write_atomically(self._highest_path(name), f"{number}\n".encode())
            part.rename(self.root / name / str(number))
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        sync(self.root / name)
        if is_first:
            self._name_champion(name, {CHAMPION: number}, None, cause)
        self._repair(name)
        return self.get(name, number)

    def _fill(self, part: Path, name: str, number: int, fill: Fill) -> Version:
        """Write the files of a new version to a temporary folder, verify them and flush them to disk."""
        fill(part, number)
        try:
            new = Version(part, Manifest.model_validate_json((part / MANIFEST).read_bytes()))
        except (FileNotFoundError, ValidationError) as error:
            raise Damaged(f"The new version has no valid {MANIFEST} ({error}). Export it again.") from error
        if (new.name, new.number) != (name, number):
            raise Damaged(f"The manifest of {name}/{number} names {new.name}/{new.number}. Export it again.")
        new.verify()
        self._check_task(new)
        for file in [*part.iterdir(), part]:
            sync(file)
        return new

    def _check_task(self, new: Version) -> None:
        """Check that a version has the same task as the model's newest one."""
        for number in reversed(self.numbers(new.name)):
            with contextlib.suppress(Damaged):
                task = self.get(new.name, number).manifest.task
                if task != new.manifest.task:
                    raise RepositoryError(
                        f"{new.name} has the task {task}, but the new version has the task {new.manifest.task}. Publish it "
                        "under another name."
                    )
                return

    def _repair(self, name: str) -> None:
        """Remove the temporary files of killed writers and complete their work. The caller must hold the lock."""
        for leftover in (self.root / name).glob(".*.part"):
            remove(leftover)
        aliases = self.served_aliases(name)
        if CHAMPION not in aliases:
            return
        self._promotions.add(name, [aliases[alias] for alias in (PREVIOUS, CHAMPION) if alias in aliases])
        if self._aliases_lost(name):
            logger.error(
                "the aliases of %s are lost; restoring version %s as champion from the record", name, aliases[CHAMPION]
            )
            self._name_champion(name, aliases, None, Cause(how="restored"))
        config = self.root / name / "config.pbtxt"
        if not config.exists():
            write_atomically(config, triton_config(self.get(name, aliases[CHAMPION]).manifest).encode())

    def _aliases_lost(self, name: str) -> bool:
        try:
            return not self.has(name, self.aliases(name).get(CHAMPION, 0))
        except Damaged:
            return True

    def _name_champion(self, name: str, aliases: dict[str, int], before: int | None, cause: Cause) -> None:
        """Write the promotion record, then the aliases, which can be recovered from it, then the history.

        Args:
            name: the model.
            aliases: the new aliases.
            before: the champion before.
            cause: what the history records.
        """
        history = extended(self._history_until(name, before), aliases[CHAMPION], cause)
        self._promotions.add(name, [aliases[CHAMPION]])
        self._aliases.write(name, aliases)
        try:
            write_history(self._history_path(name), history)
        except OSError as error:  # the promotion is valid, and is shown with an unknown time
            logger.error("the promotion of %s/%s is not in its history (%s)", name, aliases[CHAMPION], error.strerror)

    def promote(
        self,
        name: str,
        number: int,
        *,
        instead_of: int | None = None,
        check: Check = lambda: None,
        cause: Cause = UNKNOWN,
    ) -> dict[str, int]:
        """Make a version champion and the current champion `previous`. Return the aliases.

        Args:
            name: name of the model.
            number: the version.
            instead_of: the expected champion, or None to skip this check.
            check: called under the model's lock. If it raises, nothing is changed.
            cause: what the history records.

        Raises:
            RepositoryError: the name is invalid.
            NotFound: the version does not exist.
            Changed: the champion is not `instead_of`. Nothing is changed.
        """
        check_name(name)  # before the lock, which creates the folder
        self._check_is_there(name, number)
        with self._lock(name):
            check()
            self.get(name, number)
            before = self.served_aliases(name)
            if before.get(CHAMPION) == number and not self._aliases_lost(name):
                return before
            if instead_of is not None and before.get(CHAMPION) != instead_of:
                raise Changed(
                    f"The champion of {name} is now {before.get(CHAMPION)}, no longer {instead_of}. Compare with it, then "
                    "try again."
                )
            previous = before.get(CHAMPION, number)
            after = {CHAMPION: number} | ({PREVIOUS: previous} if previous != number else {})
            self._name_champion(name, after, before.get(CHAMPION), cause)
        return after

    def delete(self, name: str, number: int) -> None:
        """Remove a version that is not champion. Its number is never reused, and a shipped version is not adopted again.

        Raises:
            NotFound: the version does not exist.
            InService: the version is the champion.
        """
        check_name(name)
        self._check_is_there(name, number)
        with self._lock(name):
            aliases = self.served_aliases(name)
            if aliases.get(CHAMPION) == number:
                raise InService(f"{name}/{number} is the champion. Promote another version first.")
            folder = self.root / name / str(number)
            if not folder.is_dir():
                raise NotFound(f"Version {number} of model {name!r} has just been deleted. No action is needed.")
            with contextlib.suppress(Damaged):
                digests = {*self._deleted(name), self.get(name, number).manifest.digest}
                write_atomically(self._deleted_path(name), f"{json.dumps(sorted(digests))}\n".encode())
            if number in aliases.values():
                self._aliases.write(name, {alias: target for alias, target in aliases.items() if target != number})
            part = self.root / name / f".{uuid.uuid4().hex}.part"
            folder.rename(part)  # readers no longer see it; after a crash, the next writer removes the rest
            remove(part)
            sync(self.root / name)

    def adopt(self, shipped: Repository) -> list[Version]:
        """Copy the versions of another repository that this one lacks, identified by the generator's sha256.

        New models also get the other repository's champion and previous champion. Damaged versions are logged and skipped.
        """
        adopted = []
        for name in shipped.names():
            is_new, aliases = not self.numbers(name), dict[str, int]()
            try:
                aliases = shipped.aliases(name)
            except RepositoryError as error:
                logger.error("cannot read the champion of the shipped %s: %s", name, error)
            known = self._digests(name) | self._deleted(name)
            for number in shipped.numbers(name):
                try:
                    with self._lock(name):
                        source = shipped.get(name, number)
                        if source.manifest.digest in known:
                            self._repair(name)
                            continue
                        known = self._digests(name) | self._deleted(name)  # another process may have adopted it
                        if source.manifest.digest not in known:
                            source.verify()
                            adopted.append(self._publish(name, copier(source), claim=source.manifest.digest, cause=_SHIPPED))
                            known.add(source.manifest.digest)
                except RepositoryError as error:
                    logger.error("cannot adopt %s/%s: %s", name, number, error)
            if is_new:
                self._adopt_aliases(name, aliases, shipped)
        self._adopt_companions(shipped)
        return adopted

    def _adopt_companions(self, shipped: Repository) -> None:
        """Copy the companions that this repository lacks. One that is there is never replaced."""
        for name in shipped.names():
            for digest, path in companions.listed(shipped.root, name) if self.numbers(name) else ():
                try:
                    self.add_companion(name, digest, path.name, path.read_bytes())
                except RepositoryError as error:
                    logger.error("cannot adopt %s of %s: %s", path.name, name, error)

    def add_companion(self, name: str, digest: str, file: str, content: bytes) -> None:
        """Store a file beside the versions (`models.companions`).

        Args:
            name: the model.
            digest: sha256 of the generator.
            file: name of the file.
            content: the file.

        Raises:
            RepositoryError: there is another one already.
        """
        companions.add(companions.path_of(self.root, name, digest, file), content)

    def _adopt_aliases(self, name: str, aliases: dict[str, int], shipped: Repository) -> None:
        """Promote the shipped champion, after the shipped previous champion, which the alias `previous` then points to.

        Otherwise, it would point to the first version that was adopted. Another process may have adopted the versions.
        """
        numbers: dict[str, int] = {}
        for number in reversed(self.numbers(name)):
            with contextlib.suppress(Damaged):
                numbers[self.get(name, number).manifest.digest] = number
        wanted: dict[str, int | None] = {}
        for alias, number in aliases.items():
            with contextlib.suppress(Damaged, NotFound):  # already logged by adopt, or deleted from the release
                wanted[alias] = numbers.get(shipped.get(name, number).manifest.digest)
        champion, previous = wanted.get(CHAMPION), wanted.get(PREVIOUS)
        if champion is None:
            return
        first = self.served_aliases(name).get(CHAMPION)
        if previous is not None and first != champion:
            with contextlib.suppress(Changed):
                self.promote(name, previous, instead_of=first, cause=_SHIPPED)
        self.promote(name, champion, cause=_SHIPPED)

    def _digests(self, name: str) -> set[str]:
        """Return the generators' sha256 of all versions with a readable manifest."""
        found = set()
        for number in self.numbers(name):
            with contextlib.suppress(Damaged):
                found.add(self.get(name, number).manifest.digest)
        return found

    def _deleted(self, name: str) -> set[str]:
        """Return the generators' sha256 of all deleted versions."""
        try:
            return set(json.loads(self._deleted_path(name).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError, RecursionError):
            return set()

    def _deleted_path(self, name: str) -> Path:
        return self.root / name / ".deleted"

    def _next_number(self, name: str) -> int:
        """Return a number that was never used, not even by a deleted version, because a version's URLs are immutable."""
        taken = [int(p.name) for p in (self.root / name).iterdir() if is_number(p.name)]
        with contextlib.suppress(FileNotFoundError, ValueError):
            taken.append(int(self._highest_path(name).read_text()))
        return max([0, *(number for number in taken if number < MOST_VERSIONS)]) + 1

    @contextlib.contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """Hold the model's write lock, across all processes."""
        (self.root / name).mkdir(parents=True, exist_ok=True)
        with exclusively(self.root / name / ".lock"), self._aliases.lock(name):
            yield
