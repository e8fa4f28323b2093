"""The one way to touch a version: read, publish, promote.

    <root>/<name>/config.pbtxt       for Triton, whose layout this is
    <root>/<name>/aliases.json       {"champion": 3, "previous": 2}
    <root>/<name>/.highest           the highest number ever used
    <root>/<name>/.deleted           sha256 of the generators that were deleted
    <root>/<name>/<integer>/         an immutable version: generator.onnx, discriminator.onnx, manifest.json, ...

A version appears by a rename and the aliases change by a rename, so a reader never sees half of either.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from models import card
from models.aliases import Aliases, FileAliases
from models.atomic import sync, write_atomically
from models.errors import Changed, Damaged, InService, NotFound, RepositoryError
from models.manifest import CARD, DISCRIMINATOR, GENERATOR, MANIFEST, NAME_PATTERN, Manifest, sha256_of

logger = logging.getLogger("models")
CHAMPION, PREVIOUS = "champion", "previous"
REQUIRED = (GENERATOR, DISCRIMINATOR)
MOST_VERSIONS = 10**9
"""A higher number is no count of versions."""


@dataclass(frozen=True)
class Version:
    """A version on disk. Its files are checked only by `verify`."""

    path: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def number(self) -> int:
        return self.manifest.version

    def verify(self) -> None:
        """Compare every file with the manifest.

        Raises:
            Damaged: a file is missing or has another sha256.
        """
        for required in REQUIRED:
            if required not in self.manifest.files:
                raise Damaged(f"The manifest of {self.path} does not list {required}. Publish the version again.")
        for file, expected in self.manifest.files.items():
            path = self.path / file
            if not path.is_file():
                raise Damaged(f"{path} is missing. Restore it, or delete the version.")
            found = sha256_of(path)
            if found != expected:
                raise Damaged(
                    f"{path} has sha256 {found}, but its manifest says {expected}. Restore the file, or delete the version."
                )


class Repository:
    """A folder of models.

    Args:
        root: the folder; made when something is first published.
        aliases: where it is kept which version is champion; by default in the folder itself.
    """

    def __init__(self, root: Path, aliases: Aliases | None = None) -> None:
        self.root = root
        self._aliases: Aliases = aliases or FileAliases(root)

    def names(self) -> list[str]:
        """The models that have a version, in order."""
        if not self.root.is_dir():
            return []
        return sorted(p.name for p in self.root.iterdir() if _is_name(p.name) and self.numbers(p.name))

    def numbers(self, name: str) -> list[int]:
        """The version numbers of a model, ascending; a version still being written is not among them."""
        folder = self.root / name
        if not _is_name(name) or not folder.is_dir():
            return []
        return sorted(int(p.name) for p in folder.iterdir() if _is_number(p.name) and (p / MANIFEST).is_file())

    def get(self, name: str, number: int) -> Version:
        """Read a version's manifest.

        Raises:
            NotFound: there is no such version.
            Damaged: its manifest cannot be read, or is another version's.
        """
        path = self.root / name / str(number)
        if number not in self.numbers(name):
            raise NotFound(f"There is no version {number} of model {name!r}. Choose one of {self.numbers(name)}.")
        try:
            manifest = Manifest.model_validate_json((path / MANIFEST).read_bytes())
        except (OSError, ValidationError) as error:
            raise Damaged(f"{path / MANIFEST} cannot be read ({error}). Restore it, or delete the version.") from error
        if (manifest.name, manifest.version) != (name, number):
            raise Damaged(
                f"{path / MANIFEST} is that of {manifest.name}/{manifest.version}. Versions are published, not copied by "
                "hand: use python -m training export, or move it back."
            )
        return Version(path, manifest)

    def aliases(self, name: str) -> dict[str, int]:
        """Alias to version number.

        Raises:
            Damaged: they cannot be read.
        """
        return self._aliases.read(name)

    def stamp(self, name: str) -> tuple[int, ...]:
        """Changes whenever the aliases, the set of versions or a version's files do; cheap enough to ask often."""
        stamps = list(self._aliases.stamp(name))
        versions = [self.root / name / str(number) for number in self.numbers(name)]
        for path in (*versions, *(v / f for v in versions for f in (MANIFEST, *REQUIRED))):
            try:
                status = path.stat()
            except FileNotFoundError:
                stamps += [0, 0]
            else:
                stamps += [status.st_mtime_ns, status.st_ino]
        return (len(versions), *stamps)

    def publish(self, name: str, fill: Callable[[Path, int], None]) -> Version:
        """Add a version under the next free number; it becomes champion only if there is none.

        Args:
            name: of the model.
            fill: writes all files, manifest included, into the folder it is given, for the number it is given.

        Raises:
            RepositoryError: the name cannot be one.
            Damaged: what `fill` wrote does not agree with its manifest; nothing was published.
        """
        check_name(name)
        with self._lock(name):
            return self._publish(name, fill)

    def _publish(self, name: str, fill: Callable[[Path, int], None]) -> Version:
        self._mend(name)
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
            write_atomically(self._highest_path(name), f"{number}\n".encode())
            part.rename(self.root / name / str(number))
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        sync(self.root / name)
        self._mend(name)
        return self.get(name, number)

    def _mend(self, name: str) -> None:
        """Clear away what a killed writer left, and do what it no longer could. We hold the lock, so there is no other."""
        for leftover in (self.root / name).glob(".*.part"):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
        numbers = self.numbers(name)
        if numbers and CHAMPION not in self.aliases(name):
            self._aliases.write(name, self.aliases(name) | {CHAMPION: numbers[-1]})
        config = self.root / name / "config.pbtxt"
        if numbers and not config.exists():
            write_atomically(config, triton_config(self.get(name, numbers[-1]).manifest).encode())

    def promote(self, name: str, number: int, *, instead_of: int | None = None) -> dict[str, int]:
        """Make a version champion; the one before becomes `previous`. Return the aliases.

        Args:
            name: of the model.
            number: the version.
            instead_of: the champion this was decided against; None if that does not matter.

        Raises:
            RepositoryError: the name cannot be one.
            NotFound: there is no such version.
            Changed: the champion is another by now; nothing was changed.
        """
        check_name(name)  # before the lock, which makes the folder
        if number not in self.numbers(name):
            raise NotFound(f"There is no version {number} of model {name!r}. Choose one of {self.numbers(name)}.")
        with self._lock(name):
            self.get(name, number)
            before = self.aliases(name)
            if before.get(CHAMPION) == number:
                return before
            if instead_of is not None and before.get(CHAMPION) != instead_of:
                raise Changed(f"The champion of {name} is {before.get(CHAMPION)} by now, no longer {instead_of}. Decide anew.")
            after = {CHAMPION: number} | ({PREVIOUS: before[CHAMPION]} if CHAMPION in before else {})
            self._aliases.write(name, after)
        return after

    def delete(self, name: str, number: int) -> None:
        """Remove a version that is not champion. Its number is never used again, and a shipped one is not taken in again.

        Raises:
            NotFound: there is no such version.
            InService: it is the champion.
        """
        check_name(name)
        if number not in self.numbers(name):
            raise NotFound(f"There is no version {number} of model {name!r}. Choose one of {self.numbers(name)}.")
        with self._lock(name):
            aliases = self.aliases(name)
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
            shutil.rmtree(part, ignore_errors=True)
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
            for number in shipped.numbers(name):
                try:
                    with self._lock(name):
                        self._mend(name)
                        source = shipped.get(name, number)
                        if source.manifest.digest not in self._digests(name) | self._deleted(name):
                            source.verify()
                            adopted.append(self._publish(name, copier(source)))
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
        """One writer a model, over all processes. The lock is the kernel's, so it cannot outlive its holder."""
        (self.root / name).mkdir(parents=True, exist_ok=True)
        with (self.root / name / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with self._aliases.lock(name):
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


def triton_config(manifest: Manifest) -> str:
    """The model configuration that NVIDIA Triton reads beside the versions."""
    tensors = [("input", "z", f"{manifest.z_dim}")]
    if manifest.classes:
        tensors.append(("input", "label", f"{len(manifest.classes)}"))
    tensors.append(("output", "image", "1, 28, 28"))
    lines = [
        f'name: "{manifest.name}"',
        'backend: "onnxruntime"',
        f'default_model_filename: "{GENERATOR}"',
        "max_batch_size: 64",
    ]
    for kind, name, dims in tensors:
        lines.append(f'{kind} [ {{ name: "{name}" data_type: TYPE_FP32 dims: [ {dims} ] }} ]')
    return "\n".join(lines) + "\n"


def copier(source: Version, **changes: object) -> Callable[[Path, int], None]:
    """What `publish` needs to copy a version that lies elsewhere, with some fields of its manifest changed.

    Args:
        source: a published version of another repository, or a candidate that was built for publication.
        changes: fields of the manifest.
    """

    def fill(folder: Path, number: int) -> None:
        for file in source.manifest.files:
            shutil.copyfile(source.path / file, folder / file)
        manifest = source.manifest.model_copy(update={**changes, "version": number})
        (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
        (folder / CARD).write_text(card.render(manifest))

    return fill
