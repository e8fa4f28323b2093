"""A layer of the integer grid: integer inputs and outputs, and sums that never round (`training.export.integer_grid`)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.errors import ExportError
from training.export.weight_rounding import Compensation
from training.networks.architectures import SLOPE, Layer

SIGNIFICAND = 2**24
"""float32 represents every integer up to this one."""
LOGIT_BOUND = 8.0
LOGIT_LEVELS, FINE_LOGIT_LEVELS = 512, 1024
"""Half the number of logits, which are half-integers from -511.5 to 511.5 (or -1023.5 to 1023.5), representing -8 to 8."""


@dataclass(frozen=True)
class Grid:
    """How a generator is quantised. Each grid stays as it is, so that the weights of a version can be exported again."""

    number: int
    """Named in the manifest."""
    high: int
    """Hidden activations lie in -(high + 1) / 4..high steps. The lower bound is smaller because LeakyReLU's slope is 1/4."""
    held: float
    """Fraction of a channel's activations within its range; the rest are clipped. A few outliers would make the grid coarse for
    all."""
    headroom: float
    """A range is widened by this over the square root of the number of activations it is estimated from."""
    step_bits: int
    """Significant bits of a quantisation step, which is rounded up to them. Few bits make it independent of the machine that
    exports, unlike the activations. With 1, steps are powers of two."""
    compensates: bool
    """Whether rounding errors of weights are compensated (`training.export.weight_rounding`)."""

    @property
    def low(self) -> int:
        """Smallest activation is minus this."""
        return (self.high + 1) // 4


GRIDS = {grid.number: grid for grid in (Grid(1, 1023, 0.999, 0.0, 1, False), Grid(2, 1279, 0.9999, 4.0, 6, True))}
"""The grids, by number. The first one is that of the versions whose manifest names none."""
NEWEST = 2


@dataclass(frozen=True)
class Certificate:
    """Proof that the exported generator is exact."""

    largest_sum: int
    """Bound on all partial sums of all layers, in units of the layer's grid. Exact if at most 2**24."""
    grid: int
    """Number of the grid."""

    def to_manifest(self) -> dict[str, Any]:
        """Return the entry of manifest.json."""
        return {"largest_sum": self.largest_sum, "exact_up_to": SIGNIFICAND, "grid": self.grid}


class ExactLayer(nn.Module):
    """A `Layer` with integer inputs and outputs whose sums never round.

    Args:
        layer: the trained layer.
        grid: the grid.
        inputs: typical inputs, integers, for a grid that compensates rounding errors.
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
        grid: Grid,
        inputs: Tensor | None,
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
        self.features, self.low, self.high = len(layer.affine.weight), grid.low, grid.high
        ones = (1,) * (layer.affine.weight.dim() - 2)
        skip_scale = torch.zeros_like(step_out) if step_skip is None else step_skip / step_out
        weight = layer.affine.weight.detach().double() * step_in.view(1, -1, *ones) / step_out.view(-1, 1, *ones)
        bias = layer.affine.bias.detach().double() / step_out
        self.logit_levels = logit_levels
        if self.last:
            bias = bias - 0.5  # logits are half-integers
        rounding = Compensation(layer.affine, inputs) if inputs is not None else None
        weight, bias, skip_scale, self.largest_sum = self._onto_grid(
            weight, bias, low.double(), high.double(), skip_scale, rounding
        )
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
        self, weight: Tensor, bias: Tensor, low: Tensor, high: Tensor, skip_scale: Tensor, rounding: Compensation | None
    ) -> tuple[Tensor, Tensor, Tensor, int]:
        """Round each output channel's weights and bias to the finest grid on which all partial sums fit in 24 bits.

        Returns the rounded weight, bias and scale of the skip connection, and the bound on all partial sums, in units of the
        channel's grid.
        """
        ends = (1, -1) + (1,) * (weight.dim() - 2)

        def bound(w: Tensor, b: Tensor, skip: Tensor, bits: Tensor) -> Tensor:
            # every partial sum lies between the sum of all negative terms and the sum of all positive terms
            up = (w.clamp(min=0) * high.view(ends) + w.clamp(max=0) * low.view(ends)).flatten(1).sum(1)
            down = (w.clamp(min=0) * low.view(ends) + w.clamp(max=0) * high.view(ends)).flatten(1).sum(1)
            return (torch.maximum(up, -down) + b.abs() + self.high * skip) * torch.exp2(bits)

        bits = torch.full_like(bias, 40.0)
        while True:
            w, b = _round(weight, bits), _round(bias, bits)
            # the skip connection must be a multiple of the grid too
            skip = _round(skip_scale, bits)
            largest = bound(w, b, skip, bits)
            too_fine = (largest > SIGNIFICAND) | ((skip_scale > 0) & (skip == 0))
            if not too_fine.any():
                break
            bits = bits - too_fine.double()
            self._check(bits)
        while rounding is not None:
            w, b = rounding.round(weight, bias, bits)
            skip = _round(skip_scale, bits)
            largest = bound(w, b, skip, bits)
            if not (largest > SIGNIFICAND).any():
                break
            bits = bits - (largest > SIGNIFICAND).double()
            self._check(bits)
        return w, b, skip, int(largest.max())

    def _check(self, bits: Tensor) -> None:
        if (bits < 0).any():
            raise ExportError(
                "A layer's weights are too large for exact float32 sums. The run has probably diverged: export an earlier "
                "checkpoint, or train with a lower learning_rate."
            )

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        x = self.affine(x)
        if skip is not None and self.skip_scale is not None:
            x = x + skip * self.skip_scale
        if self.last:
            x = torch.clamp(torch.round(x), -self.logit_levels, self.logit_levels - 1)
        else:
            x = torch.clamp(torch.round(F.leaky_relu(x, SLOPE)), -self.low, self.high)
        return self._shuffle(x, self.doubles) if self.doubles else x

    def _shuffle(self, x: Tensor, side: int) -> Tensor:
        """Pixel shuffle of channels in the order row, column, channel: (N, 4C, side, side) -> (N, C, 2 side, 2 side).

        With channels last, it moves contiguous blocks. ONNX Runtime takes a quarter of the time of its DepthToSpace, which
        moves single elements.
        """
        x = x.permute(0, 2, 3, 1).reshape(-1, side, side, 2, self.features // 2)
        x = x.permute(0, 1, 3, 2, 4).reshape(-1, 2 * side, 2 * side, self.features // 4)
        return x.permute(0, 3, 1, 2)


def _round(values: Tensor, bits: Tensor) -> Tensor:
    """Round the values of each channel, (C, ...), to multiples of 2**-bits."""
    scale = torch.exp2(bits).view(-1, *(1,) * (values.dim() - 1))
    return (values * scale).round() / scale


def _rows_first(features: Tensor) -> Tensor:
    """Reorder the input features of a pixel shuffle from (channel, row, column) to (row, column, channel)."""
    grouped = features.reshape(-1, 2, 2, *features.shape[1:])
    return grouped.permute(1, 2, 0, *range(3, grouped.dim())).reshape(features.shape)
