"""Chooses the training pictures of each step."""

from __future__ import annotations

import torch
from torch import Tensor


class BatchSampler:
    """Infinite sequence of shuffled epochs. A batch may span two epochs."""

    def __init__(self, size: int, rng: torch.Generator) -> None:
        self.size, self.rng = size, rng
        self.order, self.position = torch.randperm(size, generator=rng), 0

    def next(self, count: int) -> Tensor:
        """Return the indices of the next `count` images, (count,)."""
        parts: list[Tensor] = []
        while count > 0:
            if self.position == self.size:
                self.order, self.position = torch.randperm(self.size, generator=self.rng), 0
            part = self.order[self.position : self.position + count]
            self.position += len(part)
            count -= len(part)
            parts.append(part)
        return torch.cat(parts)
