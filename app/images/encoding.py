"""Encoding of pixels as PNG, WebP, GIF, APNG, npy and ZIP, and reading of PNG text chunks."""

from __future__ import annotations

import base64
import functools
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image, PngImagePlugin

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
MAX_GIF_FPS = 50
LONG_TEXT = 500
"""Text chunks with more characters than this are compressed."""
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest date of the ZIP format. A constant date makes the bytes of an archive depend only on its files."""


def enlarge(pixels: Pixels, scale: int) -> Pixels:
    """Enlarge each pixel to a square with side `scale`: (..., H, W) -> (..., H*scale, W*scale)."""
    return pixels if scale == 1 else pixels.repeat(scale, axis=-2).repeat(scale, axis=-1)


def sheet(pixels: Pixels, columns: int) -> Pixels:
    """Arrange pictures (N, H, W) in rows of `columns`. Empty cells of the last row are black."""
    count, height, width = pixels.shape
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, height, width), dtype=np.uint8)
    cells[:count] = pixels
    return cells.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)


def png(pixels: Pixels, text: Mapping[str, str] | None = None) -> bytes:
    """Encode a grey picture, (H, W), as PNG with text chunks (tEXt for Latin-1, otherwise iTXt).

    Pillow's encoder takes several times as long (`benchmarks/png.py`). For flat dark pictures, run-length encoding
    (zlib's Z_RLE) of unfiltered rows works best. Rows that repeat the row above, which are common in enlarged pictures, use
    filter 2 (up) and become all zeros.
    """
    return png_with(pixels, [_cached_text_chunk(key, value) for key, value in (text or {}).items()])


def png_with(pixels: Pixels, chunks: Iterable[bytes]) -> bytes:
    """Encode a grey picture, (H, W), as PNG with encoded text chunks. See `png`."""
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # the first byte of each row is its filter
    rows[:, 1:] = pixels
    if height > 28:  # at 28 rows, hardly any repeat, and the search takes as long as the encoding
        repeats = np.flatnonzero((pixels[1:] == pixels[:-1]).all(axis=1)) + 1
        rows[repeats], rows[repeats, 0] = 0, 2
    deflate = zlib.compressobj(level=4, strategy=zlib.Z_RLE)
    data = deflate.compress(rows.data) + deflate.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8-bit grey
    return b"".join((b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", header), *chunks, _chunk(b"IDAT", data), _END))


def _chunk(kind: bytes, value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + kind + value + struct.pack(">I", zlib.crc32(value, zlib.crc32(kind)))


_END = _chunk(b"IEND", b"")


def text_chunk(key: str, value: str) -> bytes:
    """Encode a text chunk of a PNG."""
    if value.isascii() and len(value) <= LONG_TEXT:  # the same bytes as Pillow, in a fifth of the time
        return _chunk(b"tEXt", f"{key}\0{value}".encode())
    return b"".join(_chunk(kind, content) for kind, content, *_ in _text_chunks({key: value}).chunks)


_cached_text_chunk = functools.lru_cache(maxsize=256)(text_chunk)
"""Usually only the seed differs between pictures."""


def data_uri(content: bytes) -> str:
    """Return a PNG as a data URI (RFC 2397)."""
    return "data:image/png;base64," + base64.b64encode(content).decode()


def webp(pixels: Pixels) -> bytes:
    """Encode a grey picture, (H, W), as lossless WebP."""
    out = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(out, format="WEBP", lossless=True, quality=50, method=2)
    return out.getvalue()


def npy(array: NDArray[Any]) -> bytes:
    """Encode an array in numpy's file format, version 1.0, without pickle."""
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


class Archive:
    """A ZIP archive that stores its files uncompressed, because pictures are already compressed."""

    def __init__(self) -> None:
        self._out = io.BytesIO()
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_STORED)

    def add(self, name: str, content: bytes) -> None:
        """Add a file."""
        self._zip.writestr(zipfile.ZipInfo(name, _ZIP_DATE), content)

    def content(self) -> bytes:
        """Close the archive and return its bytes."""
        self._zip.close()
        return self._out.getvalue()


