"""Degrades pictures for the task `sharpen`: shrinks them by the area mean, or blurs them with or without noise.

A degraded picture is passed to the networks as a condition, (N, CONDITION): its pixels, in 0..1 and enlarged to 28x28
by repeating pixels, then the one-hot kind of degradation, then the sigma of the blur. The networks ignore the sigma, which is
unknown for a picture from a user. Only the consistency loss uses it.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.sharpening import FACTORS, KINDS, SIDE, Kind

PIXELS = SIDE * SIDE
CONDITION = PIXELS + len(KINDS) + 1
SIGMAS = (0.5, 3.0)
"""Standard deviation of the blur in training, in pixels: drawn uniformly from this range."""
MOST_NOISE = 0.1
"""Largest standard deviation of the noise, for pixels in 0..1. Half of the blurred pictures have no noise, the others a
standard deviation drawn uniformly from 0 to this."""


def split(condition: Tensor) -> tuple[Tensor, Tensor]:
    """Return the degraded picture, (N, 1, 28, 28), and the one-hot kind, (N, 3), of a condition, (N, CONDITION)."""
    degraded = condition[:, :PIXELS].view(-1, 1, SIDE, SIDE)
    return degraded, condition[:, PIXELS : PIXELS + len(KINDS)]


def condition_of(degraded: Tensor, kind: NDArray[np.float32]) -> Tensor:
    """Return the condition, (N, CONDITION), of degraded pictures, (N, 1, 28, 28) in 0..1, and one-hot kinds, (N, 3)."""
    return torch.cat([degraded.flatten(1), torch.from_numpy(kind), torch.zeros(len(degraded), 1)], dim=1)


def blur_matrices(sigma: Tensor) -> Tensor:
    """Return the matrices that blur a column of pixels, (N, 28, 28): `m @ picture @ m.mT` blurs both axes.

    The kernel is a Gaussian, sampled at whole pixels and normalised. Beyond the border, the outermost pixel is repeated.
    """
    lines = torch.arange(SIDE, device=sigma.device, dtype=torch.float32)
    reach = torch.arange(-3 * SIDE, 4 * SIDE, device=sigma.device, dtype=torch.float32)
    kernel = torch.exp(-((lines.view(1, -1, 1) - reach) ** 2) / (2 * sigma.view(-1, 1, 1) ** 2))  # (N, 28, 196)
    kernel = kernel / kernel.sum(dim=2, keepdim=True)
    inside = kernel[:, :, 3 * SIDE : 4 * SIDE].clone()
    inside[:, :, 0] += kernel[:, :, : 3 * SIDE].sum(dim=2)
    inside[:, :, -1] += kernel[:, :, 4 * SIDE :].sum(dim=2)
    return inside


def blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Blur pictures, (N, 1, 28, 28), by a Gaussian of sigma, (N,), in pixels. Differentiable in the pictures."""
    matrix = blur_matrices(sigma).unsqueeze(1)
    blurred: Tensor = matrix @ images.float() @ matrix.mT
    return blurred


def shrink(images: Tensor, factor: int) -> Tensor:
    """Replace each block of factor x factor pixels by its area mean, rounded to a grey level. (N, 1, 28, 28) in 0..1."""
    side = SIDE // factor
    blocks = images.reshape(-1, 1, side, factor, side, factor)
    mean = _to_levels(blocks.mean(dim=(3, 5), keepdim=True))
    return mean.expand_as(blocks).reshape(-1, 1, SIDE, SIDE)


def degrade(images: Tensor, kind: Kind, *, sigma: float = 0.0, noise: float = 0.0, seed: int = 0) -> Tensor:
    """Degrade all pictures in the same way, for an evaluation.

    Args:
        images: in 0..1, (N, 1, 28, 28).
        kind: the kind of degradation.
        sigma: of the blur, in pixels.
        noise: standard deviation of the noise added to a blurred picture, for pixels in 0..1.
        seed: of the noise.

    Returns:
        The condition, (N, CONDITION).
    """
    sigmas = torch.full((len(images),), sigma if kind == "blur" else 0.0, device=images.device)
    if kind == "blur":
        degraded = blur(images, sigmas)
        if noise:
            rng = torch.Generator().manual_seed(seed)
            degraded = degraded + noise * torch.randn(images.shape, generator=rng).to(images.device)
        degraded = _to_levels(degraded)
    else:
        degraded = shrink(images, FACTORS[kind])
    one_hot = torch.zeros(len(images), len(KINDS), device=images.device)
    one_hot[:, KINDS.index(kind)] = 1
    return torch.cat([degraded.flatten(1), one_hot, sigmas[:, None]], dim=1)


def degrade_randomly(images: Tensor, rng: torch.Generator) -> Tensor:
    """Degrade each picture, (N, 1, 28, 28) in 0..1, in a random way, as in training. Return the condition, (N, CONDITION)."""
    count, device = len(images), images.device
    kind = torch.randint(0, len(KINDS), (count,), generator=rng, device=rng.device).to(device)
    draws = torch.rand(3, count, generator=rng, device=rng.device).to(device)
    noise = torch.randn(images.shape, generator=rng, device=rng.device).to(device)
    low, high = SIGMAS
    sigma = low + (high - low) * draws[0]
    level = MOST_NOISE * draws[1] * (draws[2] < 0.5)
    by_kind = torch.stack(
        [
            shrink(images, FACTORS["shrink2"]),
            shrink(images, FACTORS["shrink4"]),
            _to_levels(blur(images, sigma) + level.view(-1, 1, 1, 1) * noise),
        ]
    )  # (3, N, 1, 28, 28)
    degraded = by_kind[kind, torch.arange(count, device=device)]
    one_hot = torch.nn.functional.one_hot(kind, len(KINDS)).float()
    sigma = torch.where(kind == KINDS.index("blur"), sigma, 0.0)
    return torch.cat([degraded.flatten(1), one_hot, sigma[:, None]], dim=1)


def inconsistency(outputs: Tensor, condition: Tensor) -> Tensor:
    """Return the mean squared difference between the degraded pictures and the outputs, blurred again. A scalar.

    Shrunk pictures do not contribute, because the network's last step already makes their outputs consistent.
    """
    degraded, kind = split(condition)
    blurred = kind[:, KINDS.index("blur")]
    sigma = torch.where(blurred > 0, condition[:, -1], 1.0)
    each = (blur(outputs, sigma) - degraded).square().mean(dim=(1, 2, 3))
    return (each * blurred).sum() / len(outputs)


def differences(outputs: Tensor, condition: Tensor) -> Tensor:
    """Return the differences between the outputs, degraded again, and the degraded pictures, in 0..1, (N, 1, 28, 28).

    Args:
        outputs: in 0..1, (N, 1, 28, 28).
        condition: degraded pictures, all of the same kind and sigma, (N, CONDITION).
    """
    degraded, one_hot = split(condition)
    kind = KINDS[int(one_hot[0].argmax())]
    again = blur(outputs, condition[:, -1]) if kind == "blur" else shrink(outputs, FACTORS[kind])
    return again - degraded


def _to_levels(images: Tensor) -> Tensor:
    """Round to grey levels, as a stored picture is."""
    return (images * 255).round().clamp(0, 255) / 255
