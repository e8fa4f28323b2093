"""Training on MNIST improves both networks."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from tests.training.small import SMALL
from training.datasets.tensors import Dataset, load
from training.evaluation import judges
from training.loop import kid_meter
from training.loop.kid_meter import KidMeter
from training.loop.sampling import seeds_to_input
from training.loop.trainer import Trainer
from training.networks.architectures import Generator
from training.spec import TrainingSpec

SPECS = {
    "lecture": (TrainingSpec.from_preset("lecture"), 30_000),
    "standard": (
        TrainingSpec(generator_widths=(32, 32, 16, 8), discriminator_widths=(16, 32, 64, 64), ema_images=2_000, batch_size=32),
        4_800,
    ),
}


def ranking_accuracy(trainer: Trainer, untrained: Generator) -> float:
    """Return how often the discriminator rates a real test picture above an untrained generator's. Chance is 0.5."""
    test = load("mnist", "test")
    with torch.no_grad():
        z, label = seeds_to_input(range(1000), untrained, test.labels[:1000])
        real = trainer.discriminator(test.images[:1000].float() / 255, label)
        fake = trainer.discriminator(untrained(z, label), label)
    return (real[:, None] > fake).float().mean().item()


@pytest.fixture(scope="module")
def meter(mnist: Dataset) -> KidMeter:
    return KidMeter(mnist)


@pytest.mark.parametrize(("spec", "images"), SPECS.values(), ids=SPECS)
def test_both_networks_learn_on_real_digits(spec: TrainingSpec, images: int, mnist: Dataset, meter: KidMeter) -> None:
    trainer = Trainer(spec, mnist)
    untrained = copy.deepcopy(trainer.generator)
    before = meter.measure(trainer.ema.network)

    while trainer.seen < 1_600:
        trainer.step()
    assert ranking_accuracy(trainer, untrained) > 0.95

    while trainer.seen < images:
        figures = trainer.step()
    after = meter.measure(trainer.ema.network)
    assert after.kid < before.kid / 3
    assert after.kid < before.kid - 10 * after.kid_sd
    assert after.fid < before.fid
    assert 0 < figures.d_fake < 0.7


def test_pictures_are_measured_with_the_grey_levels_that_their_generator_is_exported_with(
    mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the figures of a young run differ from those of its version."""
    monkeypatch.setattr(kid_meter, "KID_FAKES", 1_000)
    monkeypatch.setattr(kid_meter, "KID_REALS", 1_000)
    judged: list[Tensor] = []
    judge = kid_meter.judges.judge

    def recorded(network: judges.Classifier, pictures: Tensor) -> judges.Judgement:
        judged.append(pictures)
        return judge(network, pictures)

    monkeypatch.setattr(kid_meter.judges, "judge", recorded)
    generator = Trainer(SPECS["standard"][0], mnist).generator
    for shown in (mnist.images, None):
        KidMeter(mnist, shown=shown).measure(generator)
    real, matched, _, raw = (pictures.float().mean().item() for pictures in judged)
    assert abs(matched - real) < 2
    assert abs(raw - real) > 20


def test_the_small_spec_of_the_other_tests_is_valid() -> None:
    assert TrainingSpec(**SMALL).images == 640
