"""The input of a model of the task `sharpen`: a degraded picture and the kind of its degradation.

`shrink2` and `shrink4` are pictures of 14x14 and 7x7 pixels, each the area mean of 2x2 or 4x4 pixels of the original. `blur` is
a blurred picture of 28x28. The network receives all of them at 28x28, enlarged by repeating pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SIDE = 28
Kind = Literal["shrink2", "shrink4", "blur"]
KINDS: tuple[Kind, ...] = ("shrink2", "shrink4", "blur")
"""The kinds of degradation that new sharpeners are trained for, in the order of the one-hot columns. A published version has
those of its manifest (`models.manifest.Manifest.degradations`)."""
FIRST_KINDS: tuple[Kind, ...] = ("shrink2", "shrink4", "blur")
"""The kinds of the versions whose manifest does not list them. Never changed."""
FACTORS: dict[Kind, int] = {"shrink2": 2, "shrink4": 4, "blur": 1}
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def enlarge(picture: Pixels) -> Pixels:
    """Enlarge a picture of 28x28, 14x14 or 7x7 pixels, uint8 (S, S), to (28, 28) by repeating pixels."""
    factor = SIDE // len(picture)
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def one_hot(kinds: Iterable[Kind], columns: Sequence[Kind] = KINDS) -> Floats:
    """One-hot encode kinds, (N, K).

    Args:
        kinds: N kinds.
        columns: the kinds of the K columns.
    """
    return np.eye(len(columns), dtype=np.float32)[[columns.index(kind) for kind in kinds]]


def golden_inputs(seeds: Iterable[int], kinds: Sequence[Kind] = KINDS) -> tuple[Pixels, list[Kind]]:
    """Return the inputs, uint8 (N, 28, 28), and kinds that the golden pixels of a manifest belong to.

    The pictures are random pixels from the seeds, so that they can be made on any machine without a dataset.

    Args:
        seeds: N seeds.
        kinds: the kinds of the version. The seeds take turns with them.
    """
    seeds = list(seeds)
    chosen = [kinds[seed % len(kinds)] for seed in seeds]
    sides = [SIDE // FACTORS[kind] for kind in chosen]
    degraded = [np.random.RandomState(seed).randint(0, 256, (side, side)) for seed, side in zip(seeds, sides, strict=True)]
    return np.stack([enlarge(picture.astype(np.uint8)) for picture in degraded]), chosen


@dataclass(frozen=True)
class Degraded:
    """A degraded picture in the form of the network's input."""

    pixels: Pixels
    """uint8, (28, 28)."""
    kind: Kind


def recognise(picture: Pixels, factor: str | None = None) -> Degraded:
    """Recognise how a picture was degraded, and enlarge it to 28x28.

    The kind follows from the size: 14x14 and 7x7 pixels are shrunk pictures. A picture of 28x28 is shrunk if it consists of
    equal blocks of 2x2 or 4x4 pixels and has at least two grey levels, else blurred.

    Args:
        picture: grey levels, uint8 (S, S), where S is 28, 14 or 7.
        factor: 2, 4 or blur, if known. A picture of 28x28 with the factor 2 or 4 is replaced by the means of its blocks.

    Raises:
        ValueError: the size does not fit.
    """
    size = f"{picture.shape[1]}x{picture.shape[0]}"
    if picture.shape not in ((28, 28), (14, 14), (7, 7)):
        raise ValueError(f"The picture has {size} pixels. Shrink it to 28x28, 14x14 or 7x7.")
    by_size = SIDE // len(picture)
    if factor is None:
        found = by_size if by_size > 1 else _block_size(picture)
    elif factor == "blur":
        found = 1
    else:
        found = int(factor)
    if by_size not in (1, found):
        wanted = "28x28 pixels" if factor == "blur" else f"{SIDE // found}x{SIDE // found} or 28x28 pixels"
        raise ValueError(f"A picture with factor {factor} has {wanted}, not {size}. Leave factor out, or change it.")
    pixels = enlarge(picture)
    if found > 1 and by_size == 1:
        pixels = enlarge(means(pixels, found))
    return Degraded(pixels, next(kind for kind in KINDS if FACTORS[kind] == found))


def means(picture: Pixels, factor: int) -> Pixels:
    """Return the area means of factor x factor pixels, rounded half up, uint8 (28 / factor, 28 / factor)."""
    side, area = SIDE // factor, factor * factor
    total = picture.reshape(side, factor, side, factor).sum(axis=(1, 3), dtype=np.int64)
    rounded: Pixels = ((2 * total + area) // (2 * area)).astype(np.uint8)
    return rounded


def _block_size(picture: Pixels) -> int:
    """Return 4 or 2 if the picture consists of equal blocks of that size and is not of a single grey level, else 1."""
    if picture.min() == picture.max():
        return 1
    return next((factor for factor in (4, 2) if (enlarge(picture[::factor, ::factor]) == picture).all()), 1)
