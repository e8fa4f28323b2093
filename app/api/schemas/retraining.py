"""Requests to retrain, and the models of promotion and the audit log."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.api.schemas.populations import Grid, Reduction, Runs, metrics_every, overrides_of
from app.datasets.catalogue import Catalogue
from app.errors import InvalidRequest, NotFound, TaskMismatch
from app.retraining.halving import Plan
from app.retraining.job import Draft, Promote, RunDraft
from models.aliases import CHAMPION
from models.errors import RepositoryError
from models.history import MOST_CHARACTERS
from models.manifest import NAME_PATTERN, WEIGHTS, Manifest, Task
from models.repository import Repository
from models.version import Version
from training.datasets import DatasetInfo, reference_of
from training.spec import ARCHITECTURE, MAX_IMAGES, DatasetName, PresetName, TrainingSpec

_SET_ELSEWHERE = {
    "preset": "preset",
    "dataset": "dataset",
    "seed": "seed",
    "images": "budget.images",
    "minutes": "budget.minutes",
    "initial_weights": "warm_start",
    "threads": "GAN_TRAINING_THREADS",
}
"""Fields of the spec that are set by another field of the request, or by a setting."""

PROGRESS_EVENTS, SAMPLE_GRIDS = 20, 8
"""Minimum numbers of progress events and sample grids of a run whose budget is in images, if it has as many batches."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Budget(_Body):
    """How long to train: a number of images, or a number of minutes."""

    images: int | None = Field(
        default=None,
        ge=1,
        le=MAX_IMAGES,
        description="Real images shown to the discriminator. A small budget lowers the spec's log_every and sample_every.",
    )
    minutes: float | None = Field(
        default=None, gt=0, le=100_000, description="Minutes of training, regardless of the number of images."
    )

    @model_validator(mode="after")
    def _has_one_limit(self) -> Budget:
        if (self.images is None) == (self.minutes is None):
            raise ValueError("A budget has either images or minutes. Give exactly one of them.")
        return self


def _check_depth(spec: dict[str, Any]) -> dict[str, Any]:
    """Reject values nested deeper than a list. No field of a spec needs them, and an error could not quote them."""
    for name, value in spec.items():
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, list | dict) for item in value)):
            raise ValueError(f"{name[:80]!r} is nested too deeply. Give a value, or a list of values.")
    return spec


