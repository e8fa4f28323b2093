"""Successive halving: which runs of a population continue.

All runs train up to a number of images, the *rung*. Those with the lowest KID continue to the next rung, the others are
stopped. The rule is that of Jamieson and Talwalkar (arXiv:1502.07943), with the geometric budgets of Hyperband
(arXiv:1603.06560). A run that reaches a rung waits for the others, unlike in the asynchronous variant (arXiv:1810.05934), so
that the result depends neither on the number of runs that train at once nor on their speed. This module only computes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

MAX_RUNS = 16
"""Maximum number of runs in a population."""


@dataclass(frozen=True)
class Decision:
    """What was decided at a rung. Runs are named by their numbers in the population, from 1."""

    images: int
    """The rung."""
    kid: dict[str, float | None]
    """Lowest KID of each run up to the rung. None if it was not finite."""
    kept: list[int]
    stopped: list[int]
    failed: list[int]
    """Runs that had failed before the rung."""


@dataclass(frozen=True)
class Plan:
    """The plan of a population, and what has been decided."""

    runs: int
    """Number of runs at the start."""
    reduction: int
    """The factor by which the number of runs falls at each rung."""
    rungs: list[int]
    """Numbers of images, ascending."""
    keep: list[int]
    """How many runs continue after each rung."""
    decisions: list[Decision] = field(default_factory=list)
    """One for each rung that all runs have reached."""
    restored: list[int] = field(default_factory=list)
    """Stopped runs that continued after all, because all others had failed."""
    winner: str | None = None
    """Id of the run that was evaluated."""

    @classmethod
    def of(cls, runs: int, images: int, reduction: int) -> Plan:
        """Return the plan for runs of a number of images. The last rung is at images / reduction.

        With fewer runs than `reduction` there are no rungs, and all runs train to the end.
        """
        levels = 0
        while runs >= reduction ** (levels + 1):
            levels += 1
        rungs = [max(1, math.ceil(images / reduction ** (levels - level))) for level in range(levels)]
        return cls(runs, reduction, rungs, [runs // reduction ** (level + 1) for level in range(levels)])

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Plan:
        """Read a stored plan."""
        return cls(**{**content, "decisions": [Decision(**decision) for decision in content["decisions"]]})

    def to_json(self) -> dict[str, Any]:
        """Return the plan as stored."""
        return asdict(self)

    @property
    def rung(self) -> int | None:
        """Index of the rung that has not been decided yet, or None after the last."""
        return len(self.decisions) if len(self.decisions) < len(self.rungs) else None

    @property
    def rule(self) -> str:
        """The rule in words."""
        if not self.rungs:
            return "All runs train to the end. The one with the lowest KID is evaluated."
        stages = ", ".join(f"{keep} after {images:,}" for images, keep in zip(self.rungs, self.keep, strict=True))
        return (
            f"Successive halving (arXiv:1603.06560) with factor {self.reduction}: of {self.runs} runs, those with the lowest "
            f"KID continue ({stages} images). The one with the lowest KID at the end is evaluated."
        )

    def images_of(self, whole: int) -> int:
        """Return how many images all runs together train on, if none fails. `whole` is the budget of one run."""
        total, before = 0, 0
        for images, runs in zip([*self.rungs, whole], [self.runs, *self.keep], strict=True):
            total, before = total + runs * (images - before), images
        return total


@dataclass(frozen=True)
class Member:
    """The membership of a run in a population."""

    index: int
    """Number of the run in its population, from 1."""
    overrides: dict[str, Any]
    """The fields of the spec in which the runs of the population differ."""
    kid: float | None = None
    """Lowest KID so far."""
    at_rungs: list[float | None] = field(default_factory=list)
    """Lowest KID up to each rung that the run has reached."""
    rung: int = 0
    """Number of decisions that the run has survived."""
    stopped_at: int | None = None
    """The rung, in images, at which the run was stopped."""

    def to_json(self) -> dict[str, Any]:
        """Return the membership as stored."""
        return asdict(self)

    @property
    def is_waiting(self) -> bool:
        """Whether the run has reached a rung that has not been decided."""
        return len(self.at_rungs) > self.rung

    def measured(self, images: int, kid: float | None, rungs: Sequence[int]) -> Member:
        """Return the membership after a measurement. A rung is reached with the first measurement at or after it."""
        lowest = min((value for value in (self.kid, kid) if value is not None), default=None)
        reached = list(self.at_rungs)
        while len(reached) < len(rungs) and images >= rungs[len(reached)]:
            reached.append(lowest)
        return replace(self, kid=lowest, at_rungs=reached)

    def ended(self, rungs: Sequence[int]) -> Member:
        """Return the membership of a run whose training is complete. It takes part in the later rungs with its lowest KID."""
        return replace(self, at_rungs=[*self.at_rungs, *[self.kid] * (len(rungs) - len(self.at_rungs))])


def by_kid(member: Member, kid: float | None) -> tuple[bool, float, int]:
    """Return the sort key of a run: lower KID first, then the lower number. A KID that is not finite is the worst."""
    return kid is None, 0.0 if kid is None else kid, member.index


def decide(plan: Plan, members: Sequence[Member], failed: Sequence[int]) -> Decision:
    """Decide which runs continue after the next rung. The same members always give the same decision.

    Args:
        plan: the plan. Its next rung has been reached by all members.
        members: the runs that can continue.
        failed: numbers of the runs that failed before.
    """
    at = len(plan.decisions)
    ranked = sorted(members, key=lambda member: by_kid(member, member.at_rungs[at]))
    kept = sorted(member.index for member in ranked[: plan.keep[at]])
    stopped = sorted(member.index for member in ranked[plan.keep[at] :])
    kid = {str(member.index): member.at_rungs[at] for member in sorted(members, key=lambda member: member.index)}
    return Decision(plan.rungs[at], kid, kept, stopped, sorted(failed))
