"""The sample grids of a job as one animated file: the same seeds over time."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from app.errors import NotFound
from app.images import encoding

FilmFormat = Literal["webp", "gif", "apng"]
MAX_GRIDS = 240
"""Grids in a film. Of more, it shows evenly spaced ones. At 280x224 pixels, this many are 15 million pixels."""
HOLD_SECONDS = 2
"""How long the last grid stands still, so that a loop does not hide the result."""

_ENCODERS: Mapping[FilmFormat, Callable[..., bytes]] = {
    "webp": encoding.animated_webp,
    "gif": encoding.gif,
    "apng": encoding.apng,
}


@dataclass(frozen=True)
class SampleFilm:
    """A film of sample grids, before it is encoded.

    Args:
        grids: the PNG files of the grids, in the order of training. At least one.
        fps: grids per second.
    """

    grids: tuple[bytes, ...]
    fps: float

    @property
    def frames(self) -> int:
        """Number of frames: one of each grid, and repetitions of the last one."""
        return len(self.grids) - 1 + max(1, round(HOLD_SECONDS * self.fps))

    @property
    def digest(self) -> str:
        """The sha256 of the grids' digests. It determines the pixels of all frames."""
        return hashlib.sha256(b"".join(hashlib.sha256(grid).digest() for grid in self.grids)).hexdigest()

    def encode(self, kind: FilmFormat) -> bytes:
        """Return the file, which repeats forever. The same grids give the same bytes."""
        pixels = [_pixels(grid) for grid in self.grids]
        pixels += [pixels[-1]] * (self.frames - len(pixels))
        return _ENCODERS[kind](np.stack(pixels), self.fps, loop=True)


def read_film(grids: Mapping[int, Path], fps: float) -> SampleFilm:
    """Read the sample grids of a job.

    Args:
        grids: the files by the number of images seen, in ascending order.
        fps: grids per second.

    Raises:
        NotFound: there are no grids, or one of them has been deleted in the meantime.
    """
    if not grids:
        raise NotFound("The job has no samples. Wait for the first grid. Grids of old jobs are deleted.")
    try:
        return SampleFilm(tuple(path.read_bytes() for path in _spaced(list(grids.values()))), fps)
    except OSError as error:
        raise NotFound(f"A sample grid of the job cannot be read ({error.strerror}). Request the film again.") from error


def _spaced(paths: Sequence[Path]) -> list[Path]:
    """Return at most MAX_GRIDS of the paths, evenly spaced, with the first and the last."""
    if len(paths) <= MAX_GRIDS:
        return list(paths)
    return [paths[round(index * (len(paths) - 1) / (MAX_GRIDS - 1))] for index in range(MAX_GRIDS)]


def _pixels(grid: bytes) -> encoding.Pixels:
    """Return the grey pixels of a grid, (H, W)."""
    with Image.open(io.BytesIO(grid), formats=["PNG"]) as picture:
        return np.asarray(picture.convert("L"))
