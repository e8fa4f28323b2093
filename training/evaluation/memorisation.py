"""Does a generator draw, or repeat? How near its pictures lie to those it was trained on, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PART = 1000


@dataclass(frozen=True)
class Nearest:
    """The training picture nearest to each of N pictures."""

    distance: Tensor
    """Euclidean distance of their pixels in 0..1, (N,)."""
    index: Tensor
    """Which training picture it is, (N,)."""
    authentic: Tensor
    """Whether another training picture lies nearer to that one than this picture does, (N,); bool."""

    @property
    def median(self) -> float:
        return self.distance.median().item()

    @property
    def authenticity(self) -> float:
        """Share that are not nearer to a training picture than its own nearest neighbour is (AuthPct; Alaa 2022,
        arXiv:2102.08921).
        """
        return self.authentic.float().mean().item()


def nearest(pictures: Tensor, training: Tensor) -> Nearest:
    """Find the training picture nearest to each picture.

    Args:
        pictures: uint8, (N, 1, 28, 28).
        training: uint8, (M, 1, 28, 28).
    """
    flat, known = (images.flatten(1).float() / 255 for images in (pictures, training))
    square = known.square().sum(1)
    found = [_closest(part, known, square, 1) for part in flat.split(PART)]
    distance, index = (torch.cat(column)[:, 0] for column in zip(*found, strict=True))
    asked, place = index.unique(return_inverse=True)
    # the nearest of a training picture is the picture itself
    own = torch.cat([_closest(part, known, square, 2)[0][:, 1] for part in known[asked].split(PART)])
    return Nearest(distance, index, distance > own[place])


def _closest(pictures: Tensor, known: Tensor, square: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Distance to and index of the nearest of `known`, (n, count) each."""
    squared = square - 2 * pictures @ known.T  # (n, M), less the picture's own square
    nearest = squared.topk(count, largest=False)
    distance = (nearest.values + pictures.square().sum(1, keepdim=True)).clamp(min=0).sqrt()
    return distance, nearest.indices
