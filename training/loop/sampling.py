"""Samples pictures from a torch generator by seed, with the same inputs as the service."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models import seed_contract
from training.evaluation import sheets
from training.networks.architectures import Generator


def seeds_to_input(seeds: range, generator: Generator, labels: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """Return the service's latents (N, z_dim) for seeds, and one-hot labels (N, K): those given, else those of the seeds."""
    z, drawn = seed_contract.draw_many(seeds, generator.z_dim, generator.classes)
    if not generator.classes:
        return torch.from_numpy(z), None
    index = torch.from_numpy(drawn) if labels is None else labels
    return torch.from_numpy(z), F.one_hot(index, generator.classes).float()


@torch.inference_mode()
def draw(generator: Generator, seeds: range, labels: Tensor | None = None, batch: int = 250) -> Tensor:
    """Return the generator's pictures for seeds, uint8 (N, 1, 28, 28)."""
    device = next(generator.parameters()).device
    z, label = seeds_to_input(seeds, generator, labels)
    parts = [
        sheets.to_pixels(generator(z[i : i + batch].to(device), None if label is None else label[i : i + batch].to(device)))
        for i in range(0, len(z), batch)
    ]
    return torch.cat(parts).cpu().contiguous()
