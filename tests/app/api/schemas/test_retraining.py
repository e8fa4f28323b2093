"""Which dataset a job trains on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.api.schemas.retraining import RetrainBody
from app.datasets.catalogue import Catalogue
from app.errors import DatasetUnknown, InvalidRequest
from models.manifest import WEIGHTS
from models.repository import Repository
from tests.training.datasets.pictures import contents
from training.datasets import SOURCES, Entry, Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "datasets")


def add(registry: Registry, name: str, *, seed: int = 0, classes: tuple[str, ...] = ("bar", "box")) -> Entry:
    return registry.add(name, contents(seed=seed, classes=classes), title=name, licence="CC0")


def spec_of(repository: Repository, registry: Registry, **body: Any) -> dict[str, Any]:
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


def test_a_job_trains_on_the_version_that_was_newest_when_it_was_requested(repository: Repository, registry: Registry) -> None:
    first, second = add(registry, "mine"), add(registry, "mine", seed=1)
    assert first.reference != second.reference
    spec = spec_of(repository, registry, dataset="mine")
    assert (spec["dataset"], spec["conditional"]) == (second.reference, True)
    assert spec_of(repository, registry, dataset=first.reference)["dataset"] == first.reference
    assert spec_of(repository, registry, dataset="fashion-mnist")["dataset"] == "fashion-mnist"


def test_an_unknown_dataset_is_rejected_and_the_known_ones_are_named(repository: Repository, registry: Registry) -> None:
    add(registry, "mine")
    with pytest.raises(DatasetUnknown, match=f"choose one of {', '.join(SOURCES)}, mine"):
        spec_of(repository, registry, dataset="cifar")
    with pytest.raises(DatasetUnknown, match="mine has no version"):
        spec_of(repository, registry, dataset="mine@0123456789ab")


def test_a_model_of_a_dataset_without_classes_is_unconditional(repository: Repository, registry: Registry) -> None:
    add(registry, "plain", classes=())
    assert spec_of(repository, registry, dataset="plain")["conditional"] is False
    assert spec_of(repository, registry, dataset="plain", spec={"conditional": False})["conditional"] is False
    with pytest.raises(InvalidRequest, match="plain has no classes"):
        spec_of(repository, registry, dataset="plain", spec={"conditional": True})


def test_the_default_is_exactly_the_dataset_of_the_champion(repository: Repository, registry: Registry) -> None:
    assert spec_of(repository, registry)["dataset"] == "mnist"
    entry = add(registry, "mine")
    add(registry, "mine", seed=1)
    trained_on(repository, entry)
    assert spec_of(repository, registry)["dataset"] == entry.reference
    registry.remove(entry.reference)
    with pytest.raises(DatasetUnknown, match="Choose one of"):
        spec_of(repository, registry)


def test_a_warm_start_may_use_more_pictures_of_the_same_classes_and_no_others(
    repository: Repository, registry: Registry
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


def test_a_warm_start_keeps_the_networks_and_the_dataset_of_the_champion(repository: Repository, registry: Registry) -> None:
    with_weights(repository)
    assert spec_of(repository, registry, warm_start=True)["initial_weights"] == "0" * 64
    with pytest.raises(InvalidRequest, match="z_dim would differ from version 1"):
        spec_of(repository, registry, warm_start=True, spec={"z_dim": 64})
    with pytest.raises(InvalidRequest, match="Omit dataset"):
        spec_of(repository, registry, warm_start=True, dataset="fashion-mnist")


def test_a_warm_start_from_a_superseded_version_says_that_its_weights_are_gone(
    repository: Repository, registry: Registry
) -> None:
    assert spec_of(repository, registry)["initial_weights"] is None
    with pytest.raises(InvalidRequest, match=r"digits/1 has no weights.pt to start from.*Promote a version that has it"):
        spec_of(repository, registry, warm_start=True)
