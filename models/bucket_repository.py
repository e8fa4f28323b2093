"""Versions in object storage, read through a folder of this host.

    <prefix>/<name>/config.pbtxt        Triton model configuration (this is Triton's layout)
    <prefix>/<name>/.log/               the state of the model (`models.state_log`)
    <prefix>/<name>/companions/         files that were made after publication (`models.companions`)
    <prefix>/<name>/<integer>/          the files of a version
    <prefix>/<name>/<integer>/.claim    reserves the number for one publisher

The folder has the layout of `Repository`, which reads it. It has the state and all manifests; the other files of a version
are downloaded when it is loaded, and compared with their sha256. What has been downloaded can be served without the object
storage.

A version is published in this order: its number is claimed, its files are uploaded, and the state that names it is created.
Whatever fails before the last step leaves objects that no state names, and a number that is not used again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from models import companions
from models.aliases import CHAMPION, PREVIOUS
from models.atomic import remove, sync, write_atomically
from models.bucket import Bucket, open_store
from models.errors import Changed, InService, NotFound, RepositoryError, Unreachable
from models.history import UNKNOWN, Cause, completed, dump_history, extended
from models.locking import exclusively
from models.manifest import MANIFEST, Manifest, sha256_of
from models.names import check_name, is_name
from models.promotion_record import MOST
from models.repository import Repository
from models.state_log import ModelLog, ModelState, StoredVersion
from models.triton import triton_config
from models.version import Check, Fill, Version

logger = logging.getLogger("models")
CLAIM = ".claim"
REFRESH_SECONDS = 0.9
"""Shortest time between two looks at the object storage. Replicas follow a promotion within two seconds."""


@dataclass(frozen=True)
class BucketVersion(Version):
    """A version whose files are downloaded when they are needed."""

    bucket: Bucket = field(compare=False, repr=False)

    def file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            with contextlib.suppress(FileNotFoundError):
                write_atomically(path, self.bucket.get(f"{self.name}/{self.number}/{name}"))
        return path

    def companion(self, name: str) -> Path:
        path = super().companion(name)
        if not path.is_file():
            with contextlib.suppress(FileNotFoundError, Unreachable):  # the version can be served without it
                content = self.bucket.get(f"{self.name}/{companions.FOLDER}/{self.manifest.digest}/{name}")
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, content)
        return path

    def verify(self) -> None:
        for name, expected in self.manifest.files.items():
            path = self.path / name
            if path.is_file() and sha256_of(path) != expected:
                logger.error("%s/%s/%s has changed on this host; downloading it again", self.name, self.number, name)
                path.unlink()
        super().verify()


class _Raced(Exception):
    """Another publisher has added the same generator meanwhile."""


class BucketRepository(Repository):
    """A repository in object storage.

    Args:
        root: folder of this host for what has been downloaded.
        url: s3://bucket/prefix, gs://, az:// or file://.

    Raises:
        ImportError: obstore is not installed.
        ValueError: the URL is invalid.
    """

    def __init__(self, root: Path, url: str) -> None:
        super().__init__(root)
        self.bucket = Bucket(open_store(url))
        self._logs: dict[str, ModelLog] = {}
        self._missing: set[tuple[str, int]] = set()
        """Versions whose manifest was missing at the last look."""
        self._refreshed = -REFRESH_SECONDS
        self._failure: RepositoryError | None = None
        self._refreshing = threading.Lock()

    # Reading.

    def refresh(self) -> None:
        with self._refreshing:
            if time.monotonic() - self._refreshed >= REFRESH_SECONDS:
                self._failure = self._pull_all()
                self._refreshed = time.monotonic()
            if self._failure:
                raise self._failure.with_traceback(None)  # it would grow with each raise

    def _pull_all(self) -> RepositoryError | None:
        """Bring all models to their newest state. Return the first failure. The other models are not affected by it."""
        failure = None
        try:
            names = self.bucket.folders()
        except Unreachable as error:
            return error
        for name in filter(is_name, names):
            try:
                self._pull(name)
            except RepositoryError as error:
                failure = failure or error
        return failure

    def _pull(self, name: str) -> ModelState:
        """Bring the folder of a model to its newest state. Return the state."""
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        with exclusively(folder / ".sync"):
            number, state = self._log(name).read()
            # A manifest that is missing or changed in the bucket may be restored, so it is looked for again each time.
            if _read(folder / ".state") != str(number).encode() and self._apply(folder, state):
                write_atomically(folder / ".state", str(number).encode())
            return state

    def _apply(self, folder: Path, state: ModelState) -> bool:
        """Bring the folder of a model to a state. Return whether all manifests are there."""
        is_complete = True
        for number, version in state.versions.items():
            path = folder / str(number) / MANIFEST
            if not path.is_file() or sha256_of(path) != version.manifest:
                is_complete &= self._download_manifest(path, folder.name, number, version)
        for number in set(self.numbers(folder.name)) - state.versions.keys():
            part = folder / f".{uuid.uuid4().hex}.part"
            (folder / str(number)).rename(part)
            remove(part)
        files = {
            "config.pbtxt": self._config(folder.name) if state.versions else None,
            ".highest": f"{state.highest}\n".encode(),
            ".deleted": f"{json.dumps(state.deleted)}\n".encode(),
            ".history": dump_history(state.history),
            ".promotions": f"{json.dumps(state.promoted)}\n".encode(),
            "aliases.json": f"{json.dumps(state.aliases)}\n".encode(),  # last, because it names versions
        }
        for name, content in files.items():
            if content is not None and _read(folder / name) != content:
                write_atomically(folder / name, content)
        return is_complete

    def _download_manifest(self, path: Path, name: str, number: int, version: StoredVersion) -> bool:
        try:
            content = self.bucket.get(f"{name}/{number}/{MANIFEST}")
        except FileNotFoundError:
            return self._is_missing(name, number, "has no manifest in the object storage")
        if hashlib.sha256(content).hexdigest() != version.manifest:
            return self._is_missing(name, number, "has a manifest in the object storage that differs from the published one")
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, content)
        self._missing.discard((name, number))
        return True

    def _is_missing(self, name: str, number: int, problem: str) -> bool:
        """Log a version without a valid manifest, once. Return False."""
        if (name, number) not in self._missing:
            self._missing.add((name, number))
            logger.error("%s/%s %s. Restore it, or delete the version.", name, number, problem)
        return False

    def _config(self, name: str) -> bytes | None:
        with contextlib.suppress(FileNotFoundError):
            return self.bucket.get(f"{name}/config.pbtxt")
        return None

    def _version(self, path: Path, manifest: Manifest) -> Version:
        return BucketVersion(path, manifest, self.bucket)

    def _log(self, name: str) -> ModelLog:
        return self._logs.setdefault(name, ModelLog(self.bucket, name))

    # Writing.

    def adopt(self, shipped: Repository) -> list[Version]:
        self._refreshed = -REFRESH_SECONDS
        self.refresh()
        return super().adopt(shipped)

    def promote(
        self,
        name: str,
        number: int,
        *,
        instead_of: int | None = None,
        check: Check = lambda: None,
        cause: Cause = UNKNOWN,
    ) -> dict[str, int]:
        check_name(name)

        def decide(state: ModelState) -> ModelState | None:
            if number not in state.versions:
                raise NotFound(f"There is no version {number} of model {name!r}. Choose one of {sorted(state.versions)[-20:]}.")
            before = state.aliases.get(CHAMPION)
            if before == number:
                return None
            if instead_of is not None and before != instead_of:
                raise Changed(
                    f"The champion of {name} is now {before}, no longer {instead_of}. Compare with it, then try again."
                )
            check()
            state.aliases = {CHAMPION: number} | ({PREVIOUS: before} if before in state.versions else {})
            state.history = extended(completed(state.history, state.promoted, before), number, cause)
            state.promoted = [*(other for other in state.promoted if other != number), number][-MOST:]
            return state

        with self._lock(name):
            check()
            aliases = dict(self._log(name).change(decide).aliases)
            self._pull(name)
            return aliases

    def delete(self, name: str, number: int) -> None:
        check_name(name)

        def decide(state: ModelState) -> ModelState:
            if number not in state.versions:
                raise NotFound(f"There is no version {number} of model {name!r}. Choose one of {sorted(state.versions)[-20:]}.")
            if state.aliases.get(CHAMPION) == number:
                raise InService(f"{name}/{number} is the champion. Promote another version first.")
            state.deleted = sorted({*state.deleted, state.versions.pop(number).digest})
            state.aliases = {alias: target for alias, target in state.aliases.items() if target != number}
            return state

        with self._lock(name):
            self._log(name).change(decide)
            self._pull(name)
        self._delete_files(name, number)

    def _delete_files(self, name: str, number: int) -> None:
        """Delete the objects of a version that no state names, except the claim: its number must not be used again."""
        with contextlib.suppress(Unreachable):
            self.bucket.delete([path for path in self.bucket.paths(f"{name}/{number}") if not path.endswith(f"/{CLAIM}")])

    def add_companion(self, name: str, digest: str, file: str, content: bytes) -> None:
        place = f"{name}/{companions.FOLDER}/{digest}/{file}"
        if not self.bucket.create(place, content) and self.bucket.get(place) != content:
            raise RepositoryError(
                f"This generator already has a different {file}. To store another one, publish a new version of the model."
            )
        super().add_companion(name, digest, file, content)

    def _publish(self, name: str, fill: Fill, check: Check = lambda: None, claim: str = "", cause: Cause = UNKNOWN) -> Version:
        claim = claim or uuid.uuid4().hex
        self._repair(name)
        before = self._pull(name)
        number = before.highest + 1
        while True:
            part = self.root / name / f".{uuid.uuid4().hex}.part"
            part.mkdir()
            try:
                new = self._fill(part, name, number, fill)
                if not self.bucket.create(f"{name}/{number}/{CLAIM}", claim.encode()):
                    number += 1  # another publisher was faster, or has failed
                    continue
                for file in sorted(part.iterdir()):
                    self.bucket.put(f"{name}/{number}/{file.name}", file.read_bytes())
                if not before.versions:
                    self.bucket.put(f"{name}/config.pbtxt", triton_config(new.manifest).encode())
                stored = StoredVersion(manifest=sha256_of(part / MANIFEST), digest=new.manifest.digest)
                check()
                self._log(name).change(partial(_with_version, number, stored, before, cause))
                with contextlib.suppress(OSError):  # otherwise the files are downloaded
                    part.rename(self.root / name / str(number))
                    sync(self.root / name)
            except _Raced:
                if number not in self._pull(name).versions:
                    self._delete_files(name, number)
                return next(v for v in map(partial(self.get, name), self.numbers(name)) if v.manifest.digest == stored.digest)
            finally:
                shutil.rmtree(part, ignore_errors=True)
            self._pull(name)
            return self.get(name, number)

    def _repair(self, name: str) -> None:
        for leftover in (self.root / name).glob(".*.part"):
            remove(leftover)

    @contextlib.contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """Hold the write lock of this host, and begin with the newest state. Writers of other hosts are handled by the log."""
        with super()._lock(name):
            self._pull(name)
            yield


def _with_version(number: int, new: StoredVersion, before: ModelState, cause: Cause, state: ModelState) -> ModelState:
    """Add a version to a state. The first version of a model becomes champion."""
    if any(other.digest == new.digest for n, other in state.versions.items() if n not in before.versions):
        raise _Raced
    if not state.versions:
        state.history = extended(completed(state.history, state.promoted, None), number, cause)
        state.aliases, state.promoted = {CHAMPION: number}, [number]
    state.versions[number] = new
    state.highest = max(state.highest, number)
    return state


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
