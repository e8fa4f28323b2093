"""The generator on an integer grid: the same bits on every machine, in every library, at every batch size.

A float32 sum depends on the order of its terms, and every BLAS, processor and batch size has an order of its own. Most
pixels survive that; in a thousand pictures a few are rounded the other way, and "seed 42 is the same picture" is false.

Here every activation is an integer, held in float32, and every weight a multiple of a power of two, so coarse that no
partial sum of a layer, in whatever order, can need more than float32's 24 bits. Then no addition ever rounds, and order
is nothing. What is left is one sigmoid on a grid of 1,024 logits, none of which lies near a rounding edge between
two of the 256 grey levels, so that a library's last-bit error in it cannot show either.

The bound is checked, not assumed: `Certificate` holds what was found, and goes into the manifest.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.errors import ExportError
from training.networks import SLOPE, Generator, Layer

SIGNIFICAND = 2**24
"""float32 holds every integer up to here."""
INPUT_STEP = 2.0**-8
"""Latents and labels are rounded to this."""
INPUT_BOUND = 8.0
"""Latents are clipped to this; a standard normal exceeds it once in 10**15 draws."""
ACTIVATION_LEVELS = 1023
"""A hidden activation lies in -256..1023 steps; LeakyReLU's slope of 1/4 makes the lower end shorter."""
LOGIT_STEP = 2.0**-6
LOGIT_LEVELS = 512
"""Logits are half-integers times the step, from -511.5 to 511.5: that is -8 to 8."""


@dataclass(frozen=True)
class Certificate:
    """Why the exported generator is exact."""

    largest_sum: int
    """Bound on any partial sum of any layer, in units of that layer's grid. Exact if at most 2**24."""
    sigmoid_margin: float
    """Least distance, in grey levels, of a possible pixel from a rounding edge."""
    activation_step: float
    """Grid of the hidden activations."""
    clipped: float
    """Share of hidden activations beyond the grid's ends, over the calibration seeds."""

    def to_manifest(self) -> dict[str, Any]:
        """As it stands in manifest.json."""
        return {
            "largest_sum": self.largest_sum,
            "exact_up_to": SIGNIFICAND,
            "sigmoid_margin_grey_levels": self.sigmoid_margin,
            "activation_step": self.activation_step,
            "clipped_activations": self.clipped,
        }


class ExactLayer(nn.Module):
    """A `Layer` whose inputs and outputs are integers, and none of whose sums rounds.

    Args:
        layer: the trained layer.
        low, high: smallest and largest integer of each input channel, (C_in,).
        step_in, step_out: what an integer stands for, before and after.
        skip_high: largest magnitude of what may be added, in steps of `step_out`; 0 if nothing is.
    """

    def __init__(self, layer: Layer, low: Tensor, high: Tensor, step_in: float, step_out: float, skip_high: int = 0) -> None:
        super().__init__()
        self.affine, self.last = copy.deepcopy(layer.affine), layer.last
        assert layer.affine.bias is not None  # noqa: S101 - for the type checker
        assert self.affine.bias is not None  # noqa: S101
        weight = layer.affine.weight.detach().double() * step_in / step_out
        bias = layer.affine.bias.detach().double() / step_out
        if self.last:
            bias = bias - 0.5  # the grid of logits is made of half-integers
        self.bits, self.largest_sum = self._finest_grid(weight, bias, low.double(), high.double(), skip_high)
        grid = 2.0**self.bits
        with torch.no_grad():
            self.affine.weight.copy_((weight * grid).round() / grid)
            self.affine.bias.copy_((bias * grid).round() / grid)

    @staticmethod
    def _finest_grid(weight: Tensor, bias: Tensor, low: Tensor, high: Tensor, skip_high: int) -> tuple[int, int]:
        """The most fractional bits at which no partial sum can exceed the significand, and the bound at that many."""
        shape = (1, -1) + (1,) * (weight.dim() - 2)
        for bits in range(40, -1, -1):
            w, b = (weight * 2.0**bits).round(), (bias * 2.0**bits).round()
            # any partial sum lies between the sum of all negative terms and that of all positive ones
            up = (w.clamp(min=0) * high.view(shape) + w.clamp(max=0) * low.view(shape)).flatten(1).sum(1)
            down = (w.clamp(min=0) * low.view(shape) + w.clamp(max=0) * high.view(shape)).flatten(1).sum(1)
            largest = torch.maximum(up, -down) + b.abs() + skip_high * 2.0**bits
            if largest.max() <= SIGNIFICAND:
                return bits, int(largest.max())
        raise ExportError(
            "A layer's weights are so large that its sums cannot be held exactly. The run has probably diverged: export "
            "an earlier checkpoint, or train with a lower learning_rate."
        )

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        x = self.affine(x)
        if skip is not None:
            x = x + skip
        if self.last:
            return torch.clamp(torch.round(x), -LOGIT_LEVELS, LOGIT_LEVELS - 1)
        return torch.clamp(torch.round(F.leaky_relu(x, SLOPE)), -_low_end(), ACTIVATION_LEVELS)


