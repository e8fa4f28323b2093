"""Renders the letters of a font like MNIST's digits: 28x28, bright on black, fitted into 20x20, centred by mass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from app.images.decoding import Decoded
from app.images.preprocessing import SIDE, prepare

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SIZE = 200
"""Pixels per em of the large rendering, which is then scaled down. Hinting and the rounding of edges are invisible there."""
MARGIN = 20
"""Black pixels around the large glyph, whose border tells the preprocessing which level is the background."""
LARGEST = 20 * SIZE
UNASSIGNED = ("\ue7f3", "\uffff", "\U0010fffd")
"""Characters that fonts do not have, so that they are drawn as the glyph for missing characters."""

Pixels = NDArray[np.uint8]


class UnsuitableFont(ValueError):
    """A font that does not have 26 different capitals."""


def open_font(path: Path, index: int = 0) -> ImageFont.FreeTypeFont:
    """Open a face of a font file. Raises OSError if there is none with this index.

    The basic layout engine is part of every build of Pillow, and draws the glyph that the font assigns to the character.
    """
    return ImageFont.truetype(path, SIZE, index=index, layout_engine=ImageFont.Layout.BASIC)


def draw(font: ImageFont.FreeTypeFont, character: str) -> Image.Image | None:
    """Draw a character, bright on black, cropped to its ink. None if it has no ink or is absurdly large."""
    left, top, right, bottom = (int(edge) for edge in font.getbbox(character))
    width, height = right - left + 2 * MARGIN, bottom - top + 2 * MARGIN
    if not MARGIN < min(width, height) <= max(width, height) <= LARGEST:
        return None
    picture = Image.new("L", (width, height))
    ImageDraw.Draw(picture).text((MARGIN - left, MARGIN - top), character, font=font, fill=255)
    box = picture.getbbox()
    return picture.crop(box) if box else None


def render(font: ImageFont.FreeTypeFont) -> Pixels:
    """Render A to Z, (26, 28, 28).

    Raises:
        UnsuitableFont: a letter is missing or empty, or two letters look the same.
    """
    missing = [picture.tobytes() for picture in (draw(font, character) for character in UNASSIGNED) if picture]
    letters = np.empty((len(LETTERS), SIDE, SIDE), np.uint8)
    for place, letter in zip(letters, LETTERS, strict=True):
        picture = draw(font, letter)
        if picture is None or picture.tobytes() in missing:
            raise UnsuitableFont(f"it has no {letter}")
        canvas = Image.new("L", (picture.width + 2 * MARGIN, picture.height + 2 * MARGIN))
        canvas.paste(picture, (MARGIN, MARGIN))
        place[:] = prepare(Decoded(canvas, None), "letters").pixels
    if len({letter.tobytes() for letter in letters}) < len(LETTERS):
        raise UnsuitableFont("two of its letters are equal")
    return letters
