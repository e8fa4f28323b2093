"""Detects memorisation by the pixel distance between generated pictures and their nearest training pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PART = 500
SAME = 0.5
"""Training pictures at most this far apart count as one picture: noise of 4.5 grey levels, as from repeated compression."""
COPY = 0.5
"""A picture is a copy if it is less than this fraction as far from a training picture as that one's nearest neighbour."""


@dataclass(frozen=True)
class Nearest:
    """The training picture nearest to each of N pictures."""

    distance: Tensor
    """Euclidean distance of pixels in 0..1, (N,)."""
    index: Tensor
    """Index of the training picture, (N,)."""
    authentic: Tensor
    """Whether the training picture is closer to another training picture than to this picture, (N,), bool."""
    copies: Tensor
    """Whether the picture is a copy of the training picture, (N,), bool: less than `COPY` times as far from it as the next
    training picture that is more than `SAME` away from it."""

    @property
    def median(self) -> float:
        return self.distance.median().item()

    @property
    def authenticity(self) -> float:
        """Fraction of pictures farther from their nearest training picture than that picture's own nearest neighbour
        (AuthPct; Alaa 2022, arXiv:2102.08921).
        """
        return self.authentic.float().mean().item()

    @property
    def copied(self) -> float:
        """Fraction of copies.

        Unlike AuthPct, it is close to 0 for real pictures, whose distances vary less than by a factor of two, and it rises by
        the fraction of copies among other pictures.
        """
        return self.copies.float().mean().item()

    def first(self, count: int) -> Nearest:
        """Return the part about the first pictures."""
        return Nearest(self.distance[:count], self.index[:count], self.authentic[:count], self.copies[:count])


def nearest(pictures: Tensor, training: Tensor) -> Nearest:
    """Find the training picture nearest to each picture.

    Args:
        pictures: uint8, (N, 1, 28, 28).
        training: uint8, (M, 1, 28, 28).
    """
    flat, known = (images.flatten(1).float().div_(255) for images in (pictures, training))
    square = torch.cat([part.square().sum(1) for part in known.split(PART)])
    found = [_squared(part, known, square).min(1) for part in flat.split(PART)]
    distance, index = torch.cat([f.values for f in found]).sqrt(), torch.cat([f.indices for f in found])
    found_index, inverse = index.unique(return_inverse=True)
    own = torch.cat([_own_neighbours(part, known, square) for part in known[found_index].split(PART)])[inverse]  # (N, 2)
    reach = torch.where(own[:, 1].isfinite(), COPY * own[:, 1], SAME)
    return Nearest(distance, index, distance > own[:, 0], distance < reach)


def _own_neighbours(pictures: Tensor, known: Tensor, square: Tensor) -> Tensor:
    """Return the distances of training pictures, (n, 784), to the nearest other one, and to the nearest one that is not the
    same, (n, 2). Infinite if there is none.
    """
    squared = _squared(pictures, known, square)
    alone = squared.new_full((len(pictures),), torch.inf)
    # the nearest neighbour of a training picture is the picture itself
    other = squared.topk(2, largest=False).values[:, 1] if len(known) > 1 else alone
    different = squared.masked_fill_(squared <= SAME**2, torch.inf).min(1).values
    return torch.stack([other, different], dim=1).sqrt()


def _squared(pictures: Tensor, known: Tensor, square: Tensor) -> Tensor:
    """Return the squared distances of pictures, (n, 784), to the known ones, (n, M)."""
    product = torch.addmm(square[None], pictures, known.T, alpha=-2)
    return product.add_(pictures.square().sum(1, keepdim=True)).clamp_(min=0)
