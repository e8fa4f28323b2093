"""What the retraining routes read and write."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.errors import InvalidRequest, NotFound
from app.retraining.job import ENDED, RESUMABLE, Draft, Job, Promote, State
from models.errors import RepositoryError
from models.manifest import NAME_PATTERN, WEIGHTS, Gate, Manifest
from models.repository import CHAMPION, Repository
from models.version import Version
from training.spec import ARCHITECTURE, MAX_IMAGES, DatasetName, PresetName, TrainingSpec

_ELSEWHERE = {
    "preset": "preset",
    "dataset": "dataset",
    "seed": "seed",
    "images": "budget.images",
    "minutes": "budget.minutes",
    "initial_weights": "warm_start",
    "threads": "GAN_TRAINING_THREADS",
}
"""Fields of the spec that a request sets by another name."""


TOLD_TIMES, DRAWN_TIMES = 20, 8
"""How often a run that is short by its budget of images tells its losses, and draws its grid, if it has as many batches."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Budget(_Body):
    """How long to train: so many images, or so many minutes."""

    images: int | None = Field(
        default=None,
        ge=1,
        le=MAX_IMAGES,
        description="Real images shown to the discriminator. Of few, the spec's log_every and sample_every follow.",
    )
    minutes: float | None = Field(default=None, gt=0, le=100_000, description="Minutes of training, whatever the images.")

    @model_validator(mode="after")
    def _is_one_of_the_two(self) -> Budget:
        if (self.images is None) == (self.minutes is None):
            raise ValueError("A budget is either images or minutes. Give one of them.")
        return self


def _shallow(spec: dict[str, Any]) -> dict[str, Any]:
    """No field of a spec is deeper than a list; what is, could not even be told back."""
    for name, value in spec.items():
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, list | dict) for item in value)):
            raise ValueError(f"{name[:80]!r} is nested too deep. Give a value, or a list of values.")
    return spec


