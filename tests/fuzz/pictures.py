"""Valid image files of every supported format, and functions that build malformed ones from their parts."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image, PngImagePlugin

LEVELS = np.random.default_rng(7).integers(0, 256, (12, 17), dtype=np.uint8)
GREY = Image.fromarray(LEVELS)
COLOUR = Image.fromarray(np.stack([LEVELS, LEVELS[::-1], LEVELS[:, ::-1]], axis=-1))
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a PNG chunk with a valid checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def chunks_of(png: bytes) -> list[tuple[bytes, bytes]]:
    chunks, offset = [], len(SIGNATURE)
    while offset < len(png):
        (length,) = struct.unpack_from(">I", png, offset)
        chunks.append((png[offset + 4 : offset + 8], png[offset + 8 : offset + 8 + length]))
        offset += 12 + length
    return chunks


def png_of(width: int, height: int, *, depth: int = 8, colour: int = 0, pixels: bytes = b"\0" * 1000) -> bytes:
    """Return a PNG whose header declares this size and format, regardless of its pixel data."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def gif_of(width: int, height: int) -> bytes:
    file = saved(GREY, "GIF")
    offset = file.index(b"\x2c", 13 + 768)  # the image descriptor, which has its own size
    size = struct.pack("<HH", width, height)
    return file[:6] + size + file[10 : offset + 5] + size + file[offset + 9 :]


def jpeg_of(width: int, height: int) -> bytes:
    file = saved(GREY, "JPEG")
    offset = file.index(b"\xff\xc0") + 5
    return file[:offset] + struct.pack(">HH", height, width) + file[offset + 4 :]


def webp_of(width: int, height: int) -> bytes:
    """Return an extended WebP whose header declares a canvas of this size."""
    frame = saved(COLOUR, "WEBP", lossless=True)[12:]
    canvas = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    content = b"WEBPVP8X" + struct.pack("<I", 10) + canvas + frame
    return b"RIFF" + struct.pack("<I", len(content)) + content


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "turned"
    return exif.tobytes()


def _text_chunks() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("seed", "42")
    info.add_text("long", "x" * 600, zip=True)
    info.add_itxt("title", "семя", zip=True)
    return info


def _archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "text")
    return out.getvalue()


_ANIMATED = {"save_all": True, "append_images": [COLOUR.transpose(Image.Transpose.ROTATE_180)]}
FILES = {
    "png": saved(GREY, "PNG", pnginfo=_text_chunks(), exif=_exif()),
    "png-bits": saved(GREY.convert("1"), "PNG"),
    "png-deep": saved(Image.fromarray(LEVELS.astype(np.uint16) * 257), "PNG"),
    "png-palette": saved(GREY.convert("P"), "PNG", transparency=3),
    "png-alpha": saved(Image.merge("LA", [GREY, GREY]), "PNG"),
    "apng": saved(COLOUR, "PNG", **_ANIMATED),
    "jpeg": saved(COLOUR, "JPEG", exif=_exif()),
    "jpeg-progressive": saved(GREY, "JPEG", progressive=True),
    "jpeg-cmyk": saved(COLOUR.convert("CMYK"), "JPEG"),
    "mpo": saved(COLOUR, "MPO", **_ANIMATED),
    "gif": saved(GREY, "GIF", comment="a comment", transparency=1),
    "gif-animated": saved(COLOUR, "GIF", **_ANIMATED),
    "webp": saved(COLOUR, "WEBP", exif=_exif()),
    "webp-alpha": saved(Image.merge("LA", [GREY, GREY]).convert("RGBA"), "WEBP", lossless=True),
    "webp-animated": saved(COLOUR, "WEBP", **_ANIMATED),
    "bmp": saved(COLOUR, "BMP"),
    "bmp-bits": saved(GREY.convert("1"), "BMP"),
    "bmp-palette": saved(COLOUR.quantize(16), "BMP"),
    "bmp-alpha": saved(COLOUR.convert("RGBA"), "BMP"),
    "tiff": saved(COLOUR, "TIFF", description="a description"),
    "tiff-bits": saved(GREY.convert("1"), "TIFF"),
    "tiff-deep": saved(Image.fromarray(LEVELS.astype(np.uint16) * 257), "TIFF"),
    "tiff-alpha": saved(Image.merge("LA", [GREY, GREY]), "TIFF"),
    "tiff-pages": saved(GREY, "TIFF", save_all=True, append_images=[GREY.copy()]),
}
TAILS = {
    "html": b"<html><script>alert(1)</script></html>",
    "zip": _archive(),
    "js": b"*/alert(1);/*",
    "png": saved(GREY.transpose(Image.Transpose.ROTATE_180), "PNG"),
    "zeros": b"\0" * 1000,
}
"""Data that, appended to an image, makes a polyglot file."""
