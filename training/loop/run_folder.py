"""The folder of a run: its files, its lock and its event log.

spec.json               the training spec
.lock                   locked by the running trainer
submission.json         the last submission of a trainer to an engine, such as Ray
.owners.json            under which owner ids the folder was written, if runs are in object storage (`models.stored_run`)
stop                    requests a stop, like SIGTERM
events.jsonl            the event log, one JSON object per line
initial.pt              the initial weights, if not random
checkpoint.pt           the latest checkpoint
checkpoint.before.pt    the previous checkpoint, in case the latest cannot be read
best.pt                 the averaged generator and the discriminator at the lowest KID
samples/*.png           sample grids of the same 80 seeds
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from models.host import LOCK_VARIABLE, SUBMISSION_FILE, distant_run, submission, this_process
from training.errors import CheckpointError, FolderInUseError, TrainingError
from training.spec import TrainingSpec


@dataclass(frozen=True)
class RunFolder:
    """Paths of the files in a run's folder."""

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
        """Return the path of the sample grid after `images` images."""
        return self.path / "samples" / f"{images:09d}.png"

    def read_spec(self) -> TrainingSpec:
        """Read the run's spec.

        Raises:
            CheckpointError: the spec is missing or invalid.
        """
        try:
            return TrainingSpec.model_validate_json(self.spec.read_bytes())
        except (OSError, ValidationError) as error:
            raise CheckpointError(f"{self.spec} is not a valid spec ({error}). Name the folder of a training run.") from error


class Events:
    """Appends to events.jsonl and flushes after each line. Removes a truncated last line on opening."""

    def __init__(self, path: Path) -> None:
        path.touch()
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            with path.open("r+b") as file:
                file.truncate(content.rfind(b"\n") + 1)
        self._file: TextIO = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, event: str, **fields: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
        """Append one event with the current time (seconds since the epoch)."""
        line = json.dumps({"event": event, "time": round(time.time(), 3), **fields}, allow_nan=False) + "\n"
        with self._lock:  # warnings come from another thread
            self._file.write(line)
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_events(path: Path) -> list[dict[str, Any]]:
    """Return all events of an events.jsonl, without a truncated last line."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]


ATTEMPTS = 10


def _inherited(lock: Path) -> int | None:
    """Return the file descriptor of a lock that this process has inherited, if any."""
    try:
        descriptor = int(os.environ.pop(LOCK_VARIABLE, ""))
        same_file = os.path.samestat(os.fstat(descriptor), lock.stat())
    except (ValueError, OSError):
        return None
    if same_file:
        os.set_inheritable(descriptor, False)
    return descriptor if same_file else None


def _write_holder(descriptor: int) -> None:
    """Write this process's id and place into the lock file. The supervisor does too, unless it is killed first."""
    content = json.dumps(this_process()).encode()
    os.pwrite(descriptor, content, 0)
    os.ftruncate(descriptor, len(content))


@contextmanager
def alone_in(folder: RunFolder) -> Iterator[None]:
    """Hold the lock of a run's folder. It is a kernel lock, released when its holder exits. The file identifies the holder.

    The supervisor acquires the lock before it starts a trainer on its machine, which inherits it. A trainer that an engine runs
    acquires it here.

    Raises:
        FolderInUseError: another process holds the lock, or has replaced this trainer.
    """
    descriptor = _inherited(folder.lock)
    if descriptor is not None:
        _write_holder(descriptor)
        yield
        return
    with folder.lock.open("a") as file:
        for attempt in range(ATTEMPTS):  # a process that only checks the lock holds it briefly
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == ATTEMPTS - 1:
                    raise FolderInUseError(
                        f"Another trainer is running in {folder.path}. Stop it, or use another folder."
                    ) from None
                time.sleep(0.05)
        file.truncate(0)
        file.write(json.dumps(this_process()))
        file.flush()
        _check_not_superseded(folder)
        yield


def _check_not_superseded(folder: RunFolder) -> None:
    """Check that an engine runs this trainer because of the last submission, and not because of an earlier one.

    An engine may start a trainer long after the supervisor has given it up. A trainer on a machine without the shared folder
    would write its results where nobody finds them.

    Raises:
        FolderInUseError: another submission has replaced the one of this trainer.
        TrainingError: the folder does not contain the submission.
    """
    ours = submission()
    if ours is None or distant_run():  # who owns a run in object storage is checked there
        return
    try:
        last = json.loads((folder.path / SUBMISSION_FILE).read_bytes())["id"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{folder.path} does not contain {SUBMISSION_FILE}, so it is not the folder of the service. Mount the state folder "
            "of the service on this machine at the same path."
        ) from error
    if last != ours["id"]:
        raise FolderInUseError(f"The trainer {ours['id']} was replaced in {folder.path}. No action is needed.")
