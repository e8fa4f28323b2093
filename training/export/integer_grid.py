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
from torch.nn import functional as F

from training.errors import ExportError
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

SIGNIFICAND = 2**24
"""float32 represents every integer up to this one."""
ACTIVATION_LEVELS, LOW_LEVELS = 1023, 256
"""Hidden activations lie in -256..1023 steps. The lower bound is smaller because LeakyReLU's slope is 1/4."""
HELD = 0.999
"""Fraction of a channel's activations within its range; the rest are clipped. A few outliers would make the grid coarse for
all: on the shipped fashion, a range for all activations moves pixels by a quarter more."""
LOGIT_BOUND = 8.0
LOGIT_LEVELS, FINE_LOGIT_LEVELS = 512, 1024
"""Half the number of logits, which are half-integers from -511.5 to 511.5 (or -1023.5 to 1023.5), representing -8 to 8."""


@dataclass(frozen=True)
class Certificate:
    """Proof that the exported generator is exact."""

    largest_sum: int
    """Bound on all partial sums of all layers, in units of the layer's grid. Exact if at most 2**24."""

    def to_manifest(self) -> dict[str, Any]:
        """Return the entry of manifest.json."""
        return {"largest_sum": self.largest_sum, "exact_up_to": SIGNIFICAND}


@dataclass(frozen=True)
class _Range:
    """Smallest and largest integer, and quantisation step, of each channel, (C,), or of all of them, (1,)."""

    low: Tensor
    high: Tensor
    step: Tensor


