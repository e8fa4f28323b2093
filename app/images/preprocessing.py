"""Preprocessing of pictures: conversion to the 28x28 grey levels of a dataset, bright ink on black.

A discriminator is only meaningful for pictures like those it was trained on. A picture whose subject is larger, darker or
further to the left is outside its training distribution, however well drawn. Pictures are therefore preprocessed in the same
way as those of the dataset:

`mnist`, following LeCun, Cortes and Burges (http://yann.lecun.com/exdb/mnist): the ink is fitted into 20x20 with anti-aliasing,
keeping its aspect ratio. It is then shifted so that its centre of mass is at the centre of the image. In the MNIST test
pictures, this centre is pixel (14, 14), on average to within a hundredth of a pixel. The filter is bicubic: of Pillow's
filters, it reproduces the probability of the test pictures most closely from their enlargements. `letters` was rendered in the
same way.

`fashion-mnist`, following Xiao, Rasul and Vollgraf 2017 (arXiv:1708.07747, section 2): edges within 5 % of the background are
trimmed, the longest side is scaled to 28, and the picture is centred. Their sharpening of thumbnails is omitted, because the
edges of a photograph are sharp.

Imported datasets: as their own pictures were converted (`training.datasets.importing.conversion`). If that is unknown, the
picture is fitted into 28x28, keeping its aspect ratio, and padded with the level of its border.

For published datasets, the background is normalised first, as scanning did for the originals. The border determines the level
of the background. If it is above the middle of the picture's range, the picture is inverted. The background then becomes black,
and so do levels that are hardly brighter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat

from app.images.decoding import Decoded

Mode = Literal["auto", "none"]
Pixels = NDArray[np.uint8]
SIDE = 28
LIKE_MNIST = ("mnist", "letters")
"""Datasets whose pictures were fitted into 20x20 and centred by mass."""
MNIST_BOX = 20
MNIST_CENTRE = 14
MNIST_NOISE = 0.125
"""Noise threshold, relative to the strongest ink. JPEG ringing and paper grain are below it. NIST's forms were bilevel."""
FASHION_NOISE = 0.05
MIN_CONTRAST = 16
"""Minimum difference between ink and background, in grey levels. Below it, the picture has no ink."""
MIN_INK = 4
"""Minimum number of pixels that differ from the background. Fewer are a speck."""
BLACK, WHITE = 0, 255


Convert = Callable[[Decoded], Pixels]
"""Converts a picture to the format of an imported dataset, as its own pictures were converted."""


@dataclass(frozen=True)
class Prepared:
    """A picture in the format of a dataset."""

    pixels: Pixels
    """(28, 28)."""
    preprocessing: str
    """What was done: none, the name of the dataset whose format it was converted to, fitted (into 28x28, because that format is
    unknown), or resized."""


