"""Samples pictures from a torch generator by seed, with the same inputs as the service."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from models import seed_contract
from models.sharpening import Kind
from training.datasets import degradation
from training.evaluation import sheets
from training.networks.architectures import Generator

SHEET_ROWS = 8
SHEET_COLUMNS: tuple[tuple[Kind, float, int], ...] = (("shrink2", 0.0, 1), ("shrink4", 0.0, 3), ("blur", 2.0, 2))
"""Degradation, sigma and number of outputs; with the inputs and the original, ten cells in a row."""


def seeds_to_input(seeds: range, generator: Generator, labels: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """Return the service's latents (N, z_dim) for seeds, and one-hot labels (N, K), by default those of the seeds."""
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


@torch.inference_mode()
def sharpen(generator: Generator, conditions: Tensor, seeds: range, batch: int = 250) -> Tensor:
    """Return a sharpener's outputs for degraded pictures, one for each seed, uint8 (N, 1, 28, 28).

    Args:
        generator: a network of the task `sharpen`.
        conditions: degraded pictures, (N, CONDITION), from `training.datasets.degradation`.
        seeds: N seeds of the latents.
        batch: number of pictures at a time.
    """
    device = next(generator.parameters()).device
    z = torch.from_numpy(seed_contract.draw_many(seeds, generator.z_dim)[0])
    parts = [
        sheets.to_pixels(generator(z[i : i + batch].to(device), conditions[i : i + batch].to(device)))
        for i in range(0, len(z), batch)
    ]
    return torch.cat(parts).cpu().contiguous()


def sharpening_sheet(sharpener: Callable[[Tensor, range], Tensor], images: Tensor) -> Tensor:
    """Return the cells of a sheet of a sharpener's outputs, ten in a row, uint8 (80, 1, 28, 28).

    Each row shows an original, then for each degradation (14x14, 7x7, blur of sigma 2) the input and one, three or two outputs.

    Args:
        sharpener: returns the outputs for degraded pictures, (N, CONDITION), for seeds, uint8.
        images: pictures to degrade, uint8 (N, 1, 28, 28), with at least eight.
    """
    originals = images[:SHEET_ROWS].float() / 255
    cells = [originals]
    for kind, sigma, seeds in SHEET_COLUMNS:
        condition = degradation.degrade(originals, kind, sigma=sigma)
        cells.append(degradation.split(condition)[0])
        for seed in range(seeds):
            cells.append(sharpener(condition, range(seed * SHEET_ROWS, (seed + 1) * SHEET_ROWS)).float() / 255)
    return sheets.to_pixels(torch.stack(cells, dim=1).flatten(0, 1))
