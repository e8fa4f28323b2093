"""Detects memorisation by the pixel distance between generated pictures and their nearest training pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PART = 1000


@dataclass(frozen=True)
class Nearest:
    """The training picture nearest to each of N pictures."""

    distance: Tensor
    """Euclidean distance of pixels in 0..1, (N,)."""
    index: Tensor
    """Index of the training picture, (N,)."""
    authentic: Tensor
    """Whether the training picture is closer to another training picture than to this picture, (N,), bool."""

    @property
    def median(self) -> float:
        return self.distance.median().item()

    @property
    def authenticity(self) -> float:
        """Fraction of pictures farther from their nearest training picture than that picture's own nearest neighbour
        (AuthPct; Alaa 2022, arXiv:2102.08921).
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
    found_index, inverse = index.unique(return_inverse=True)
    # the nearest neighbour of a training picture is the picture itself
    own = torch.cat([_closest(part, known, square, 2)[0][:, 1] for part in known[found_index].split(PART)])
    return Nearest(distance, index, distance > own[inverse])


def _closest(pictures: Tensor, known: Tensor, square: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return distances to and indices of the nearest pictures of `known`, (n, count) each."""
    squared = square - 2 * pictures @ known.T  # (n, M), without the squared norm of the picture
    nearest = squared.topk(count, largest=False)
    distance = (nearest.values + pictures.square().sum(1, keepdim=True)).clamp(min=0).sqrt()
    return distance, nearest.indices
