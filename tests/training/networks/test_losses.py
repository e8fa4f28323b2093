"""The losses match their written-out formulas."""

from __future__ import annotations

import math

import pytest
import torch

from training.networks.ema import Ema
from training.networks.losses import (
    LOSSES,
    bce_discriminator,
    bce_generator,
    gradient_penalty,
    relativistic_discriminator,
    relativistic_generator,
)

REAL, FAKE = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([-0.5, 1.0, 0.0])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_the_bce_discriminator_loss_is_the_cross_entropy_of_the_sigmoid() -> None:
    expected = -sum(math.log(sigmoid(x)) for x in REAL.tolist()) / 3 - sum(math.log(1 - sigmoid(x)) for x in FAKE.tolist()) / 3
    assert bce_discriminator(REAL, FAKE).item() == pytest.approx(expected, rel=1e-6)


def test_the_bce_generator_loss_is_non_saturating() -> None:
    expected = -sum(math.log(sigmoid(x)) for x in FAKE.tolist()) / 3
    assert bce_generator(REAL, FAKE).item() == pytest.approx(expected, rel=1e-6)


def test_the_relativistic_losses_compare_pairs() -> None:
    pairs = list(zip(REAL.tolist(), FAKE.tolist(), strict=True))
    expected_discriminator = sum(math.log1p(math.exp(f - r)) for r, f in pairs) / 3
    expected_generator = sum(math.log1p(math.exp(r - f)) for r, f in pairs) / 3
    assert relativistic_discriminator(REAL, FAKE).item() == pytest.approx(expected_discriminator, rel=1e-6)
    assert relativistic_generator(REAL, FAKE).item() == pytest.approx(expected_generator, rel=1e-6)


@pytest.mark.parametrize("name", list(LOSSES))
def test_losses_of_huge_logits_are_finite(name: str) -> None:
    loss = LOSSES[name]
    huge = torch.tensor([1e4, -1e4])
    assert torch.isfinite(loss.discriminator(huge, -huge))
    assert torch.isfinite(loss.generator(huge, -huge))


def test_the_gradient_penalty_is_the_squared_norm_of_the_gradient() -> None:
    weight = torch.randn(1, 1, 28, 28)
    images = torch.rand(4, 1, 28, 28, requires_grad=True)
    linear = gradient_penalty((images * weight).sum(dim=(1, 2, 3)), images)
    assert linear.item() == pytest.approx(weight.square().sum().item(), rel=1e-5)
    square = gradient_penalty(images.square().sum(dim=(1, 2, 3)), images)
    assert square.item() == pytest.approx((2 * images).square().sum().item() / 4, rel=1e-5)


def test_the_average_halves_old_weights_in_a_half_life() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(network.weight)
    ema = Ema(network, half_life=100)
    torch.nn.init.zeros_(network.weight)
    for _ in range(10):
        ema.update(network, batch=10, seen=10**6)
    assert ema.network.weight.item() == pytest.approx(0.5, rel=1e-5)


def test_early_in_a_run_the_half_life_is_limited_to_a_tenth_of_the_images_so_far() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(network.weight)
    ema = Ema(network, half_life=10**6)
    torch.nn.init.zeros_(network.weight)
    ema.update(network, batch=10, seen=100)
    assert ema.network.weight.item() == pytest.approx(0.5, rel=1e-5)


def test_without_a_half_life_the_average_equals_the_network() -> None:
    network = torch.nn.Linear(3, 2)
    ema = Ema(network, half_life=0)
    torch.nn.init.normal_(network.weight)
    ema.update(network, batch=64, seen=64)
    assert torch.equal(ema.network.weight, network.weight)
