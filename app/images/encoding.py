"""Encodes pixels as PNG, WebP, GIF, APNG, npy and ZIP, and reads text chunks back."""

from __future__ import annotations

import base64
import functools
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

Pixels = NDArray[np.uint8]
SOFTWARE = "Seedling"
MEDIA_TYPES = {
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "apng": "image/apng",
    "strip": "image/png",
    "zip": "application/zip",
    "npy": "application/x-npy",
    "json": "application/json",
}
LONG_TEXT = 500
"""Longer text chunks are compressed."""
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that ZIP knows: an archive's bytes depend on its pictures alone."""


def enlarge(pixels: Pixels, scale: int) -> Pixels:
    """Make each pixel a square of `scale` pixels: (..., H, W) -> (..., H*scale, W*scale)."""
    return pixels if scale == 1 else pixels.repeat(scale, axis=-2).repeat(scale, axis=-1)


def sheet(pixels: Pixels, columns: int) -> Pixels:
    """Lay pictures (N, H, W) out in rows of `columns`; what the last row lacks is black."""
    count, height, width = pixels.shape
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, height, width), dtype=np.uint8)
    cells[:count] = pixels
    return cells.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)


def png(pixels: Pixels, text: Mapping[str, str] | None = None) -> bytes:
    """One grey picture, (H, W), with text chunks (tEXt where Latin-1 will do, else iTXt).

    Written here and not by Pillow, which takes several times as long (`benchmarks/footprint.py`): on flat dark pictures
    nothing beats run lengths (zlib's Z_RLE) of what is not filtered, and a row that repeats the one above, as enlarged pixels
    do, is no difference at all (filter 2, up).
    """
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # the first byte of each is its filter
    rows[:, 1:] = pixels
    if height > 28:  # a single picture has hardly any, and to look takes as long as to write it
        repeats = np.flatnonzero((pixels[1:] == pixels[:-1]).all(axis=1)) + 1
        rows[repeats], rows[repeats, 0] = 0, 2
    deflate = zlib.compressobj(level=4, strategy=zlib.Z_RLE)
    data = deflate.compress(rows.data) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8 bits of grey
    told = [_text_chunk(key, value) for key, value in (text or {}).items()]
    return b"".join((b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", header), *told, _chunk(b"IDAT", data), _END))


def _chunk(kind: bytes, value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + kind + value + struct.pack(">I", zlib.crc32(value, zlib.crc32(kind)))


_END = _chunk(b"IEND", b"")


@functools.lru_cache(maxsize=256)
def _text_chunk(key: str, value: str) -> bytes:
    """One text chunk; kept, for from picture to picture only the seed is another."""
    if value.isascii() and len(value) <= LONG_TEXT:  # as Pillow would, in a fifth of the time
        return _chunk(b"tEXt", f"{key}\0{value}".encode())
    return b"".join(_chunk(kind, content) for kind, content, *_ in _text_chunks({key: value}).chunks)


def data_uri(content: bytes) -> str:
    """A PNG as an address that holds it (RFC 2397)."""
    return "data:image/png;base64," + base64.b64encode(content).decode()


def webp(pixels: Pixels) -> bytes:
    """One grey picture, (H, W), lossless."""
    out = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(out, format="WEBP", lossless=True, quality=50, method=2)
    return out.getvalue()


def npy(array: NDArray[Any]) -> bytes:
    """An array in numpy's own format, version 1.0, never pickled."""
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


class Archive:
    """A ZIP of files that are compressed already, added one after the other."""

    def __init__(self) -> None:
        self._out = io.BytesIO()
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_STORED)

    def add(self, name: str, content: bytes) -> None:
        """Add a file."""
        self._zip.writestr(zipfile.ZipInfo(name, _ZIP_DATE), content)

    def content(self) -> bytes:
        """The whole of it; nothing more can be added."""
        self._zip.close()
        return self._out.getvalue()


def gif(frames: Pixels, fps: float, *, loop: bool) -> bytes:
    """An animation of grey frames (N, H, W), all 256 levels kept.

    GIF counts time in hundredths of a second, and viewers take less than two of them for ten: past 50 frames a second
    it plays slower than asked for.
    """
    delays = [max(20, ms) for ms in _durations(len(frames), fps, unit_ms=10)]
    return _save(map(Image.fromarray, frames), "GIF", delays, {"loop": 0} if loop else {}, disposal=1, optimize=False)


def apng(frames: Pixels, fps: float, *, loop: bool, text: Mapping[str, str] | None = None) -> bytes:
    """An animated PNG of grey frames (N, H, W), with text chunks."""
    delays = _durations(len(frames), fps, unit_ms=1)
    return _save(map(Image.fromarray, frames), "PNG", delays, {"loop": 0 if loop else 1}, pnginfo=_text_chunks(text or {}))


def animated_webp(frames: Pixels, fps: float, *, loop: bool) -> bytes:
    """An animated lossless WebP of grey frames (N, H, W)."""
    delays = _durations(len(frames), fps, unit_ms=1)
    pictures = (Image.fromarray(frame).convert("RGB") for frame in frames)
    return _save(pictures, "WEBP", delays, {"loop": 0 if loop else 1}, lossless=True, quality=50, method=2)


def _durations(count: int, fps: float, unit_ms: int) -> list[int]:
    """How long each frame lasts, in ms, in whole units whose sum does not drift from count / fps."""
    ends = [round(1000 / unit_ms * (i + 1) / fps) * unit_ms for i in range(count)]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def _save(pictures: Iterable[Image.Image], kind: str, delays: list[int], repeat: dict[str, int], **options: Any) -> bytes:  # noqa: ANN401 - Pillow's
    first, *rest = pictures
    out = io.BytesIO()
    duration = delays if rest else delays[0]
    first.save(out, format=kind, save_all=True, append_images=rest, duration=duration, **repeat, **options)
    return out.getvalue()


def read_text(content: bytes) -> dict[str, str]:
    """The text chunks of a PNG; empty if it has none.

    Raises:
        ValueError: it is not a PNG.
    """
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            picture.load()
            return {str(k): str(v) for k, v in picture.info.items() if isinstance(v, str)}
    except (OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"This is not a PNG ({error}). Give a PNG that Seedling made.") from error


def _text_chunks(text: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    chunks = PngImagePlugin.PngInfo()
    for key, value in text.items():
        chunks.add_text(key, value, zip=len(value) > LONG_TEXT)  # falls back to iTXt by itself
    return chunks
