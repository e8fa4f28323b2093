"""The plane of seeds: every integer point is a seed, and points between them are interpolated."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np

from app.errors import InvalidRequest
from app.images import encoding
from app.sampling.chunks import CHUNK, Steps
from app.sampling.edits import Amounts, Edit
from app.sampling.generator import SIDE, LoadedGenerator, Pixels
from app.sampling.latents import Label, LabelSpec, Point, Vector, label_row, resolve_label, truncate
from app.sampling.pictures import build_url, check_pixels, edit_text, origin, pinned_query
from app.sampling.response_cache import RenderedResponse

Format = Literal["png", "webp", "npy"]
SIZE = 65_536
"""Integer points per side. 65,536 x 65,536 is the number of seeds."""
STEPS = (1.0, 0.5, 0.25, 0.125, 0.0625)
"""Powers of two, so that every point is exactly representable as a float and is the same in every sheet."""
MAX_SIDE = 64
Drawn = dict[int, Point]
"""Cache of the generator's inputs by seed."""


@dataclass(frozen=True)
class Window:
    """A part of the plane as requested, before a generator is known.

    The picture in column i and row j is at (x + i * step, y + j * step). The plane is a torus: it repeats after `SIZE` points.
    """

    x: float
    y: float
    columns: int
    rows: int
    step: float = 1.0
    label: LabelSpec | None = None
    psi: float = 1.0
    edit: Amounts = ()
    format: Format = "png"
    scale: int = 1

    def __post_init__(self) -> None:
        if self.step not in STEPS:
            raise InvalidRequest(
                f"The step {self.step:g} is invalid. Choose one of {', '.join(f'{step:g}' for step in STEPS)}."
            )
        for name, value in (("x", self.x), ("y", self.y)):
            if not (value / self.step).is_integer():
                raise InvalidRequest(
                    f"{name}={value!r} is not a multiple of step={self.step:g}. Round {name} to a multiple of step."
                )
        check_pixels(self.pixels, self.format)

    @property
    def count(self) -> int:
        """Number of pictures."""
        return self.columns * self.rows

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.count * (SIDE * self.scale) ** 2

    @property
    def corner(self) -> tuple[float, float]:
        """The point of the first picture. Both coordinates are at least 0 and less than SIZE."""
        return self.x % SIZE, self.y % SIZE

    def coordinates(self) -> Iterator[tuple[float, float]]:
        """Yield the coordinates of the pictures, row by row."""
        x, y = self.corner
        for row in range(self.rows):
            for column in range(self.columns):
                yield x + column * self.step, y + row * self.step