def prepare(picture: Decoded, dataset: str, mode: Mode = "auto", convert: Convert | None = None) -> Prepared:
    """Convert a picture to the format of a dataset, for its discriminator.

    An opaque picture of 28x28 pixels is returned unchanged. If it was enlarged by an integer factor, as by `/generate?scale=8`,
    the original pixels are returned. Transparent pixels are background, so pictures that have them are always preprocessed. A
    picture without ink becomes black.

    Args:
        picture: a picture of any size.
        dataset: name of the dataset in the manifest.
        mode: `none` only scales to 28x28, without keeping the aspect ratio, with black for transparent pixels.
        convert: for an imported dataset. Without it, pictures for such a dataset are only fitted into 28x28.
    """
    if mode == "none":
        resized = _composite(BLACK, picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        return Prepared(np.asarray(resized), "resized")
    unchanged = native(picture)
    if unchanged is not None:
        return Prepared(unchanged, "none")
    if convert:
        return Prepared(convert(picture), dataset)
    grey = opaque(picture)
    if dataset in LIKE_MNIST:
        return Prepared(as_mnist(grey), dataset)
    if dataset == "fashion-mnist":
        return Prepared(_as_fashion_mnist(grey), dataset)
    return Prepared(fitted(grey), "fitted")


def opaque(picture: Decoded, background: int | None = None) -> Image.Image:
    """Return the grey levels of a picture on a background, by default black or white, whichever contrasts with its ink."""
    return _composite(_contrasting_background(picture) if background is None else background, picture)


def fitted(grey: Image.Image) -> Pixels:
    """Fit a picture into 28x28, keeping its aspect ratio, and pad it with the level of its border."""
    return _centred(_resized(grey, SIDE), _border(grey))


def as_mnist(grey: Image.Image, *, inverted: bool | None = None) -> Pixels:
    """Fit the ink of a picture into 20x20 and centre it by its mass, as MNIST was made. A picture without ink becomes black.

    Args:
        grey: a picture of any size.
        inverted: whether its ink is dark. Decided by its border if None.
    """
    ink = _cropped(_ink(grey, MNIST_NOISE, to_white=True, inverted=inverted))
    if ink is None:
        return _black()
    small = _resized(ink, MNIST_BOX)
    mass = np.asarray(small, dtype=np.float64)
    return _pasted(small, _offset(mass.sum(axis=1)), _offset(mass.sum(axis=0)), BLACK)


def is_blank(picture: Decoded) -> bool:
    """Whether a picture has no subject: fewer than `MIN_INK` pixels differ visibly from its border."""
    grey = opaque(picture)
    background = _border(grey)
    ink = sum(count for level, count in enumerate(grey.histogram()) if abs(level - background) >= MIN_CONTRAST)
    return ink < MIN_INK


def native(picture: Decoded, sides: Sequence[int] = (SIDE,)) -> Pixels | None:
    """Return the pixels of an opaque square picture with one of these sides, or of its exact enlargement, else None.

    Of several sides that fit, the first is used. A uniform picture has its own size.
    """
    grey = np.asarray(picture.grey)
    height, width = grey.shape
    if picture.alpha or height != width:
        return None
    if grey.min() == grey.max():
        sides = [side for side in sides if side == height] or sides[-1:]
    for side in sides:
        if height % side == 0:
            size = height // side
            blocks = grey.reshape(side, size, side, size)
            corners = blocks[:, :1, :, :1]
            if (blocks == corners).all():
                return corners[:, 0, :, 0].copy()
    return None


def _as_fashion_mnist(grey: Image.Image) -> Pixels:
    ink = _cropped(_ink(grey, FASHION_NOISE, to_white=False))
    return _black() if ink is None else _centred(_resized(ink, SIDE), BLACK)


def _contrasting_background(picture: Decoded) -> int:
    """Choose a background for transparent pixels that contrasts with the ink: white for dark ink, black for bright ink."""
    if picture.alpha is None or not picture.alpha.getbbox():
        return BLACK
    return WHITE if ImageStat.Stat(picture.grey, mask=picture.alpha).mean[0] < 128 else BLACK


def _composite(background: int, picture: Decoded) -> Image.Image:
    if picture.alpha is None:
        return picture.grey
    return Image.composite(picture.grey, Image.new("L", picture.grey.size, background), picture.alpha)


def _border(grey: Image.Image) -> int:
    """Return the median of the border pixels, which ink that reaches the border does not affect."""
    levels = np.asarray(grey)
    return int(np.median(np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])))


def _ink(grey: Image.Image, noise: float, *, to_white: bool, inverted: bool | None = None) -> Image.Image:
    """Normalise to bright ink on black. With `to_white`, the strongest ink becomes 255; otherwise, level 255 stays 255.

    Without `inverted`, the border decides whether the ink is dark.
    """
    present = np.flatnonzero(grey.histogram())
    darkest, brightest = int(present[0]), int(present[-1])
    background, levels = _border(grey), np.arange(256)
    if inverted is None:
        inverted = 2 * background > darkest + brightest
    if inverted:
        background, brightest, levels = 255 - background, 255 - darkest, 255 - levels
    if brightest - background < MIN_CONTRAST:
        return Image.new("L", grey.size)
    ink = (levels - background) / ((brightest if to_white else WHITE) - background)
    return grey.point(np.where(ink < noise, 0, np.rint(255 * ink.clip(0, 1))).astype(int).tolist())


def _cropped(ink: Image.Image) -> Image.Image | None:
    box = ink.getbbox()
    return ink.crop(box) if box else None


def _resized(picture: Image.Image, side: int) -> Image.Image:
    """Scale a picture so that its longer side is `side`."""
    scale = side / max(picture.size)
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def _offset(mass: NDArray[np.float64]) -> int:
    """Return the offset that centres the mass of ink (n,) along an axis, limited so that all of it stays inside the image."""
    centre = float(mass @ np.arange(len(mass))) / max(float(mass.sum()), 1.0)  # scaling can erase all ink of a thin line
    return min(max(round(MNIST_CENTRE - centre), 0), SIDE - len(mass))


def _centred(small: Image.Image, background: int) -> Pixels:
    return _pasted(small, (SIDE - small.height) // 2, (SIDE - small.width) // 2, background)


def _pasted(small: Image.Image, top: int, left: int, background: int) -> Pixels:
    canvas = Image.new("L", (SIDE, SIDE), background)
    canvas.paste(small, (left, top))
    return np.asarray(canvas)


def _black() -> Pixels:
    return np.zeros((SIDE, SIDE), dtype=np.uint8)
