"""Histogram matching of generated grey levels to real ones.

A sigmoid never reaches 0 or 1, so a trained generator leaves one or two grey levels where real pictures are exactly black.
This is invisible, but every classifier detects it. Histogram matching removes it: a single monotone curve for all pixels,
fitted to the training pictures when a generator is exported.
"""

from __future__ import annotations

import torch
from torch import Tensor


def frequencies(pictures: Tensor, levels: int = 256) -> Tensor:
    """Return the number of pixels with each level, (levels,), in integer pictures of any shape."""
    return torch.bincount(pictures.flatten(), minlength=levels)


def matching(ours: Tensor, theirs: Tensor) -> Tensor:
    """Return the curve that matches the histogram `ours` to `theirs`.

    Args:
        ours: number of pixels with each of L levels, (L,).
        theirs: number of pixels with each grey level, (256,).

    Returns:
        The grey level for each of the L levels, (L,), int64, non-decreasing. Levels are matched by their mid-ranks.
    """
    below = (ours.double().cumsum(0) - ours.double() / 2) / ours.sum()
    reached = theirs.double().cumsum(0) / theirs.sum()
    return torch.searchsorted(reached, below).clamp(max=len(theirs) - 1)


def matched(pictures: Tensor, theirs: Tensor) -> Tensor:
    """Return pictures whose grey levels match a histogram, as those of an exported generator do.

    Args:
        pictures: uint8, of any shape.
        theirs: number of pixels with each grey level, (256,).
    """
    return matching(frequencies(pictures), theirs)[pictures.long()].to(torch.uint8)
