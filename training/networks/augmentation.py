"""Adaptive discriminator augmentation (ADA; Karras 2020, arXiv:2006.06676), and translation of every picture.

Only augmentations that move whole pixels are used, because they preserve fine texture. Each is applied with a probability
below 1, so the distribution of unaugmented pictures can be inferred from that of augmented ones. Augmentations therefore do
not leak into the generated pictures.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

REACH = 3
"""Maximum translation, in pixels per axis."""
CHANCES = 7
"""Random numbers per picture: whether and how to flip, whether and how to rotate, whether to translate, and both offsets."""
TARGET = 0.5
"""Overfitting above which the probability rises: (training - held-out) / (training - generated), of mean logits."""
FULL_SPEED = 500_000
"""Images in which the probability can change by 1."""
SIGN_TARGET = 0.6
"""Overfitting above which the probability rises without held-out pictures: r_t of ADA, the mean sign of the logits of the real
pictures."""
HIGHEST = 0.8
"""Maximum probability. Above it, augmentations leak into the generated pictures (figure 4 of the paper)."""


def blit(pictures: Tensor, p: Tensor, chance: Tensor, *, turns: bool = True) -> Tensor:
    """Flip, rotate by multiples of 90 degrees and translate pictures, each with probability p. Differentiable.

    Args:
        pictures: (N, 1, S, S). Pixels from outside are black.
        p: the probability, a scalar.
        chance: uniform random numbers in 0..1, (CHANCES, N).
        turns: whether to flip and rotate. If not, pictures are only translated.
    """
    n, _, side, _ = pictures.shape
    turn_p = p if turns else torch.zeros_like(p)
    flips = (chance[0] < turn_p) & (chance[1] < 0.5)
    quarters = torch.where(chance[2] < turn_p, (chance[3] * 4).floor(), 0.0)
    moves = (chance[5:7] * (2 * REACH + 1)).floor() - REACH
    dy, dx = torch.where(chance[4] < p, moves, 0.0).view(2, n, 1, 1)
    along = torch.arange(side, device=pictures.device) - (side - 1) / 2
    y, x = along.view(1, -1, 1) - dy, along.view(1, 1, -1) - dx
    y, x = torch.broadcast_tensors(y, x)
    quarters = quarters.view(-1, 1, 1)
    # a quarter turn: (y, x) -> (x, -y)
    y, x = torch.where(quarters % 2 == 1, x, y), torch.where(quarters % 2 == 1, -y, x)
    y, x = torch.where(quarters >= 2, -y, y), torch.where(quarters >= 2, -x, x)
    x = torch.where(flips.view(-1, 1, 1), -x, x)
    row, column = y + (side - 1) / 2, x + (side - 1) / 2
    inside = (row >= 0) & (row < side) & (column >= 0) & (column < side)
    source = (row.clamp(0, side - 1) * side + column.clamp(0, side - 1)).round().long()
    moved = pictures.reshape(n, -1).gather(1, source.view(n, -1)).view(n, 1, side, side)
    return moved * inside.unsqueeze(1)


def translated(images: Tensor, reach: int, rng: torch.Generator) -> Tensor:
    """Translate each picture by its own random offset. Differentiable.

    Args:
        images: (N, 1, S, S). Pixels from outside are black.
        reach: maximum translation, in pixels per axis. 0: the pictures stay as they are.
        rng: source of the offsets.
    """
    if not reach:
        return images
    dy, dx = torch.randint(0, 2 * reach + 1, (2, len(images), 1, 1), generator=rng, device=rng.device)
    lines = torch.arange(images.shape[-1], device=rng.device)
    y, x = (dy + lines.view(1, -1, 1)).to(images.device), (dx + lines.view(1, 1, -1)).to(images.device)
    padded = F.pad(images[:, 0], (reach, reach, reach, reach))
    return padded[torch.arange(len(images), device=images.device).view(-1, 1, 1), y, x].unsqueeze(1)


def adapted(p: float, *, shown: float, held_out: float, generated: float, images: int) -> float:
    """Return the probability after another `images` images.

    Args:
        p: the current probability.
        shown: mean logit of the discriminator for its training pictures.
        held_out: mean logit for real pictures that it is not trained on.
        generated: mean logit for generated pictures.
        images: images seen since the last adaptation.
    """
    spread = shown - generated
    overfitting = (shown - held_out) / spread if spread > 0 else 0.0
    step = images / FULL_SPEED
    return min(max(p + (step if overfitting > TARGET else -step), 0.0), HIGHEST)


def adapted_to_signs(p: float, *, sign: float, images: int) -> float:
    """Return the probability after another `images` images, without held-out pictures.

    Args:
        p: the current probability.
        sign: mean sign of the logits of augmented training pictures since the last adaptation, relative to the point at which
            real and generated are equally likely.
        images: images seen since the last adaptation.
    """
    step = images / FULL_SPEED
    return min(max(p + (step if sign > SIGN_TARGET else -step), 0.0), HIGHEST)
