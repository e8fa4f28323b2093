"""Several runs of one job: the runs of a request, and their views."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, Field

from app.errors import InvalidRequest
from app.retraining.halving import MAX_RUNS, Plan
from app.retraining.job import Job, RunState
from training.spec import TrainingSpec

MAX_FIELDS = 3
"""Maximum number of fields in a grid."""
_NOT_COMPARABLE = ("task", "held_out", "metrics_every")
"""Fields of the spec that decide on which pictures and when KID is measured."""


def _check_values(grid: dict[str, list[Any]]) -> dict[str, list[Any]]:
    for name, values in grid.items():
        nested = [value for value in values if isinstance(value, dict) or _is_nested(value)]
        if nested or len({json.dumps(value) for value in values}) < len(values):
            raise ValueError(f"{name[:80]!r} must be a list of different values that are valid for this field of the spec.")
    return grid


def _is_nested(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(item, list | dict) for item in value)


Runs = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_RUNS,
        description="Number of seeds: `seed`, `seed` + 1, ... With more than one run, those with the highest KID are stopped "
        "early, and the best is evaluated. With `grid`, each combination is trained with each seed.",
    ),
]
Grid = Annotated[
    dict[str, Annotated[list[Any], Field(min_length=1, max_length=MAX_RUNS)]],
    Field(
        max_length=MAX_FIELDS,
        description=f"Values of fields of the TrainingSpec. Each combination is a run; at most {MAX_RUNS} runs with all seeds.",
        examples=[{"gamma": [0.05, 0.1]}],
    ),
    AfterValidator(_check_values),
]
Reduction = Annotated[
    int,
    Field(
        ge=2,
        le=MAX_RUNS,
        description="At each rung, one in this many runs continues. The last rung is at `images / "
        "reduction`. If it is greater than the number of runs, all runs are trained to the end.",
    ),
]


def overrides_of(
    runs: int, grid: Mapping[str, Sequence[Any]], seed: int, set_elsewhere: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the fields in which the runs differ, one dictionary for each run.

    Args:
        runs: number of seeds.
        grid: values by field.
        seed: the first seed.
        set_elsewhere: fields of the spec that are set by another field of the request.

    Raises:
        InvalidRequest: there are too many runs, or a field cannot differ between runs.
    """
    for name in grid:
        if name in set_elsewhere:
            raise InvalidRequest(f"grid.{name} is set by another field. Use {set_elsewhere[name]}.")
        if name in _NOT_COMPARABLE:
            raise InvalidRequest(f"Runs with different {name} cannot be compared by KID. Set it in spec, for all runs.")
    combinations = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    count = runs * len(combinations)
    if count > MAX_RUNS:
        raise InvalidRequest(f"The request is for {count} runs. Request at most {MAX_RUNS}: lower runs, or shorten the grid.")
    seeds = [(seed + n) % 2**32 for n in range(runs)]
    return [{**chosen, **({"seed": each} if runs > 1 else {})} for chosen in combinations for each in seeds]


def metrics_every(plan: Plan, spec: TrainingSpec, chosen: object) -> int:
    """Return the interval of measurements, at most the first rung.

    Args:
        plan: the plan of the population.
        spec: the spec of a run, with the preset's interval.
        chosen: the interval that the request asks for, or None.

    Raises:
        InvalidRequest: the requested interval is longer than the first rung, or zero.
    """
    first = min(plan.rungs, default=spec.images)
    if chosen is None:
        return min(spec.metrics_every or first, first)
    if not isinstance(chosen, int) or not 1 <= chosen <= first:
        raise InvalidRequest(
            f"Runs are compared by KID after {first} images, so spec.metrics_every must be in 1..{first}. Change or omit it."
        )
    return chosen


class RunLinks(BaseModel):
    """Links to the parts of a run."""

    self: str
    events: str
    log: str
    samples: str


class RunView(BaseModel):
    """A run of a population."""

    run: int = Field(description="Number of the run, from 1.")
    id: str = Field(description="Id under /admin/jobs, where it has events, log and samples of its own.")
    state: RunState
    detail: str
    seed: int
    overrides: dict[str, Any] = Field(description="The fields of the spec in which the runs differ.")
    images: int = Field(description="Images that the run has seen.")
    images_per_second: float | None
    part: float = Field(description="Completed share of a whole run, 0 to 1.")
    kid: float | None = Field(description="Lowest KID so far.")
    rungs: int = Field(description="Number of rungs after which the run continued.")
    stopped_at: int | None = Field(description="The rung, in images, at which the run was stopped.")
    interruptions: int
    links: RunLinks

    @classmethod
    def of(cls, run: Job, root_path: str) -> RunView:
        """Build the view of a run. Links include the root path of a reverse proxy."""
        base, progress, member = f"{root_path}/admin/jobs/{run.id}", run.progress or {}, run.member
        if member is None:
            raise ValueError(f"{run.id} is not a run of a population. Restore the job store from a backup.")
        return cls(
            run=member.index,
            id=run.id,
            state=cast(RunState, run.state),
            detail=run.detail,
            seed=run.spec["seed"],
            overrides=member.overrides,
            images=progress.get("images", 0),
            images_per_second=progress.get("images_per_second") if run.state == "running" else None,
            part=1.0 if run.state == "succeeded" else progress.get("part", 0.0),
            kid=member.kid,
            rungs=member.rung,
            stopped_at=member.stopped_at,
            interruptions=run.interruptions,
            links=RunLinks(self=base, events=f"{base}/events", log=f"{base}/log", samples=f"{base}/samples.png"),
        )


class RungView(BaseModel):
    """A rung: where runs are compared."""

    images: int
    keep: int = Field(description="How many runs continue.")
    decided: bool
    kid: dict[str, float | None] = Field(description="Lowest KID up to here by run; null if it was not finite.")
    kept: list[int]
    stopped: list[int]
    failed: list[int] = Field(description="Runs that had failed before.")


class PopulationView(BaseModel):
    """The runs of a job and what has been decided about them."""

    runs: list[RunView]
    rungs: list[RungView]
    reduction: int
    rule: str = Field(description="The rule in words.")
    restored: list[int] = Field(description="Stopped runs that continued, because all others had failed.")
    winner: int | None = Field(description="The run that was evaluated.")

    @classmethod
    def of(cls, plan: Plan, runs: Sequence[Job], root_path: str) -> PopulationView:
        """Build the view of a population."""
        rungs = []
        for at, (images, keep) in enumerate(zip(plan.rungs, plan.keep, strict=True)):
            found = plan.decisions[at] if at < len(plan.decisions) else None
            kid, kept, stopped, failed = (found.kid, found.kept, found.stopped, found.failed) if found else ({}, [], [], [])
            view = RungView(images=images, keep=keep, decided=bool(found), kid=kid, kept=kept, stopped=stopped, failed=failed)
            rungs.append(view)
        return cls(
            runs=[RunView.of(run, root_path) for run in runs],
            rungs=rungs,
            reduction=plan.reduction,
            rule=plan.rule,
            restored=plan.restored,
            winner=next((run.member.index for run in runs if run.member and run.id == plan.winner), None),
        )


class RunOf(BaseModel):
    """The population that a run belongs to."""

    job: str = Field(description="Id of the population.")
    run: int = Field(description="Number of the run, from 1.")
    overrides: dict[str, Any] = Field(description="The fields of the spec in which the runs differ.")
