"""A job and its states.

queued -> running -> evaluating -> succeeded
^          |           |
|          +-----------+--> failed, cancelled
+-- interrupted <------+         (queued again automatically, at most three times; then it stays interrupted)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

State = Literal["queued", "running", "evaluating", "succeeded", "failed", "cancelled", "interrupted"]
Promote = Literal["if_better", "always", "never"]
ACTIVE: tuple[State, ...] = ("running", "evaluating")
ENDED: tuple[State, ...] = ("succeeded", "failed", "cancelled", "interrupted")
RESUMABLE: tuple[State, ...] = ("failed", "cancelled", "interrupted")
MAX_INTERRUPTIONS = 3


@dataclass(frozen=True)
class Job:
    """A retraining job. Times are in seconds since the epoch."""

    number: int
    """Sequence number in the order of requests."""
    id: str
    state: State
    detail: str
    """Why the job is in this state. If it failed, this includes the remedy."""
    model: str
    request: dict[str, Any]
    """The original request."""
    spec: dict[str, Any]
    """The complete TrainingSpec."""
    promote: Promote
    parent: int | None
    """The version that provides the initial weights."""
    by: str
    """Name of the token that requested the job."""
    created: float
    started: float | None
    ended: float | None
    has_run: bool
    """Whether a trainer was ever started for the job."""
    interruptions: int
    cancel: bool
    """Whether cancellation was requested."""
    stop_since: float | None
    """When the trainer was asked to stop."""
    handle: dict[str, Any] | None
    """The runner's handle of the process."""
    offset: int
    """How many bytes of events.jsonl have been read."""
    trained: dict[str, Any] | None
    """The trainer's final event in this attempt."""
    progress: dict[str, Any] | None
    metrics: dict[str, Any] | None
    champion: int | None
    """The version that the gate compares with. None before the evaluation, and for the first version of a model."""
    version: int | None
    """The published version."""
    promoted: bool | None
    gate: dict[str, Any] | None
    pruned: bool
    """Whether the job's checkpoints and samples were deleted."""


@dataclass(frozen=True)
class Event:
    """An event in the life of a job."""

    seq: int
    """1, 2, 3, ... within the job."""
    time: float
    type: str
    """`state`, `cancel`, or an event of the trainer: started, resumed, progress, samples, metrics, two_sample, checkpoint,
    warning, trained."""
    data: dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """A validated request for a job that is not in the store yet."""

    model: str
    request: dict[str, Any]
    spec: dict[str, Any]
    promote: Promote
    parent: int | None
    by: str
