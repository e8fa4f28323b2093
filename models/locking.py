"""A lock over all processes of a host, and of a shared volume where its file system has locks."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

from models.errors import Locked

LOCK_SECONDS = 60.0
"""How long a writer waits for another, which takes less than a second unless it was stopped."""


@contextlib.contextmanager
def exclusively(path: Path, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock of a file, which is made when missing. The lock is the kernel's, so it cannot outlive its holder.

    Raises:
        Locked: another process held it for all these seconds.
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
