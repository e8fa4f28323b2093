"""Adaptive discriminator augmentation: the discriminator sees flipped, turned and moved pictures as it begins to memorise.

After Karras 2020 (arXiv:2006.06676), with the augmentations that move whole pixels only, so that the finest texture stays as
it is. Each is made with probability p below 1, so a generator of flipped pictures would still be told from the real ones:
nothing of it leaks into what is generated.
"""

from __future__ import annotations

import torch
from torch import Tensor

REACH = 3
"""Pixels by which a picture is moved at most, each way."""
TARGET = 0.5
"""The discriminator memorises when real pictures that it is shown lie this share of the way from held-out to generated ones
above the held-out."""
FULL_SPEED = 500_000
"""Images over which p can rise from 0 to 1."""
HIGHEST = 0.8


def blit(pictures: Tensor, p: Tensor, chance: Tensor) -> Tensor:
    """Flip, turn by quarters and move each picture with probability p each; what comes in is black.

    Args:
        pictures: (N, 1, S, S).
        p: the probability, a scalar.
        chance: uniform random numbers in 0..1, (7, N).
    """
    n, _, side, _ = pictures.shape
    flips = (chance[0] < p) & (chance[1] < 0.5)
    turns = torch.where(chance[2] < p, (chance[3] * 4).floor(), 0.0)
    moves = (chance[5:7] * (2 * REACH + 1)).floor() - REACH
    dy, dx = torch.where(chance[4] < p, moves, 0.0).view(2, n, 1, 1)
    along = torch.arange(side, device=pictures.device) - (side - 1) / 2
    y, x = along.view(1, -1, 1) - dy, along.view(1, 1, -1) - dx
    y, x = torch.broadcast_tensors(y, x)
    turns = turns.view(-1, 1, 1)
    # a quarter turn: (y, x) -> (x, -y)
    y, x = torch.where(turns % 2 == 1, x, y), torch.where(turns % 2 == 1, -y, x)
    y, x = torch.where(turns >= 2, -y, y), torch.where(turns >= 2, -x, x)
    x = torch.where(flips.view(-1, 1, 1), -x, x)
    row, column = y + (side - 1) / 2, x + (side - 1) / 2
    inside = (row >= 0) & (row < side) & (column >= 0) & (column < side)
    source = (row.clamp(0, side - 1) * side + column.clamp(0, side - 1)).round().long()
    moved = pictures.reshape(n, -1).gather(1, source.view(n, -1)).view(n, 1, side, side)
    return moved * inside.unsqueeze(1)


def adapted(p: float, *, shown: float, held_out: float, generated: float, images: int) -> float:
    """The probability after another `images` images.

    Args:
        p: before.
        shown: the discriminator's mean logit for real pictures that it is trained on.
        held_out: the same for real pictures that it is not trained on.
        generated: the same for generated ones.
        images: seen since p was last adapted.
    """
    spread = shown - generated
    memorised = (shown - held_out) / spread if spread > 0 else 0.0
    step = images / FULL_SPEED
    return min(max(p + (step if memorised > TARGET else -step), 0.0), HIGHEST)
