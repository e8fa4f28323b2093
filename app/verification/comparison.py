"""Comparison of a saved picture with what its claim draws."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict

from app.images import encoding
from app.sampling.chunks import CHUNK, Steps
from app.sampling.generator import SIDE, LoadedGenerator, Pixels
from app.sampling.latents import Point
from app.sampling.response_cache import RenderedResponse
from app.verification.saved import Saved

MAX_SCALE = 32
MAX_CLAIM = 2_000
"""Characters of a text chunk that the response repeats."""
MAX_CHUNKS = 64
"""Text chunks that the response repeats. Seedling writes about ten."""
MAX_LISTED = 100
"""Frames that differ and are listed."""
Mask = NDArray[np.bool_]


class Verification(BaseModel):
    """Whether a saved picture is what it claims to be."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    verdict: Literal["equal", "different", "unknown_version", "no_claim"]
    """equal: every pixel matches the claim. different: some pixels do not. unknown_version: no version here has this generator,
    or these directions. no_claim: the text chunks do not fully say what the picture is."""
    reason: str
    """The verdict in a sentence."""
    claim: dict[str, str]
    """Text chunks of the file, at most 64. Longer ones are cut after 2,000 characters."""
    unverified: list[str] = []
    """Names of text chunks that do not affect pixels, so that their content cannot be verified; at most 64."""
    kind: str | None = None
    """What the file claims to be: picture, sheet, plane, interpolation, frame or sharpened."""
    model: str | None = None
    """Model whose generator was used."""
    version: int | None = None
    """Version whose generator was used. It has the claimed sha256, but may have another number here."""
    url: str | None = None
    """A request that draws the picture, if a URL can express it."""
    scale: int | None = None
    """Enlargement of the picture."""
    columns: int | None = None
    """Pictures per row."""
    pixels: int | None = None
    """Number of pixels that were compared, in all frames together."""
    different: int | None = None
    """Number of pixels that differ. null if the file does not have the size of the claimed picture, so that nothing was
    compared."""
    box: list[int] | None = None
    """The smallest rectangle that contains all pixels that differ: left, top, right and bottom, the latter two exclusive."""
    frames: list[int] | None = None
    """Indices of the frames that differ, at most 100. null unless the file is animated."""
    mask: str | None = None
    """Where pixels differ: a black and white PNG as a data URI (RFC 2397), without the enlargement. For an animation, all
    frames combined."""


