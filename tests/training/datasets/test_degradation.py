"""Degrading pictures for the task `sharpen`."""

from __future__ import annotations

import pytest
import torch

from models.sharpening import KINDS
from training.datasets import degradation
from training.datasets.tensors import Dataset


def test_a_shrunk_picture_has_the_area_means_rounded_to_grey_levels() -> None:
    picture = torch.zeros(1, 1, 28, 28)
    picture[0, 0, :2, :2] = torch.tensor([[0, 10], [20, 33]]) / 255
    degraded, kind = degradation.split(degradation.degrade(picture, "shrink2"))
    assert (degraded[0, 0, :2, :2] * 255).round().tolist() == [[16, 16], [16, 16]]  # 15.75
    assert degraded[0, 0, 2:].abs().sum() == degraded[0, 0, :, 2:].abs().sum() == 0
    assert kind.tolist() == [[1, 0, 0]]
    degraded, kind = degradation.split(degradation.degrade(picture, "shrink4"))
    assert (degraded[0, 0, :4, :4] * 255).round().unique().tolist() == [4]  # 63 / 16 = 3.94
    assert kind.tolist() == [[0, 1, 0]]


def test_a_blur_spreads_a_point_as_a_gaussian_and_keeps_its_sum() -> None:
    picture = torch.zeros(1, 1, 28, 28)
    picture[0, 0, 14, 14] = 1
    blurred = degradation.blur(picture, torch.tensor([2.0]))[0, 0]
    assert blurred.sum().item() == pytest.approx(1, abs=1e-5)
    assert (blurred[14, 15] / blurred[14, 14]).item() == pytest.approx(torch.exp(torch.tensor(-1 / 8)).item(), abs=1e-5)
    assert (blurred[16, 12] / blurred[14, 14]).item() == pytest.approx(torch.exp(torch.tensor(-1.0)).item(), abs=1e-5)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
def test_a_blur_repeats_the_border_so_a_uniform_picture_stays_as_it_is(sigma: float) -> None:
    picture = torch.full((1, 1, 28, 28), 0.7)
    assert torch.allclose(degradation.blur(picture, torch.tensor([sigma])), picture, atol=1e-5)


def test_random_degradations_are_the_same_for_the_same_state_and_contain_every_kind(mnist: Dataset) -> None:
    pictures = mnist.images[:64].float() / 255
    first, second = (degradation.degrade_randomly(pictures, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == (64, degradation.CONDITION)
    degraded, kind = degradation.split(first)
    assert kind.sum(1).tolist() == [1.0] * 64
    assert (kind.sum(0) > 10).all()
    assert torch.allclose((degraded * 255).round(), degraded * 255, atol=1e-4), "grey levels, as in a stored picture"
    blurred = kind[:, KINDS.index("blur")] > 0
    low, high = degradation.SIGMAS
    assert ((first[blurred, -1] >= low) & (first[blurred, -1] <= high)).all()
    assert (first[~blurred, -1] == 0).all()


def test_noise_is_added_to_blurred_pictures_only_and_depends_on_the_seed() -> None:
    grey = torch.full((1, 1, 28, 28), 0.5)
    plain, noisy, other = (
        degradation.split(degradation.degrade(grey, "blur", sigma=1.0, noise=noise, seed=seed))[0]
        for noise, seed in ((0.0, 0), (0.05, 0), (0.05, 1))
    )
    assert (noisy - plain).std().item() == pytest.approx(0.05, rel=0.15)
    assert not torch.equal(noisy, other)


def test_only_the_outputs_for_blurred_pictures_can_be_inconsistent(mnist: Dataset) -> None:
    originals = mnist.images[:8].float() / 255
    blurred = degradation.degrade(originals, "blur", sigma=1.5)
    assert degradation.inconsistency(originals, blurred).item() < (0.51 / 255) ** 2, "rounding is all that remains"
    assert degradation.inconsistency(1 - originals, blurred).item() > 0.1
    assert degradation.inconsistency(1 - originals, degradation.degrade(originals, "shrink2")).item() == 0
    for kind, sigma in (("shrink2", 0.0), ("shrink4", 0.0), ("blur", 1.5)):
        condition = degradation.degrade(originals, kind, sigma=sigma)  # type: ignore[arg-type]
        assert degradation.differences(originals, condition).abs().max().item() < 0.51 / 255
