"""Grey scales are invertible at every level, and their gradient is the slope of the curve."""

import pytest
import torch

from training.datasets.tensors import Dataset
from training.networks import grey_scale
from training.networks.grey_scale import LEVELS, GreyScale

ALL_LEVELS = torch.arange(LEVELS).float() / (LEVELS - 1)


@pytest.fixture(params=["logarithmic", "equalised"])
def scale(request: pytest.FixtureRequest, mnist: Dataset) -> GreyScale:
    return GreyScale(grey_scale.logarithmic() if request.param == "logarithmic" else grey_scale.equalised(mnist.images))


def test_every_level_survives_the_round_trip_through_its_position(scale: GreyScale) -> None:
    assert torch.equal(scale.picture(scale.position(ALL_LEVELS)), ALL_LEVELS)
    assert scale.curve[0] == 0
    assert scale.curve[-1] == 1


def test_a_picture_contains_only_integer_levels(scale: GreyScale) -> None:
    levels = scale.picture(torch.rand(1_000)) * (LEVELS - 1)
    assert torch.allclose(levels, levels.round(), atol=1e-4)


def test_the_gradient_of_a_round_trip_is_one(scale: GreyScale) -> None:
    position = torch.linspace(0, 1, 500, requires_grad=True)
    (gradient,) = torch.autograd.grad(scale.position(scale.picture(position)).sum(), position)
    assert torch.allclose(gradient, torch.ones_like(gradient), atol=1e-5)


def test_the_gradient_is_the_slope_of_the_curve() -> None:
    scale = GreyScale(grey_scale.logarithmic())
    picture = ALL_LEVELS.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(scale.position(picture).sum(), picture)
    slope = (scale.curve[2:] - scale.curve[:-2]) / 2 * (LEVELS - 1)
    assert torch.allclose(gradient[1:-1], slope, rtol=1e-4)


def test_the_logarithmic_scale_stretches_dark_levels() -> None:
    curve = grey_scale.logarithmic()
    assert curve.diff()[0] > 50 * curve.diff()[-1]


def test_the_equalised_scale_stretches_frequent_levels(mnist: Dataset) -> None:
    curve = grey_scale.equalised(mnist.images)
    counts = torch.bincount(mnist.images.flatten().int(), minlength=LEVELS)
    most, least = counts[2:-1].argmax() + 2, counts[2:-1].argmin() + 2
    assert curve[most] - curve[most - 1] > 3 * (curve[least] - curve[least - 1])


def test_a_curve_that_is_not_increasing_is_rejected() -> None:
    flat = grey_scale.logarithmic()
    flat[7] = flat[6]
    with pytest.raises(ValueError, match="strictly increasing"):
        GreyScale(flat)


def test_the_linear_scale_needs_no_module() -> None:
    assert grey_scale.build("linear") is None
