"""Pictures and sheets, from the request to the bytes."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import numpy as np

from app.errors import InvalidRequest, TooMuch
from app.images import encoding
from app.sampling.chunks import CHUNK, CHUNK_PIXELS, Steps
from app.sampling.generator import SIDE, LoadedGenerator, Pixels
from app.sampling.latents import (
    Label,
    LabelSpec,
    Point,
    Seed,
    explicit,
    format_seeds,
    label_row,
    label_text,
    resolve_label,
    truncate,
)
from app.sampling.response_cache import Answer

Format = Literal["png", "webp", "json", "npy", "zip"]
MAX_PIXELS = 64_000_000
MAX_WEBP_PIXELS = 16_000_000
"""Encoding a WebP takes about 24 bytes of memory per pixel."""
MAX_WEBP_SIDE = 16_383
MAX_JSON_PIXELS = 4_000_000
MAX_HEADER = 2_000
"""Many proxies read 4 KiB of headers. A longer list of seeds is only in the file."""


@dataclass(frozen=True)
class Drawing:
    """A picture or sheet as requested, before a generator is known."""

    seeds: tuple[Seed, ...] = ()
    """Empty if `z` is given."""
    z: tuple[float, ...] | None = None
    label: LabelSpec | None = None
    psi: float = 1.0
    format: Format = "png"
    scale: int = 1
    columns: int | None = None
    is_sheet: bool = False
    """Whether the request has a list of seeds, even of one."""
    is_fresh: bool = False
    """Whether the seed was chosen at random."""

    def __post_init__(self) -> None:
        if self.is_sheet and self.format == "json":
            raise InvalidRequest("Several seeds are not given as json. Use png, webp, npy or zip.")
        if not self.is_sheet and self.format == "zip":
            raise InvalidRequest("A zip holds several pictures. Ask for them with seeds=0-63, or use another format.")
        if not self.is_sheet and self.columns is not None:
            raise InvalidRequest("columns lays out several seeds. Ask for them with seeds=0-63, or leave columns out.")
        check_pixels(self.pixels, self.format)
        if self.format == "webp" and max(self.sheet_size) * SIDE * self.scale > MAX_WEBP_SIDE:
            raise TooMuch(f"A WebP is at most {MAX_WEBP_SIDE} pixels wide and high. Use png, fewer seeds or another scale.")

    @property
    def count(self) -> int:
        """Number of pictures."""
        return len(self.seeds) or 1

    @functools.cached_property
    def sheet_size(self) -> tuple[int, int]:
        """Columns and rows."""
        columns = self.columns or math.ceil(math.sqrt(self.count))
        return columns, -(-self.count // columns)

    @functools.cached_property
    def pixels(self) -> int:
        """Number of pixels."""
        columns, rows = self.sheet_size if self.format in ("png", "webp") else (1, self.count)
        return columns * rows * (SIDE * self.scale) ** 2


@dataclass(frozen=True)
class Resolved:
    """A drawing resolved against a generator, which has its labels."""

    drawing: Drawing
    generator: LoadedGenerator
    label: Label | None

    @property
    def model(self) -> str:
        return self.generator.title

    @functools.cached_property
    def seed_text(self) -> str | None:
        """The seed, or the seeds as in the URL."""
        drawing = self.drawing
        if drawing.is_sheet:
            return format_seeds([s for s in drawing.seeds if isinstance(s, int)])
        return str(drawing.seeds[0]) if drawing.seeds else None

    def cache_key(self) -> list[object]:
        """Everything besides the generator that determines the bytes, in a normal form."""
        d = self.drawing
        # a seed and a one-seed sheet differ in nothing but their headers and text chunks, which are bytes too
        return [
            d.is_sheet,
            d.seeds,
            d.z,
            self.label,
            d.psi,
            d.format,
            d.scale,
            d.sheet_size,
            self.model,
        ]

    def pinned_url(self) -> str | None:
        """The URL of these bytes with the version pinned; None if no URL can express the drawing."""
        d = self.drawing
        if self.seed_text is None or len(self.seed_text) > MAX_HEADER:
            return None
        rest = pinned_query(self.generator, self.label, d.psi, d.format, d.scale)
        if rest is None:
            return None
        query = {"seeds" if d.is_sheet else "seed": _quoted(self.seed_text), **rest}
        if d.columns is not None:
            query["columns"] = d.columns
        return address("/generate", query)

    def steps(self) -> Steps[Answer]:
        """Draw, and return the encoding of the file."""
        pixels = np.empty((self.drawing.count, SIDE, SIDE), dtype=np.uint8)
        points: list[Point] = []
        labels: list[int | None] = []
        size = CHUNK
        while len(points) < len(pixels):
            part = slice(len(points), len(points) + size)
            some_points, some_labels = self.points(part)
            pixels[part] = self.generator.draw(some_points)
            points += some_points
            labels += some_labels
            size = (yield) or CHUNK
        if self.drawing.format == "zip":
            return (yield from self._zip_steps(pixels, labels))
        return lambda: self.finish(pixels, points, labels)

    def _zip_steps(self, pixels: Pixels, labels: Sequence[int | None]) -> Steps[Answer]:
        archive, headers = encoding.Archive(), self._headers(labels)
        written = 0
        for index, (seed, label, picture) in enumerate(zip(self.drawing.seeds, labels, pixels, strict=True)):
            picture = encoding.enlarge(picture, self.drawing.scale)
            archive.add(f"{index:04d}-seed-{seed}.png", encoding.png(picture, self.text(str(seed), label)))
            written += picture.size
            if written >= CHUNK_PIXELS:
                written = 0
                yield
        return lambda: Answer(archive.content(), headers)

    def finish(self, pixels: Pixels, points: Sequence[Point], labels: Sequence[int | None]) -> Answer:
        """Make the file and the headers of what was drawn of `points()`: pixels (N, 28, 28)."""
        return Answer(self._encode(encoding.enlarge(pixels, self.drawing.scale), points, labels), self._headers(labels))

    def _headers(self, labels: Sequence[int | None]) -> dict[str, str]:
        headers = {"X-Model": self.model}
        if self.seed_text is not None and len(self.seed_text) <= MAX_HEADER:
            headers["X-Seed"] = _quoted(self.seed_text)
        if len(set(labels)) == 1 and labels[0] is not None:
            headers["X-Label"] = _quoted(self.generator.classes[labels[0]])
        return headers

    def points(self, part: slice = slice(None)) -> tuple[list[Point], list[int | None]]:
        """The generator's inputs, psi applied, and the class of each where there is just one; all, or a part of the seeds."""
        d, classes = self.drawing, self.generator.classes
        if d.z is not None:
            points = [Point(explicit(d.z, self.generator.manifest.z_dim), None)]
            labels: list[int | None] = [None]
        else:
            drawn = [self.generator.point(seed) for seed in d.seeds[part]]
            points, labels = [point for point, _ in drawn], [label for _, label in drawn]
        if self.label is not None:
            row, label = label_row(self.label, classes), None if isinstance(self.label, tuple) else self.label
            points, labels = [Point(p.z, row) for p in points], [label] * len(points)
        return (points if d.psi == 1 else [Point(truncate(p.z, d.psi), p.label) for p in points]), labels

    def _encode(self, pixels: Pixels, points: Sequence[Point], labels: Sequence[int | None]) -> bytes:
        d = self.drawing
        if d.format == "npy":
            return encoding.npy(pixels if d.is_sheet else pixels[0])
        if d.format == "json":
            return self._json(pixels[0], points[0], labels[0])
        picture = encoding.sheet(pixels, d.sheet_size[0]) if d.is_sheet else pixels[0]
        if d.format == "webp":
            return encoding.webp(picture)
        label = labels[0] if len(set(labels)) == 1 else None
        return encoding.png(picture, self.text(self.seed_text, label))

    def text(self, seed: str | None, label: int | None) -> dict[str, str]:
        """The text chunks from which a picture can be reproduced."""
        d, chunks = self.drawing, origin(self.generator)
        if seed is not None:
            chunks["seeds" if d.is_sheet and d.format != "zip" else "seed"] = seed
        if label is not None:
            chunks["label"] = self.generator.classes[label]
        if isinstance(self.label, tuple):
            chunks["label"] = json.dumps(self.label)
        if d.z is not None:
            chunks["z"] = json.dumps(d.z)
        chunks["psi"] = repr(d.psi)
        return chunks

    def _json(self, pixels: Pixels, point: Point, label: int | None) -> bytes:
        manifest = self.generator.manifest
        body = {
            "seed": self.drawing.seeds[0] if self.drawing.seeds else None,
            "label": label,
            "class": None if label is None else self.generator.classes[label],
            "psi": self.drawing.psi,
            "model": manifest.name,
            "version": manifest.version,
            "z": [float(value) for value in point.z],
            "pixels": pixels.tolist(),
        }
        return json.dumps(body, ensure_ascii=False).encode()


