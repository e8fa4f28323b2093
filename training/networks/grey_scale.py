"""The scale of greys on which the networks work, where it is not the grey level itself.

The darkest levels of a picture carry texture that no eye sees and every classifier does: on Fashion-MNIST the grain around
a garment has levels 1 to 16 of 255. On the linear scale one level is 0.004, too small a step for a discriminator whose
gradient is penalised (Schwarz 2021, arXiv:2111.02447). Here the steps that matter are stretched.

A generator that works on such a scale gives pictures of whole grey levels, as the service does, so that the discriminator
sees what is served. Rounding has no gradient; it is taken for that of the curve (straight-through, arXiv:1308.3432).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.spec import GreyScaleName

LEVELS = 256
FIRST_STEP = 0.06
"""From black to level 1 on the equalised scale: black is most of a picture, and is to be told from nearly black."""


class GreyScale(nn.Module):
    """A curve from grey levels, 0 to 255, to positions on a scale, 0 to 1, and back."""

    curve: Tensor
    """Position of each level, (256,), strictly rising."""
    middles: Tensor
    """Positions half way between neighbours, (255,)."""
    steps: Tensor
    """Positions to the next level, around each level, (256,)."""

    def __init__(self, curve: Tensor) -> None:
        super().__init__()
        self.register_buffer("curve", curve.float())
        self.register_buffer("middles", torch.zeros(LEVELS - 1))
        self.register_buffer("steps", torch.zeros(LEVELS))
        self.set(curve)

    def set(self, curve: Tensor) -> None:
        """Take another curve, (256,), strictly rising from 0 to 1."""
        curve = curve.double()
        gaps = curve.diff()
        if not (gaps > 0).all():
            raise ValueError("The curve of a grey scale must rise from every level to the next. Give one that does.")
        self.curve.copy_(curve)
        self.middles.copy_((curve[1:] + curve[:-1]) / 2)
        self.steps.copy_((torch.cat([gaps[:1], gaps]) + torch.cat([gaps, gaps[-1:]])) / 2)

    def level(self, position: Tensor) -> Tensor:
        """The nearest grey level of each position, int64, of the same shape."""
        return torch.bucketize(position, self.middles)

    def picture(self, position: Tensor) -> Tensor:
        """Positions as a picture of whole levels in 0..1, of the same shape; with the gradient of the curve."""
        level = self.level(position.detach())
        exact = level.float() / (LEVELS - 1)
        slope = 1 / (self.steps[level] * (LEVELS - 1))
        return exact + (position - position.detach()) * slope

    def position(self, picture: Tensor) -> Tensor:
        """Where a picture of whole levels in 0..1 lies on the scale, of the same shape; with the gradient of the curve."""
        level = (picture.detach() * (LEVELS - 1)).round().long().clamp(0, LEVELS - 1)
        return self.curve[level] + (picture - picture.detach()) * (self.steps[level] * (LEVELS - 1))


def logarithmic() -> Tensor:
    """log(1 + level / 2), from 0 to 1, (256,)."""
    levels = torch.arange(LEVELS, dtype=torch.float64)
    return torch.log1p(levels / 2) / torch.log1p(levels[-1] / 2)


def equalised(pictures: Tensor) -> Tensor:
    """Half the level itself, half the share of a dataset's pixels that are darker, black ones left out, (256,).

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
    """The scale of that name; None for the linear one, which is none. The equalised one waits for its pictures."""
    if name == "linear":
        return None
    return GreyScale(logarithmic() if name == "logarithmic" else torch.linspace(0, 1, LEVELS))
