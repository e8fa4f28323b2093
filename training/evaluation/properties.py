"""Measured properties of pictures: slant, thickness, width, height, loops, brightness and aspect.

All are computed from the grey levels, in 0..1, as if they were densities. A pixel is a unit of length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SIDE = 28
INK = 0.3
"""Level from which a pixel belongs to a stroke that can enclose a loop."""
SPECK = 4
"""Enclosed pixels that are no loop yet."""
_SPAN = 2 * np.sqrt(3)
"""Length of a uniform bar with standard deviation 1."""
_LEAST = 1e-6
_PIXEL = 1 / 12
"""Second moment of a square with side 1."""
_BATCH = 512


def slant(images: Floats) -> Floats:
    """How far the strokes lean to the right, in pixels for each pixel upwards: the shear that makes x and y uncorrelated."""
    _, xy, yy = _moments(images)
    found: Floats = -xy / yy
    return found


def thickness(images: Floats) -> Floats:
    """Width of the strokes in pixels: twice the ink over the length of its outline, which is the total variation."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    right, down = np.diff(padded, axis=2)[:, :-1], np.diff(padded, axis=1)[:, :, :-1]
    outline = np.sqrt(right**2 + down**2).sum(axis=(1, 2))
    found: Floats = 2 * images.sum(axis=(1, 2)) / np.maximum(outline, _LEAST)
    return found


def width(images: Floats) -> Floats:
    """Width in pixels of the ink without its slant: of a uniform bar with the same standard deviation."""
    xx, xy, yy = _moments(images)
    found: Floats = _SPAN * np.sqrt(np.maximum(xx - xy**2 / yy, 0))
    return found


def height(images: Floats) -> Floats:
    """Height in pixels of the ink: of a uniform bar with the same standard deviation."""
    found: Floats = _SPAN * np.sqrt(_moments(images)[2])
    return found


def loops(images: Floats) -> Floats:
    """Size of the loops, in pictures that have any: number of dark pixels that strokes enclose."""
    dark = images < INK
    outside = np.zeros_like(dark)
    outside[:, 0], outside[:, -1], outside[:, :, 0], outside[:, :, -1] = True, True, True, True
    outside &= dark
    while True:
        grown = outside.copy()
        grown[:, 1:] |= outside[:, :-1]
        grown[:, :-1] |= outside[:, 1:]
        grown[:, :, 1:] |= outside[:, :, :-1]
        grown[:, :, :-1] |= outside[:, :, 1:]
        grown &= dark
        if (grown == outside).all():
            enclosed: Floats = (dark & ~outside).sum(axis=(1, 2)).astype(np.float64)
            return np.where(enclosed > SPECK, enclosed, np.nan)
        outside = grown


def brightness(images: Floats) -> Floats:
    """Mean level, 0..1, of the picture's subject: each pixel counts as much as it is bright."""
    found: Floats = (images**2).sum(axis=(1, 2)) / np.maximum(images.sum(axis=(1, 2)), _LEAST)
    return found


def aspect(images: Floats) -> Floats:
    """Logarithm of height over width: 0 for a square, 0.69 for twice as high as wide."""
    xx, _, yy = _moments(images)
    found: Floats = np.log(yy / xx) / 2
    return found


def _moments(images: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the central second moments xx, xy and yy, (N,), of the ink, whose pixels are squares. y points downwards."""
    total = np.maximum(images.sum(axis=(1, 2)), _LEAST)
    place = np.arange(SIDE, dtype=np.float64)
    columns, rows = images.sum(axis=1), images.sum(axis=2)
    x, y = columns @ place / total, rows @ place / total
    xx = columns @ place**2 / total - x**2 + _PIXEL
    yy = rows @ place**2 / total - y**2 + _PIXEL
    xy = np.einsum("nij,i,j->n", images, place, place) / total - x * y
    return xx, xy, yy


Measure = Callable[[Floats], Floats]
STROKES: Mapping[str, Measure] = {
    "slant": slant,
    "thickness": thickness,
    "width": width,
    "height": height,
    "loops": loops,
}
"""Properties of digits and letters."""
CLOTHES: Mapping[str, Measure] = {"brightness": brightness, "aspect": aspect, "width": width, "height": height}


def properties_of(dataset: str) -> Mapping[str, Measure]:
    """Return the properties that are measured on the pictures of a dataset. Imported datasets are taken to be drawings."""
    return CLOTHES if dataset == "fashion-mnist" else STROKES


def measure(pixels: NDArray[np.uint8], measures: Mapping[str, Measure]) -> Floats:
    """Return the properties, (N, P), of pictures, uint8 (N, 28, 28). A property that a picture does not have is NaN."""
    parts = [
        np.stack([each(part / 255) for each in measures.values()], axis=1)
        for part in np.array_split(pixels, -(-len(pixels) // 512))
    ]
    return np.concatenate(parts)
