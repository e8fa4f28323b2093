"""Grey levels that are as frequent in generated pictures as in real ones.

A sigmoid comes near to 0 and 1 and never there, so a trained generator leaves a grey haze of one or two levels where real
pictures are black to the last bit. No eye sees it, every classifier does. The cure is histogram matching: one curve for
all pixels of all pictures, monotone, fitted to the training pictures once, when a generator is exported.
"""

from __future__ import annotations

import torch
from torch import Tensor


def frequencies(pictures: Tensor, levels: int = 256) -> Tensor:
    """How many pixels have each level, (levels,); of integer pictures of any shape."""
    return torch.bincount(pictures.flatten(), minlength=levels)


def matching(ours: Tensor, theirs: Tensor) -> Tensor:
    """The curve that gives our levels the frequencies of theirs.

    Args:
        ours: how many pixels have each of our L levels, (L,).
        theirs: how many have each grey level, (256,).

    Returns:
        The grey level that each of ours becomes, (L,), never falling; int64. A level is placed by the middle of its pixels.
    """
    below = (ours.double().cumsum(0) - ours.double() / 2) / ours.sum()
    reached = theirs.double().cumsum(0) / theirs.sum()
    return torch.searchsorted(reached, below).clamp(max=len(theirs) - 1)