class ExactLayer(nn.Module):
    """A `Layer` with integer inputs and outputs whose sums never round.

    Args:
        layer: the trained layer.
        low, high: smallest and largest integer of each input channel, (C_in,), or of all of them, (1,).
        step_in, step_out: quantisation step of each input channel, (C_in,), and output channel, (C_out,).
        step_skip: quantisation step of the skip connection, (C_out,). None: no skip connection.
        skip_is_input: whether the skip connection adds the layer's own input. It is then folded into the centre weights.
        logit_levels: half the number of logits of the last layer.
    """

    skip_scale: Tensor | None

    def __init__(
        self,
        layer: Layer,
        low: Tensor,
        high: Tensor,
        step_in: Tensor,
        step_out: Tensor,
        step_skip: Tensor | None,
        *,
        skip_is_input: bool = False,
        logit_levels: int = LOGIT_LEVELS,
    ) -> None:
        super().__init__()
        assert layer.affine.bias is not None  # noqa: S101 - for the type checker
        self.affine, self.last, self.doubles = copy.deepcopy(layer.affine), layer.last, layer.doubles
        self.features = len(layer.affine.weight)
        ones = (1,) * (layer.affine.weight.dim() - 2)
        skip_scale = torch.zeros_like(step_out) if step_skip is None else step_skip / step_out
        weight = layer.affine.weight.detach().double() * step_in.view(1, -1, *ones) / step_out.view(-1, 1, *ones)
        bias = layer.affine.bias.detach().double() / step_out
        self.logit_levels = logit_levels
        if self.last:
            bias = bias - 0.5  # logits are half-integers
        weight, bias, self.largest_sum = self._onto_grid(weight, bias, low.double(), high.double(), skip_scale)
        if skip_is_input:
            middle = weight[..., weight.shape[2] // 2, weight.shape[3] // 2]  # (C, C), of a convolution
            middle.diagonal().add_(skip_scale)  # a multiple of the grid, already included in the bound
            step_skip = None
        if self.doubles:
            weight, bias = _rows_first(weight), _rows_first(bias)
        self.affine.weight = nn.Parameter(weight.float(), requires_grad=False)
        self.affine.bias = nn.Parameter(bias.float(), requires_grad=False)
        self.register_buffer("skip_scale", skip_scale.float().view(-1, *ones) if step_skip is not None else None)

    def _onto_grid(
        self, weight: Tensor, bias: Tensor, low: Tensor, high: Tensor, skip_scale: Tensor
    ) -> tuple[Tensor, Tensor, int]:
        """Round each output channel's weights and bias to the finest grid on which all partial sums fit in 24 bits.

        Returns the rounded weight and bias, and the bound on all partial sums, in units of the channel's grid.
        """
        shape = (-1,) + (1,) * (weight.dim() - 1)
        ends = (1, -1) + (1,) * (weight.dim() - 2)
        done = torch.zeros(len(bias), dtype=torch.bool)
        largest = torch.zeros(len(bias), dtype=torch.float64)
        on_grid, bias_on_grid = weight.clone(), bias.clone()
        for bits in range(40, -1, -1):
            w, b = (weight * 2.0**bits).round(), (bias * 2.0**bits).round()
            # every partial sum lies between the sum of all negative terms and the sum of all positive terms
            up = (w.clamp(min=0) * high.view(ends) + w.clamp(max=0) * low.view(ends)).flatten(1).sum(1)
            down = (w.clamp(min=0) * low.view(ends) + w.clamp(max=0) * high.view(ends)).flatten(1).sum(1)
            skip = skip_scale * 2.0**bits
            bound = torch.maximum(up, -down) + b.abs() + ACTIVATION_LEVELS * skip
            # the skip connection must be a multiple of the grid too
            fits = (bound <= SIGNIFICAND) & ~done & ((skip == 0) | (skip >= 1))
            on_grid = torch.where(fits.view(shape), w * 2.0**-bits, on_grid)
            bias_on_grid = torch.where(fits, b * 2.0**-bits, bias_on_grid)
            largest = torch.where(fits, bound, largest)
            done |= fits
        if not done.all():
            raise ExportError(
                "A layer's weights are too large for exact float32 sums. The run has probably diverged: export an earlier "
                "checkpoint, or train with a lower learning_rate."
            )
        return on_grid, bias_on_grid, int(largest.max())

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        x = self.affine(x)
        if skip is not None and self.skip_scale is not None:
            x = x + skip * self.skip_scale
        if self.last:
            x = torch.clamp(torch.round(x), -self.logit_levels, self.logit_levels - 1)
        else:
            x = torch.clamp(torch.round(F.leaky_relu(x, SLOPE)), -LOW_LEVELS, ACTIVATION_LEVELS)
        return self._shuffle(x, self.doubles) if self.doubles else x

    def _shuffle(self, x: Tensor, side: int) -> Tensor:
        """Pixel shuffle of channels in the order row, column, channel: (N, 4C, side, side) -> (N, C, 2 side, 2 side).

        With channels last, it moves contiguous blocks. ONNX Runtime takes a quarter of the time of its DepthToSpace, which
        moves single elements.
        """
        x = x.permute(0, 2, 3, 1).reshape(-1, side, side, 2, self.features // 2)
        x = x.permute(0, 1, 3, 2, 4).reshape(-1, 2 * side, 2 * side, self.features // 4)
        return x.permute(0, 3, 1, 2)


class ExactGenerator(nn.Module):
    """An exact, quantised generator with the interface of the trained one. Pixels are multiples of 1/255.

    Args:
        generator: the trained generator. Not modified.
        calibration: concatenated inputs, (N, z_dim + K), for determining the range of each layer's activations.
    """

    def __init__(self, generator: Generator, calibration: Tensor) -> None:
        super().__init__()
        self.z_dim, self.classes = generator.z_dim, generator.classes
        self.greys: Tensor
        self.network = copy.deepcopy(generator).cpu().requires_grad_(False).eval()
        self.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        layers, sources = _layers(self.network), _sources(self.network)
        # non-linear grey scales place some levels closer together
        self.logit_levels = LOGIT_LEVELS if generator.scale is None else FINE_LOGIT_LEVELS
        steps = _activation_steps(self.network, layers, sources, calibration)
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
            low, high = torch.tensor([-float(LOW_LEVELS)]), torch.tensor([float(ACTIVATION_LEVELS)])
            ranges[name] = _Range(low, high, steps[name])
        self.certificate = Certificate(largest)
        self.register_buffer("greys", self.sigmoid_greys().float() / 255)

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


def _rows_first(features: Tensor) -> Tensor:
    """Reorder the input features of a pixel shuffle from (channel, row, column) to (row, column, channel)."""
    grouped = features.reshape(-1, 2, 2, *features.shape[1:])
    return grouped.permute(1, 2, 0, *range(3, grouped.dim())).reshape(features.shape)


def _layers(network: Generator) -> list[tuple[str, Layer]]:
    """Return the names and layers in the order in which they are applied."""
    return [(name, module) for name, module in network.named_modules() if isinstance(module, Layer)]


def _sources(network: Generator) -> dict[str, str]:
    """Return the input of each layer: the name of an earlier layer, or `LATENT` or `DEGRADED`."""
    names = [name for name, _ in _layers(network)]
    return {name: network.sources.get(name, before) for before, name in pairwise([LATENT, *names])}


@torch.inference_mode()
def _activation_steps(
    network: Generator, layers: list[tuple[str, Layer]], sources: dict[str, str], calibration: Tensor
) -> dict[str, Tensor]:
    """Return the quantisation step of each channel between two layers, (C,): the smallest power of two whose range contains
    the fraction `HELD` of the calibration activations.
    """
    reach: dict[str, Tensor] = {}

    def watch(name: str, channels: int) -> Callable[[nn.Module, Any, Tensor], None]:
        def note(_module: nn.Module, _input: Any, out: Tensor) -> None:  # noqa: ANN401 - torch's
            # the negative range is a quarter of the positive one, matching LeakyReLU's slope
            size = torch.where(out < 0, -out / SLOPE, out)
            each = size.view(len(out), channels, -1).transpose(0, 1).flatten(1)  # (C, N * positions)
            beyond = round((1 - HELD) * each.shape[1])
            reach[name] = each.topk(beyond + 1, dim=1).values[:, -1].double()

        return note

    # a layer's channels are those that the layers after it take, or that its output is added to
    by_name = dict(layers)
    channels = {skip: len(by_name[name].affine.weight) for name, skip in network.skips.items()}
    channels |= {source: by_name[name].affine.weight.shape[1] for name, source in sources.items()}
    hooks = [layer.register_forward_hook(watch(name, channels[name])) for name, layer in layers[:-1]]
    network.logits(calibration)
    for hook in hooks:
        hook.remove()
    steps = {name: torch.exp2(torch.ceil(torch.log2(r.clamp(min=2.0**-20) / ACTIVATION_LEVELS))) for name, r in reach.items()}
    return steps
