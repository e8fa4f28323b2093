"""Conversion of a source's pictures to 28x28 grey levels, all in the same way.

Datasets have bright ink on black, so pictures with dark ink on a bright background are inverted. That is decided once for a
dataset: if each picture were inverted by its own border, similar pictures could end up with opposite levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.images import preprocessing
from app.images.decoding import Decoded
from training.datasets.contents import SIDE
from training.datasets.importing.items import Item, Source
from training.datasets.importing.options import Fit, Invert
from training.datasets.importing.problems import Unreadable
from training.datasets.registry import DatasetRegistry
from training.errors import DatasetError

DECIDING = 100
"""Pictures that decide about inversion, spread evenly over the source. One of 12 megapixels takes a tenth of a second."""
_PLAIN, _TOLERANCE = 0.75, 32
"""Share of a plain border's pixels that are within this many levels of its median."""


@dataclass(frozen=True)
class Inversion:
    """Whether the pictures of a dataset are inverted, and why."""

    inverted: bool
    reason: str


def convert(picture: Decoded, fit: Fit, *, inverted: bool) -> NDArray[np.uint8]:
    """Convert a picture to (28, 28).

    Transparent pixels become background: black, after the inversion if there is one. With `fit` and `crop`, a picture of 28x28
    pixels or its exact enlargement keeps its pixels, apart from inversion.
    """
    grey = preprocessing.opaque(picture, preprocessing.WHITE if inverted else preprocessing.BLACK)
    if fit == "mnist":
        return preprocessing.as_mnist(grey, inverted=inverted)
    if fit == "crop":
        side = min(grey.size)
        left, top = (grey.width - side) // 2, (grey.height - side) // 2
        grey = grey.crop((left, top, left + side, top + side))
    pixels = np.asarray(grey) if grey.size == (SIDE, SIDE) else preprocessing.native(Decoded(grey, None))
    if pixels is None:
        pixels = preprocessing.fitted(grey)
    return 255 - pixels if inverted else pixels


def converter_of(registry: DatasetRegistry, reference: str) -> preprocessing.Convert | None:
    """Return what converts a picture as those of an imported dataset were. None if that is unknown, or the dataset is not here.

    Args:
        registry: the registry of imported datasets.
        reference: the dataset, with its digest.
    """
    try:
        record = registry.get(reference).record
        return partial(convert, fit=record["fit"], inverted=bool(record["inverted"]))
    except (DatasetError, KeyError, TypeError):
        return None


def decide(source: Source, invert: Invert) -> Inversion:
    """Decide whether the pictures of a source are inverted. Broken ones have no say."""
    if invert != "auto":
        return Inversion(invert == "yes", f"invert is {invert}")
    bright = total = 0
    for item in spread(source, DECIDING):
        try:
            grey = preprocessing.opaque(item.load())
        except Unreadable:
            continue
        total += 1
        bright += has_bright_border(grey)
    inverted = 2 * bright > total
    return Inversion(inverted, f"{bright:,} of {total:,} pictures have a plain bright border")


def has_bright_border(grey: Image.Image) -> bool:
    """Whether the border of a picture has nearly the same level all around, above the middle of the picture's range.

    Photographs have borders of many levels, and are not inverted.
    """
    levels = np.asarray(grey)
    border = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]]).astype(np.int16)
    level = np.median(border)
    plain = np.mean(np.abs(border - level) <= _TOLERANCE) >= _PLAIN
    return bool(plain and 2 * level > int(levels.min()) + int(levels.max()))


def spread(source: Source, count: int) -> Iterator[Item]:
    """Iterate over at most this many pictures of a source, spread evenly."""
    chosen = set(np.linspace(0, source.count - 1, min(count, source.count)).round().astype(int).tolist())
    last = max(chosen, default=-1)
    for number, item in enumerate(source.items()):
        if number > last:
            return
        if number in chosen:
            yield item
