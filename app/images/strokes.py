"""Drawings of the page Find: the code of their strokes in its address, and their pixels.

The code is base64url of variable-length integers (LEB128), see `web/src/pages/find/stroke-code.ts`. A stroke consists of the
diameter of its brush, its number of points, and the points. Every point but the first is stored as the difference from the
previous one (zigzag-coded).
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidRequest

CANVAS_SIDE = 280
"""Side of the canvas of the page in pixels."""
MAX_CODE = 4_000
"""The page writes no longer code."""
MAX_BRUSH = CANVAS_SIDE
MAX_COORDINATE = 4 * CANVAS_SIDE


@dataclass(frozen=True)
class Stroke:
    """A line with round ends and joints.

    Args:
        brush: its width in pixels of the canvas.
        points: x and y of its points in pixels of the canvas. They may lie outside.
    """

    brush: int
    points: tuple[tuple[int, int], ...]


Sketch = tuple[Stroke, ...]


def parse_sketch(code: str) -> Sketch:
    """Parse the code of a drawing.

    Raises:
        InvalidRequest: it is too long or damaged.
    """
    if len(code) > MAX_CODE:
        raise InvalidRequest(f"The drawing has {len(code):,} characters, but at most {MAX_CODE:,} are allowed. Draw less.")
    try:
        content = base64.b64decode(code.rstrip("=") + "=" * (-len(code.rstrip("=")) % 4), altchars=b"-_", validate=True)
        return tuple(_strokes(_integers(content), len(content)))
    except ValueError as error:
        raise InvalidRequest("The code of the drawing is damaged. Copy the address of the page Find again.") from error


def _integers(content: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in content:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0
        elif shift >= 28:
            raise ValueError("an integer is too large")
    if shift:
        raise ValueError("the last integer is cut off")


def _strokes(numbers: Iterator[int], most: int) -> Iterator[Stroke]:
    for brush in numbers:
        count = _next(numbers)
        if not (1 <= brush <= MAX_BRUSH and 1 <= count <= most):
            raise ValueError("a stroke without points, or with too large a brush")
        points: list[tuple[int, int]] = []
        x = y = 0
        for _ in range(count):
            x, y = x + _signed(_next(numbers)), y + _signed(_next(numbers))
            if max(abs(x), abs(y)) > MAX_COORDINATE:
                raise ValueError("a point is too far outside")
            points.append((x, y))
        yield Stroke(brush, tuple(points))


def _next(numbers: Iterator[int]) -> int:
    for number in numbers:
        return number
    raise ValueError("a stroke is cut off")


def _signed(coded: int) -> int:
    return -(coded + 1) // 2 if coded % 2 else coded // 2


def painted(sketch: Sketch) -> NDArray[np.uint8]:
    """Return a drawing in white on black, (280, 280).

    A pixel is white up to half a pixel inside the edge of a stroke, and black from half a pixel outside it.
    """
    canvas = np.zeros((CANVAS_SIDE, CANVAS_SIDE), dtype=np.float32)
    for stroke in sketch:
        radius = stroke.brush / 2
        nearest = np.full_like(canvas, (radius + 1) ** 2)
        for start, end in zip(stroke.points, stroke.points[1:] or stroke.points, strict=False):
            _approach(nearest, start, end, radius)
        rows = nearest.min(axis=1) < (radius + 1) ** 2  # most strokes are small
        canvas[rows] = np.maximum(canvas[rows], np.clip(np.float32(radius + 0.5) - np.sqrt(nearest[rows]), 0, 1))
    return np.rint(255 * canvas).astype(np.uint8)


def _approach(nearest: NDArray[np.float32], start: tuple[int, int], end: tuple[int, int], radius: float) -> None:
    """Lower the squares of distances from the centres of pixels, (280, 280), to those from a line, if they are smaller."""
    (left, right), (top, bottom) = (
        (max(0, int(min(a, b) - radius - 1)), max(0, min(CANVAS_SIDE, int(max(a, b) + radius + 2))))
        for a, b in zip(start, end, strict=True)
    )
    if left >= right or top >= bottom:
        return
    length = math.hypot(end[0] - start[0], end[1] - start[1])
    dx, dy = ((end[0] - start[0]) / length, (end[1] - start[1]) / length) if length else (1.0, 0.0)
    # From the start of the line to the centres of the pixels.
    x = np.arange(left, right, dtype=np.float32)[None] + np.float32(0.5 - start[0])
    y = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5 - start[1])
    along = x * np.float32(dx) + y * np.float32(dy)
    along -= np.clip(along, 0, np.float32(length))  # beyond the ends
    across = x * np.float32(dy) - y * np.float32(dx)
    along *= along
    across *= across
    across += along
    part = nearest[top:bottom, left:right]
    np.minimum(part, across, out=part)
