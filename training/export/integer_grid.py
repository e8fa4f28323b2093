"""Quantisation of the generator to an integer grid: bit-identical on every machine, in every library, at every batch size.

The result of a float32 sum depends on the order of its terms, which varies with the BLAS, the processor and the batch size.
Without quantisation, a few pixels in a thousand pictures round differently, so a seed does not determine its picture.

Here every activation is an integer stored in float32, and every weight a multiple of a power of two, coarse enough that no
partial sum of a layer, in any order, exceeds float32's 24-bit significand. Additions never round, so their order does not
matter. The output is one of 1,024 or 2,048 logits per pixel, which a table maps to grey levels: by the sigmoid, or matched
to the training pictures (`training.networks.histogram_matching`).

This holds for any implementation that sums the products in float32 or wider, in any order, fused or not, such as ONNX
Runtime, torch and OpenBLAS on CPUs. It does not hold for lower-precision arithmetic (TF32, bfloat16 fast-math) or algorithms
that replace the products (Winograd, FFT).

The bound is verified at export. `Certificate` records it in the manifest.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from training.export.exact_layer import (
    FINE_LOGIT_LEVELS,
    GRIDS,
    LOGIT_BOUND,
    LOGIT_LEVELS,
    NEWEST,
    Certificate,
    ExactLayer,
    Grid,
)
from training.networks import histogram_matching
from training.networks.architectures import (
    DEGRADED,
    INPUT_BOUND,
    INPUT_STEP,
    LATENT,
    NOISE,
    NOISE_LEVELS,
    SLOPE,
    Generator,
    Layer,
    NoiseMap,
)


@dataclass(frozen=True)
class _Range:
    """Smallest and largest integer, and quantisation step, of each channel, (C,), or of all of them, (1,)."""

    low: Tensor
    high: Tensor
    step: Tensor


class ExactGenerator(nn.Module):
    """An exact, quantised generator with the interface of the trained one. Pixels are multiples of 1/255.

    Args:
        generator: the trained generator. Not modified.
        calibration: concatenated inputs, (N, z_dim + K), for determining the range of each layer's activations.
        grid: the grid.
    """

    def __init__(self, generator: Generator, calibration: Tensor, grid: Grid = GRIDS[NEWEST]) -> None:
        super().__init__()
        self.z_dim, self.classes = generator.z_dim, generator.classes
        self.greys: Tensor
        self.network = copy.deepcopy(generator).cpu().requires_grad_(False).eval()
        self.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        layers, sources = _layers(self.network), _sources(self.network)
        # non-linear grey scales place some levels closer together
        self.logit_levels = LOGIT_LEVELS if generator.scale is None else FINE_LOGIT_LEVELS
        steps = _activation_steps(self.network, layers, sources, calibration, grid)
        steps[layers[-1][0]] = torch.tensor([LOGIT_BOUND / self.logit_levels], dtype=torch.float64)
        bound, one = INPUT_BOUND / INPUT_STEP, 1 / INPUT_STEP
        low = torch.tensor([-bound] * self.z_dim + [0.0] * self.network.conditions)
        high = torch.tensor([bound] * self.z_dim + [one] * self.network.conditions)
        ranges = {
            LATENT: _Range(low, high, torch.full((len(low),), INPUT_STEP, dtype=torch.float64)),
            DEGRADED: _Range(torch.zeros(1), torch.full((1,), 255.0), torch.full((1,), 1 / 255, dtype=torch.float64)),
        }
        half = NOISE_LEVELS // 2
        ranges[NOISE] = _Range(
            torch.tensor([-float(half)]), torch.tensor([half - 1.0]), torch.full((1,), 1 / half, dtype=torch.float64)
        )
        for module in self.network.modules():
            if isinstance(module, NoiseMap):
                module.takes_integers = True
        largest = 0
        for name, layer in layers:
            features = len(layer.affine.weight)
            # features that form one channel, by view or pixel shuffle, share its step
            step_out = steps[name].repeat_interleave(features // len(steps[name]))
            skip = self.network.skips.get(name)
            step_skip = steps[skip] if skip else None
            given = ranges[sources[name]]
            exact = ExactLayer(
                layer,
                grid,
                self._inputs(layer, calibration) if grid.compensates else None,
                given.low,
                given.high,
                given.step,
                step_out,
                step_skip,
                skip_is_input=skip is not None and skip == sources[name],
                logit_levels=self.logit_levels,
            )
            largest = max(largest, exact.largest_sum)
            self.network.set_submodule(name, exact)
            low, high = torch.tensor([-float(grid.low)]), torch.tensor([float(grid.high)])
            ranges[name] = _Range(low, high, steps[name])
        self.certificate = Certificate(largest, grid.number)
        self.register_buffer("greys", self.sigmoid_greys().float() / 255)

    @torch.inference_mode()
    def _inputs(self, layer: Layer, calibration: Tensor) -> Tensor:
        """Return the integer inputs of a layer while the layers before it are already quantised."""
        conditions = self.z_dim + self.network.conditions
        label = calibration[:, self.z_dim : conditions] if self.network.conditions else None
        pixels = torch.round(calibration[:, conditions:] * 255)  # of a sharpener
        found: list[Tensor] = []

        def watch(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            found.append(inputs[0])

        hook = layer.register_forward_pre_hook(watch)
        self.network.logits(torch.cat([self.latents(calibration[:, : self.z_dim], label), pixels], dim=1))
        hook.remove()
        return found[0].clone()

    def match_tones(self, levels: Tensor, real: Tensor) -> None:
        """Match the grey levels to those of real pictures.

        Args:
            levels: output of `levels` for many inputs.
            real: uint8 pictures, (M, 1, 28, 28).
        """
        ours = histogram_matching.frequencies(levels, 2 * self.logit_levels)
        self.greys = histogram_matching.matching(ours, histogram_matching.frequencies(real)).float() / 255

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        # exported as GatherElements; indexing would become Gather, which is five times slower in ONNX Runtime
        return torch.gather(self.greys, 0, self.levels(z, label).reshape(-1)).view(-1, 1, 28, 28)

    def levels(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Return the logit index of each pixel, counted from 0, (N, 1, 28, 28), int64."""
        return self._levels(self.latents(z, label))

    def latents(self, z: Tensor, label: Tensor | None) -> Tensor:
        """Return latents and one-hot labels as integers, (N, z_dim + K)."""
        bound = INPUT_BOUND / INPUT_STEP
        x = torch.clamp(torch.round(z * (1 / INPUT_STEP)), -bound, bound)
        if label is None:
            return x
        return torch.cat([x, torch.clamp(torch.round(label * (1 / INPUT_STEP)), 0, 1 / INPUT_STEP)], dim=1)

    def _levels(self, x: Tensor) -> Tensor:
        return (self.network.logits(x) + self.logit_levels).long()

    def sigmoid_greys(self) -> Tensor:
        """Return the grey level, 0 to 255, of each possible logit without histogram matching, (2 * logit_levels,)."""
        logits = (torch.arange(-self.logit_levels, self.logit_levels, dtype=torch.float64) + 0.5) * (
            LOGIT_BOUND / self.logit_levels
        )
        position = torch.sigmoid(logits)
        scale = self.network.scale
        return torch.round(position * 255) if scale is None else scale.level(position.float()).double()


