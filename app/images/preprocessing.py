"""Any picture to 28x28 grey levels as a dataset has them: bright ink on black, of its size and in its place.

A discriminator knows the pictures that it was trained on and what a generator made of them. One that is larger, darker or
further to the left than any of those is nothing it was ever asked about, however well drawn. So a picture goes the way that
the dataset's own pictures went:

`mnist`, as LeCun, Cortes and Burges describe it (http://yann.lecun.com/exdb/mnist): fitted into 20x20 with its aspect ratio
kept and with anti-aliasing, then moved so that its centre of mass is the centre of the field. In their test pictures that
centre is pixel (14, 14), on average to a hundredth; of Pillow's filters, bicubic gives those pictures' own probability back
most nearly, from enlargements of them.

`fashion-mnist`, after Xiao, Rasul and Vollgraf 2017 (arXiv:1708.07747, section 2): edges trimmed that are within 5 % of the
background, the longest side made 28, centred. Their sharpening of thumbnails is left out: a photograph's edges are sharp.

Any other: fitted into 28x28 with its aspect ratio kept, and padded with the level of its border.

What scanners did for those two comes first here: the border tells the background. If it is brighter than the middle of the
picture's range, the picture is inverted; the background is then made black, and what is hardly brighter is background too.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageStat

from app.images.decoding import Decoded

Prepare = Literal["auto", "none"]
Pixels = NDArray[np.uint8]
SIDE = 28
MNIST_BOX = 20
MNIST_CENTRE = 14
MNIST_NOISE = 0.125
"""Of the strongest ink. JPEG's ringing and the grain of paper stay below; NIST's forms were black or white, nothing else."""
FASHION_NOISE = 0.05
MIN_CONTRAST = 16
"""Grey levels. What differs less from its background is no ink."""
BLACK, WHITE = 0, 255


def prepare(picture: Decoded, dataset: str, how: Prepare = "auto") -> Pixels:
    """Convert a picture to the format of a dataset, (28, 28), for its discriminator.

    A picture of 28x28 is taken as it is, and so is one whose pixels are squares of k x k, as `/generate?scale=8` draws them. If
    some of it is transparent, it is prepared instead: no dataset's pictures are, and what is transparent is background.
    Without ink a picture becomes black.

    Args:
        picture: of any size.
        dataset: its name in the manifest.
        how: `none` only scales to 28x28, whatever the aspect ratio, over black where it is transparent.
    """
    if how == "none":
        return np.asarray(_over(BLACK, picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    same = None if picture.alpha else _as_it_is(np.asarray(picture.grey))
    if same is not None:
        return same
    grey = _over(_far_from_ink(picture), picture)
    if dataset == "mnist":
        return _as_mnist(grey)
    if dataset == "fashion-mnist":
        return _as_fashion_mnist(grey)
    return _placed_in_the_middle(_fitted(grey, SIDE), _border(grey))


def _as_it_is(grey: Pixels) -> Pixels | None:
    """The 28x28 picture that this one is, or is an exact enlargement of; None if it is neither."""
    height, width = grey.shape
    if height != width or height % SIDE:
        return None
    size = height // SIDE
    blocks = grey.reshape(SIDE, size, SIDE, size)
    corners = blocks[:, :1, :, :1]
    return corners[:, 0, :, 0].copy() if (blocks == corners).all() else None


def _as_mnist(grey: Image.Image) -> Pixels:
    ink = _trimmed(_ink(grey, MNIST_NOISE, to_white=True))
    if ink is None:
        return _black()
    small = _fitted(ink, MNIST_BOX)
    mass = np.asarray(small, dtype=np.float64)
    return _placed(small, _offset(mass.sum(axis=1)), _offset(mass.sum(axis=0)), BLACK)


def _as_fashion_mnist(grey: Image.Image) -> Pixels:
    ink = _trimmed(_ink(grey, FASHION_NOISE, to_white=False))
    return _black() if ink is None else _placed_in_the_middle(_fitted(ink, SIDE), BLACK)


def _far_from_ink(picture: Decoded) -> int:
    """The background that shows what is drawn on a transparent one: white for dark ink, black for bright."""
    if picture.alpha is None or not picture.alpha.getbbox():
        return BLACK
    return WHITE if ImageStat.Stat(picture.grey, mask=picture.alpha).mean[0] < 128 else BLACK


def _over(background: int, picture: Decoded) -> Image.Image:
    if picture.alpha is None:
        return picture.grey
    return Image.composite(picture.grey, Image.new("L", picture.grey.size, background), picture.alpha)


def _border(grey: Image.Image) -> int:
    """The median of the outermost pixels: ink that runs over the edge does not change it."""
    levels = np.asarray(grey)
    return int(np.median(np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])))


def _ink(grey: Image.Image, noise: float, *, to_white: bool) -> Image.Image:
    """Bright ink on black. With `to_white` the strongest ink becomes 255, else what is farthest from the background could."""
    shown = np.flatnonzero(grey.histogram())
    darkest, brightest = int(shown[0]), int(shown[-1])
    background, levels = _border(grey), np.arange(256)
    if 2 * background > darkest + brightest:
        background, brightest, levels = 255 - background, 255 - darkest, 255 - levels
    if brightest - background < MIN_CONTRAST:
        return Image.new("L", grey.size)
    ink = (levels - background) / ((brightest if to_white else WHITE) - background)
    return grey.point(np.where(ink < noise, 0, np.rint(255 * ink.clip(0, 1))).astype(int).tolist())


def _trimmed(ink: Image.Image) -> Image.Image | None:
    box = ink.getbbox()
    return ink.crop(box) if box else None


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    """Scaled so that its longer side is `side`."""
    scale = side / max(picture.size)
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def _offset(mass: NDArray[np.float64]) -> int:
    """Where a row or column of ink (n,) begins if its centre of mass is to be the field's; none of it falls off the field."""
    centre = float(mass @ np.arange(len(mass))) / max(float(mass.sum()), 1.0)  # so thin a line may leave no ink after scaling
    return min(max(round(MNIST_CENTRE - centre), 0), SIDE - len(mass))


def _placed_in_the_middle(small: Image.Image, background: int) -> Pixels:
    return _placed(small, (SIDE - small.height) // 2, (SIDE - small.width) // 2, background)


def _placed(small: Image.Image, top: int, left: int, background: int) -> Pixels:
    field = Image.new("L", (SIDE, SIDE), background)
    field.paste(small, (left, top))
    return np.asarray(field)


def _black() -> Pixels:
    return np.zeros((SIDE, SIDE), dtype=np.uint8)
