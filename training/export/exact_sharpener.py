"""The exact, quantised sharpener: `ExactGenerator` that also takes a degraded picture, with a projection in integers.

The projection of `training.networks.sharpener.project` multiplies grey levels by the ratio of two sums. The ratio is one
correctly rounded division, and is then rounded to 16 bits. Everything after it is exact in float32: products of 8 and 16
bits, and differences of multiples of 2**-16. The mean of a block is therefore the grey level of the input to within 0.002, and
to within half a grey level after rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.sharpening import FACTORS, KINDS, SIDE
from training.datasets.degradation import PIXELS, split
from training.export.exact_layer import GRIDS, NEWEST, Grid
from training.export.integer_grid import ExactGenerator
from training.networks import histogram_matching
from training.networks.sharpener import SharpenGenerator

RATIO = 2.0**16
"""Ratios are rounded to multiples of 1 / RATIO."""


class ExactSharpener(ExactGenerator):
    """An exact sharpener: latents z (N, z_dim), degraded pictures (N, 1, 28, 28) in 0..1 and kinds (N, 3) -> pictures.

    Each kind of degradation has its own table of grey levels.

    Args:
        generator: the trained sharpener. Not modified.
        z: latents, (N, z_dim), for determining the range of each layer's activations.
        condition: degraded pictures for the same, (N, CONDITION).
        grid: the grid.
    """

    def __init__(self, generator: SharpenGenerator, z: Tensor, condition: Tensor, grid: Grid = GRIDS[NEWEST]) -> None:
        super().__init__(generator, generator.inputs(z, condition), grid)
        self.greys = self.sigmoid_greys().float().repeat(len(KINDS))
        self.register_buffer("offsets", torch.arange(len(KINDS)).float()[:, None] * (2 * self.logit_levels))
        self.offsets: Tensor

    def forward(self, z: Tensor, degraded: Tensor, kind: Tensor) -> Tensor:  # type: ignore[override]
        degraded = torch.round(degraded * 255)
        positions = self.positions(z, degraded, kind) + (kind @ self.offsets).long().view(-1, 1, 1, 1)
        greys = torch.gather(self.greys, 0, positions.reshape(-1)).view(-1, 1, SIDE, SIDE)
        return torch.round(project_exactly(greys, degraded, kind)) / 255

    def sharpen(self, z: Tensor, condition: Tensor) -> Tensor:
        """Return the outputs for degraded pictures, (N, CONDITION)."""
        return self.forward(z, *split(condition))

    def unmatched(self, z: Tensor, condition: Tensor) -> Tensor:
        """Return the outputs without histogram matching."""
        greys, self.greys = self.greys, self.sigmoid_greys().float().repeat(len(KINDS))
        try:
            return self.sharpen(z, condition)
        finally:
            self.greys = greys

    @torch.inference_mode()
    def match_outputs(self, z: Tensor, condition: Tensor, real: Tensor) -> None:
        """Match the grey levels of the outputs to those of real pictures, for each kind of degradation.

        The curve is fitted to the outputs after the projection, and applied before it.

        Args:
            z: latents, (N, z_dim).
            condition: degraded pictures, (N, CONDITION).
            real: uint8 pictures, (M, 1, 28, 28).
        """
        _, kinds = split(condition)
        theirs, tables = histogram_matching.frequencies(real), []
        plain = self.sigmoid_greys()
        for number in range(len(KINDS)):
            chosen = kinds[:, number] > 0
            outputs = torch.cat(
                [self.sharpen(*part) for part in zip(z[chosen].split(250), condition[chosen].split(250), strict=True)]
            )
            curve = histogram_matching.matching(histogram_matching.frequencies((outputs * 255).round().long(), 256), theirs)
            tables.append(curve[plain.long()].float())
        self.greys = torch.cat(tables)

    def positions(self, z: Tensor, degraded: Tensor, kind: Tensor) -> Tensor:
        """Return the logit index of each pixel before the projection, (N, 1, 28, 28), int64. The input is in 0..255."""
        conditions = self.network.conditions
        latents = self.latents(z, kind if conditions else None)
        return self._levels(torch.cat([latents, degraded.reshape(-1, PIXELS)], dim=1))


def project_exactly(greys: Tensor, degraded: Tensor, kind: Tensor) -> Tensor:
    """Scale the grey levels of each block such that their mean is the grey level of the input, to within 0.002.

    Args:
        greys: integers 0 to 255, (N, 1, 28, 28).
        degraded: integers 0 to 255, enlarged by repeating pixels, (N, 1, 28, 28).
        kind: one-hot kind of degradation, (N, 3). Blurred pictures are not changed.
    """
    blurred = kind[:, KINDS.index("blur")].view(-1, 1, 1, 1, 1, 1)
    down: Tensor | float = 0.0
    up: Tensor | float = 0.0
    for name in KINDS:
        if (factor := FACTORS[name]) > 1:
            side, area = SIDE // factor, float(factor * factor)
            total = greys.reshape(-1, 1, side, factor, side, factor).sum(dim=(3, 5), keepdim=True)
            wanted = degraded.reshape(-1, 1, side, factor, side, factor)[:, :, :, :1, :, :1] * area
            here = kind[:, KINDS.index(name)].view(-1, 1, 1, 1, 1, 1)
            full = 255 * area
            darker = _ratio(wanted, total)
            brighter = _ratio(full - wanted, full - total)
            blocks = (-1, 1, side, factor, side, factor)
            down = down + _spread(here * darker, blocks)
            up = up + _spread(here * brighter, blocks)
    still = blurred.view(-1, 1, 1, 1)
    return 255 - (255 - greys * (down + still)) * (up + still)


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return numerator / denominator, at most 1, rounded to a multiple of 1 / RATIO. Both are integers."""
    return torch.round(torch.clamp(numerator / torch.clamp(denominator, min=1), max=1) * RATIO) * (1 / RATIO)


def _spread(ratios: Tensor, blocks: tuple[int, ...]) -> Tensor:
    """Repeat each block's ratio for its pixels: (N, 1, side, 1, side, 1) -> (N, 1, 28, 28)."""
    factor = blocks[3]
    return ratios.expand(-1, -1, -1, factor, -1, factor).reshape(-1, 1, SIDE, SIDE)
