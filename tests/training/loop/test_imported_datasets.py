"""Training, export and evaluation on imported datasets, with and without classes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from models.repository import Repository
from tests.training.conftest import finished, small_sharpen_spec, small_spec
from tests.training.datasets.pictures import contents
from training import datasets
from training.datasets import DatasetRegistry, tensors
from training.errors import TrainingError
from training.evaluation import judges
from training.export import networks
from training.export.build import PARITY_SEEDS, export, load_trained
from training.loop import run, stopping
from training.loop.run_folder import RunFolder, read_events
from training.loop.stop_request import Stop


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetRegistry:
    monkeypatch.setenv(datasets.DATASETS_VARIABLE, str(tmp_path / "datasets"))
    monkeypatch.setattr(judges, "MIN_STEPS", 30)
    monkeypatch.setattr(judges, "EPOCHS", {"conv": 1, "mlp": 1})
    return DatasetRegistry()


@pytest.mark.parametrize("classes", [("bar", "box"), ()])
def test_an_imported_dataset_is_trained_on_exported_and_measured(
    store: DatasetRegistry, tmp_path: Path, classes: tuple[str, ...]
) -> None:
    entry = store.add("shapes", contents(120, 40, classes=classes), title="Shapes", licence="CC0")
    spec = small_spec(dataset=entry.reference, conditional=bool(classes), images=64, metrics_every=32)
    folder = finished(tmp_path / "run", spec)
    events = read_events(folder.events)
    prepared = list(itertools.takewhile(lambda event: event["event"] == "preparing", events))
    parts = [0.0, *(event["part"] for event in prepared)]
    assert len(prepared) >= 1
    assert parts == sorted(set(parts))
    assert {event["dataset"] for event in prepared} == {entry.reference}
    event, started = events[len(prepared) : len(prepared) + 2]
    assert (event["event"], started["event"]) == ("judge", "started")
    assert event["dataset"] == entry.reference
    assert event["accuracy"] > 0.9 if classes else 0 < event["error"] < 0.3
    version = export(load_trained(folder), "shapes", Repository(tmp_path / "models"))
    manifest = version.manifest
    assert manifest.classes == classes
    assert manifest.dataset.model_dump() == {"name": "shapes", "title": "Shapes", "licence": "CC0", "sha256": entry.digest}
    assert manifest.spec["dataset"] == entry.reference
    assert {"fid", "kid_test", "coverage", "c2st_accuracy", "authenticity"} <= manifest.metrics.keys()
    labelled = manifest.metrics["label_accuracy"]
    assert (labelled.value is None, labelled.floor is None) == (not classes, not classes)
    assert ("cas" in manifest.metrics) == bool(classes)
    assert manifest.judge_sha256 == judges.load(entry)[1]
    json.loads((version.path / "evaluation.json").read_text(), parse_constant=pytest.fail)  # neither NaN nor Infinity


def test_a_sharpener_of_a_small_dataset_without_classes_is_exported_and_measured(
    store: DatasetRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "TONE_SEEDS", networks.TONE_SEEDS[:PARITY_SEEDS])  # for speed
    entry = store.add("shapes", contents(120, 40, classes=()), title="Shapes", licence="CC0")
    folder = finished(tmp_path / "run", small_sharpen_spec(dataset=entry.reference, images=64))
    version = export(load_trained(folder, "last"), "sharpen-shapes", Repository(tmp_path / "models"), thorough=False)
    metrics = version.manifest.metrics
    assert {"fid_shrink2", "kid_blur1", "psnr_blur2", "consistency_shrink4"} <= metrics.keys()
    assert not any(name.startswith("label_accuracy") for name in metrics)
    assert metrics["consistency_worst_shrink2"].value is not None
    assert metrics["consistency_worst_shrink2"].value <= 1.001


def test_a_judge_is_trained_once_for_each_dataset_and_kind(store: DatasetRegistry) -> None:
    entry = store.add("shapes", contents(), title="Shapes", licence="CC0")
    train = tensors.load("shapes", "train")
    with pytest.raises(
        TrainingError, match=rf"no classifier for {entry.reference}.*python -m training classifier {entry.reference}"
    ):
        judges.load(entry)
    said: list[str] = []
    first = judges.ensure(train, report=said.append)[1]
    assert judges.ensure(train, report=said.append)[1] == first
    assert said == [f"Training the conv judge of {entry.reference} on 40 pictures."]
    assert judges.ensure(train, "mlp")[1] != first
    path = judges.path_of(entry)
    assert path.parent == store.folder / ".judges"
    path.write_bytes(b"junk")
    with pytest.raises(TrainingError, match=r"is damaged.*Delete it, then try again\."):
        judges.ensure(train)
    assert store.names() == ["shapes"], "the judges are not a dataset"


def test_a_run_can_be_stopped_while_it_trains_its_judge(
    store: DatasetRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add("shapes", contents(), title="Shapes", licence="CC0")
    folder = RunFolder(tmp_path / "run")
    run.start(folder, small_spec(dataset="shapes", images=64, metrics_every=32))
    stop, fit = Stop(), judges.fit
    monkeypatch.setattr(run, "Stop", lambda: stop)

    def interrupted(train: tensors.Dataset, report: Callable[[int, float], None], **options: object) -> judges.Classifier:
        stop.request()
        return fit(train, report, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(judges, "fit", interrupted)
    assert run.run(folder) == "stopped"
    assert read_events(folder.events)[-1]["reason"] == "stopped"
    assert not folder.checkpoint.exists()
    assert not (store.folder / ".judges").exists()


def test_a_conditional_run_requires_classes(store: DatasetRegistry, tmp_path: Path) -> None:
    entry = store.add("shapes", contents(classes=()), title="Shapes", licence="CC0")
    with pytest.raises(TrainingError, match=rf"{entry.reference} has no classes\. Set conditional to false in the spec\."):
        finished(tmp_path / "run", small_spec(dataset=entry.reference, images=64))


@pytest.mark.parametrize(("count", "held"), [(13, 13), (14, 0)])
def test_at_most_a_third_is_held_out_and_nothing_of_a_small_dataset(store: DatasetRegistry, count: int, held: int) -> None:
    store.add("shapes", contents(), title="Shapes", licence="CC0")
    shown, held_out = stopping.hold_out(tensors.load("shapes", "train"), count)
    assert (len(shown), len(held_out)) == (40 - held, held)


def test_a_large_dataset_keeps_a_third_if_more_is_to_be_held_out(mnist: tensors.Dataset) -> None:
    shown, held_out = stopping.hold_out(mnist, 30_000)
    assert (len(shown), len(held_out)) == (40_000, 20_000)
