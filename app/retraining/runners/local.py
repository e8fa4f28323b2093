"""Runs trainers as processes of this machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from app.retraining.runners.contract import STOP_FILE, Finished, Handle
from app.retraining.runners.lock import acquire, handle_of, is_locked, process_of
from app.retraining.runners.submission import supersede
from models.host import LOCK_VARIABLE, pid_namespace
from models.locations import ROOT

LAST = 19
"""The niceness at which trainers run only on idle cores. They then get Linux's SCHED_IDLE policy, under which a process yields
the core at once, while a niced process first uses up its time slice of some milliseconds (`benchmarks/serving.py`)."""


def variables_of(threads: int) -> dict[str, str]:
    """Return the environment variables of a trainer on any runner: threads of its libraries, and plain output."""
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return {**limits, "COLUMNS": "160", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


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

    def trouble(self) -> str:
        return ""

    def start(self, arguments: Sequence[str], log: Path, *, owner: str | None = None) -> Handle:
        lock = log.parent / ".lock"
        held = acquire(lock)
        try:
            supersede(log.parent)
            return self._start(arguments, log, lock, held)
        finally:
            os.close(held)  # the trainer has inherited the descriptor, and the lock with it

    def _start(self, arguments: Sequence[str], log: Path, lock: Path, held: int) -> Handle:
        temporary = log.parent / "tmp"  # in a container, only the volume may be writable
        temporary.mkdir(exist_ok=True)
        environment = _without_secrets(os.environ) | {
            "TMPDIR": str(temporary),
            **variables_of(self.threads),
            LOCK_VARIABLE: str(held),
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
        return handle_of(process.pid, lock)

    def poll(self, handle: Handle) -> Finished | None:
        if handle["place"] == pid_namespace() and (child := self._children.get(handle["pid"])) is not None:
            status = child.poll()
            if status is None:
                return None
            del self._children[handle["pid"]]
            return Finished(status)
        return poll_process(handle)

    def stop(self, handle: Handle, *, force: bool = False) -> None:
        stop_process(handle, force=force)


def poll_process(handle: Handle) -> Finished | None:
    """Return the result of a trainer that is not a child of this process, or None while it runs.

    A trainer of another machine, container or engine is alive while the lock of its folder is held.
    """
    if handle["place"] == pid_namespace():
        return None if process_of(handle) else Finished(None)
    return None if is_locked(Path(handle["lock"])) else Finished(None)


def stop_process(handle: Handle, *, force: bool) -> None:
    """Signal a trainer of this machine, or create the file that asks another one to stop."""
    if handle["place"] != pid_namespace():
        with contextlib.suppress(OSError):  # signals cannot reach it; it checks for this file after each step
            (Path(handle["lock"]).parent / STOP_FILE).touch()
    elif process_of(handle):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(handle["pid"], signal.SIGKILL if force else signal.SIGTERM)


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the service's settings, which include tokens."""
    return {name: value for name, value in environment.items() if not name.upper().startswith("GAN_")}
