"""Decoding of untrusted picture files to grey levels. Files whose header exceeds the limits are not decoded."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

from app.errors import PictureInvalid, PictureTooLarge, PictureUnsupported
from app.images import tiff

FORMATS = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
}
"""Media types by Pillow's format name. Pillow's other decoders, about forty, are not exposed to uploads."""
_WITHOUT_TIFF = [name for name in FORMATS if name != "TIFF"]
MAX_PIXELS = 16_000_000
"""Decoding takes up to 16 bytes per pixel for a WebP with transparency, 10 for a PNG and 9 for a JPEG."""
MAX_SHRUNK_PIXELS = 80_000_000
"""Limit of a JPEG that may be decoded at a fraction of its size, which libjpeg does in little more time than it takes to read
it. Cameras take pictures of up to 60 megapixels."""
MAX_SIDE = 16_384
"""Pillow allocates a pointer and an aligned row for each line of each copy, so 16 million lines of one pixel took 985 MB. The
longest side of a WebP is 16,383."""
MAX_TINY_SIDE, MAX_TINY_BYTES = 64, 4096
MAX_SCANS = 200
"""Cameras write one scan, progressive encoders about ten. A scan can have only thirty bytes, but takes 20 ms at 16
megapixels."""
_PNG_HEADER = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_SCAN = b"\xff\xda"
_JPEG, _EXIF, _FILL = b"\xff\xd8", b"Exif\0\0", b"\xff\xff"
MAX_EXIF, MAX_FILL = 16, 2**17
"""Pillow joins EXIF segments in quadratic time and skips fill bytes one by one, before it reads the size of the picture. 10 MB
took 64 seconds for segments and 11 seconds for fill bytes. Cameras write one segment or a few."""
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
"""Exceptions that Pillow's decoders raise for damaged files."""
_RUN_LENGTH = (1, 2)
"""Compressions of BMP that Pillow decodes in Python, run by run: 10 MB took 6 seconds."""
_NAMES = "PNG, JPEG, WebP, GIF, BMP or TIFF"
REMEDY = f"Send a {_NAMES} file: curl -F file=@picture.png."


@dataclass(frozen=True)
class Decoded:
    """The first frame of a picture file, with its EXIF orientation applied."""

    grey: Image.Image
    """Mode L, luma by ITU-R 601. Grey pixels keep their level."""
    alpha: Image.Image | None
    """Mode L, from 0 (transparent) to 255 (opaque). None if every pixel is opaque."""


def is_tiny(content: bytes) -> bool:
    """Whether a file is a PNG of at most 64x64 pixels and 4 KiB, which is decoded faster than it is handed to a thread."""
    if len(content) > MAX_TINY_BYTES or content[:16] != _PNG_HEADER:
        return False
    width, height = struct.unpack_from(">II", content, 16) if len(content) >= 24 else (0, 0)
    return bool(0 < width <= MAX_TINY_SIDE and 0 < height <= MAX_TINY_SIDE)