class RetrainBody(_Body):
    """The body of `POST /admin/retrain`. Every field is optional."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"preset": "quick", "promote": "if_better", "note": "trying it out"},
                {"preset": "standard", "budget": {"minutes": 30}, "warm_start": True, "spec": {"learning_rate": 1e-4}},
                {"preset": "quick", "runs": 2, "grid": {"gamma": [0.05, 0.1]}},
            ]
        }
    )

    model: str | None = Field(
        default=None, pattern=NAME_PATTERN, description="Model that gets the new version. Default: the model that is served."
    )
    preset: PresetName = Field(default="standard", description="Preset on which the spec is based.")
    spec: Annotated[dict[str, Any], Field(max_length=len(TrainingSpec.model_fields)), AfterValidator(_check_depth)] = Field(
        default_factory=dict,
        description="Fields of the TrainingSpec that differ from the preset; `python -m training train --show` lists them.",
        examples=[{"gamma": 0.5}],
    )
    dataset: DatasetName | None = Field(
        default=None,
        description="Any name in GET /datasets, for its newest version, or name@version. Default: the dataset that the "
        "champion was trained on, or mnist.",
    )
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = Field(
        default=None, description="Seeds weights, data order and noise. Default: a random seed, recorded in the job's spec."
    )
    budget: Budget | None = Field(default=None, description="Default: the preset's number of images.")
    warm_start: bool = Field(default=False, description="Start from the champion's weights instead of random ones.")
    runs: Runs = 1
    grid: Grid = Field(default_factory=dict)
    reduction: Reduction = 2
    promote: Promote = Field(
        default="if_better", description="Whether to serve the new version: if it passes the gate, always, or never."
    )
    note: str = Field(default="", max_length=500, description="Free text, shown with the job.")

    def draft(self, repository: Repository, catalogue: Catalogue, defaults: Mapping[Task, str], threads: int, by: str) -> Draft:
        """Validate the request and return the job to create. Its spec names the version of an imported dataset.

        Args:
            repository: the published versions.
            catalogue: the datasets.
            defaults: the model that gets the new version if the request names none, by task.
            threads: number of torch threads.
            by: the administrator.

        Raises:
            RequestValidationError: the spec is invalid.
            NotFound: the model has no champion to start from, or there is no such dataset.
            InvalidRequest: a field of the spec is not allowed, or the champion cannot be read or used as a start.
        """
        task: Task = "sharpen" if self.preset.startswith("sharpen") else "generate"
        model = self.model or defaults[task]
        champion = _champion(repository, model)
        initial = _weights_of(champion, model) if self.warm_start else None
        dataset = catalogue.info(self.dataset or _dataset_of(champion))
        seed = secrets.randbits(32) if self.seed is None else self.seed
        fields: dict[str, Any] = {**self._overrides(dataset), "seed": seed}
        fields |= {"dataset": dataset.reference, "threads": threads, "initial_weights": initial}
        if self.budget:
            fields |= {"images": self.budget.images or MAX_IMAGES, "minutes": self.budget.minutes}
            fields = {**_intervals(self.preset, self.budget.images, fields.get("batch_size")), **fields}
        if champion and self.warm_start:
            fields = {**{name: champion.spec[name] for name in ARCHITECTURE if name in champion.spec}, **fields}
        specs = [self._spec(fields)]
        plan = None
        overrides = overrides_of(self.runs, self.grid, seed, {**_SET_ELSEWHERE, "seed": "runs"})
        if len(overrides) > 1:
            plan = self._plan(len(overrides), specs[0])
            fields["metrics_every"] = metrics_every(plan, specs[0], self.spec.get("metrics_every"))
        specs = [self._spec(fields | run) for run in overrides]
        for spec in specs:
            self._check(spec, champion, dataset, model)
        return Draft(
            model=model,
            request=self.model_dump(mode="json", exclude_unset=True),
            spec=specs[0].model_dump(mode="json"),
            promote=self.promote,
            parent=champion.version if champion and self.warm_start else None,
            by=by,
            plan=plan,
            runs=tuple(RunDraft(spec.model_dump(mode="json"), run) for spec, run in zip(specs, overrides, strict=True))
            if plan
            else (),
        )

    def _spec(self, fields: dict[str, Any]) -> TrainingSpec:
        try:
            return TrainingSpec.from_preset(self.preset, **fields)
        except ValidationError as error:
            details = [{**item, "loc": ("body", "spec", *item["loc"])} for item in error.errors(include_url=False)]
            raise RequestValidationError(details) from error

    def _plan(self, runs: int, spec: TrainingSpec) -> Plan:
        if spec.minutes is not None:
            raise InvalidRequest("Several runs are compared after equal numbers of images. Use budget.images, or one run.")
        return Plan.of(runs, spec.images, self.reduction)

    def _check(self, spec: TrainingSpec, champion: Manifest | None, dataset: DatasetInfo, model: str) -> None:
        if champion and champion.task != spec.task:
            raise TaskMismatch(
                f"{model} has the task {champion.task}, but the new version would have the task {spec.task}. Name another "
                f"model, or use a preset for the task {champion.task}."
            )
        if champion and self.warm_start:
            _check_fits(spec, champion, dataset)

    def _overrides(self, dataset: DatasetInfo) -> dict[str, Any]:
        for name in self.spec:
            if name in _SET_ELSEWHERE:
                raise InvalidRequest(f"spec.{name} is set by another field. Use {_SET_ELSEWHERE[name]}.")
        if dataset.classes:
            return self.spec
        if "conditional" in self.grid:
            raise InvalidRequest(f"{dataset.name} has no classes. Omit conditional from grid, or choose another dataset.")
        if self.spec.get("conditional"):
            raise InvalidRequest(f"{dataset.name} has no classes. Omit conditional from spec, or choose another dataset.")
        return {**self.spec, "conditional": False}


def _intervals(preset: PresetName, images: int | None, batch: object) -> dict[str, int]:
    """Return the intervals of progress events and sample grids for a budget of images, at most those of the preset."""
    if images is None:
        return {}
    usual = TrainingSpec.from_preset(preset)
    wanted = {"log_every": images // PROGRESS_EVENTS, "sample_every": images // SAMPLE_GRIDS}
    least = batch if isinstance(batch, int) and batch > 0 else usual.batch_size
    return {name: max(least, min(every, getattr(usual, name))) for name, every in wanted.items()}


def _champion(repository: Repository, model: str) -> Manifest | None:
    try:
        number = repository.served_aliases(model).get(CHAMPION)
        return repository.get(model, number).manifest if number else None
    except RepositoryError as error:
        raise InvalidRequest(f"The champion of {model} cannot be read. {error}") from error


def _dataset_of(champion: Manifest | None) -> str:
    return reference_of(champion.dataset.name, champion.dataset.sha256) if champion else "mnist"


def _weights_of(champion: Manifest | None, model: str) -> str:
    if champion is None:
        raise NotFound(f"{model} has no champion to start from. Omit warm_start.")
    if WEIGHTS not in champion.files:
        raise InvalidRequest(
            f"{model}/{champion.version} has no {WEIGHTS} to start from: shipped versions lose it when they are superseded. "
            "Promote a version that has it, or omit warm_start."
        )
    return champion.files[WEIGHTS]


def _check_fits(spec: TrainingSpec, champion: Manifest, dataset: DatasetInfo) -> None:
    theirs = TrainingSpec.model_validate(champion.spec)
    differ = [name for name in ARCHITECTURE if getattr(spec, name) != getattr(theirs, name)]
    if differ:
        raise InvalidRequest(
            f"A warm start keeps the champion's networks, but {' and '.join(differ)} would differ from version "
            f"{champion.version}. Omit them from spec, or omit warm_start."
        )
    if dataset.name != champion.dataset.name or (champion.classes and tuple(dataset.classes) != tuple(champion.classes)):
        raise InvalidRequest(
            f"A warm start keeps the champion's classes, which are from {champion.dataset.name}. Omit dataset or warm_start."
        )


class ChampionBody(_Body):
    """The body of `PUT /admin/models/{name}/champion`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": 2}, {"version": "previous", "reason": "The sevens look like ones."}]}
    )

    version: Annotated[int, Field(ge=1)] | Literal["previous"] = Field(
        description="Version to serve from now on; `previous` undoes the last promotion."
    )
    reason: str = Field(default="", max_length=MOST_CHARACTERS, description="Free text for the champion history.")


class ChampionView(BaseModel):
    """The champion of a model."""

    model: str
    version: int
    previous: int | None = Field(description="The version that was champion before.")
    digest: str = Field(description="sha256 of the generator file.")
    pictures: str = Field(description="URL of a picture drawn by this version.")

    @classmethod
    def of(cls, version: Version, previous: int | None, root_path: str) -> ChampionView:
        """Build the view of a champion. Links include the root path of a reverse proxy."""
        url = f"{root_path}/generate?seed=42&model={version.name}&version={version.number}"
        return cls(model=version.name, version=version.number, previous=previous, digest=version.manifest.digest, pictures=url)


class AuditEntry(BaseModel):
    """An administrative action or an attempt at one."""

    id: int
    time: datetime
    who: str | None = Field(description="Name of the token; null if the token was wrong.")
    client: str | None
    action: str
    target: str
    status: int
    outcome: str = Field(description="ok, or the error code.")


class Audit(BaseModel):
    """The audit log, newest first."""

    entries: list[AuditEntry]