def gif(frames: Pixels, fps: float, *, loop: bool) -> bytes:
    """Encode grey frames (N, H, W) as an animated GIF with all 256 levels.

    GIF measures time in hundredths of a second, and viewers treat delays below two hundredths as ten, so `fps` is at most
    `MAX_GIF_FPS`. Pillow would merge equal consecutive frames. Here, every frame is written, cropped to its changes.
    """
    delays = _durations(len(frames), fps, unit_ms=10)
    blocks, _ = GifImagePlugin.getheader(Image.fromarray(frames[0]), info={"loop": 0} if loop else {})
    for delay, (x, y, changed) in zip(delays, _changes(frames), strict=True):
        height, width = changed.shape
        # A graphic control extension (do not dispose of the frame), an image descriptor, and 8 bits per pixel. The same bytes
        # as GifImagePlugin.getdata, in a third of the time.
        blocks.append(struct.pack("<4sHxx", b"!\xf9\x04\x04", delay // 10))
        blocks.append(struct.pack("<cHHHHxc", b",", x, y, width, height, b"\x08"))
        blocks += (Image.fromarray(changed).tobytes("gif", "L"), b"\0")
    return b"".join([*blocks, b";"])


def apng(frames: Pixels, fps: float, *, loop: bool, text: Mapping[str, str] | None = None) -> bytes:
    """Encode grey frames (N, H, W) as an animated PNG with text chunks.

    Pillow would merge equal consecutive frames, but not if their blend modes differ. For opaque pictures, 0 (replace) and 1
    (paint over) give the same result.
    """
    first, *rest = map(Image.fromarray, frames)
    out = io.BytesIO()
    options = {"blend": [index % 2 for index in range(len(frames))], "pnginfo": _text_chunks(text or {})}
    delays = _durations(len(frames), fps, unit_ms=1)
    first.save(out, "PNG", save_all=True, append_images=rest, duration=delays, loop=0 if loop else 1, **options)
    return out.getvalue()


def animated_webp(frames: Pixels, fps: float, *, loop: bool) -> bytes:
    """Encode grey frames (N, H, W) as an animated lossless WebP (RFC 9649).

    libwebp would merge equal consecutive frames. Here, every frame is written, cropped to its changes.
    """
    height, width = frames.shape[1:]
    delays = _durations(len(frames), fps, unit_ms=1)
    chunks = [_riff(b"VP8X", bytes([2, 0, 0, 0]) + _uint24(width - 1) + _uint24(height - 1))]  # 2: an animation
    chunks.append(_riff(b"ANIM", struct.pack("<IH", 0, 0 if loop else 1)))
    for delay, (x, y, changed) in zip(delays, _changes(frames, grid=2), strict=True):
        area = [x // 2, y // 2, changed.shape[1] - 1, changed.shape[0] - 1, delay]
        bitstream = webp(changed)[12:]  # after RIFF, the size and WEBP
        chunks.append(_riff(b"ANMF", b"".join(map(_uint24, area)) + bytes([2]) + bitstream))  # 2: replaces, does not blend
    return _riff(b"RIFF", b"WEBP" + b"".join(chunks))


def _changes(frames: Pixels, grid: int = 1) -> Iterator[tuple[int, int, Pixels]]:
    """Yield x, y and pixels of the part of each frame that differs from the frame before; one cell of the grid if none does.

    The first part is the whole frame. x and y are multiples of `grid`.
    """
    yield 0, 0, frames[0]
    size = max(1, _COMPARED // frames[0].size)
    for start in range(0, len(frames) - 1, size):
        after = frames[start + 1 : start + size + 1]
        differs = frames[start : start + len(after)] != after
        spans = [_spans(differs.any(axis=axis), grid) for axis in (2, 1)]
        for frame, (y, bottom), (x, right) in zip(after, *spans, strict=True):
            yield x, y, frame[y:bottom, x:right]


_COMPARED = 1_000_000
"""Pixels that `_changes` compares at once."""


def _spans(marked: NDArray[np.bool_], grid: int) -> list[list[int]]:
    """Return the start and the end of the marked part of each row, (N, 2). An unmarked row has one cell of the grid."""
    starts = marked.argmax(axis=1) // grid * grid
    ends = np.where(marked.any(axis=1), marked.shape[1] - marked[:, ::-1].argmax(axis=1), grid)
    spans: list[list[int]] = np.stack([starts, ends], axis=1).tolist()
    return spans


def _riff(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a RIFF file, padded to an even length."""
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _uint24(value: int) -> bytes:
    return value.to_bytes(3, "little")


def _durations(count: int, fps: float, unit_ms: int) -> list[int]:
    """Return the duration of each frame in ms, in multiples of `unit_ms`. Rounding errors do not accumulate."""
    ends = [round(1000 / unit_ms * (i + 1) / fps) * unit_ms for i in range(count)]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def read_text(content: bytes) -> dict[str, str]:
    """Return the text chunks of a PNG by keyword.

    Raises:
        ValueError: the content is not a PNG.
    """
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            picture.load()
            return {str(k): str(v) for k, v in picture.info.items() if isinstance(v, str)}
    except (OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"This is not a PNG ({error}). Give a PNG drawn by Seedling.") from error


def _text_chunks(text: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    chunks = PngImagePlugin.PngInfo()
    for key, value in text.items():
        chunks.add_text(key, value, zip=len(value) > LONG_TEXT)  # uses iTXt if the text is not Latin-1
    return chunks
