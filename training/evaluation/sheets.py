"""Arranges pictures in sheets, and writes them as PNG."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from models.atomic import write_atomically


def sheet(images: Tensor, columns: int, scale: int = 1) -> Image.Image:
    """Arrange uint8 pictures (N, 1, 28, 28) in rows. Empty cells of the last row are black."""
    rows = -(-len(images) // columns)
    cells = torch.zeros(rows * columns, 28, 28, dtype=torch.uint8)
    cells[: len(images)] = images[:, 0]
    pixels = cells.view(rows, columns, 28, 28).permute(0, 2, 1, 3).reshape(rows * 28, columns * 28)
    picture = Image.fromarray(pixels.contiguous().numpy())
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)


def save_sheet(path: Path, images: Tensor, columns: int, scale: int = 1) -> None:
    """Write a sheet atomically as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    sheet(images, columns, scale).save(buffer, format="PNG")
    write_atomically(path, buffer.getvalue())


def to_pixels(images: Tensor) -> Tensor:
    """Convert 0..1 to uint8, as the service does."""
    return (images * 255).round().to(torch.uint8)
