"""A job and its states.

queued -> running -> evaluating -> succeeded
^          |           |
|          +-----------+--> failed, cancelled
+-- interrupted <------+         (queued again automatically, at most three times; then it stays interrupted)

A population is a job with several runs, of which the best is evaluated. Each run is a job of its own, with these states:

queued -> running -> succeeded, failed, cancelled, interrupted
^          |
+------ paused -> eliminated     (at a rung, until all runs have reached it)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from app.retraining.halving import Member, Plan

if TYPE_CHECKING:  # a service without administration never imports the database
    from sqlalchemy import RowMapping

State = Literal["queued", "running", "evaluating", "succeeded", "failed", "cancelled", "interrupted"]
RunState = Literal["queued", "running", "paused", "succeeded", "eliminated", "failed", "cancelled", "interrupted"]
"""States of a run of a population."""
AnyState = State | RunState
Promote = Literal["if_better", "always", "never"]
ACTIVE: tuple[State, ...] = ("running", "evaluating")
ENDED: tuple[AnyState, ...] = ("succeeded", "failed", "cancelled", "interrupted", "eliminated")
OUT: tuple[State, ...] = ("failed", "interrupted")
"""States of a run that its population goes on without."""
RESUMABLE: tuple[State, ...] = ("failed", "cancelled", "interrupted")
MAX_INTERRUPTIONS = 3


@dataclass(frozen=True)
class Job:
    """A retraining job. Times are in seconds since the epoch."""

    number: int
    """Sequence number in the order of requests."""
    id: str
    state: AnyState
    detail: str
    """Why the job is in this state. If it failed, this includes the remedy."""
    model: str
    request: dict[str, Any]
    """The original request."""
    spec: dict[str, Any]
    """The complete TrainingSpec. Of a population: that of the first run, and once it is known, that of the best."""
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
    population: str | None
    """Of a run: the id of its population."""
    plan: Plan | None
    """Of a population: its plan."""
    member: Member | None
    """Of a run: its membership."""

    @classmethod
    def of(cls, row: RowMapping) -> Job:
        """Read a job from its row in the job store."""
        plan, member = row["plan"], row["member"]
        typed = {"plan": plan and Plan.from_json(plan), "member": member and Member(**member)}
        return cls(**{**row, **typed})

    @property
    def run_id(self) -> str:
        """Id of the job in whose folder the evaluation runs: of a population, that of its best run."""
        return (self.plan and self.plan.winner) or self.id

    @property
    def must_stop(self) -> bool:
        """Whether the trainer must stop: the job is cancelled, or the run was eliminated or waits at a rung."""
        if self.member and (self.member.stopped_at is not None or self.member.is_waiting):
            return True
        return self.cancel


@dataclass(frozen=True)
class Event:
    """An event in the life of a job."""

    seq: int
    """1, 2, 3, ... within the job."""
    time: float
    type: str
    """`state`, `cancel`, or an event of the trainer: started, resumed, progress, samples, metrics, two_sample, checkpoint,
    warning, trained. Of a population: `state`, `cancel`, `run` (a run changed its state), `rung` (a decision), `restored`, and
    `started`, `resumed`, `progress`, `samples`, `metrics` and `warning` of its runs, each with the number of its `run`."""
    data: dict[str, Any]


@dataclass(frozen=True)
class RunDraft:
    """A run of a population that is not in the store yet."""

    spec: dict[str, Any]
    overrides: dict[str, Any]
    """The fields in which the runs differ."""


@dataclass(frozen=True)
class Draft:
    """A validated request for a job that is not in the store yet."""

    model: str
    request: dict[str, Any]
    spec: dict[str, Any]
    promote: Promote
    parent: int | None
    by: str
    plan: Plan | None = None
    """Of a population: its plan."""
    runs: tuple[RunDraft, ...] = ()
    """Of a population: its runs."""