def decode(content: bytes, *, shrink: bool = False) -> Decoded:
    """Decode the first frame of a PNG, JPEG, WebP, GIF, BMP or TIFF, and apply its EXIF orientation.

    The format is detected from the content; the Content-Type is ignored. The limits are 16,000,000 pixels and 16,384 per side.
    BMP and TIFF must be uncompressed (`app.images.tiff`).

    Args:
        content: the file.
        shrink: decode a JPEG of more pixels, up to 80,000,000, at a half, a quarter or an eighth of its size.

    Raises:
        PictureUnsupported: the file has another format, or is a compressed BMP or TIFF.
        PictureTooLarge: the size in the header exceeds the limits, or a JPEG has too many scans, EXIF segments or fill bytes.
            The file was not decoded.
        PictureInvalid: the file is empty, damaged or truncated.
    """
    if not content:
        raise PictureInvalid(f"The file is empty. {REMEDY}")
    if content[:2] == _JPEG and (content.count(_EXIF) > MAX_EXIF or content.count(_FILL) > MAX_FILL):
        raise PictureTooLarge("The JPEG contains too many EXIF segments or fill bytes. Save it again without metadata.")
    is_tiff = content[:4] in tiff.BYTE_ORDERS
    if is_tiff:
        content = tiff.reduce(content)
    try:
        with Image.open(io.BytesIO(content), formats=["TIFF"] if is_tiff else _WITHOUT_TIFF) as picture:
            scans = MAX_SCANS
            if shrink and isinstance(picture, JpegImagePlugin.JpegImageFile):
                scans = _shrink(picture)
            _check(picture, content, scans)
            ImageOps.exif_transpose(picture, in_place=True)
            return _grey(picture)
    except UnidentifiedImageError:
        if is_tiff:
            raise PictureUnsupported(f"The TIFF has an unsupported layout. {tiff.REMEDY}") from None
        raise PictureUnsupported(f"The file is not a {_NAMES}, or is only its first bytes. {REMEDY}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureTooLarge(f"The picture has more than {MAX_PIXELS:,} pixels. Scale it down.") from None
    except UNREADABLE as error:
        raise PictureInvalid(f"The picture is damaged or cut off ({error}). Save it again and send the whole file.") from error


def _shrink(picture: JpegImagePlugin.JpegImageFile) -> int:
    """Let a JPEG of too many pixels be decoded at a fraction of its size. Return the number of scans that it may have."""
    width, height = picture.size
    if not MAX_PIXELS < width * height <= MAX_SHRUNK_PIXELS:
        return MAX_SCANS
    divisor = next(each for each in (2, 4, 8) if width * height <= each**2 * MAX_PIXELS)
    picture.draft(None, (width // divisor, height // divisor))
    return MAX_SCANS * MAX_PIXELS // (width * height)


def _check(picture: Image.Image, content: bytes, scans: int) -> None:
    check_size(picture)
    if picture.format in ("JPEG", "MPO") and content.count(_SCAN) > scans:
        raise PictureTooLarge(f"The JPEG has more than {scans} scans. Save it again as a baseline JPEG.")
    if picture.format == "BMP" and picture.info["compression"] in _RUN_LENGTH:
        raise PictureUnsupported("The BMP is run-length encoded. Save it without compression, or as a PNG.")
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        tiff.check(picture)


def check_size(picture: Image.Image) -> None:
    """Check the size in the header of an opened picture.

    Raises:
        PictureTooLarge: it exceeds `MAX_SIDE` or `MAX_PIXELS`.
    """
    if max(picture.size) > MAX_SIDE:
        size = f"{picture.width:,} x {picture.height:,}"
        raise PictureTooLarge(f"The picture has {size} pixels, but the limit is {MAX_SIDE:,} per side. Scale it down.")
    if picture.width * picture.height > MAX_PIXELS:
        size = f"{picture.width:,} x {picture.height:,}"
        raise PictureTooLarge(f"The picture has {size} pixels, but the limit is {MAX_PIXELS:,}. Scale it down.")


def _grey(picture: Image.Image) -> Decoded:
    if picture.mode.startswith("I"):  # 16 bits per pixel, which Pillow's own conversion clips at 255
        levels = np.asarray(picture) >> 8
        return Decoded(Image.fromarray(levels.astype(np.uint8)), None)
    picture.load()
    if picture.mode == "P" and picture.palette is None:
        raise PictureInvalid(f"The picture needs a palette, but the file contains none. {REMEDY}")
    if not picture.has_transparency_data:
        return Decoded(picture.convert("L"), None)
    if picture.mode not in ("RGBA", "LA"):
        picture = picture.convert("RGBA")
    grey, alpha = picture.convert("L"), picture.getchannel("A")
    return Decoded(grey, None if alpha.getextrema() == (255, 255) else alpha)
