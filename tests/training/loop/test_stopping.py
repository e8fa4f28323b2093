"""The stopping rules of a run, and the reasons that it records."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.conftest import small_spec
from training.checkpoint import load_checkpoint, save_checkpoint
from training.datasets import tensors
from training.datasets.tensors import Dataset
from training.evaluation.two_sample import TwoSample
from training.loop import kid_meter, run, stopping
from training.loop.kid_meter import Distances, KidMeter
from training.loop.run_folder import Events, RunFolder, read_events
from training.loop.sampling import draw
from training.loop.stop_request import Stop
from training.loop.stopping import FRESH_SEEDS, Plateau, compare, examine, hold_out, reason_of
from training.loop.trainer import StepFigures, Trainer
from training.loop.usage import UsageMeter


def reached_at(rule: Plateau, kids: list[float], every: int = 100, first: int = 1) -> int | None:
    """Return the image count at which a series of KIDs, measured every 100 images, reaches a plateau."""
    for n, kid in enumerate(kids, first):
        rule.measured(n * every, kid)
        if rule.reached:
            return n * every
    return None


@pytest.mark.parametrize(
    ("kids", "images"),
    [
        ([5, 4, 3, 3.1, 3.2, 3.1], 600),
        ([5, 4, 3, 3, 3, 3], 600),  # an equal KID is no improvement
        ([5, 4, 3, 3.1, 3.2, 2.9, 3, 3, 3], 900),  # a lower KID restarts the wait
        ([5, 5, 5, 5], 400),
        ([5, 4, 3, 3.1, 3.2], None),
        ([-0.1, -0.2, -0.2, -0.2, -0.2], 500),  # KID is unbiased, so it can be negative
    ],
)
def test_a_plateau_is_reached_after_the_patience_without_a_lower_kid(kids: list[float], images: int | None) -> None:
    assert reached_at(Plateau(patience=300), kids) == images


def test_a_run_that_keeps_improving_never_reaches_a_plateau() -> None:
    falling = [1 + 0.999**n for n in range(3000)]
    assert reached_at(Plateau(patience=100), falling) is None


def test_without_patience_there_is_no_plateau() -> None:
    assert reached_at(Plateau(patience=0), [1.0] * 1000) is None


def test_there_is_no_plateau_during_the_burn_in() -> None:
    constant = [1.0] * 20
    assert reached_at(Plateau(patience=300), constant) == 400
    assert reached_at(Plateau(patience=300, burn_in=1000), constant) == 1000
    fields = {"held_out": 1000, "patience": 300, "metrics_every": 100, "burn_in": 1000}
    assert reached_at(Plateau.of(small_spec(**fields, first_gamma=2.0)), constant) == 1000
    assert reached_at(Plateau.of(small_spec(**fields)), constant) == 400, "without a first_gamma, burn_in has no effect"


@pytest.mark.parametrize("cut", range(9))
def test_the_rule_continues_from_a_checkpoint(cut: int, tmp_path: Path) -> None:
    kids = [5, 4, 3, 3.1, 3.2, 2.9, 3, 3, 3]
    before, after = Plateau(patience=300), Plateau(patience=300)
    assert reached_at(before, kids[:cut]) is None or cut == 9
    save_checkpoint(before.state_dict(), tmp_path / "checkpoint.pt")
    after.load_state_dict(load_checkpoint(tmp_path / "checkpoint.pt"))
    assert after == before
    assert reached_at(after, kids[cut:], first=cut + 1) == 900


def test_held_out_pictures_are_fixed_and_cover_all_classes(mnist: Dataset) -> None:
    shown, held = hold_out(mnist, 4000)
    assert (len(shown), len(held)) == (56_000, 4000)
    assert torch.equal(held.images, hold_out(mnist, 4000)[1].images)
    share = torch.bincount(held.labels, minlength=10) / len(held)
    assert (share - torch.bincount(mnist.labels) / len(mnist)).abs().max() < 0.02
    everything = torch.cat([shown.images, held.images]).flatten(1).double() @ torch.rand(784, dtype=torch.double)
    assert len(everything.unique()) == len(mnist), "each picture is in exactly one of the two sets"
    all_shown, none = hold_out(mnist, 0)
    assert all_shown is mnist, "without held-out pictures the order is unchanged"
    assert len(none) == 0


def test_held_out_pictures_are_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist: Dataset) -> None:
    """Count the pictures shown in nine epochs of a run. The brightness of each of the 100 pictures is its index."""
    numbered = replace(
        mnist,
        images=torch.arange(100, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 28, 28).contiguous(),
        labels=torch.arange(100) % 10,
    )
    monkeypatch.setattr(tensors, "load", lambda *_: numbered)
    drawn: Counter[int] = Counter()
    real_batch = Trainer._real_batch

    def counted(trainer: Trainer) -> tuple[Tensor, Tensor | None]:
        real, label = real_batch(trainer)
        drawn.update((255 * real[:, 0, 0, 0]).round().int().tolist())
        return real, label

    monkeypatch.setattr(Trainer, "_real_batch", counted)
    folder = RunFolder(tmp_path)
    assert run.run(folder, new=small_spec(held_out=30, images=640)) == "budget"
    held = set(hold_out(numbered, 30)[1].images[:, 0, 0, 0].tolist())
    assert len(held) == 30
    assert set(drawn) == set(range(100)) - held
    assert set(drawn.values()) == {9, 10}
    assert sum(drawn.values()) == 640


@pytest.mark.parametrize(("held_out", "references"), [(0, 60_000), (999, 59_001), (1000, 1000)])
def test_kid_uses_the_held_out_pictures_if_there_are_enough(
    held_out: int, references: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "KidMeter", lambda data, **_: len(data))
    folder = RunFolder(tmp_path)
    run.start(folder, small_spec(held_out=held_out, metrics_every=32))
    events = Events(folder.events)
    loop = run._prepare(folder, events, Stop(), UsageMeter(), resume=False, device="cpu", data_folder=None)
    events.close()
    assert loop.meter == references
    assert len(loop.trainer.images) == 60_000 - held_out


def test_the_two_sample_test_separates_altered_pictures_but_not_two_real_samples(mnist: Dataset) -> None:
    real, other = hold_out(mnist, 1600)[1].images.split(800)
    verdict = compare(real, other, seed=2)
    assert verdict.pictures == 400
    assert verdict.threshold == pytest.approx(0.5411, abs=1e-4)
    assert verdict.indistinguishable, verdict
    noisy = (other.int() + (12 * torch.randn(other.shape, generator=torch.Generator().manual_seed(0))).int()).clamp(0, 255)
    for altered in (other.roll(3, dims=3), noisy.to(torch.uint8)):
        verdict = compare(real, altered, seed=2)
        assert not verdict.indistinguishable, verdict


def test_each_examination_of_the_best_generator_uses_fresh_seeds(monkeypatch: pytest.MonkeyPatch, mnist: Dataset) -> None:
    _, held = hold_out(mnist, 20)
    compared: list[tuple[Tensor, Tensor, int]] = []
    monkeypatch.setattr(stopping, "compare", lambda *arguments, paired: compared.append(arguments))
    last, best = (Trainer(small_spec(seed=seed), mnist).ema.network for seed in (1, 2))
    before = {name: value.clone() for name, value in last.state_dict().items()}
    for images in (640, 1280):
        examine(last, best.state_dict(), held, images)
    assert all(torch.equal(value, before[name]) for name, value in last.state_dict().items())
    (real, fake, seed), (_, second_fake, second_seed) = compared
    assert torch.equal(real, held.images)
    assert torch.equal(fake, draw(best, range(FRESH_SEEDS + 640, FRESH_SEEDS + 660), held.labels))
    assert not torch.equal(fake, second_fake)
    assert (seed, second_seed) == (640, 1280), "the examinations must be independent"
    examine(last, best.state_dict(), held, 640, mnist.images[:100])
    black_share, real_black_share = (
        (pictures == 0).float().mean().item() for pictures in (compared[-1][1], mnist.images[:100])
    )
    assert black_share == pytest.approx(real_black_share, abs=0.05)


def test_a_high_auc_makes_pictures_distinguishable_at_any_accuracy() -> None:
    assert stopping.Verdict(0.5, 0.5, 1000, 0.52, 0.53).indistinguishable
    assert not stopping.Verdict(0.5, 1.0, 1000, 0.52, 0.53).indistinguishable
    assert not stopping.Verdict(0.6, 0.5, 1000, 0.52, 0.53).indistinguishable


STOPPING = {"held_out": 1000, "patience": 128, "metrics_every": 32, "log_every": 320}
KIDS = {images: 0.3 - images / 1000 if images <= 160 else 0.2 for images in range(32, 641, 32)}
"""A series of KIDs with its minimum at 160 images."""


@pytest.fixture
def predefined_kids(monkeypatch: pytest.MonkeyPatch, mnist: Dataset) -> None:
    """Replace the measured KIDs by the series, and the result of the two-sample test by a constant."""
    measured = Plateau.measured
    monkeypatch.setattr(tensors, "load", lambda *_: mnist)
    monkeypatch.setattr(KidMeter, "__init__", lambda *_, **__: None)
    monkeypatch.setattr(KidMeter, "measure", lambda *_: Distances(0.0, 0.0, 1.0))
    monkeypatch.setattr(Plateau, "measured", lambda self, images, _: measured(self, images, KIDS[images]))
    monkeypatch.setattr(stopping, "two_sample", lambda *_, **__: TwoSample(0.9, 0.95, 500))


TIMES = ("time", "seconds", "wall_seconds", "cpu_seconds")


def last_events(folder: RunFolder) -> list[dict[str, object]]:
    """Return the last two_sample and end events of a run, without times."""
    last = [e for e in read_events(folder.events) if e["event"] in ("two_sample", "end")][-2:]
    return [{name: value for name, value in e.items() if name not in TIMES} for e in last]


@pytest.mark.usefixtures("predefined_kids")
@pytest.mark.parametrize("at", [208, 288], ids=["between tests", "when the test is due"])
def test_a_stopped_and_resumed_run_ends_like_an_uninterrupted_one(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninterrupted, resumed = RunFolder(tmp_path / "uninterrupted"), RunFolder(tmp_path / "resumed")
    assert run.run(uninterrupted, new=small_spec(**STOPPING)) == "plateau"
    assert [e["images"] for e in last_events(uninterrupted)] == [288, 288]
    assert last_events(uninterrupted)[0]["best_images"] == 160

    step = Trainer.step

    def step_and_stop(trainer: Trainer) -> StepFigures:
        figures = step(trainer)
        if trainer.seen == at:
            resumed.stop.touch()
        return figures

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "step", step_and_stop)
        assert run.run(resumed, new=small_spec(**STOPPING)) == "stopped"
    assert read_events(resumed.events)[-1]["images"] == at
    assert run.run(resumed, resume=True) == "plateau"
    assert last_events(resumed) == last_events(uninterrupted)
    ours, theirs = (load_checkpoint(f.checkpoint)["generator"] for f in (resumed, uninterrupted))
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    assert run.run(resumed, resume=True) == "plateau", "resuming an ended run trains no further"
    assert last_events(resumed) == last_events(uninterrupted)


@pytest.mark.usefixtures("predefined_kids")
@pytest.mark.parametrize(
    ("images", "accuracy", "reason"),
    [(640, 0.5368, "plateau"), (640, 0.5367, "indistinguishable"), (64, 0.9, "budget"), (64, 0.5, "indistinguishable")],
)
def test_the_result_of_the_two_sample_test_decides_the_reason(
    images: int, accuracy: float, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "two_sample", lambda *_, **__: TwoSample(accuracy, 0.5, 500))
    folder = RunFolder(tmp_path)
    assert run.run(folder, new=small_spec(**STOPPING | {"images": images})) == reason
    test, end = last_events(folder)
    assert (test["accuracy"], test["threshold"], test["pictures"]) == (accuracy, 0.536777, 500)
    assert test["indistinguishable"] == (reason == "indistinguishable")
    assert end["reason"] == reason == reason_of(folder)


def test_a_run_that_learns_nothing_ends_on_a_plateau(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without mocks: the learning rate is too small to change a weight, and the judge and classifier are real."""
    monkeypatch.setattr(kid_meter, "KID_FAKES", 500)
    frozen = {"learning_rate": 1e-12, "final_learning_rate": 1e-12, "ema_images": 0}
    folder = RunFolder(tmp_path)
    assert run.run(folder, new=small_spec(**STOPPING | frozen | {"images": 100_000, "patience": 64})) == "plateau"
    metrics = [e for e in read_events(folder.events) if e["event"] == "metrics"]
    assert [(e["images"], e["best"]) for e in metrics] == [(32, True), (64, False), (96, False)]
    assert len({e["kid"] for e in metrics}) == 1
    assert metrics[0]["fid"] > 100
    test, end = last_events(folder)
    assert (test["images"], test["best_images"], test["pictures"], test["indistinguishable"]) == (96, 32, 500, False)
    assert test["accuracy"] > 0.95
    assert end == {"event": "end", "reason": "plateau", "images": 96}
    assert folder.sample(96).exists()
    assert load_checkpoint(folder.best)["seen"] == 32


def test_the_reason_is_that_of_the_last_end_event(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert reason_of(folder) is None
    events = Events(folder.events)
    for event, reason in [
        ({"event": "started"}, None),
        ({"event": "end", "reason": "stopped"}, "stopped"),
        ({"event": "resumed"}, None),
        ({"event": "metrics", "kid": 0.1}, None),
        ({"event": "end", "reason": "plateau"}, "plateau"),
    ]:
        events.write(**event)
        assert reason_of(folder) == reason, event
    events.close()
