"""The networks of the task `sharpen`."""

from __future__ import annotations

import pytest
import torch

from tests.training.conftest import small_sharpen_spec
from training.datasets import degradation
from training.datasets.tensors import Dataset
from training.networks import factory
from training.networks.sharpener import SharpenGenerator, project


@pytest.mark.parametrize(("kind", "factor"), [("shrink2", 2), ("shrink4", 4)])
def test_a_projected_picture_has_the_means_of_the_input_and_stays_in_range(kind: degradation.Kind, factor: int) -> None:
    rng = torch.Generator().manual_seed(0)
    outputs = torch.rand(64, 1, 28, 28, generator=rng) ** 4
    originals = torch.rand(64, 1, 28, 28, generator=rng) ** 0.25
    degraded, one_hot = degradation.split(degradation.degrade(originals, kind))
    projected = project(outputs, degraded, one_hot)
    assert projected.min() >= 0
    assert projected.max() <= 1
    means = torch.nn.functional.avg_pool2d(projected, factor)
    assert torch.allclose(means, degraded[:, :, ::factor, ::factor], atol=1e-5)


def test_black_and_white_blocks_are_projected_without_division_by_zero() -> None:
    degraded, one_hot = degradation.split(degradation.degrade(torch.full((1, 1, 28, 28), 0.4), "shrink2"))
    for level in (0.0, 1.0):
        outputs = torch.full((1, 1, 28, 28), level, requires_grad=True)
        projected = project(outputs, degraded, one_hot)
        assert torch.allclose(projected, degraded, atol=1e-5)
        projected.sum().backward()
        assert outputs.grad is not None
        assert outputs.grad.isfinite().all()


def test_the_output_for_a_blurred_picture_is_not_projected() -> None:
    outputs = torch.rand(4, 1, 28, 28)
    assert torch.equal(project(outputs, *degradation.split(degradation.degrade(outputs, "blur", sigma=1.0))), outputs)


@pytest.mark.parametrize("labelled", [True, False])
def test_the_output_depends_on_the_latent_the_picture_and_the_kind_if_the_spec_says_so(labelled: bool, mnist: Dataset) -> None:
    generator, discriminator = factory.build(small_sharpen_spec(degradation_label=labelled), 10)
    assert isinstance(generator, SharpenGenerator)
    z = torch.randn(2, 100, generator=torch.Generator().manual_seed(1))
    blurred = degradation.degrade(mnist.images[:2].float() / 255, "blur", sigma=1.0)
    outputs = generator(z, blurred)
    assert outputs.shape == (2, 1, 28, 28)
    assert not torch.equal(outputs, generator(z.flip(0), blurred))
    assert not torch.equal(outputs, generator(z, blurred.flip(0)))
    assert discriminator(outputs, blurred).shape == (2,)
    renamed = blurred.clone()
    renamed[:, degradation.PIXELS : -1] = torch.tensor([1.0, 0, 0])
    same = torch.equal(generator.logits(generator.inputs(z, blurred)), generator.logits(generator.inputs(z, renamed)))
    assert same != labelled
