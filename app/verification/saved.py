"""A saved PNG or APNG: its pixels, exactly, and its text chunks."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from app.errors import PictureInvalid, PictureTooLarge, PictureUnsupported
from app.images import decoding
from app.images.encoding import Pixels
from app.sampling.interpolation import MAX_FRAMES

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BAND = 1_000_000
"""Pixels that are converted at once, because a conversion takes many times the memory of the grey levels."""
REMEDY = "Send a PNG as Seedling wrote it: curl -F file=@42.png."


@dataclass(frozen=True)
class Saved:
    """The content of a PNG."""

    frames: Pixels
    """Grey levels, uint8 (F, H, W). F is 1 unless the file is animated."""
    foreign: NDArray[np.bool_]
    """Pixels that are coloured, transparent, or between two of the 256 grey levels, (F, H, W). Seedling writes none."""
    text: Mapping[str, str]
    """Text chunks by keyword. If a keyword is repeated, the last one."""


def read_png(content: bytes) -> Saved:
    """Decode a PNG or APNG without any conversion that could hide a difference.

    The limits are 16,000,000 pixels in all frames together, 16,384 per side, and 2,048 frames.

    Raises:
        PictureUnsupported: the file is not a PNG. Other formats carry no text chunks.
        PictureTooLarge: the file exceeds a limit. It was not decoded.
        PictureInvalid: the file is damaged or cut off.
    """
    if not content.startswith(_SIGNATURE):
        raise PictureUnsupported(f"The file is not a PNG. Only PNG and APNG files contain the text chunks to verify. {REMEDY}")
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            assert isinstance(picture, PngImagePlugin.PngImageFile)  # noqa: S101 - for the type checker
            decoding.check_size(picture)
            count = int(getattr(picture, "n_frames", 1))
            if count > MAX_FRAMES or count * picture.width * picture.height > decoding.MAX_PIXELS:
                raise PictureTooLarge(
                    f"The file has {count:,} frames of {picture.width:,} x {picture.height:,} pixels. The limit is "
                    f"{MAX_FRAMES:,} frames and {decoding.MAX_PIXELS:,} pixels. Save it with a smaller scale."
                )
            frames = np.empty((count, picture.height, picture.width), dtype=np.uint8)
            foreign = np.zeros(frames.shape, dtype=np.bool_)
            rows = max(1, _BAND // picture.width)
            for index in range(count):
                picture.seek(index)
                picture.load()
                for top in range(0, picture.height, rows):
                    band = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
                    _read_levels(band, frames[index, top : top + rows], foreign[index, top : top + rows])
            return Saved(frames, foreign, {str(name): str(value) for name, value in picture.text.items()})
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureTooLarge(f"The picture has more than {decoding.MAX_PIXELS:,} pixels. Scale it down.") from None
    except decoding.UNREADABLE as error:
        raise PictureInvalid(f"The PNG is damaged or cut off ({error}). {REMEDY}") from error


def _read_levels(picture: Image.Image, levels: Pixels, foreign: NDArray[np.bool_]) -> None:
    """Write the grey levels of a picture, (H, W), and where it is not an opaque grey of 8 bits."""
    if picture.mode == "L" and not picture.has_transparency_data:
        levels[:] = np.asarray(picture)
    elif picture.mode.startswith("I"):  # 16 bits per pixel: 257 times the level of 8 bits
        wide = np.asarray(picture).astype(np.int64)
        levels[:] = wide // 257
        foreign[:] = (wide % 257 != 0) | (wide == picture.info.get("transparency", -1))
    else:
        rgba = np.asarray(picture.convert("RGBA"))
        levels[:] = rgba[..., 0]
        foreign[:] = (rgba[..., 1:3] != rgba[..., :1]).any(axis=-1) | (rgba[..., 3] != 255)