class ExactGenerator(nn.Module):
    """A trained generator, made exact. Same inputs, same output; pixels are multiples of 1/255.

    Args:
        generator: the trained one; it is left as it is.
        calibration: inputs side by side, (N, z_dim + K), from which the range of the activations is read.
    """

    def __init__(self, generator: Generator, calibration: Tensor) -> None:
        super().__init__()
        self.z_dim, self.classes = generator.z_dim, generator.classes
        self.network = copy.deepcopy(generator).cpu().requires_grad_(False).eval()
        self.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        step, clipped = _activation_step(self.network, calibration)
        largest = 0
        for name, layer, first in _layers(self.network):
            channels = layer.affine.weight.shape[1]
            low, high = (torch.full((channels,), v) for v in (-_low_end(), ACTIVATION_LEVELS))
            step_in = step
            if first:
                bound, one = INPUT_BOUND / INPUT_STEP, 1 / INPUT_STEP
                low = torch.tensor([-bound] * self.z_dim + [0.0] * self.classes)
                high = torch.tensor([bound] * self.z_dim + [one] * self.classes)
                step_in = INPUT_STEP
            step_out = LOGIT_STEP if layer.last else step
            exact = ExactLayer(layer, low, high, step_in, step_out, 0 if layer.last else ACTIVATION_LEVELS)
            largest = max(largest, exact.largest_sum)
            self.network.set_submodule(name, exact)
        self.certificate = Certificate(largest, sigmoid_margin(), step, clipped)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        bound = INPUT_BOUND / INPUT_STEP
        x = torch.clamp(torch.round(z * (1 / INPUT_STEP)), -bound, bound)
        if label is not None:
            x = torch.cat([x, torch.clamp(torch.round(label * (1 / INPUT_STEP)), 0, 1 / INPUT_STEP)], dim=1)
        logit = (self.network.logits(x) + 0.5) * LOGIT_STEP
        return torch.round(torch.sigmoid(logit) * 255) * (1 / 255)


def sigmoid_margin() -> float:
    """Least distance of 255 * sigmoid(logit) from a half-integer, over all logits of the grid, in grey levels."""
    edges = []
    for level in range(-LOGIT_LEVELS, LOGIT_LEVELS):
        grey = 255 / (1 + math.exp(-(level + 0.5) * LOGIT_STEP))
        edges.append(abs(grey - math.floor(grey) - 0.5))
    return min(edges)


def _low_end() -> int:
    return int((ACTIVATION_LEVELS + 1) * SLOPE)


def _layers(network: Generator) -> list[tuple[str, Layer, bool]]:
    """Name and layer, in order; the first one reads latents and labels."""
    found = [(name, module) for name, module in network.named_modules() if isinstance(module, Layer)]
    return [(name, layer, index == 0) for index, (name, layer) in enumerate(found)]


@torch.inference_mode()
def _activation_step(network: Generator, calibration: Tensor) -> tuple[float, float]:
    """One power of two for all hidden activations: the finest whose range holds all but a 100,000th of them."""
    seen: list[Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda _m, _i, out: seen.append(out.flatten().abs()))
        for _, layer, _ in _layers(network)
        if not layer.last
    ]
    network.logits(calibration)
    for hook in hooks:
        hook.remove()
    everything = torch.cat(seen)
    largest = everything.kthvalue(math.ceil(len(everything) * (1 - 1e-5))).values.item()
    step = 2.0 ** math.ceil(math.log2(max(largest, 2.0**-20) / ACTIVATION_LEVELS))
    return step, (everything > ACTIVATION_LEVELS * step).double().mean().item()