@functools.lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    """As it stands in a URL or a header."""
    return quote(text, safe=",:")


def resolve(drawing: Drawing, generator: LoadedGenerator) -> Resolved:
    """Check a drawing against the generator that is to draw it; nothing is computed yet.

    Raises:
        LabelInvalid: the generator has no such class.
        LatentInvalid: an explicit z does not fit it.
        InvalidRequest: an explicit z comes without the label that the generator needs.
    """
    label = resolve_label(drawing.label, generator.classes)
    if drawing.z is not None:
        explicit(drawing.z, generator.manifest.z_dim)
        if generator.classes and label is None:
            raise InvalidRequest("An explicit z chooses no class by itself. Give a label with it.")
    return Resolved(drawing, generator, label)


def origin(generator: LoadedGenerator) -> dict[str, str]:
    """The text chunks that name the generator of a picture."""
    manifest = generator.manifest
    return {
        "Software": encoding.SOFTWARE,
        "model": generator.title,
        "noise": manifest.noise,
        "generator": manifest.digest,
    }


def pinned_query(
    generator: LoadedGenerator, label: Label | None, psi: float, kind: str, scale: int
) -> dict[str, object] | None:
    """The parameters that draw in this way with this very version; None where no text of a URL's length says the label."""
    query: dict[str, object] = {}
    if label is not None:
        text = label_text(label, generator.classes)
        if text is None:
            return None
        query["label"] = _quoted(text)
    if psi != 1:
        query["psi"] = psi
    query |= {"model": generator.manifest.name, "version": generator.manifest.version}
    if kind != "png":
        query["format"] = kind
    if scale != 1:
        query["scale"] = scale
    return query


def address(path: str, query: Mapping[str, object]) -> str:
    """A path and a query whose values are quoted already."""
    return f"{path}?" + "&".join([f"{name}={value}" for name, value in query.items()])


def check_pixels(pixels: int, kind: str) -> None:
    """Raise TooMuch if a format does not allow so many pixels per call."""
    most = {"webp": MAX_WEBP_PIXELS, "json": MAX_JSON_PIXELS}.get(kind, MAX_PIXELS)
    if pixels > most:
        raise TooMuch(
            f"One call gives at most {most:,} pixels as {kind}, not {pixels:,}. Ask for fewer pictures, a smaller scale or "
            "another format."
        )