@dataclass(frozen=True)
class ResolvedWindow:
    """A window of the plane resolved against a generator that supports its label."""

    window: Window
    generator: LoadedGenerator
    label: Label | None
    edit: Edit | None = None

    def cache_key(self) -> list[object]:
        """Cache key of the response, besides the generator. Equivalent requests have the same key."""
        w = self.window
        look = [self.label, w.psi, self.edit, w.format, w.scale]
        return ["plane", w.corner, w.columns, w.rows, w.step, *look, self.generator.title]

    def pinned_url(self) -> str | None:
        """The URL that always returns this response. None if no URL can express the label."""
        w = self.window
        common = pinned_query(self.generator, self.label, w.psi, w.format, w.scale, self.edit)
        x, y = (_format_number(value) for value in w.corner)
        own = {"x": x, "y": y, "columns": w.columns, "rows": w.rows, "step": _format_number(w.step)}
        return None if common is None else build_url("/plane", own | common)

    def steps(self) -> Steps[RenderedResponse]:
        """Draw in chunks. Return a function that encodes the file."""
        pixels = np.empty((self.window.count, SIDE, SIDE), dtype=np.uint8)
        coordinates, drawn = list(self.window.coordinates()), Drawn()
        for start in range(0, len(pixels), CHUNK):
            part = slice(start, start + CHUNK)
            pixels[part] = self.generator.draw([self.point(x, y, drawn) for x, y in coordinates[part]])
            yield
        return lambda: RenderedResponse(
            self._encode(encoding.enlarge(pixels, self.window.scale)),
            {"X-Model": self.generator.title} | ({} if self.edit is None else {"X-Edit": self.edit.text}),
        )

    def point(self, x: float, y: float, drawn: Drawn) -> Point:
        """Return the generator's input at a point, with psi and the edit applied. At an integer point, it is that of the seed.

        Args:
            x: horizontal coordinate, at least 0.
            y: vertical coordinate, at least 0, increasing downwards.
            drawn: cache of the inputs of seeds. Missing seeds are added.
        """
        neighbours = neighbouring_seeds(x, y)
        for seed, _ in neighbours:
            if seed not in drawn:
                drawn[seed] = self.generator.point(seed)[0]
        points, weights = [drawn[seed] for seed, _ in neighbours], [weight for _, weight in neighbours]
        classes = self.generator.classes
        rows = [point.label for point in points if point.label is not None]
        label = label_row(self.label, classes) if self.label is not None else mean(rows, weights) if rows else None
        z = truncate(blend([point.z for point in points], weights), self.window.psi)
        return Point(z if self.edit is None else self.edit.apply(z), label)

    def text(self) -> dict[str, str]:
        """The text chunks from which the sheet can be reproduced."""
        w, chunks = self.window, origin(self.generator)
        x, y = (_format_number(value) for value in w.corner)
        chunks["plane"] = f"{x},{y} {w.columns}x{w.rows} step {_format_number(w.step)}"
        if self.label is not None:
            chunks["label"] = json.dumps(self.label) if isinstance(self.label, tuple) else self.generator.classes[self.label]
        return chunks | {"psi": repr(w.psi)} | edit_text(self.edit)

    def _encode(self, pixels: Pixels) -> bytes:
        match self.window.format:
            case "png":
                return encoding.png(encoding.sheet(pixels, self.window.columns), self.text())
            case "webp":
                return encoding.webp(encoding.sheet(pixels, self.window.columns))
            case "npy":
                return encoding.npy(pixels)
            case unknown:
                assert_never(unknown)


def seed_at(x: int, y: int) -> int:
    """Return the seed at an integer point."""
    return y % SIZE * SIZE + x % SIZE


def neighbouring_seeds(x: float, y: float) -> list[tuple[int, float]]:
    """Return the one, two or four seeds next to a point with their bilinear weights, in a fixed order."""
    left, top = math.floor(x), math.floor(y)
    right, down = x - left, y - top
    corners = [
        (seed_at(left, top), (1 - right) * (1 - down)),
        (seed_at(left + 1, top), right * (1 - down)),
        (seed_at(left, top + 1), (1 - right) * down),
        (seed_at(left + 1, top + 1), right * down),
    ]
    return [(seed, weight) for seed, weight in corners if weight]


def mean(vectors: Sequence[Vector], weights: Sequence[float], *, norm: float = 1.0) -> Vector:
    """Return the weighted sum of vectors over `norm`, summed in order in float64. A single vector is returned unchanged."""
    if len(vectors) == 1:
        return vectors[0]
    terms = [vector.astype(np.float64) * weight for vector, weight in zip(vectors, weights, strict=True)]
    found: Vector = (sum(terms[1:], terms[0]) / norm).astype(np.float32)
    return found


def blend(latents: Sequence[Vector], weights: Sequence[float]) -> Vector:
    """Return the weighted sum of latents, (z_dim,), rescaled to unit variance. A single latent is returned unchanged.

    The weighted sum of independent standard normal latents has the sum of the squared weights as its variance. Divided by the
    square root of that sum, it is standard normal again.
    """
    return mean(latents, weights, norm=math.sqrt(sum(weight * weight for weight in weights)))


def resolve_window(window: Window, generator: LoadedGenerator) -> ResolvedWindow:
    """Check a window against the generator that draws it, without drawing.

    Raises:
        LabelInvalid: the generator does not have the class.
        EditInvalid, VersionUnusable: see `LoadedGenerator.edit`.
    """
    label = resolve_label(window.label, generator.classes)
    return ResolvedWindow(window, generator, label, generator.edit(window.edit))


def _format_number(value: float) -> str:
    """Format a coordinate exactly, in as few characters as possible."""
    return f"{value:.12g}"
