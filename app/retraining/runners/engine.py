"""Runs trainers on an engine: what Ray Jobs and Kubernetes Jobs have in common."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from app.retraining.runners.contract import STOP_FILE, EngineRefused, EngineUnavailable, Finished, FolderInUse, Handle
from app.retraining.runners.local import poll_process, stop_process, variables_of
from app.retraining.runners.lock import in_use, is_locked
from app.retraining.runners.submission import Submission, last_submission, next_submission, supersede
from models.host import LOG_VARIABLE, RUN_VARIABLE, SUBMISSION_VARIABLE

logger = logging.getLogger("seedling")
ATTEMPTS = 3
POLL_SECONDS = 1.0
"""Interval at which the engine is asked about a trainer."""
CHECK_SECONDS = 5.0
"""Interval at which an engine with trouble is tried again."""
DOWN_SECONDS = 5.0
"""Time for which an engine that cannot be reached is not asked again, because every question may take seconds."""
DISTANT = "/tmp/seedling"  # noqa: S108 - the folders in it have random names
"""Folder of trainers on machines without the state folder."""
LOST_SECONDS = 60.0
"""Time after which a trainer is considered lost if its engine cannot be reached and nobody holds the lock of its folder."""


@dataclass(frozen=True)
class Work:
    """A trainer for an engine to run."""

    id: str
    arguments: tuple[str, ...]
    """Of `python -m training`."""
    variables: Mapping[str, str]


State = Literal["active", "stopping"] | Finished


class Engine(Protocol):
    """A system that runs trainers on other machines. Its calls take a few seconds at most."""

    @property
    def place(self) -> str:
        """Identifies the engine in handles."""

    def check(self) -> None:
        """Raise EngineUnavailable or EngineRefused unless trainers can be submitted."""

    def submit(self, work: Work) -> None:
        """Submit a trainer. Does nothing if its id was submitted before.

        Raises:
            EngineUnavailable: it is unknown whether the request arrived.
            EngineRefused: the engine rejects it.
        """

    def state(self, submission_id: str) -> State:
        """Return the state of a submission. One that the engine does not know has ended.

        Raises:
            EngineUnavailable: the state is unknown at present.
        """

    def stop(self, submission_id: str, *, force: bool) -> None:
        """Send SIGTERM to a trainer, and SIGKILL after the time to stop, or at once with `force` where the engine can.

        Raises:
            EngineUnavailable: the request may not have arrived.
        """


@dataclass
class _Watch:
    """What is known about a trainer."""

    at: float
    """Monotonic time of the last question."""
    unreachable_since: float | None = None


class EngineRunner:
    """Runs trainers on an engine whose machines share the folder of jobs.

    Args:
        engine: the engine.
        threads: thread limit of a trainer's libraries.
        variables: further environment variables of the trainers.
        clock: a monotonic clock in seconds.
    """

    def __init__(
        self, engine: Engine, threads: int, variables: Mapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.engine, self.clock = engine, clock
        self.variables = variables_of(threads) | dict(variables)
        self._watched: dict[str, _Watch] = {}
        self._checked, self._trouble = -CHECK_SECONDS, ""
        self._down: tuple[float, EngineUnavailable] | None = None

    def trouble(self) -> str:
        if self.clock() - self._checked >= CHECK_SECONDS:
            try:
                self.engine.check()
                trouble = ""
            except (EngineUnavailable, EngineRefused) as error:
                trouble = str(error)
            if trouble and trouble != self._trouble:
                logger.warning("retraining: %s", trouble)
            self._checked, self._trouble = self.clock(), trouble
        return self._trouble

    def start(self, arguments: Sequence[str], log: Path, *, owner: str | None = None) -> Handle:
        lock = log.parent / ".lock"
        if is_locked(lock):
            raise in_use(lock)
        if owner:
            return self._start_distant(arguments, log, owner)
        submission = self._submission(log.parent, tuple(arguments))
        submission.write(log.parent)
        (log.parent / STOP_FILE).unlink(missing_ok=True)
        itself = json.dumps({"place": submission.place, "id": submission.id})
        variables = {**self.variables, LOG_VARIABLE: str(log.absolute()), SUBMISSION_VARIABLE: itself}
        return self._submit(submission, submission.arguments, variables, lock)

    def _start_distant(self, arguments: Sequence[str], log: Path, owner: str) -> Handle:
        """Start a trainer that fetches its run. Earlier ones cannot disturb it, because they no longer own the run."""
        submission = next_submission(log.parent, self.engine.place, tuple(arguments))
        submission.write(log.parent)
        here, there = str(log.parent), f"{DISTANT}/{submission.id}/{log.parent.name}"
        itself = json.dumps({"place": submission.place, "id": submission.id})
        run = json.dumps({"folder": there, "owner": owner})
        variables = {LOG_VARIABLE: f"{there}/{log.name}", SUBMISSION_VARIABLE: itself, RUN_VARIABLE: run}
        moved = tuple(argument.replace(here, there) for argument in arguments)
        return self._submit(submission, moved, {**self.variables, **variables}, log.parent / ".lock")

    def _submit(self, submission: Submission, arguments: tuple[str, ...], variables: Mapping[str, str], lock: Path) -> Handle:
        work = Work(submission.id, arguments, variables)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.engine.submit(work)
                break
            except EngineUnavailable:
                if attempt == ATTEMPTS:
                    raise
        Submission(submission.place, submission.id, submission.number, submission.arguments, arrived=True).write(lock.parent)
        return {"pid": 0, "place": submission.place, "id": submission.id, "lock": str(lock.absolute())}

    def _submission(self, folder: Path, arguments: tuple[str, ...]) -> Submission:
        """Return the submission to make: a new one, or one of before this process was killed that still counts."""
        last = last_submission(folder)
        if last and last.place == self.engine.place:
            if not last.arrived and last.arguments == arguments:
                return last
            state = self.engine.state(last.id)
            if state == "active" and last.arguments == arguments:
                return last
            if not isinstance(state, Finished):
                self.engine.stop(last.id, force=True)
                raise FolderInUse(f"{last.id} is still stopping in {folder}. Wait until it has ended.")
        return next_submission(folder, self.engine.place, arguments)

    def poll(self, handle: Handle) -> Finished | None:
        if handle.get("place") != self.engine.place or "id" not in handle:
            return poll_process(handle)
        lock = Path(handle["lock"])
        if not self._counts(handle):
            return None if is_locked(lock) else Finished(None, "it was stopped before it started")
        key, now = handle["id"], self.clock()
        watch = self._watched.get(key)
        if watch and now - watch.at < POLL_SECONDS:
            return None
        watch = self._watched.setdefault(key, _Watch(now))
        watch.at = now
        try:
            state = self._state(key)
        except EngineUnavailable as error:
            return self._unreachable(handle, watch, error)
        watch.unreachable_since = None
        if not isinstance(state, Finished) or is_locked(lock):
            return None  # if the engine has lost a trainer that still holds the lock, it runs
        del self._watched[key]
        return state

    def _state(self, submission_id: str) -> State:
        if self._down and self.clock() - self._down[0] < DOWN_SECONDS:
            raise self._down[1]
        try:
            state, self._down = self.engine.state(submission_id), None
        except EngineUnavailable as error:
            self._down = self.clock(), error
            raise
        return state

    def _counts(self, handle: Handle) -> bool:
        """Whether the trainer may work in its folder: nothing has superseded it."""
        last = last_submission(Path(handle["lock"]).parent)
        return last is None or last.id == handle["id"]

    def _unreachable(self, handle: Handle, watch: _Watch, error: EngineUnavailable) -> Finished | None:
        if watch.unreachable_since is None:
            logger.warning("retraining: %s", error)
            watch.unreachable_since = watch.at
        if is_locked(Path(handle["lock"])):
            watch.unreachable_since = watch.at
        elif watch.at - watch.unreachable_since >= LOST_SECONDS:
            del self._watched[handle["id"]]
            return Finished(None, f"{error}")
        return None

    def stop(self, handle: Handle, *, force: bool = False) -> None:
        if handle.get("place") != self.engine.place or "id" not in handle:
            stop_process(handle, force=force)
            return
        folder = Path(handle["lock"]).parent
        with contextlib.suppress(OSError):
            (folder / STOP_FILE).touch()  # reaches a trainer that the engine has lost
            if force and self._counts(handle):
                supersede(folder)  # one that still waits for its turn never starts
        try:
            self.engine.stop(handle["id"], force=force)
        except (EngineUnavailable, EngineRefused) as error:
            logger.warning("retraining: %s", error)
