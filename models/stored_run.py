"""A run in object storage, so that it survives its host.

    <prefix>/.runs/<job>/log/000000000017.json          the state: the owner, and the parts of all files (`models.state_log`)
    <prefix>/.runs/<job>/parts/<owner>-<sha256>         parts of files (`models.run_files`)

Each trainer gets a new owner id before it starts (`take`). Only the owner in the newest state can create the next one, so a
trainer that was given up, wherever it still runs, cannot change anything any more. A state is created after all its parts, and
parts are never changed; so a state is whole, whatever fails.

The file `.owners.json` in a folder has the owner ids under which it was written. If the newest state has one of them, the
folder is as new as the state or newer, because a trainer writes there first. Otherwise another host has continued the run, and
the folder is replaced (`bring`).
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

from models.atomic import Stamp, stamp_of, write_atomically
from models.bucket import Bucket
from models.errors import Damaged, RepositoryError, Unreachable
from models.locking import exclusively
from models.run_files import GROWING, Files, Part, content_of, divide, matches, names_in, sha256
from models.state_log import StateLog

RUNS = ".runs"
OWNERS = ".owners.json"


class Superseded(RepositoryError):
    """Another trainer owns the run now."""


class RunState(BaseModel):
    """Everything about a run that can change."""

    owner: str = ""
    files: Files = {}


def always(_name: str) -> bool:
    """Choose every file."""
    return True


class StoredRun:
    """A run: its folder on this host, and its state in object storage.

    Args:
        bucket: the object storage.
        folder: the run's folder. Its name identifies the run. It may be missing.
    """

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self.bucket, self.folder = bucket, folder
        self._root = f"{RUNS}/{folder.name}"
        self._log = StateLog(bucket, f"{self._root}/log", RunState)
        self._read: dict[str, tuple[tuple[Stamp, int], list[Part]]] = {}
        """Stamp, size and parts of the files that have been uploaded."""
        self._uploaded: dict[str, Part] = {}
        """Parts by their sha256."""

    @property
    def owners(self) -> list[str]:
        """The owner ids under which the folder was written."""
        try:
            return [str(owner) for owner in json.loads((self.folder / OWNERS).read_bytes())]
        except (OSError, ValueError, TypeError, RecursionError):
            return []

    def _note(self, *owners: str) -> None:
        write_atomically(self.folder / OWNERS, json.dumps(list(filter(None, owners))).encode())

    def _is_current(self, state: RunState) -> bool:
        return not state.owner or state.owner in self.owners

    def _announce(self, owner: str, state: RunState) -> None:
        """Note the owner that is about to follow a state, in case this process is killed before it can note the success.

        Another host may have created a newer state since the last attempt. Then the folder is not as new as that.
        """
        if self._is_current(state):
            self._note(state.owner, owner)
        elif owner in (owners := self.owners):
            self._note(*(other for other in owners if other != owner))

    # From the object storage to the folder.

    def bring(self) -> None:
        """Make the folder the newest one. If another host has written a newer state, take the run, and replace the folder.

        Raises:
            Unreachable: the object storage cannot be read or written.
            Damaged: a file of the newest state is missing or damaged.
        """
        if not self._is_current(self._log.read()[1]):
            self.take()

    def take(self) -> str:
        """Become the owner, make the folder the newest one, and store it. Return the owner's id, for a trainer.

        Raises:
            Superseded: another supervisor has taken the run meanwhile.
            Unreachable: the object storage cannot be read or written.
            Damaged: a file of the newest state is missing or damaged.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        owner, previous = uuid.uuid4().hex[:16], RunState()

        def decide(state: RunState) -> RunState:
            nonlocal previous
            previous = state
            self._announce(owner, state)
            return RunState(owner=owner, files=state.files)

        with exclusively(self.folder / ".sync"):
            self._log.change(decide)
            if not self._is_current(previous):
                self._fetch(previous.files)
            self._note(owner)
        self.store(owner)
        with contextlib.suppress(Unreachable):
            self._sweep(owner)
        return owner

    def receive(self, owner: str) -> None:
        """Fetch the run into an empty folder, for a trainer on another machine that has become its owner.

        Raises:
            Superseded: another trainer owns the run now.
            Unreachable: the object storage cannot be read.
            Damaged: a file of the newest state is missing or damaged.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        _, state = self._log.read()
        if state.owner != owner:
            raise self._superseded()
        self._fetch(state.files)
        self._note(owner)

    def hand_over(self) -> str:
        """Like `take`, for a trainer on another machine: the folder is no longer the newest one as soon as that has begun."""
        owner = self.take()
        self._note()
        return owner

    def pull(self, chosen: Callable[[str], bool]) -> bool:
        """Download files of the newest state, without taking the run. Return whether the folder was older than that.

        Args:
            chosen: whether to download a file. Others are left alone.

        Raises:
            Unreachable: the object storage cannot be read.
            Damaged: a file is missing or damaged.
        """
        if self._is_current(self._log.read()[1]):
            return False
        self.folder.mkdir(parents=True, exist_ok=True)
        with exclusively(self.folder / ".sync"):
            _, state = self._log.read()
            if self._is_current(state):
                return False
            self._fetch(state.files, chosen)
            return True

    def _fetch(self, files: Files, chosen: Callable[[str], bool] = always) -> None:
        for name in set(filter(chosen, names_in(self.folder))) - files.keys():
            (self.folder / name).unlink()
        for name, parts in files.items():
            path = self.folder / name
            if not path.resolve().is_relative_to(self.folder.resolve()):
                raise Damaged(f"{self._root} names the file {name!r}. Delete that run from the object storage.")
            if chosen(name) and not matches(path, parts):
                content = self._content(path, parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, content)

    def _content(self, path: Path, parts: list[Part]) -> bytes:
        """Return the content of a file. Parts that are on this host already are not downloaded."""
        present = path.read_bytes() if path.is_file() else b""
        pieces, start = [], 0
        for part in parts:
            piece = present[start : start + part.size]
            pieces.append(piece if sha256(piece) == part.sha256 else self._download(part))
            start += part.size
        return b"".join(pieces)

    def _download(self, part: Part) -> bytes:
        path = f"{self._root}/parts/{part.name}"
        try:
            content = self.bucket.get(path)
        except FileNotFoundError:
            content = b""
        if sha256(content) != part.sha256:
            raise Damaged(f"{path} is missing or damaged in the object storage. Restore it, or POST the job's request again.")
        return content

    # From the folder to the object storage.

    def store(self, owner: str) -> bool:
        """Store the folder as it is. Return whether anything had changed.

        Args:
            owner: the owner's id.

        Raises:
            Superseded: another trainer owns the run now. Nothing was changed.
            Unreachable: the object storage cannot be read or written.
            OSError: a file cannot be read.
        """
        before = RunState()

        def decide(state: RunState) -> RunState | None:
            nonlocal before
            before = state
            if state.owner != owner:
                raise self._superseded()
            files = self._upload(state, owner)
            return None if files == state.files else RunState(owner=owner, files=files)

        after = self._log.change(decide)
        if after == before:
            return False
        self._remove(_names(before.files) - _names(after.files), owner)
        return True

    def _superseded(self) -> Superseded:
        return Superseded(f"Another trainer has continued the run {self.folder.name}. No action is needed.")

    def _upload(self, state: RunState, owner: str) -> Files:
        self._uploaded |= {part.sha256: part for parts in state.files.values() for part in parts}

        def upload(content: bytes, digest: str) -> Part:
            if digest not in self._uploaded:
                name = f"{owner}-{digest}"
                self.bucket.put(f"{self._root}/parts/{name}", content)
                self._uploaded[digest] = Part(name=name, sha256=digest, size=len(content))
            return self._uploaded[digest]

        files: Files = {}
        for name in names_in(self.folder):
            path = self.folder / name
            stamp = (stamp_of(path), path.stat().st_size)
            if name not in self._read or self._read[name][0] != stamp:
                grows = name in GROWING
                parts = divide(content_of(path), state.files.get(name, []), upload, grows=grows)
                self._read[name] = (stamp, parts)
            files[name] = self._read[name][1]
        return files

    def drop(self, chosen: Callable[[str], bool]) -> None:
        """Remove files of an ended run from the object storage. The folder is left alone.

        Raises:
            Unreachable: the object storage cannot be read or written.
        """
        owner, before = uuid.uuid4().hex[:16], RunState()

        def decide(state: RunState) -> RunState | None:
            nonlocal before
            before = state
            files = {name: parts for name, parts in state.files.items() if not chosen(name)}
            if files == state.files:
                return None
            if self.folder.is_dir():
                self._announce(owner, state)
            return RunState(owner=owner, files=files)

        after = self._log.change(decide)
        self._remove(_names(before.files) - _names(after.files), owner)

    def _remove(self, names: set[str], owner: str) -> None:
        """Delete parts that the newest state does not need, if it is ours. A failure leaves objects that no state names.

        A writer that was suspended might believe that it has created the newest state, while others have created newer ones.
        """
        with contextlib.suppress(Unreachable):
            _, state = self._log.read()
            if state.owner != owner:
                return
            names -= _names(state.files)
            self._uploaded = {digest: part for digest, part in self._uploaded.items() if part.name not in names}
            self._read = {name: read for name, read in self._read.items() if not names & {part.name for part in read[1]}}
            if names:
                self.bucket.delete([f"{self._root}/parts/{name}" for name in sorted(names)])

    def _sweep(self, owner: str) -> None:
        """Delete the parts that killed trainers have left."""
        found = {path.rpartition("/")[2] for path in self.bucket.paths(f"{self._root}/parts")}
        self._remove({name for name in found if not name.startswith(owner)}, owner)

    def delete(self) -> None:
        """Delete everything about the run from the object storage.

        Raises:
            Unreachable: the object storage cannot be written.
        """
        self.bucket.delete(self.bucket.paths(self._root))


def stored_runs(bucket: Bucket) -> list[str]:
    """Return the names of the runs in the object storage, sorted.

    Raises:
        Unreachable: the object storage cannot be read.
    """
    return sorted({path.split("/")[1] for path in bucket.paths(RUNS)})  # some servers list folders that are empty


def _names(files: Files) -> set[str]:
    return {part.name for parts in files.values() for part in parts}