class RetrainBody(_Body):
    """The body of `POST /admin/retrain`. All of it may be left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"preset": "quick", "promote": "if_better", "note": "trying it out"},
                {"preset": "standard", "budget": {"minutes": 30}, "warm_start": True, "spec": {"learning_rate": 1e-4}},
            ]
        }
    )

    model: str | None = Field(
        default=None, pattern=NAME_PATTERN, description="Model to make a version of; by default the one that is served."
    )
    preset: PresetName = Field(default="standard", description="Where the spec starts from.")
    spec: Annotated[dict[str, Any], Field(max_length=len(TrainingSpec.model_fields)), AfterValidator(_shallow)] = Field(
        default_factory=dict,
        description="Fields of the TrainingSpec that differ from the preset; `python -m training train --show` lists them.",
        examples=[{"gamma": 0.5}],
    )
    dataset: DatasetName | None = Field(default=None, description="By default what the champion was trained on, or mnist.")
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = Field(
        default=None, description="Seeds weights, data order and noise. By default a fresh one, told in the job's spec."
    )
    budget: Budget | None = Field(default=None, description="By default the preset's images.")
    warm_start: bool = Field(default=False, description="Start from the champion's weights instead of random ones.")
    promote: Promote = Field(
        default="if_better", description="Whether the new version is put into service: by the gate's rule, in any case, or not."
    )
    note: str = Field(default="", max_length=500, description="For whoever reads the job.")

    def draft(self, repository: Repository, default_model: str, threads: int, by: str) -> Draft:
        """The job that is asked for, validated in full.

        Raises:
            RequestValidationError: the spec is none.
            NotFound, InvalidRequest: there is no champion to start from, or it cannot be started from.
        """
        model = self.model or default_model
        champion = _champion(repository, model)
        initial = _weights_of(champion, model) if self.warm_start else None
        fields: dict[str, Any] = {**self._overrides(), "seed": secrets.randbits(32) if self.seed is None else self.seed}
        fields |= {"dataset": self.dataset or _dataset_of(champion), "threads": threads, "initial_weights": initial}
        if self.budget:
            fields |= {"images": self.budget.images or MAX_IMAGES, "minutes": self.budget.minutes}
            fields = {**_intervals(self.preset, self.budget.images, fields.get("batch_size")), **fields}
        if champion and self.warm_start:
            fields = {**{name: champion.spec[name] for name in ARCHITECTURE if name in champion.spec}, **fields}
        try:
            spec = TrainingSpec.from_preset(self.preset, **fields)
        except ValidationError as error:
            faults = [{**fault, "loc": ("body", "spec", *fault["loc"])} for fault in error.errors(include_url=False)]
            raise RequestValidationError(faults) from error
        if champion and self.warm_start:
            _check_fits(spec, champion)
        return Draft(
            model=model,
            request=self.model_dump(mode="json", exclude_unset=True),
            spec=spec.model_dump(mode="json"),
            promote=self.promote,
            parent=champion.version if champion and self.warm_start else None,
            by=by,
        )

    def _overrides(self) -> dict[str, Any]:
        for name in self.spec:
            if name in _ELSEWHERE:
                raise InvalidRequest(f"spec.{name} is set by another field. Use {_ELSEWHERE[name]}.")
        return self.spec


def _intervals(preset: PresetName, images: int | None, batch: object) -> dict[str, int]:
    """How often a run of so many images tells of itself: no more seldom than the preset, and often enough to be watched."""
    if images is None:
        return {}
    usual = TrainingSpec.from_preset(preset)
    wanted = {"log_every": images // TOLD_TIMES, "sample_every": images // DRAWN_TIMES}
    least = batch if isinstance(batch, int) and batch > 0 else usual.batch_size
    return {name: max(least, min(every, getattr(usual, name))) for name, every in wanted.items()}


def _champion(repository: Repository, model: str) -> Manifest | None:
    try:
        number = repository.served_aliases(model).get(CHAMPION)
        return repository.get(model, number).manifest if number else None
    except RepositoryError as error:
        raise InvalidRequest(f"The champion of {model} cannot be read. {error}") from error


def _dataset_of(champion: Manifest | None) -> str:
    return champion.dataset.name if champion else "mnist"


def _weights_of(champion: Manifest | None, model: str) -> str:
    if champion is None:
        raise NotFound(f"{model} has no champion to start from. Leave out warm_start.")
    if WEIGHTS not in champion.files:
        raise InvalidRequest(f"{model}/{champion.version} came without {WEIGHTS} to start from. Leave out warm_start.")
    return champion.files[WEIGHTS]


def _check_fits(spec: TrainingSpec, champion: Manifest) -> None:
    theirs = TrainingSpec.model_validate(champion.spec)
    differ = [name for name in ARCHITECTURE if getattr(spec, name) != getattr(theirs, name)]
    if differ:
        raise InvalidRequest(
            f"A warm start keeps the champion's networks, but {' and '.join(differ)} would differ from those of version "
            f"{champion.version}. Leave them out of spec, or leave out warm_start."
        )
    if spec.dataset != champion.dataset.name:
        raise InvalidRequest(
            f"A warm start goes on with the champion's classes, which are those of {champion.dataset.name}. Leave out dataset, "
            "or warm_start."
        )


class JobLinks(BaseModel):
    """Where more is to be had."""

    self: str
    events: str = Field(description="Server-sent events.")
    log: str
    samples: str = Field(description="The newest sample grid; `?images=` gives an earlier one.")
    cancel: str | None = Field(description="POST here to cancel it; None if it has ended.")
    resume: str | None = Field(description="POST here to go on with it; None if it cannot be resumed.")


class JobView(BaseModel):
    """A job as JSON."""

    id: str
    number: int = Field(description="Its place in the order of requests.")
    state: State
    detail: str = Field(description="Why it is in this state; for one that failed, with the remedy.")
    model: str
    promote: Promote
    note: str
    by: str = Field(description="Name of the token that asked for it.")
    created: datetime
    started: datetime | None
    ended: datetime | None
    interruptions: int = Field(description="How often it was cut off and went on by itself.")
    cancelling: bool = Field(description="Whether it has been asked to stop and has not stopped yet.")
    part: float = Field(description="How much of the training is over, from 0 to 1.")
    progress: dict[str, Any] | None = Field(description="The trainer's newest figures.")
    metrics: dict[str, Any] | None = Field(description="The newest KID and FID.")
    spec: dict[str, Any] = Field(description="The whole TrainingSpec.")
    parent: int | None = Field(description="The version it starts from.")
    version: int | None = Field(description="The version it published.")
    promoted: bool | None = Field(description="Whether that was put into service.")
    gate: Gate | None = Field(description="How it was held against the champion.")
    links: JobLinks

    @classmethod
    def of(cls, job: Job, root_path: str) -> JobView:
        """A job as the caller sees it, behind whatever proxy."""
        base = f"{root_path}/admin/jobs/{job.id}"
        said = (job.progress or {}).get("part")
        so_far = float(said) if isinstance(said, int | float) else 0.0
        part = 1.0 if job.state in ("evaluating", "succeeded") else so_far
        return cls(
            id=job.id,
            number=job.number,
            state=job.state,
            detail=job.detail,
            model=job.model,
            promote=job.promote,
            note=str(job.request.get("note", "")),
            by=job.by,
            created=_time(job.created),
            started=_time(job.started) if job.started else None,
            ended=_time(job.ended) if job.ended else None,
            interruptions=job.interruptions,
            cancelling=job.cancel and job.state not in ENDED,
            part=part,
            progress=job.progress,
            metrics=job.metrics,
            spec=job.spec,
            parent=job.parent,
            version=job.version,
            promoted=job.promoted,
            gate=Gate.model_validate(job.gate) if job.gate else None,
            links=JobLinks(
                self=base,
                events=f"{base}/events",
                log=f"{base}/log",
                samples=f"{base}/samples.png",
                cancel=f"{base}/cancel" if job.state not in ENDED else None,
                resume=f"{base}/resume" if job.state in RESUMABLE and not job.pruned else None,
            ),
        )


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobView]
    trainers: int = Field(description="Processes that could train, one of which does at a time.")
    next: str | None = Field(description="Where older ones are.")


class ChampionBody(_Body):
    """The body of `PUT /admin/models/{name}/champion`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 2}, {"version": "previous"}]})

    version: Annotated[int, Field(ge=1)] | Literal["previous"] = Field(
        description="The version to serve from now on; `previous` rolls the last promotion back."
    )


class ChampionView(BaseModel):
    """Who is champion."""

    model: str
    version: int
    previous: int | None = Field(description="Who was before.")
    digest: str = Field(description="sha256 of its generator.")
    pictures: str = Field(description="A call that draws with it.")

    @classmethod
    def of(cls, version: Version, previous: int | None, root_path: str) -> ChampionView:
        """A champion as the caller sees it."""
        url = f"{root_path}/generate?seed=42&model={version.name}&version={version.number}"
        return cls(model=version.name, version=version.number, previous=previous, digest=version.manifest.digest, pictures=url)


class AuditEntry(BaseModel):
    """One action of an administrator, or an attempt at one."""

    id: int
    time: datetime
    who: str | None = Field(description="Name of the token; None if it was a wrong one.")
    client: str | None
    action: str
    target: str
    status: int
    outcome: str = Field(description="ok, or the code of the error.")


class Audit(BaseModel):
    """The audit log, newest first."""

    entries: list[AuditEntry]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
