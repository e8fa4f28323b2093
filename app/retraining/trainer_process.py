"""Runs training processes. To run them elsewhere, implement the three methods of `Runner`."""

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
"""Identifies a process in plain JSON, so that the next supervisor can take it over."""
STOP_FILE = "stop"
"""Name of a file in a run's folder that asks the trainer to stop, as SIGTERM does."""


@dataclass(frozen=True)
class Finished:
    """The result of a process that has ended."""

    status: int | None
    """The exit status, or minus the number of the signal that killed it. None if this process is not its parent."""


class FolderInUse(Exception):
    """Another trainer is running in the job's folder."""


class Runner(Protocol):
    """Starts, polls and stops trainers."""

    def start(self, arguments: Sequence[str], log: Path) -> Handle:
        """Start `python -m training <arguments>` and append its output to `log`.

        Raises:
            FolderInUse: another trainer is running in the folder of `log`.
            OSError: the process could not be started.
        """

    def poll(self, handle: Handle) -> Finished | None:
        """Return the result of a process, or None while it runs. The handle may come from another supervisor."""

    def stop(self, handle: Handle, *, force: bool = False) -> None:
        """Ask a process to write a checkpoint and exit, or kill it with `force`. Does nothing if it has ended.

        A process in another container or on another machine can be asked, but not killed.
        """


ATTEMPTS = 10
SAME_START = 0.05
"""Tolerance of start times in seconds. The system stores them in steps of 0.01 s."""
LAST = 19
"""The niceness at which trainers run only on idle cores. They then get Linux's SCHED_IDLE policy, under which a process yields
the core at once, while a niced process first uses up its time slice of some milliseconds (`benchmarks/serving.py`)."""


class LocalRunner:
    """Runs trainers on this machine, each in its own process group, niced, with a limited number of threads.

    A trainer outlives the supervisor that started it, and the next supervisor takes it over. A process is identified by its id
    and the time from the boot to its start: another process may reuse the id, and the clock may change.

    Args:
        threads: thread limit of a trainer's libraries.
        nice: niceness, from 0 (same priority as serving) to 19 (only idle CPU time).
        variables: environment variables of the trainers, besides those of this process.
    """

    def __init__(self, threads: int, nice: int, variables: Mapping[str, str] | None = None) -> None:
        self.threads, self.nice, self.variables = threads, nice, dict(variables or {})
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, arguments: Sequence[str], log: Path) -> Handle:
        lock = log.parent / ".lock"
        held = _acquire(lock)
        try:
            return self._start(arguments, log, lock, held)
        finally:
            os.close(held)  # the trainer has inherited the descriptor, and the lock with it

    def _start(self, arguments: Sequence[str], log: Path, lock: Path, held: int) -> Handle:
        temporary = log.parent / "tmp"  # in a container, only the volume may be writable
        temporary.mkdir(exist_ok=True)
        environment = _without_secrets(os.environ) | {
            "TMPDIR": str(temporary),
            **{name: str(self.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")},
            **{"COLUMNS": "160", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", LOCK_VARIABLE: str(held)},
            **self.variables,
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
                # Keeps the service's Ctrl-C from the trainer. A new session would do that too, but where Linux schedules by
                # session (autogroup), the trainer's niceness would then have no effect relative to the service.
                process_group=0,
            )
        self._children[process.pid] = process
        os.pwrite(held, json.dumps({"pid": process.pid, "place": pid_namespace()}).encode(), 0)
        with contextlib.suppress(psutil.Error):
            psutil.Process(process.pid).nice(self.nice)
        if self.nice == LAST and hasattr(os, "SCHED_IDLE"):
            with contextlib.suppress(OSError):  # then it is only niced
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
            with contextlib.suppress(OSError):  # signals cannot reach it; it checks for this file after each step
                (Path(handle["lock"]).parent / STOP_FILE).touch()
        elif _process(handle):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(handle["pid"], signal.SIGKILL if force else signal.SIGTERM)


def _acquire(lock: Path) -> int:
    """Lock a job's folder for a trainer before it starts, so that a second one can never start.

    Returns:
        The file descriptor that holds the lock.
    """
    held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        for attempt in range(ATTEMPTS):  # a process that only checks the lock holds it briefly
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == ATTEMPTS - 1:
                    raise FolderInUse(f"Another trainer is running in {lock.parent}. Wait until it has ended.") from None
                time.sleep(0.05)
        os.ftruncate(held, 0)
    except BaseException:
        os.close(held)
        raise
    return held


def holder_of(lock: Path) -> Handle | None:
    """Return the handle of the trainer that holds the lock of a run's folder, or None. The lock file has its process id."""
    if not is_locked(lock):
        return None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        holder = json.loads(lock.read_text())
        if holder["place"] == pid_namespace():
            return _handle_of(int(holder["pid"]), lock)
        return {"pid": int(holder["pid"]), "place": str(holder["place"]), "started": None, "lock": str(lock)}
    return None


def is_locked(lock: Path) -> bool:
    """Whether a trainer holds the lock, on this machine or another."""
    with contextlib.suppress(OSError), lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False  # the lock is free or does not exist


def _handle_of(pid: int, lock: Path) -> Handle:
    started = None
    with contextlib.suppress(psutil.Error):
        started = _seconds_after_boot(psutil.Process(pid))
    return {"pid": pid, "place": pid_namespace(), "started": started, "lock": str(lock.absolute())}


def _process(handle: Handle) -> psutil.Process | None:
    """Return the process of a handle if it is still running."""
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


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the service's settings, which include tokens."""
    return {name: value for name, value in environment.items() if not name.upper().startswith("GAN_")}
