"""Weights are rounded such that their errors cancel on typical inputs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.export.weight_rounding import Compensation

LAYERS = {"linear": nn.Linear(40, 6), "conv": nn.Conv2d(4, 6, 3, padding=1), "strided": nn.Conv2d(4, 6, 3, stride=2, padding=1)}


def smooth(layer: nn.Module) -> Tensor:
    """Return integer inputs whose neighbours are similar, as activations are."""
    generator = torch.Generator().manual_seed(0)
    if isinstance(layer, nn.Linear):
        return (torch.randn(500, 5, generator=generator) @ torch.randn(5, 40, generator=generator) * 100).round()
    coarse = torch.randn(60, 4, 3, 3, generator=generator) * 300
    return F.interpolate(coarse, (14, 14), mode="bilinear").round().clamp(-256, 1023)


@pytest.mark.parametrize("name", LAYERS)
@torch.inference_mode()
def test_outputs_change_less_than_if_each_weight_is_rounded_to_the_nearest(name: str) -> None:
    torch.manual_seed(1)
    layer = LAYERS[name]
    inputs = smooth(layer)
    weight, bias = torch.randn_like(layer.weight).double(), torch.randn_like(layer.bias).double()
    bits = torch.tensor([3.0, 3, 4, 4, 5, 5], dtype=torch.float64)
    scale = torch.exp2(bits)
    by_channel = scale.view(-1, *(1,) * (weight.dim() - 1))
    rounded, rounded_bias = Compensation(layer, inputs).round(weight, bias, bits)
    assert torch.equal((rounded * by_channel).round(), rounded * by_channel)
    assert torch.equal((rounded_bias * scale).round(), rounded_bias * scale)
    assert (rounded - weight).abs().max() < 2, "the weights stay near the trained ones"

    def apply(w: Tensor, b: Tensor) -> Tensor:
        x = inputs.double()
        return F.linear(x, w, b) if isinstance(layer, nn.Linear) else F.conv2d(x, w, b, layer.stride, layer.padding)

    nearest = apply((weight * by_channel).round() / by_channel, (bias * scale).round() / scale)
    errors = [float((output - apply(weight, bias)).square().mean()) for output in (apply(rounded, rounded_bias), nearest)]
    assert errors[0] < 0.5 * errors[1], errors


@torch.inference_mode()
def test_an_input_that_is_always_zero_is_no_obstacle() -> None:
    layer = nn.Linear(3, 2).double()
    inputs = torch.tensor([[1.0, 0.0, 2.0], [3.0, 0.0, -1.0], [2.0, 0.0, 5.0]])
    weight = torch.tensor([[0.3, 0.7, -0.2], [1.0, 1.0, 1.0]], dtype=torch.float64)
    rounded, _ = Compensation(layer, inputs).round(weight, torch.zeros(2, dtype=torch.float64), torch.full((2,), 8.0))
    assert (rounded - weight).abs().max() < 0.02