@dataclass(frozen=True)
class Layout:
    """An arrangement of pictures in a saved one."""

    columns: int
    scale: int

    @classmethod
    def fitting(cls, saved: Saved, *, columns: Collection[int], count: int, frames: int = 1) -> list[Layout]:
        """Return the arrangements that have the size of a saved picture.

        Args:
            saved: the saved picture.
            columns: the possible numbers of pictures per row.
            count: number of pictures per frame.
            frames: number of frames.
        """
        found, height, width = saved.frames.shape
        fits = []
        for scale in range(1, MAX_SCALE + 1):
            wide, high = width // (SIDE * scale), height // (SIDE * scale)
            is_whole = (wide * SIDE * scale, high * SIDE * scale) == (width, height)
            if is_whole and wide in columns and high == -(-count // wide):
                fits.append(cls(wide, scale))
        return fits if found == frames else []


@dataclass(frozen=True)
class Expected:
    """The pictures that a saved file must consist of."""

    generator: LoadedGenerator
    count: int
    points: Callable[[slice], list[Point]]
    """Returns the inputs of the generator for a range of the pictures, whose ranges are asked for in order."""
    layouts: list[Layout]
    """The arrangements to try. Empty if none has the size of the file."""
    url: str | None
    are_separate: bool = False
    """Whether each picture is a frame of its own, not part of a sheet. The frames of the file are repeated if it has one."""


@dataclass(frozen=True)
class Comparison:
    """A saved file and what it must consist of."""

    saved: Saved
    expected: Expected
    known: Verification
    """What is already known, with any verdict."""

    def steps(self) -> Steps[RenderedResponse]:
        """Draw in chunks. Return a function that compares, and encodes the verdict as JSON."""
        expected = self.expected
        pixels = np.empty((expected.count if expected.layouts else 0, SIDE, SIDE), dtype=np.uint8)
        start, size = 0, CHUNK
        while start < len(pixels):
            part = slice(start, min(start + size, len(pixels)))
            pixels[part] = expected.generator.draw(expected.points(part))
            start, size = part.stop, (yield) or CHUNK
        return lambda: rendered(self.compare(pixels))

    def compare(self, pixels: Pixels) -> Verification:
        """Return the verdict from the expected pictures, (N, 28, 28)."""
        saved = self.saved
        if not self.expected.layouts:
            frames, height, width = saved.frames.shape
            size = f"{width}x{height}" + (f" and {frames} frames" if frames > 1 else "")
            return self._found("different", f"A picture like that cannot have the size {size}, so nothing was compared.")
        masks = [(self._mask(pixels, layout), layout) for layout in self.expected.layouts]
        mask, layout = min(masks, key=lambda pair: np.count_nonzero(pair[0]))
        common = {"scale": layout.scale, "columns": layout.columns, "pixels": saved.frames.size}
        different = np.count_nonzero(mask)
        if not different:
            return self._found("equal", "Every pixel matches the text chunks.", different=0, **common)
        flat: Mask = np.logical_or.reduce(mask, axis=0)
        rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
        is_animated = len(saved.frames) > 1
        return self._found(
            "different",
            f"{different:,} of {saved.frames.size:,} pixels do not match the text chunks.",
            different=different,
            box=[int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1],
            frames=np.flatnonzero(mask.any(axis=(1, 2)))[:MAX_LISTED].tolist() if is_animated else None,
            mask=_picture_of(flat, layout.scale),
            **common,
        )

    def _mask(self, pixels: Pixels, layout: Layout) -> Mask:
        """Return where the saved pixels differ, (F, H, W)."""
        drawn = pixels if self.expected.are_separate else encoding.sheet(pixels, layout.columns)[None]
        saved = self.saved
        if len(saved.frames) == len(drawn):  # frame by frame, because an enlarged stack would need as much memory again
            differs = [frame != encoding.enlarge(own, layout.scale) for frame, own in zip(saved.frames, drawn, strict=True)]
            mask: Mask = np.stack(differs) | saved.foreign
        else:
            mask = np.logical_or.reduce(saved.frames != encoding.enlarge(drawn, layout.scale), axis=0)[None] | saved.foreign
        return mask

    def _found(self, verdict: Literal["equal", "different"], reason: str, **found: object) -> Verification:
        return self.known.model_copy(update={"verdict": verdict, "reason": reason, **found})


def rendered(found: Verification) -> RenderedResponse:
    """Encode a verdict as JSON."""
    headers = {"X-Model": f"{found.model}/{found.version}"} if found.model else {}
    return RenderedResponse(found.model_dump_json().encode(), headers)


def repeated(text: Mapping[str, str]) -> dict[str, str]:
    """Return text chunks as the response repeats them."""
    cut = {name: value if len(value) <= MAX_CLAIM else value[:MAX_CLAIM] + "…" for name, value in text.items()}
    return dict(islice(cut.items(), MAX_CHUNKS))


def _picture_of(mask: Mask, scale: int) -> str:
    """Return a mask, (H, W), as a PNG of one bit per generated pixel, in a data URI."""
    height, width = mask.shape[0] // scale, mask.shape[1] // scale
    small = mask.reshape(height, scale, width, scale).any(axis=(1, 3))
    out = io.BytesIO()
    Image.fromarray(small).save(out, format="PNG", bits=1)
    return encoding.data_uri(out.getvalue())
