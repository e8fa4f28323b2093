"""From a picture to a latent whose picture resembles it: refinement of an estimate.

An encoder gives the estimate. Each step measures how the picture changes with each number of the latent, by drawing one
picture for each of them, and solves the linear least-squares problem that follows (Levenberg 1944, Marquardt 1963). No gradient
is needed, so refinement works with the exported generator, whose pictures are exact integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Pixels = NDArray[np.uint8]
DrawLatents = Callable[[NDArray[np.float32]], Pixels]
"""Draws the pictures of latents (N, z_dim) as one class, (N, 28, 28)."""
MAX_STEPS = 16
STEP = 2.0**-8
"""Latents are multiples of this. Generators round them to it, so that nothing is lost, and they have short decimals."""
BOUND = 8.0
"""Generators clip latents at this."""
PROBE = 0.25
"""Difference of the latents that the slopes are measured with: small enough to be straight, and several grey levels large."""
PRIOR = 0.02
"""Weight of the squared length of the latent, in squared grey levels of 0..1 summed over the picture. It keeps the latent among
those that the generator was trained on."""
DAMPINGS = (0.01, 0.1, 1.0, 10.0)
"""Dampings that are tried in each step, relative to the mean curvature. The one with the smallest error is used."""


@dataclass(frozen=True)
class Refined:
    """The best latent that was found."""

    z: Vector
    """(z_dim,)."""
    pixels: Pixels
    """Its picture, (28, 28)."""
    error: float
    """Root mean square error of the pixels, in grey levels of 0..255."""
    start: float
    """That of the estimate."""
    steps: int
    """Steps that made the error smaller."""
    drawn: int
    """Pictures that were drawn."""


def on_grid(z: NDArray[np.floating]) -> Vector:
    """Return latents, clipped and rounded to multiples of `STEP`."""
    found: Vector = (np.clip(np.rint(z / STEP), -BOUND / STEP, BOUND / STEP) * STEP).astype(np.float32)
    return found + np.float32(0)  # no -0.0


def rmse(pixels: Pixels, picture: Pixels) -> NDArray[np.float64]:
    """Return the root mean square errors of pictures, (N,), in grey levels.

    Args:
        pixels: (N, 28, 28).
        picture: (28, 28).
    """
    squares = ((pixels.astype(np.int64) - picture.astype(np.int64)) ** 2).sum(axis=(1, 2))
    found: NDArray[np.float64] = np.sqrt(squares / picture.size)
    return found


def refine(picture: Pixels, estimate: NDArray[np.floating], draw: DrawLatents, steps: int) -> Refined:
    """Improve an estimate of the latent of a picture. The error never grows with the number of steps.

    Args:
        picture: (28, 28).
        estimate: (z_dim,).
        draw: draws pictures.
        steps: most steps. Each draws z_dim + 4 pictures. Fewer are made if one does not help any more.
    """
    z = on_grid(estimate)
    best = draw(z[None])[0]
    start = error = float(rmse(best[None], picture)[0])
    made, drawn = 0, 1
    for _ in range(min(steps, MAX_STEPS)):
        candidates = _candidates(picture, z, best, draw)
        pixels = draw(candidates)
        drawn += len(z) + len(candidates)
        errors = rmse(pixels, picture)
        chosen = int(errors.argmin())
        if errors[chosen] >= error:
            break
        z, best, error, made = candidates[chosen], pixels[chosen], float(errors[chosen]), made + 1
    return Refined(z, best, error, start, made, drawn)


def _candidates(picture: Pixels, z: Vector, best: Pixels, draw: DrawLatents) -> NDArray[np.float32]:
    """Return latents, (4, z_dim), that the slopes at a latent suggest, one for each damping."""
    towards = np.where(z > 0, -PROBE, PROBE).astype(np.float32)  # inwards, so that no probe is clipped
    probes = draw(z + np.diag(towards))
    slopes = (probes.astype(np.float64) - best).reshape(len(z), -1) / (255 * towards[:, None].astype(np.float64))
    residual = (picture.astype(np.float64) - best).reshape(-1) / 255
    curvature = slopes @ slopes.T  # (z_dim, z_dim)
    gradient = slopes @ residual - PRIOR * z
    scale, eye = float(np.trace(curvature)) / len(z), np.eye(len(z))
    moves = [np.linalg.solve(curvature + (PRIOR + damping * scale + 1e-9) * eye, gradient) for damping in DAMPINGS]
    return on_grid(z + np.stack(moves))
