"""What the supervisor needs from a runner. `tests/app/retraining/runners/test_contract.py` tests every implementation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Handle = dict[str, Any]
"""Identifies a trainer in plain JSON, so that the next supervisor can take it over. `place` says where it runs: an engine, or
the host and container in which `pid` is valid. `lock` is the path of the lock of its folder."""
STOP_FILE = "stop"
"""Name of a file in a run's folder that asks the trainer to stop, as SIGTERM does."""


@dataclass(frozen=True)
class Finished:
    """The result of a trainer that has ended."""

    status: int | None
    """The exit status, or minus the number of the signal that killed it. None if it is unknown."""
    detail: str = ""
    """What the engine reported about the end, if it reported anything."""


class FolderInUse(Exception):
    """Another trainer is running in the job's folder."""


class EngineUnavailable(OSError):
    """The engine cannot be reached at present, so it is unknown what it runs. Trying again may help."""


class EngineRefused(OSError):
    """The engine rejects the request. The message says what to change."""


class Runner(Protocol):
    """Starts, polls and stops trainers."""

    def trouble(self) -> str:
        """Return why no trainer can be started at present, or an empty string. Jobs wait until there is no trouble."""

    def start(self, arguments: Sequence[str], log: Path, *, owner: str | None = None) -> Handle:
        """Start `python -m training <arguments>`, which appends its output to `log`.

        Args:
            arguments: arguments of the trainer.
            log: the log, in the folder of the run.
            owner: the owner id of a trainer on a machine without the state folder, which fetches the run. Otherwise None.

        Raises:
            FolderInUse: another trainer is running in the folder of `log`.
            EngineUnavailable: the engine did not respond. The trainer may start nevertheless; if so, the next call finds it.
            OSError: the trainer could not be started.
        """

    def poll(self, handle: Handle) -> Finished | None:
        """Return the result of a trainer, or None while it runs. The handle may come from another supervisor or runner."""

    def stop(self, handle: Handle, *, force: bool = False) -> None:
        """Ask a trainer to write a checkpoint and exit, or kill it with `force`. Does nothing if it has ended.

        A trainer that another runner has started, in another container or on another machine, can be asked, but not killed.
        """
