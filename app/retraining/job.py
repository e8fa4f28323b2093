"""A job and its states.

queued -> running -> evaluating -> succeeded
^          |           |
|          +-----------+--> failed, cancelled
+-- interrupted <------+         (goes on by itself, at most three times; then it stays interrupted)
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
    """One retraining. Times are seconds since the epoch."""

    number: int
    """Its place in the order of requests."""
    id: str
    state: State
    detail: str
    """Why it is in this state; for one that failed, with the remedy."""
    model: str
    request: dict[str, Any]
    """As it was asked for."""
    spec: dict[str, Any]
    """The whole TrainingSpec."""
    promote: Promote
    parent: int | None
    """The version whose weights it starts from."""
    by: str
    """Name of the token that asked for it."""
    created: float
    started: float | None
    ended: float | None
    has_run: bool
    """Whether a trainer was ever started for it."""
    interruptions: int
    cancel: bool
    """Whether it has been asked to stop."""
    stop_since: float | None
    handle: dict[str, Any] | None
    """What the runner knows its process by."""
    offset: int
    trained: dict[str, Any] | None
    """The trainer's last word on this attempt."""
    progress: dict[str, Any] | None
    metrics: dict[str, Any] | None
    champion: int | None
    """The version that the gate holds it against; None before it is evaluated, and for the first of a model."""
    version: int | None
    """What was published."""
    promoted: bool | None
    gate: dict[str, Any] | None
    pruned: bool
    """Whether its checkpoints and samples have been cleared away."""


@dataclass(frozen=True)
class Event:
    """Something that happened to a job."""

    seq: int
    """1, 2, 3, ... within the job."""
    time: float
    type: str
    """`state`, or what the trainer said: started, resumed, progress, samples, metrics, two_sample, checkpoint, warning,
    trained."""
    data: dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """A job that has been asked for and checked, and not yet entered."""

    model: str
    request: dict[str, Any]
    spec: dict[str, Any]
    promote: Promote
    parent: int | None
    by: str
