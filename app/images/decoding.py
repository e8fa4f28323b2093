"""Decodes untrusted picture files to grey levels. A file is decoded only if its header is within the bounds."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from app.errors import PictureInvalid, PictureTooLarge, PictureUnsupported

FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
"""Pillow's name of a format to its media type. Pillow has about forty more decoders, which are not exposed."""
MAX_PIXELS = 16_000_000
"""A WebP with transparency takes most while it is decoded: 16 bytes a pixel; a PNG up to 10, a JPEG up to 9."""
MAX_SIDE = 16_384
"""Pillow keeps a pointer and an aligned row for each line of each copy: 16 million lines of one pixel took 985 MB. 16,383 is
the longest side of a WebP."""
MAX_SCANS = 200
"""Cameras write one scan, progressive encoders about ten. A scan takes thirty bytes of a file, and 20 ms at 16 megapixels."""
_SCAN = b"\xff\xda"
_JPEG, _EXIF, _FILL = b"\xff\xd8", b"Exif\0\0", b"\xff\xff"
MAX_EXIF, MAX_FILL = 16, 2**17
"""Pillow joins EXIF segments in quadratic time and steps over fill bytes one by one, before it knows a picture's size: 10 MB of
either took 64 and 11 seconds. Cameras write one segment, or a few."""
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
"""Exceptions that Pillow's decoders raise for damaged files."""
_SEND_ONE = "Send a PNG, JPEG, WebP or GIF file as the body itself: curl --data-binary @picture.png."


@dataclass(frozen=True)
class Decoded:
    """A picture file's first frame, upright."""

    grey: Image.Image
    """Mode L, luma after ITU-R 601; a grey pixel keeps its level."""
    alpha: Image.Image | None
    """Mode L, 0 transparent, 255 opaque; None if every pixel is opaque."""


def decode(content: bytes) -> Decoded:
    """Read a PNG, JPEG, WebP or GIF of at most 16,000,000 pixels and 16,384 a side: its first frame, turned as its EXIF says.

    The content decides the format, not the Content-Type.

    Raises:
        PictureUnsupported: it is none of these.
        PictureTooLarge: its header announces more pixels, or it is a JPEG of more than 200 scans; it was not decoded.
        PictureInvalid: it is empty, damaged or cut off.
    """
    if not content:
        raise PictureInvalid(f"The body is empty. {_SEND_ONE}")
    if content[:2] == _JPEG and (content.count(_EXIF) > MAX_EXIF or content.count(_FILL) > MAX_FILL):
        raise PictureTooLarge("The JPEG would take too long to read: it is all markers. Save it anew, without metadata.")
    try:
        with Image.open(io.BytesIO(content), formats=list(FORMATS)) as picture:
            _check(picture, content)
            ImageOps.exif_transpose(picture, in_place=True)
            return _grey(picture)
    except UnidentifiedImageError:
        raise PictureUnsupported(f"The body is no PNG, JPEG, WebP or GIF, or its first bytes only. {_SEND_ONE}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureTooLarge(f"The picture has more than {MAX_PIXELS:,} pixels. Make it smaller.") from None
    except _UNREADABLE as error:
        raise PictureInvalid(f"The picture is damaged or cut off ({error}). Save it anew and send the whole file.") from error


def _check(picture: Image.Image, content: bytes) -> None:
    if max(picture.size) > MAX_SIDE:
        size = f"{picture.width:,} x {picture.height:,}"
        raise PictureTooLarge(f"The picture has {size} pixels; {MAX_SIDE:,} are the most a side. Make it smaller.")
    if picture.width * picture.height > MAX_PIXELS:
        size = f"{picture.width:,} x {picture.height:,}"
        raise PictureTooLarge(f"The picture has {size} pixels; {MAX_PIXELS:,} are the most. Make it smaller.")
    if picture.format in ("JPEG", "MPO") and content.count(_SCAN) > MAX_SCANS:
        raise PictureTooLarge(f"The JPEG has more than {MAX_SCANS} scans. Save it anew, as a baseline JPEG.")


def _grey(picture: Image.Image) -> Decoded:
    if picture.mode.startswith("I"):  # 16 bits a pixel, which Pillow's own conversion would cut off at 255
        levels = np.asarray(picture) >> 8
        return Decoded(Image.fromarray(levels.astype(np.uint8)), None)
    if not picture.has_transparency_data:
        return Decoded(picture.convert("L"), None)
    if picture.mode not in ("RGBA", "LA"):
        picture = picture.convert("RGBA")
    grey, alpha = picture.convert("L"), picture.getchannel("A")
    return Decoded(grey, None if alpha.getextrema() == (255, 255) else alpha)
