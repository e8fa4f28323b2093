"""The lock of a run's folder: at most one trainer runs in it, wherever trainers run.

It is a kernel lock (`flock`), released when its holder ends. Shared storage must support it across machines.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path

import psutil

from app.retraining.runners.contract import FolderInUse, Handle
from models.host import pid_namespace

ATTEMPTS = 10
SAME_START = 0.05
"""Tolerance of start times in seconds. The system stores them in steps of 0.01 s."""


def acquire(lock: Path) -> int:
    """Lock a job's folder for a trainer before it starts, so that a second one can never start.

    Returns:
        The file descriptor that holds the lock.

    Raises:
        FolderInUse: another trainer holds it.
    """
    held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        for attempt in range(ATTEMPTS):  # a process that only checks the lock holds it briefly
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == ATTEMPTS - 1:
                    raise in_use(lock) from None
                time.sleep(0.05)
        os.ftruncate(held, 0)
    except BaseException:
        os.close(held)
        raise
    return held


def in_use(lock: Path) -> FolderInUse:
    """Return the error for a folder whose lock is held."""
    return FolderInUse(f"Another trainer is running in {lock.parent}. Wait until it has ended.")


def is_locked(lock: Path) -> bool:
    """Whether a trainer holds the lock, on this machine or another."""
    with contextlib.suppress(OSError), lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False  # the lock is free or does not exist


def holder_of(lock: Path) -> Handle | None:
    """Return the handle of the trainer that holds the lock of a run's folder, or None. The lock file identifies it.

    A trainer that an engine runs has written its engine and its id there (`models.host.this_process`).
    """
    if not is_locked(lock):
        return None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        holder = json.loads(lock.read_text())
        pid, place = int(holder["pid"]), str(holder["place"])
        if place == pid_namespace():
            return handle_of(pid, lock)
        identified = {"id": str(holder["id"])} if "id" in holder else {}
        return {"pid": pid, "place": place, "started": None, "lock": str(lock), **identified}
    return None


def handle_of(pid: int, lock: Path) -> Handle:
    """Return the handle of a process of this machine."""
    started = None
    with contextlib.suppress(psutil.Error):
        started = _seconds_after_boot(psutil.Process(pid))
    return {"pid": pid, "place": pid_namespace(), "started": started, "lock": str(lock.absolute())}


def process_of(handle: Handle) -> psutil.Process | None:
    """Return the process of a handle of this machine if it is still running."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(handle["pid"])
        started = handle.get("started")  # handles of earlier releases have none
        if process.status() == psutil.STATUS_ZOMBIE or started is None:
            return None
        if abs(_seconds_after_boot(process) - started) < SAME_START:
            return process
    return None


def _seconds_after_boot(process: psutil.Process) -> float:
    """Return the time from the boot to the start of a process.

    The kernel stores this time. `create_time` adds the boot time, which is derived from the current clock. It therefore changes
    when the clock is set, and even a slight correction can change it by a whole second.
    """
    return process.create_time() - psutil.boot_time()
