"""The folder of a run: what lies in it, who may write there, and what has happened.

spec.json           what was asked for
.lock               held by the trainer that runs in it
stop                asks it to stop, as SIGTERM does
events.jsonl        what happened, one JSON object a line
initial.pt          the weights it started from, if it did not start from random ones
checkpoint.pt       where to go on
checkpoint.before.pt    the one before, in case that one cannot be read
best.pt             the averaged generator, and the discriminator, when KID was lowest
samples/*.png       the same 80 seeds at intervals
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from models.host import LOCK_VARIABLE, place
from training.errors import CheckpointError, FolderInUseError
from training.spec import TrainingSpec


@dataclass(frozen=True)
class RunFolder:
    """The names inside a run's folder."""

    path: Path

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"

    @property
    def checkpoint_before(self) -> Path:
        return self.path / "checkpoint.before.pt"

    @property
    def initial(self) -> Path:
        return self.path / "initial.pt"

    @property
    def stop(self) -> Path:
        return self.path / "stop"

    @property
    def best(self) -> Path:
        return self.path / "best.pt"

    def sample(self, images: int) -> Path:
        """The grid drawn after so many images."""
        return self.path / "samples" / f"{images:09d}.png"

    def read_spec(self) -> TrainingSpec:
        """The spec the run was started with.

        Raises:
            CheckpointError: there is none, or it is not a spec.
        """
        try:
            return TrainingSpec.model_validate_json(self.spec.read_bytes())
        except (OSError, ValidationError) as error:
            raise CheckpointError(
                f"{self.spec} is not the spec of a run ({error}). Name a folder that training has written."
            ) from error


class Events:
    """Appends to events.jsonl, a flushed line at a time, and repairs a last line that a crash cut short."""

    def __init__(self, path: Path) -> None:
        path.touch()
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            with path.open("r+b") as file:
                file.truncate(content.rfind(b"\n") + 1)
        self._file: TextIO = path.open("a", encoding="utf-8")

    def write(self, event: str, **fields: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
        """Append one event with the time it happened (seconds since the epoch)."""
        self._file.write(json.dumps({"event": event, "time": round(time.time(), 3), **fields}, allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_events(path: Path) -> list[dict[str, Any]]:
    """All whole lines of an events.jsonl; a line cut short by a crash is left out."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]


ATTEMPTS = 10


def _inherited(lock: Path) -> int | None:
    """The file descriptor by which this process has inherited the lock, if it has."""
    try:
        held = int(os.environ.pop(LOCK_VARIABLE, ""))
        is_the_same = os.path.samestat(os.fstat(held), lock.stat())
    except (ValueError, OSError):
        return None
    if is_the_same:
        os.set_inheritable(held, False)
    return held if is_the_same else None


def _sign(held: int) -> None:
    """Write into a lock who holds it. A supervisor that starts a trainer does so too, if it is not killed before."""
    content = json.dumps({"pid": os.getpid(), "place": place()}).encode()
    os.pwrite(held, content, 0)
    os.ftruncate(held, len(content))


@contextmanager
def alone_in(folder: RunFolder) -> Iterator[None]:
    """One process a folder. The lock is the kernel's, so it cannot outlive its holder; its content says who that is.

    A supervisor takes the lock before it starts a trainer, which inherits it.
    """
    held = _inherited(folder.lock)
    if held is not None:
        _sign(held)
        yield
        return
    with folder.lock.open("a") as file:
        for attempt in range(ATTEMPTS):  # who only asks whether it is held holds it for a moment
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == ATTEMPTS - 1:
                    raise FolderInUseError(
                        f"Another trainer is at work in {folder.path}. Stop it, or use another folder."
                    ) from None
                time.sleep(0.05)
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "place": place()}))
        file.flush()
        yield
