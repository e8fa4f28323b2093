"""The plane: every integer point is a seed, with interpolated pictures in between."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.errors import InvalidRequest
from app.images import encoding
from app.sampling.chunks import CHUNK, Steps
from app.sampling.generator import SIDE, LoadedGenerator, Pixels
from app.sampling.latents import Label, LabelSpec, Point, Vector, label_row, resolve_label, truncate
from app.sampling.pictures import address, check_pixels, origin, pinned_query
from app.sampling.response_cache import Answer

Format = Literal["png", "webp", "npy"]
SIZE = 65_536
"""Integer points along either side: 65,536 times 65,536 are all seeds."""
STEPS = (1.0, 0.5, 0.25, 0.125, 0.0625)
"""Powers of two, so that every point is a float exactly, and the same one from whichever sheet it is reached."""
MAX_SIDE = 64
Drawn = dict[int, Point]


@dataclass(frozen=True)
class Window:
    """What was asked for, before a generator is known: the picture in column i and row j is that of (x + i step, y + j step).

    The plane is a torus: it begins anew after `SIZE` points.
    """

    x: float
    y: float
    columns: int
    rows: int
    step: float = 1.0
    label: LabelSpec | None = None
    psi: float = 1.0
    format: Format = "png"
    scale: int = 1

    def __post_init__(self) -> None:
        if self.step not in STEPS:
            raise InvalidRequest(f"The step is not {self.step:g}. Choose one of {', '.join(f'{step:g}' for step in STEPS)}.")
        for name, value in (("x", self.x), ("y", self.y)):
            if not (value / self.step).is_integer():
                raise InvalidRequest(
                    f"{name} is {value!r}, which no step of {self.step:g} meets. Round {name} to a multiple of step."
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
        """The point of the first picture, both coordinates in 0..SIZE."""
        return self.x % SIZE, self.y % SIZE

    def places(self) -> Iterator[tuple[float, float]]:
        """The points, row by row."""
        x, y = self.corner
        for row in range(self.rows):
            for column in range(self.columns):
                yield x + column * self.step, y + row * self.step


@dataclass(frozen=True)
class ResolvedWindow:
    """A window of the plane resolved against a generator, which has its label."""

    window: Window
    generator: LoadedGenerator
    label: Label | None

    def cache_key(self) -> list[object]:
        """Everything besides the generator that determines the bytes, in a normal form."""
        w = self.window
        return ["plane", w.corner, w.columns, w.rows, w.step, self.label, w.psi, w.format, w.scale, self.generator.title]

    def pinned_url(self) -> str | None:
        """The query that gives these bytes for ever; None for a label that no URL can say."""
        w = self.window
        rest = pinned_query(self.generator, self.label, w.psi, w.format, w.scale)
        x, y = (_number(value) for value in w.corner)
        place = {"x": x, "y": y, "columns": w.columns, "rows": w.rows, "step": _number(w.step)}
        return None if rest is None else address("/plane", place | rest)

    def steps(self) -> Steps[Answer]:
        """Draw, and return the encoding of the file."""
        pixels = np.empty((self.window.count, SIDE, SIDE), dtype=np.uint8)
        places, drawn = list(self.window.places()), Drawn()
        for start in range(0, len(pixels), CHUNK):
            part = slice(start, start + CHUNK)
            pixels[part] = self.generator.draw([self.point(x, y, drawn) for x, y in places[part]])
            yield
        return lambda: Answer(self._encode(encoding.enlarge(pixels, self.window.scale)), {"X-Model": self.generator.title})

    def point(self, x: float, y: float, drawn: Drawn) -> Point:
        """The generator's input at a point of the plane, psi applied: at an integer point exactly its seed's.

        Args:
            x: from the left, 0 or more.
            y: from the top, 0 or more.
            drawn: what seeds stand for, as far as it is known; those that are needed are added.
        """
        around = seeds_around(x, y)
        for seed, _ in around:
            if seed not in drawn:
                drawn[seed] = self.generator.point(seed)[0]
        points, weights = [drawn[seed] for seed, _ in around], [weight for _, weight in around]
        classes = self.generator.classes
        rows = [point.label for point in points if point.label is not None]
        label = label_row(self.label, classes) if self.label is not None else mean(rows, weights) if rows else None
        return Point(truncate(blend([point.z for point in points], weights), self.window.psi), label)

    def text(self) -> dict[str, str]:
        """The text chunks from which the sheet can be reproduced."""
        w, chunks = self.window, origin(self.generator)
        x, y = (_number(value) for value in w.corner)
        chunks["plane"] = f"{x},{y} {w.columns}x{w.rows} step {_number(w.step)}"
        if self.label is not None:
            chunks["label"] = json.dumps(self.label) if isinstance(self.label, tuple) else self.generator.classes[self.label]
        return chunks | {"psi": repr(w.psi)}

    def _encode(self, pixels: Pixels) -> bytes:
        if self.window.format == "npy":
            return encoding.npy(pixels)
        sheet = encoding.sheet(pixels, self.window.columns)
        return encoding.webp(sheet) if self.window.format == "webp" else encoding.png(sheet, self.text())


def seed_at(x: int, y: int) -> int:
    """The seed of an integer point."""
    return y % SIZE * SIZE + x % SIZE


def seeds_around(x: float, y: float) -> list[tuple[int, float]]:
    """The seeds of the integer points around a point, with their bilinear weights: one, two or four, in a fixed order."""
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
    """The weighted sum of vectors over `norm`, in float64 and in their order; of one vector, that vector itself."""
    if len(vectors) == 1:
        return vectors[0]
    terms = [vector.astype(np.float64) * weight for vector, weight in zip(vectors, weights, strict=True)]
    found: Vector = (sum(terms[1:], terms[0]) / norm).astype(np.float32)
    return found


def blend(latents: Sequence[Vector], weights: Sequence[float]) -> Vector:
    """The weighted sum of latents, (z_dim,), brought back to where the generator was trained; of one latent, that latent.

    A mean of independent standard normal latents has the sum of the squared weights as its variance. Divided by the root of
    that, it is standard normal again.
    """
    return mean(latents, weights, norm=math.sqrt(sum(weight * weight for weight in weights)))


def pose_window(window: Window, generator: LoadedGenerator) -> ResolvedWindow:
    """Check a window against the generator that is to draw it; nothing is computed yet.

    Raises:
        LabelInvalid: the generator has no such class.
    """
    return ResolvedWindow(window, generator, resolve_label(window.label, generator.classes))


def _number(value: float) -> str:
    """A coordinate in as few characters as say it exactly."""
    return f"{value:.12g}"
