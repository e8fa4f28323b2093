"""Non-linear grey scales, on which the networks can work instead of grey levels.

Dark grey levels carry texture that is invisible but detectable: on Fashion-MNIST, the grain around a garment has levels 1 to
16 of 255. A step of one level is 0.004 on the linear scale, too small for a discriminator with a gradient penalty (Schwarz
2021, arXiv:2111.02447). A non-linear scale stretches such steps.

With such a scale, the generator produces integer grey levels during training, so the discriminator receives what is served.
Rounding uses the gradient of the curve (straight-through estimator, arXiv:1308.3432).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.spec import GreyScaleName

LEVELS = 256
FIRST_STEP = 0.06
"""Distance from black to level 1 on the equalised scale. Most pixels are exactly black, and must differ from dark ones."""


class GreyScale(nn.Module):
    """Maps grey levels, 0 to 255, to positions on a scale, 0 to 1, and back.

    Args:
        curve: position of each level, (256,), strictly increasing from 0 to 1.
    """

    curve: Tensor
    """Position of each level, (256,)."""
    middles: Tensor
    """Midpoints between neighbouring positions, (255,)."""
    steps: Tensor
    """Mean distance to the neighbouring positions, (256,)."""

    def __init__(self, curve: Tensor) -> None:
        super().__init__()
        self.register_buffer("curve", curve.float())
        self.register_buffer("middles", torch.zeros(LEVELS - 1))
        self.register_buffer("steps", torch.zeros(LEVELS))
        self.set(curve)

    def set(self, curve: Tensor) -> None:
        """Replace the curve.

        Raises:
            ValueError: the curve is not strictly increasing.
        """
        curve = curve.double()
        gaps = curve.diff()
        if not (gaps > 0).all():
            raise ValueError("The curve of a grey scale must be strictly increasing. Use a strictly increasing curve.")
        self.curve.copy_(curve)
        self.middles.copy_((curve[1:] + curve[:-1]) / 2)
        self.steps.copy_((torch.cat([gaps[:1], gaps]) + torch.cat([gaps, gaps[-1:]])) / 2)

    def level(self, position: Tensor) -> Tensor:
        """Return the nearest grey level of each position, int64, of the same shape."""
        return torch.bucketize(position, self.middles)

    def picture(self, position: Tensor) -> Tensor:
        """Return a picture of integer levels, scaled to 0..1, for positions of the same shape. The gradient is the curve's."""
        level = self.level(position.detach())
        exact = level.float() / (LEVELS - 1)
        slope = 1 / (self.steps[level] * (LEVELS - 1))
        return exact + (position - position.detach()) * slope

    def position(self, picture: Tensor) -> Tensor:
        """Return the positions of a picture of integer levels, scaled to 0..1. The gradient is the curve's."""
        level = (picture.detach() * (LEVELS - 1)).round().long().clamp(0, LEVELS - 1)
        return self.curve[level] + (picture - picture.detach()) * (self.steps[level] * (LEVELS - 1))


def logarithmic() -> Tensor:
    """Return the curve log(1 + level / 2), normalised to 0..1, (256,)."""
    levels = torch.arange(LEVELS, dtype=torch.float64)
    return torch.log1p(levels / 2) / torch.log1p(levels[-1] / 2)


def equalised(pictures: Tensor) -> Tensor:
    """Return the mean of the linear curve and the cumulative histogram of a dataset, without black pixels, (256,).

    Args:
        pictures: uint8, of any shape.
    """
    counts = torch.bincount(pictures.flatten().int(), minlength=LEVELS).double()
    counts[0] = 0
    share = (counts.cumsum(0) - counts / 2) / counts.sum().clamp(min=1)
    mixed = (torch.linspace(0, 1, LEVELS, dtype=torch.float64) + share) / 2
    rest = (mixed - mixed[1]) / (mixed[-1] - mixed[1])
    curve = FIRST_STEP + (1 - FIRST_STEP) * rest
    curve[0] = 0
    return curve


def build(name: GreyScaleName) -> GreyScale | None:
    """Return the grey scale of that name, or None for linear. Set the curve of the equalised one from the dataset."""
    if name == "linear":
        return None
    return GreyScale(logarithmic() if name == "logarithmic" else torch.linspace(0, 1, LEVELS))
