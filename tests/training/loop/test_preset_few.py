"""The preset `few` on thirty pictures: nothing crashes, and the result says what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.manifest import CARD
from models.repository import Repository
from tests.training.conftest import finished
from tests.training.datasets.pictures import contents
from tests.training.small import SMALL
from training import datasets
from training.datasets import DatasetRegistry
from training.evaluation import judges
from training.export.build import export, load_trained
from training.loop.run_folder import read_events
from training.spec import TrainingSpec

KEPT = ("generator_widths", "discriminator_widths", "penalty_interval", "sample_every", "log_every")


@pytest.mark.parametrize(("train", "test"), [(30, 4), (10, 2)])
def test_a_few_pictures_are_trained_on_exported_and_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: int, test: int
) -> None:
    monkeypatch.setenv(datasets.DATASETS_VARIABLE, str(tmp_path / "datasets"))
    monkeypatch.setattr(judges, "MIN_STEPS", 10)
    monkeypatch.setattr(judges, "EPOCHS", {"conv": 1, "mlp": 1})
    entry = DatasetRegistry().add("shapes", contents(train, test), title="Shapes", licence="CC0")
    small = {name: SMALL[name] for name in KEPT}
    spec = TrainingSpec.from_preset("few", dataset=entry.reference, images=640, metrics_every=320, **small)
    assert spec.batch_size > train
    run = finished(tmp_path / "run", spec)
    progress = [event for event in read_events(run.events) if event["event"] == "progress"]
    assert any(event["augment_p"] > 0 for event in progress) or all(event["sign"] <= 0.6 for event in progress)
    metrics = [event for event in read_events(run.events) if event["event"] == "metrics"]
    assert [event["images"] for event in metrics] == [320, 640]
    version = export(load_trained(run), "shapes", Repository(tmp_path / "models"), thorough=False)
    copied = version.manifest.metrics["copied"]
    assert 0 <= (copied.value or 0) <= 1
    assert copied.floor is not None
    card = " ".join((version.path / CARD).read_text().split())
    assert "it mostly varies the pictures it has seen" in card
    json.loads((version.path / "evaluation.json").read_text(), parse_constant=pytest.fail)  # neither NaN nor Infinity
