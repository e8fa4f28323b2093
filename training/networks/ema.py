"""The exponential moving average of the generator's weights: the generator that is exported."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Ema:
    """Moving average of `network`'s parameters, with a half-life in images (Karras 2018, arXiv:1710.10196)."""

    def __init__(self, network: nn.Module, half_life: int) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.half_life = half_life

    def weight(self, batch: int, seen: int) -> float:
        """Return the weight of the current parameters after a step of `batch` images, with `seen` images in total.

        The half-life is at most a tenth of `seen`; otherwise the untrained weights would dominate the average early on.
        """
        half_life = min(self.half_life, seen / 10)
        return 1 - (0.5 ** (batch / half_life) if half_life > 0 else 0.0)

    def update(self, network: nn.Module, batch: int, seen: int) -> None:
        """Update the average after a step of `batch` images, with `seen` images in total."""
        self.move(network, self.weight(batch, seen))

    @torch.no_grad()
    def move(self, network: nn.Module, weight: float | Tensor) -> None:
        """Move the average towards the current parameters by `weight`, a scalar in 0..1."""
        for average, current in zip(self.network.parameters(), network.parameters(), strict=True):
            average.lerp_(current, weight)