def _layers(network: Generator) -> list[tuple[str, Layer]]:
    """Return the names and layers in the order in which they are applied."""
    return [(name, module) for name, module in network.named_modules() if isinstance(module, Layer)]


def _sources(network: Generator) -> dict[str, str]:
    """Return the input of each layer: the name of an earlier layer, or `LATENT` or `DEGRADED`."""
    names = [name for name, _ in _layers(network)]
    return {name: network.sources.get(name, before) for before, name in pairwise([LATENT, *names])}


@torch.inference_mode()
def _activation_steps(
    network: Generator, layers: list[tuple[str, Layer]], sources: dict[str, str], calibration: Tensor, grid: Grid
) -> dict[str, Tensor]:
    """Return the quantisation step of each channel between two layers, (C,): the smallest one of few significant bits whose
    range contains the fraction `held` of the calibration activations.
    """
    reach: dict[str, Tensor] = {}

    def watch(name: str, channels: int) -> Callable[[nn.Module, Any, Tensor], None]:
        def note(_module: nn.Module, _input: Any, out: Tensor) -> None:  # noqa: ANN401 - torch's
            # the negative range is a quarter of the positive one, matching LeakyReLU's slope
            size = torch.where(out < 0, -out / SLOPE, out)
            each = size.view(len(out), channels, -1).transpose(0, 1).flatten(1)  # (C, N * positions)
            beyond = round((1 - grid.held) * each.shape[1])
            size = each.topk(beyond + 1, dim=1).values[:, -1].double()
            reach[name] = size * (1 + grid.headroom / each.shape[1] ** 0.5)

        return note

    # a layer's channels are those that the layers after it take, or that its output is added to
    by_name = dict(layers)
    channels = {skip: len(by_name[name].affine.weight) for name, skip in network.skips.items()}
    channels |= {source: by_name[name].affine.weight.shape[1] for name, source in sources.items()}
    hooks = [layer.register_forward_hook(watch(name, channels[name])) for name, layer in layers[:-1]]
    network.logits(calibration)
    for hook in hooks:
        hook.remove()
    return {name: _rounded_up(size.clamp(min=2.0**-20) / grid.high, grid.step_bits) for name, size in reach.items()}


def _rounded_up(values: Tensor, bits: int) -> Tensor:
    """Round positive values up to so many significant bits."""
    mantissa, exponent = torch.frexp(values)  # 0.5 to 1
    return torch.ldexp(torch.ceil(mantissa * 2.0**bits) / 2.0**bits, exponent)
