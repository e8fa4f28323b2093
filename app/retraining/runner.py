"""Runs training processes. `Runner` is the interface: another place to run them needs three methods."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from models.host import LOCK_VARIABLE, pid_namespace

ROOT = Path(__file__).resolve().parent.parent.parent
Handle = dict[str, Any]
"""Identifies a process, as plain JSON, so that the next supervisor can continue with it."""
STOP_FILE = "stop"
"""A file in the folder of a run that asks its trainer to stop, as SIGTERM does."""


@dataclass(frozen=True)
class Finished:
    """A process that has ended."""

    status: int | None
    """The exit status; minus the signal's number if one killed it; None if this process is not its parent."""


class FolderInUse(Exception):
    """Another trainer is at work in the job's folder."""


class Runner(Protocol):
    """Starts a trainer, says whether it has ended, and stops it."""

    def start(self, arguments: Sequence[str], log: Path) -> Handle:
        """Run `python -m training <arguments>`, its output appended to `log`.

        Raises:
            FolderInUse: another one runs in the folder of `log`.
            OSError: it could not be started.
        """

    def poll(self, handle: Handle) -> Finished | None:
        """Whether it has ended; None while it runs. The handle may be another supervisor's."""

    def stop(self, handle: Handle, *, force: bool = False) -> None:
        """Ask it to write a checkpoint and end, or end it by force. Nothing happens if it has ended.

        One in another container or on another machine can be asked, but not forced.
        """


ATTEMPTS = 10
LAST = 19
"""The niceness of what runs only when nobody else would: Linux has a policy for that, under which it gives up the core at
once, where a niced process finishes its turn of some milliseconds (`benchmarks/serving.py`, beside training)."""


class LocalRunner:
    """Runs trainers on this machine, each in a process group of its own, niced, with a bounded number of threads.

    A trainer outlives the supervisor that started it, and the next one takes it over: a process is known by its id together
    with the time it was created, so that a number used again is not mistaken for it.

    Args:
        threads: how many a trainer's libraries may use.
        nice: from 0 (as important as serving) to 19 (only what nobody else needs).
    """

    def __init__(self, threads: int, nice: int) -> None:
        self.threads, self.nice = threads, nice
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, arguments: Sequence[str], log: Path) -> Handle:
        lock = log.parent / ".lock"
        held = _take(lock)
        try:
            return self._start(arguments, log, lock, held)
        finally:
            os.close(held)  # the trainer has inherited it, and with it the lock

    def _start(self, arguments: Sequence[str], log: Path, lock: Path, held: int) -> Handle:
        temporary = log.parent / "tmp"  # in a container, the volume may be all that can be written
        temporary.mkdir(exist_ok=True)
        environment = _without_secrets(os.environ) | {
            "TMPDIR": str(temporary),
            **{name: str(self.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")},
            **{"COLUMNS": "160", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", LOCK_VARIABLE: str(held)},
        }
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own program; the arguments are ours
                [sys.executable, "-m", "training", *arguments],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(held,),
                # A Ctrl-C meant for the service is not the trainer's. A session of its own would do that too, but where Linux
                # groups processes by session (autogroup), niceness would count for nothing beside the service.
                process_group=0,
            )
        self._children[process.pid] = process
        os.pwrite(held, json.dumps({"pid": process.pid, "place": pid_namespace()}).encode(), 0)
        with contextlib.suppress(psutil.Error):
            psutil.Process(process.pid).nice(self.nice)
        if self.nice == LAST and hasattr(os, "SCHED_IDLE"):
            with contextlib.suppress(OSError):  # it stays niced
                os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))
        return _handle_of(process.pid, lock)

    def poll(self, handle: Handle) -> Finished | None:
        if handle["place"] != pid_namespace():
            return None if is_locked(Path(handle["lock"])) else Finished(None)
        child = self._children.get(handle["pid"])
        if child is not None:
            status = child.poll()
            if status is None:
                return None
            del self._children[handle["pid"]]
            return Finished(status)
        return None if _process(handle) else Finished(None)

    def stop(self, handle: Handle, *, force: bool = False) -> None:
        if handle["place"] != pid_namespace():
            with contextlib.suppress(OSError):  # no signal reaches it; it looks for this file between two steps
                (Path(handle["lock"]).parent / STOP_FILE).touch()
        elif _process(handle):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(handle["pid"], signal.SIGKILL if force else signal.SIGTERM)


def _take(lock: Path) -> int:
    """Lock a job's folder for the trainer that is about to start, so that at no moment could a second one be started.

    Returns:
        The file descriptor that holds the lock.
    """
    held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        for attempt in range(ATTEMPTS):  # whoever only asks whether it is held holds it for a moment
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == ATTEMPTS - 1:
                    raise FolderInUse(f"Another trainer is at work in {lock.parent}. Wait until it has ended.") from None
                time.sleep(0.05)
        os.ftruncate(held, 0)
    except BaseException:
        os.close(held)
        raise
    return held


def holder_of(lock: Path) -> Handle | None:
    """The trainer that holds the lock of a run's folder, if one does: it has written its process id there."""
    if not is_locked(lock):
        return None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        said = json.loads(lock.read_text())
        if said["place"] == pid_namespace():
            return _handle_of(int(said["pid"]), lock)
        return {"pid": int(said["pid"]), "place": str(said["place"]), "created": None, "lock": str(lock)}
    return None


def is_locked(lock: Path) -> bool:
    """Whether a trainer is at work in the folder of this lock, wherever it runs."""
    with contextlib.suppress(OSError), lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False  # held by nobody, or not there at all


def _handle_of(pid: int, lock: Path) -> Handle:
    created = None
    with contextlib.suppress(psutil.Error):
        created = psutil.Process(pid).create_time()
    return {"pid": pid, "place": pid_namespace(), "created": created, "lock": str(lock.absolute())}


def _process(handle: Handle) -> psutil.Process | None:
    """The process of a handle, if it is still running."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(handle["pid"])
        if process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - (handle["created"] or 0)) < 1:
            return process
    return None


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Remove the service's settings, tokens among them, from the trainer's environment."""
    return {name: value for name, value in environment.items() if not name.upper().startswith("GAN_")}
