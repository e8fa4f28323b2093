"""The exponential moving average of the generator's weights: the generator that is exported."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Ema:
    """Holds a copy of `network` that follows it with a half-life counted in images (Karras 2018, arXiv:1710.10196)."""

    def __init__(self, network: nn.Module, half_life: int) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.half_life = half_life

    @torch.no_grad()
    def update(self, network: nn.Module, batch: int, seen: int) -> None:
        """Take one step of `batch` images towards `network`, after `seen` images in all.

        Early on the half-life is a tenth of what was seen, or the average would remember the untrained network.
        """
        half_life = min(self.half_life, seen / 10)
        keep = 0.5 ** (batch / half_life) if half_life > 0 else 0.0
        for average, current in zip(self.network.parameters(), network.parameters(), strict=True):
            average.lerp_(current, 1 - keep)
