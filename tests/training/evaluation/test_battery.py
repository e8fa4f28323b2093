"""The evaluation battery on few pictures, and its parts that train or search."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.manifest import EVALUATION, FAILURES, NEIGHBOURS, RELIABILITY
from tests.live import SHIPPED
from training import datasets
from training.datasets import tensors
from training.datasets.tensors import Dataset
from training.evaluation import calibration, report
from training.evaluation.figures import Battery, Measured
from training.evaluation.fresh_classifier import learn, probabilities
from training.evaluation.memorisation import nearest
from training.evaluation.onnx_models import OnnxGenerator
from training.evaluation.two_sample import two_sample
from training.networks import histogram_matching

GENERATOR = SHIPPED / "digits" / "1" / "generator.onnx"


@pytest.fixture(scope="module")
def measured() -> Measured:
    """A thorough evaluation of a shipped generator with 1,500 training and 200 test pictures."""
    torch.set_num_threads(1)
    load_all = tensors.load
    counts: dict[str, int] = {"train": 1500, "test": 200}

    def load(name: str, split: datasets.Split, folder: Path | None = None) -> Dataset:
        data = load_all(name, split, folder)
        return Dataset(data.info, data.split, data.images[: counts[split]], data.labels[: counts[split]])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensors, "load", load)
        return Battery("mnist").evaluate(OnnxGenerator(GENERATOR, 10), thorough=True)


def test_every_figure_has_its_floor(measured: Measured) -> None:
    per_judge = {"fid", "fid_test", "kid", "kid_test", "density", "coverage", "label_accuracy"}
    others = {
        "cas",
        "c2st_accuracy",
        "c2st_auc",
        "c2st_faint",
        "c2st_visible",
        "c2st_coarse",
        "nearest_training",
        "authenticity",
        "copied",
    }
    assert set(measured.figures) == per_judge | {f"{name}_mlp" for name in per_judge} | others
    for name, figure in measured.figures.items():
        assert figure.value is not None, name
        assert figure.floor is not None, name
        assert (figure.sd is None) == (figure.floor_sd is None)
        assert (figure.sd is not None) == name.startswith(("kid", "c2st_a")), name
    assert 0.5 < (measured.figures["cas"].value or 0) < 1
    assert {len(values) for values in measured.by_class.values()} == {10}
    assert set(measured.by_class) == {"label_accuracy", "label_accuracy, real", "cas", "cas, real"}


def test_cached_figures_are_those_computed_and_a_damaged_file_is_computed_again(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in cache.glob("*.pt"):
        (tmp_path / file.name).symlink_to(file)
    generator = OnnxGenerator(GENERATOR, 10)
    known = set(tmp_path.iterdir())
    computed = Battery("mnist", pictures=120, cache=tmp_path).measure(generator)
    cached = set(tmp_path.iterdir()) - known
    assert len(cached) == 4, "the floors of two judges, that of copies, and the figures"
    with monkeypatch.context() as patch:
        patch.delattr("training.evaluation.distance.KernelDistance.to")
        assert Battery("mnist", pictures=120, cache=tmp_path).measure(generator) == computed
        with pytest.raises(AttributeError):
            Battery("mnist", pictures=121, cache=tmp_path)
    for file in cached:
        file.write_bytes(file.read_bytes()[:-1])
    assert Battery("mnist", pictures=120, cache=tmp_path).measure(generator) == computed


def test_an_evaluation_writes_its_figures_and_pictures(measured: Measured, tmp_path: Path, mnist: Dataset) -> None:
    bins = [calibration.Bin(0.1, 0.2, 10), calibration.Bin(0.9, 0.8, 10)]
    names = report.write(tmp_path, measured, seconds=1.25, training=mnist.images[:1500], bins=bins)
    assert set(names) == {EVALUATION, FAILURES, NEIGHBOURS, RELIABILITY} == {path.name for path in tmp_path.iterdir()}
    payload = json.loads((tmp_path / EVALUATION).read_text())
    assert payload["figures"]["fid"]["value"] == measured.figures["fid"].value
    assert (payload["pictures"], payload["seconds"]) == (200, 1.2)
    with Image.open(tmp_path / FAILURES) as sheet:
        assert sheet.size == (16 * 28 * 2, 4 * 28 * 2)
    worst = report.failures(measured)[0]
    of_requested_class = measured.judgement.probabilities.gather(1, measured.labels[:, None])[:, 0]
    assert torch.equal(worst, measured.pictures[of_requested_class.argmin()])


def test_a_report_with_a_history_contains_its_curves(measured: Measured, tmp_path: Path) -> None:
    losses = {"loss_discriminator": 0.5, "loss_generator": 0.9, "d_real": 0.6, "d_fake": 0.4}
    events = [{"event": "progress", "images": 64 * i, "step": i, **losses} for i in range(1, 2001)]
    events += [{"event": "metrics", "images": 64, "kid": 0.1, "kid_sd": 0.01, "best": True}]
    history = report.history(events)
    assert 200 <= len(history["progress"]) <= report.MOST_POINTS
    assert history["progress"][0] == {"images": 64, **losses}
    assert "curves.png" in report.write(tmp_path, measured, seconds=1, past=history)
    with Image.open(tmp_path / "curves.png") as plot:
        assert len(np.unique(np.array(plot))) > 10


def test_the_two_sample_test_separates_brightened_pictures_but_not_two_real_samples(mnist: Dataset) -> None:
    first, second = mnist.images[:1500], mnist.images[1500:3000]
    both_real = two_sample(first, second, 0)
    assert both_real.pictures == 750
    assert abs(both_real.accuracy - 0.5) < 4 * 0.5 / (2 * 750) ** 0.5
    assert abs(both_real.auc - 0.5) < 0.06
    brightened = two_sample(first, (second.int() + 6).clamp(max=255).to(torch.uint8), 0)
    assert brightened.accuracy > 0.9
    assert brightened.auc > 0.95
    state = torch.get_rng_state()
    assert two_sample(first[:200], second[:200], 1) == two_sample(first[:200], second[:200], 1)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_new_classifier_learns_digits(mnist: Dataset) -> None:
    network = learn(mnist.images[:3000], mnist.labels[:3000], 10, seed=0, epochs=3)
    predictions = probabilities(network, mnist.images[3000:4000])
    assert torch.allclose(predictions.sum(1), torch.ones(1000), atol=1e-5)
    assert (predictions.argmax(1) == mnist.labels[3000:4000]).float().mean() > 0.9


def test_a_copy_of_a_training_picture_is_found_and_is_not_authentic(mnist: Dataset) -> None:
    training = mnist.images[:2000]
    copies = training[[5, 7, 9]].clone()
    copies[:, :, 0, 0] = 3  # an almost exact copy
    found = nearest(torch.cat([copies, mnist.images[5000:5200]]), training)
    assert found.index[:3].tolist() == [5, 7, 9]
    assert found.distance[:3].tolist() == pytest.approx([3 / 255] * 3, abs=4e-3)
    assert not found.authentic[:3].any()
    assert found.authentic[3:].float().mean() > 0.3
    by_hand = (training.flatten(1).float() - mnist.images[5000].flatten().float()).norm(dim=1) / 255
    assert found.index[3] == by_hand.argmin()
    assert found.distance[3].item() == pytest.approx(by_hand.min().item(), abs=1e-3)
    assert found.median > 1


def test_histogram_matching_gives_our_levels_the_target_frequencies() -> None:
    ours, target = torch.tensor([60, 20, 10, 10]), torch.zeros(256, dtype=torch.long)
    target[0], target[100], target[255] = 80, 10, 10
    assert histogram_matching.matching(ours, target).tolist() == [0, 0, 100, 255]
    assert histogram_matching.matching(target, target)[[0, 100, 255]].tolist() == [0, 100, 255]
    assert histogram_matching.frequencies(torch.tensor([[0, 3], [3, 3]]), 4).tolist() == [1, 0, 0, 3]


@pytest.mark.parametrize(
    ("distort", "reliable"),
    [(lambda p: p, True), (lambda p: (p > 0.5).float() * 0.98 + 0.01, False)],
    ids=["calibrated", "overconfident"],
)
def test_reliability_compares_predicted_with_observed_frequencies(
    distort: Callable[[torch.Tensor], torch.Tensor], reliable: bool
) -> None:
    rng = torch.Generator().manual_seed(0)
    probability = torch.rand(20_000, generator=rng)
    truth = (torch.rand(20_000, generator=rng) < probability).float()
    bins = calibration.reliability(distort(probability), truth)
    assert [b.pictures for b in bins] == [2000] * 10
    assert all(abs(b.predicted - b.observed) < 0.04 for b in bins) == reliable
