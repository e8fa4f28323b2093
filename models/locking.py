"""A lock across all processes of a host, and of a shared volume if its file system supports locks."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

from models.errors import Locked

LOCK_SECONDS = 60.0
"""Maximum wait for another writer, which normally takes less than a second."""


@contextlib.contextmanager
def exclusively(path: Path, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold an exclusive lock on a file, which is created if missing. The kernel releases it when its holder exits.

    Raises:
        Locked: another process held the lock for `seconds`.
    """
    with path.open("a") as file:
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() > deadline:
                raise Locked(f"Another process has been writing to {path.parent.name} for {seconds:g} s. Try again later.")
            time.sleep(0.01)
        yield
