"""Which dataset a job trains on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.api.schemas.retraining import RetrainBody
from app.datasets.catalogue import Catalogue
from app.errors import DatasetUnknown, InvalidRequest
from app.retraining.halving import Plan
from app.retraining.job import Draft
from models.manifest import WEIGHTS
from models.repository import Repository
from tests.training.datasets.pictures import contents
from training.datasets import PUBLISHED, DatasetRegistry, Entry


@pytest.fixture
def registry(tmp_path: Path) -> DatasetRegistry:
    return DatasetRegistry(tmp_path / "datasets")


def add(registry: DatasetRegistry, name: str, *, seed: int = 0, classes: tuple[str, ...] = ("bar", "box")) -> Entry:
    return registry.add(name, contents(seed=seed, classes=classes), title=name, licence="CC0")


def spec_of(repository: Repository, registry: DatasetRegistry, **body: Any) -> dict[str, Any]:
    defaults = {"generate": "digits", "sharpen": "sharpen-digits"}
    return RetrainBody(**body).draft(repository, Catalogue(registry), defaults, 1, "alice").spec  # type: ignore[arg-type]


def trained_on(repository: Repository, entry: Entry, **changes: object) -> None:
    """Change the manifest of digits/1 as if it had been trained on a dataset."""
    path = repository.get("digits", 1).path / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["dataset"] |= {"name": entry.name, "sha256": entry.digest}
    path.write_text(json.dumps(manifest | changes))


def with_weights(repository: Repository) -> None:
    """Change the manifest of digits/1 as if it had weights."""
    path = repository.get("digits", 1).path / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"][WEIGHTS] = "0" * 64
    path.write_text(json.dumps(manifest))


def test_a_job_trains_on_the_version_that_was_newest_when_it_was_requested(
    repository: Repository, registry: DatasetRegistry
) -> None:
    first, second = add(registry, "mine"), add(registry, "mine", seed=1)
    assert first.reference != second.reference
    spec = spec_of(repository, registry, dataset="mine")
    assert (spec["dataset"], spec["conditional"]) == (second.reference, True)
    assert spec_of(repository, registry, dataset=first.reference)["dataset"] == first.reference
    assert spec_of(repository, registry, dataset="fashion-mnist")["dataset"] == "fashion-mnist"


def test_an_unknown_dataset_is_rejected_and_the_known_ones_are_named(repository: Repository, registry: DatasetRegistry) -> None:
    add(registry, "mine")
    with pytest.raises(DatasetUnknown, match=f"choose one of {', '.join(PUBLISHED)}, mine"):
        spec_of(repository, registry, dataset="cifar")
    with pytest.raises(DatasetUnknown, match="mine has no version"):
        spec_of(repository, registry, dataset="mine@0123456789ab")


def test_a_model_of_a_dataset_without_classes_is_unconditional(repository: Repository, registry: DatasetRegistry) -> None:
    add(registry, "plain", classes=())
    assert spec_of(repository, registry, dataset="plain")["conditional"] is False
    assert spec_of(repository, registry, dataset="plain", spec={"conditional": False})["conditional"] is False
    with pytest.raises(InvalidRequest, match="plain has no classes"):
        spec_of(repository, registry, dataset="plain", spec={"conditional": True})


def test_the_default_is_exactly_the_dataset_of_the_champion(repository: Repository, registry: DatasetRegistry) -> None:
    assert spec_of(repository, registry)["dataset"] == "mnist"
    entry = add(registry, "mine")
    add(registry, "mine", seed=1)
    trained_on(repository, entry)
    assert spec_of(repository, registry)["dataset"] == entry.reference
    registry.remove(entry.reference)
    with pytest.raises(DatasetUnknown, match="Choose one of"):
        spec_of(repository, registry)


def test_a_warm_start_may_use_more_pictures_of_the_same_classes_and_no_others(
    repository: Repository, registry: DatasetRegistry
) -> None:
    entry, other = add(registry, "mine"), add(registry, "other")
    trained_on(repository, entry, classes=["bar", "box"])
    with_weights(repository)
    grown = add(registry, "mine", seed=1)
    assert spec_of(repository, registry, dataset="mine", warm_start=True)["dataset"] == grown.reference
    with pytest.raises(InvalidRequest, match="keeps the champion's classes"):
        spec_of(repository, registry, dataset=other.reference, warm_start=True)
    add(registry, "mine", classes=("bar", "circle"))
    with pytest.raises(InvalidRequest, match="keeps the champion's classes"):
        spec_of(repository, registry, dataset="mine", warm_start=True)


def test_a_warm_start_keeps_the_networks_and_the_dataset_of_the_champion(
    repository: Repository, registry: DatasetRegistry
) -> None:
    with_weights(repository)
    assert spec_of(repository, registry, warm_start=True)["initial_weights"] == "0" * 64
    with pytest.raises(InvalidRequest, match="z_dim would differ from version 1"):
        spec_of(repository, registry, warm_start=True, spec={"z_dim": 64})
    with pytest.raises(InvalidRequest, match="Omit dataset"):
        spec_of(repository, registry, warm_start=True, dataset="fashion-mnist")


def test_a_warm_start_from_a_superseded_version_says_that_its_weights_are_gone(
    repository: Repository, registry: DatasetRegistry
) -> None:
    assert spec_of(repository, registry)["initial_weights"] is None
    with pytest.raises(InvalidRequest, match=r"digits/1 has no weights.pt to start from.*Promote a version that has it"):
        spec_of(repository, registry, warm_start=True)


def draft_of(repository: Repository, registry: DatasetRegistry, **body: Any) -> Draft:
    defaults = {"generate": "digits", "sharpen": "sharpen-digits"}
    return RetrainBody(**body).draft(repository, Catalogue(registry), defaults, 1, "alice")  # type: ignore[arg-type]


def test_each_combination_of_a_grid_is_trained_with_each_seed(repository: Repository, registry: DatasetRegistry) -> None:
    grid = {"gamma": [0.05, 0.1], "generator_widths": [[64, 24, 16], [32, 16, 8]]}
    draft = draft_of(repository, registry, preset="quick", seed=2**32 - 1, runs=2, grid=grid)
    assert [run.overrides for run in draft.runs][:3] == [
        {"gamma": 0.05, "generator_widths": [64, 24, 16], "seed": 2**32 - 1},
        {"gamma": 0.05, "generator_widths": [64, 24, 16], "seed": 0},
        {"gamma": 0.05, "generator_widths": [32, 16, 8], "seed": 2**32 - 1},
    ]
    assert len(draft.runs) == 8
    assert draft.runs[7].spec["gamma"] == 0.1
    assert draft.runs[7].spec["generator_widths"] == [32, 16, 8]
    assert draft.spec == draft.runs[0].spec
    assert draft.plan == Plan.of(8, 100_000, 2)
    assert {run.spec["metrics_every"] for run in draft.runs} == {12_500}, "KID is measured at the first rung"


def test_a_single_run_is_a_plain_job(repository: Repository, registry: DatasetRegistry) -> None:
    for body in ({"runs": 1}, {"grid": {}}, {"runs": 1, "grid": {"gamma": [0.05]}}):
        draft = draft_of(repository, registry, preset="quick", **body)
        assert (draft.plan, draft.runs) == (None, ())
        assert draft.spec["gamma"] == 0.05
        assert draft.spec["metrics_every"] == 25_000


def test_a_grid_without_seeds_uses_one_seed(repository: Repository, registry: DatasetRegistry) -> None:
    draft = draft_of(repository, registry, preset="quick", seed=7, reduction=3, grid={"learning_rate": [1e-3, 5e-4, 2e-4]})
    assert [run.overrides for run in draft.runs] == [{"learning_rate": 1e-3}, {"learning_rate": 5e-4}, {"learning_rate": 2e-4}]
    assert {run.spec["seed"] for run in draft.runs} == {7}
    assert draft.plan
    assert (draft.plan.rungs, draft.plan.keep) == ([33_334], [1])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"runs": 9, "grid": {"gamma": [0.1, 0.2]}}, "The request is for 18 runs. Request at most 16"),
        ({"grid": {"seed": [1, 2]}}, "grid.seed is set by another field. Use runs"),
        ({"grid": {"images": [1, 2]}}, "Use budget.images"),
        ({"grid": {"held_out": [0, 1000]}}, "cannot be compared by KID"),
        ({"runs": 2, "budget": {"minutes": 5.0}}, "Use budget.images, or one run"),
        ({"runs": 4, "spec": {"metrics_every": 50_000}}, "spec.metrics_every must be in 1..25000"),
        ({"runs": 4, "spec": {"metrics_every": 0}}, "spec.metrics_every must be in 1..25000"),
    ],
)
def test_runs_that_cannot_be_compared_are_rejected(
    repository: Repository, registry: DatasetRegistry, body: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        draft_of(repository, registry, preset="quick", **body)


def test_each_run_of_a_grid_is_validated(repository: Repository, registry: DatasetRegistry) -> None:
    with pytest.raises(RequestValidationError):
        draft_of(repository, registry, preset="quick", grid={"gamma": [0.1, -1]})
    with pytest.raises(RequestValidationError):
        draft_of(repository, registry, preset="quick", grid={"gama": [0.1, 1]})
    for grid in ({"gamma": []}, {"gamma": [0.1, 0.1]}, {"gamma": [{}]}, {"generator_widths": [[[1]]]}, {"gamma": 0.1}):
        with pytest.raises(ValidationError):
            RetrainBody(grid=grid)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        RetrainBody(grid={name: [1] for name in "abcd"})
    entry = add(registry, "unlabelled", classes=())
    with pytest.raises(InvalidRequest, match=r"has no classes\. Omit conditional from grid"):
        draft_of(repository, registry, dataset=entry.reference, model="new", grid={"conditional": [True, False]})
