"""Single pictures and sheets: resolving, drawing and encoding a request."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never
from urllib.parse import quote

import numpy as np

from app.errors import InvalidRequest, TooMuch
from app.images import encoding
from app.sampling.breeding import format_parents
from app.sampling.chunks import CHUNK, CHUNK_PIXELS, Steps
from app.sampling.edits import Amounts, Edit
from app.sampling.generator import SIDE, LoadedGenerator, Pixels
from app.sampling.latents import (
    Label,
    LabelSpec,
    Point,
    Seed,
    explicit_latent,
    format_seeds,
    label_row,
    label_text,
    resolve_label,
    truncate,
)
from app.sampling.response_cache import RenderedResponse
from models import breeding
from models.breeding import Child

Format = Literal["png", "webp", "json", "npy", "zip"]
MAX_PIXELS = 64_000_000
MAX_WEBP_PIXELS = 16_000_000
"""Encoding a WebP takes about 24 bytes of memory per pixel."""
MAX_WEBP_SIDE = 16_383
MAX_JSON_PIXELS = 4_000_000
MAX_HEADER = 2_000
"""Maximum characters of a list of seeds in a header. A longer one is only in the file. Many proxies read 4 KiB of headers."""


@dataclass(frozen=True)
class Drawing:
    """A picture or sheet as requested, before a generator is known."""

    seeds: tuple[Seed, ...] = ()
    """Empty if `z` or `child` is set."""
    z: tuple[float, ...] | None = None
    child: Child | None = None
    label: LabelSpec | None = None
    psi: float = 1.0
    edit: Amounts = ()
    format: Format = "png"
    scale: int = 1
    columns: int | None = None
    is_sheet: bool = False
    """Whether the request has a list of seeds, even if it contains only one."""
    is_fresh: bool = False
    """Whether the seed, or the number of the child, was chosen at random."""

    def __post_init__(self) -> None:
        if self.is_sheet and self.format == "json":
            raise InvalidRequest("json does not support several seeds. Use png, webp, npy or zip.")
        if not self.is_sheet and self.format == "zip":
            raise InvalidRequest("A zip needs several seeds. Request them with seeds=0-63, or use another format.")
        if not self.is_sheet and self.columns is not None:
            raise InvalidRequest("columns needs several seeds. Request them with seeds=0-63, or omit columns.")
        check_pixels(self.pixels, self.format)
        if self.format == "webp" and max(self.sheet_size) * SIDE * self.scale > MAX_WEBP_SIDE:
            raise TooMuch(f"A WebP has at most {MAX_WEBP_SIDE} pixels per side. Use png, fewer seeds or a smaller scale.")

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
    """A drawing resolved against a generator that supports its label."""

    drawing: Drawing
    generator: LoadedGenerator
    label: Label | None
    edit: Edit | None = None

    @property
    def model(self) -> str:
        """Model and version, such as digits/3."""
        return self.generator.title

    @functools.cached_property
    def seed_text(self) -> str | None:
        """The seed or seeds as in a URL. None for an explicit latent and for a child."""
        drawing = self.drawing
        if drawing.is_sheet:
            return format_seeds([s for s in drawing.seeds if isinstance(s, int)])
        return str(drawing.seeds[0]) if drawing.seeds else None

    def cache_key(self) -> list[object]:
        """Cache key of the response, besides the generator. Equivalent requests have the same key."""
        d = self.drawing
        # is_sheet: a sheet of one seed has the pixels of the single picture, but other headers and text chunks
        return [
            d.is_sheet,
            d.seeds,
            d.z,
            d.child,
            self.label,
            d.psi,
            self.edit,
            d.format,
            d.scale,
            d.sheet_size,
            self.model,
        ]

    def pinned_url(self) -> str | None:
        """The URL that always returns this response. None if no URL can express the request."""
        d = self.drawing
        common = pinned_query(self.generator, self.label, d.psi, d.format, d.scale, self.edit)
        if common is None:
            return None
        if d.child is not None:
            parents = quoted_parents(d.child)
            return build_url("/generate", {"parents": parents, "child": d.child.number, **common}) if parents else None
        if self.seed_text is None or len(self.seed_text) > MAX_HEADER:
            return None
        query = {"seeds" if d.is_sheet else "seed": quoted(self.seed_text), **common}
        if d.columns is not None:
            query["columns"] = d.columns
        return build_url("/generate", query)

    def steps(self) -> Steps[RenderedResponse]:
        """Draw in chunks. Return a function that encodes the file."""
        pixels = np.empty((self.drawing.count, SIDE, SIDE), dtype=np.uint8)
        points: list[Point] = []
        labels: list[int | None] = []
        size = CHUNK
        while len(labels) < len(pixels):
            part = slice(len(labels), len(labels) + size)
            pixels[part], new_points, new_labels = self._draw(part)
            points += new_points
            labels += new_labels
            size = (yield) or CHUNK
        if self.drawing.format == "zip":
            return (yield from self._zip_steps(pixels, labels))
        return lambda: self.finish(pixels, points, labels)

    def _draw(self, part: slice) -> tuple[Pixels, list[Point], list[int | None]]:
        """Return the pixels, the inputs and the classes of some seeds. The inputs of a sheet are not needed and left out."""
        if not self.drawing.is_sheet:
            points, labels = self.points(part)
            return self.generator.draw(points), points, labels
        row = None if self.label is None else label_row(self.label, self.generator.classes)
        pixels, labels = self.generator.draw_seeds(self.drawing.seeds[part], row, self.drawing.psi, self.edit)
        if self.label is not None:
            labels = [None if isinstance(self.label, tuple) else self.label] * len(labels)
        return pixels, [], labels

    def _zip_steps(self, pixels: Pixels, labels: Sequence[int | None]) -> Steps[RenderedResponse]:
        archive, headers = encoding.Archive(), self.headers(labels)
        written = 0
        for index, (seed, label, picture) in enumerate(zip(self.drawing.seeds, labels, pixels, strict=True)):
            picture = encoding.enlarge(picture, self.drawing.scale)
            archive.add(f"{index:04d}-seed-{seed}.png", encoding.png(picture, self.text(str(seed), label)))
            written += picture.size
            if written >= CHUNK_PIXELS:
                written = 0
                yield
        return lambda: RenderedResponse(archive.content(), headers)

    def finish(self, pixels: Pixels, points: Sequence[Point], labels: Sequence[int | None]) -> RenderedResponse:
        """Build the response from the pixels (N, 28, 28), points and labels of all pictures."""
        return RenderedResponse(
            self._encode(encoding.enlarge(pixels, self.drawing.scale), points, labels), self.headers(labels)
        )

    def headers(self, labels: Sequence[int | None]) -> dict[str, str]:
        """Return the headers that describe the content."""
        headers = {"X-Model": self.model}
        if self.seed_text is not None and len(self.seed_text) <= MAX_HEADER:
            headers["X-Seed"] = quoted(self.seed_text)
        if self.edit is not None:
            headers["X-Edit"] = self.edit.text
        child = self.drawing.child
        if child is not None:
            headers["X-Child"] = str(child.number)
            parents = quoted_parents(child)
            if parents:
                headers["X-Parents"] = parents
        if len(set(labels)) == 1 and labels[0] is not None:
            headers["X-Label"] = quoted(self.generator.classes[labels[0]])
        return headers

    def points(self, part: slice = slice(None)) -> tuple[list[Point], list[int | None]]:
        """Return the generator's inputs, with psi and the edit applied, and the classes (None for mixtures), of all or some."""
        d, classes = self.drawing, self.generator.classes
        if d.z is not None:
            points = [Point(explicit_latent(d.z, self.generator.manifest.z_dim), None)]
            labels: list[int | None] = [None]
        elif d.child is not None:
            point, label = self.generator.child_point(d.child)
            points, labels = [point], [label]
        else:
            drawn = [self.generator.point(seed) for seed in d.seeds[part]]
            points, labels = [point for point, _ in drawn], [label for _, label in drawn]
        if self.label is not None:
            row, label = label_row(self.label, classes), None if isinstance(self.label, tuple) else self.label
            points, labels = [Point(p.z, row) for p in points], [label] * len(points)
        if d.psi != 1:
            points = [Point(truncate(p.z, d.psi), p.label) for p in points]
        if self.edit is not None:
            points = [Point(self.edit.apply(p.z), p.label) for p in points]
        return points, labels

    def _encode(self, pixels: Pixels, points: Sequence[Point], labels: Sequence[int | None]) -> bytes:
        d = self.drawing
        match d.format:
            case "png":
                label = labels[0] if len(set(labels)) == 1 else None
                return encoding.png(self._sheet(pixels), self.text(self.seed_text, label))
            case "webp":
                return encoding.webp(self._sheet(pixels))
            case "npy":
                return encoding.npy(pixels if d.is_sheet else pixels[0])
            case "json":
                return self._json(pixels[0], points[0], labels[0])
            case "zip":
                raise AssertionError("_zip_steps encodes zip archives")
            case unknown:
                assert_never(unknown)

    def _sheet(self, pixels: Pixels) -> Pixels:
        """Return the sheet of all pictures (N, H, W), or the only picture (H, W)."""
        return encoding.sheet(pixels, self.drawing.sheet_size[0]) if self.drawing.is_sheet else pixels[0]

    def text(self, seed: str | None, label: int | None) -> dict[str, str]:
        """The text chunks from which a picture can be reproduced."""
        d, chunks = self.drawing, origin(self.generator)
        if seed is not None:
            chunks["seeds" if d.is_sheet and d.format != "zip" else "seed"] = seed
        if d.child is not None:
            chunks |= {"parents": format_parents(d.child.parents), "child": str(d.child.number), "breeding": breeding.SCHEME}
        if label is not None:
            chunks["label"] = self.generator.classes[label]
        if isinstance(self.label, tuple):
            chunks["label"] = json.dumps(self.label)
        if d.z is not None:
            chunks["z"] = json.dumps(d.z)
        chunks["psi"] = repr(d.psi)
        return chunks | edit_text(self.edit)

    def _json(self, pixels: Pixels, point: Point, label: int | None) -> bytes:
        manifest, child = self.generator.manifest, self.drawing.child
        bred = {} if child is None else {"parents": format_parents(child.parents), "child": child.number}
        body = {
            "seed": self.drawing.seeds[0] if self.drawing.seeds else None,
            **bred,
            **({} if self.edit is None else {"edit": self.edit.text}),
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
def quoted(text: str) -> str:
    """Percent-encode a text for a URL or a header."""
    return quote(text, safe=",:")


def quoted_parents(child: Child) -> str | None:
    """Percent-encode the parents of a child for a URL or a header. None if they are longer than `MAX_HEADER`."""
    text = quote(format_parents(child.parents), safe=",()")
    return text if len(text) <= MAX_HEADER else None


def resolve(drawing: Drawing, generator: LoadedGenerator) -> Resolved:
    """Check a request against the generator that draws it, without drawing.

    Raises:
        LabelInvalid: the generator does not have the class.
        LatentInvalid: the explicit z does not fit the generator.
        EditInvalid, VersionUnusable: see `LoadedGenerator.edit`.
        InvalidRequest: the request has an explicit z but no label, and the generator has classes.
    """
    label = resolve_label(drawing.label, generator.classes)
    if drawing.z is not None:
        explicit_latent(drawing.z, generator.manifest.z_dim)
        if generator.classes and label is None:
            raise InvalidRequest("An explicit z does not determine a class. Give a label with it.")
    return Resolved(drawing, generator, label, generator.edit(drawing.edit))


def origin(generator: LoadedGenerator) -> dict[str, str]:
    """Return the text chunks that identify the generator of a picture."""
    manifest = generator.manifest
    return {
        "Software": encoding.SOFTWARE,
        "model": generator.title,
        "noise": manifest.noise,
        "generator": manifest.digest,
    }


def edit_text(edit: Edit | None) -> dict[str, str]:
    """Return the text chunks of an edit, if there is one."""
    return {} if edit is None else {"edit": edit.text, "directions": edit.digest}


def pinned_query(
    generator: LoadedGenerator, label: Label | None, psi: float, kind: str, scale: int, edit: Edit | None
) -> dict[str, object] | None:
    """Return the query parameters, apart from seeds, that pin the version. None if no URL can express the label."""
    query: dict[str, object] = {}
    if label is not None:
        text = label_text(label, generator.classes)
        if text is None:
            return None
        query["label"] = quoted(text)
    if psi != 1:
        query["psi"] = psi
    if edit is not None:
        query["edit"] = edit.text
    query |= {"model": generator.manifest.name, "version": generator.manifest.version}
    if kind != "png":
        query["format"] = kind
    if scale != 1:
        query["scale"] = scale
    return query


def build_url(path: str, query: Mapping[str, object]) -> str:
    """Join a path and a query whose values are already percent-encoded."""
    return f"{path}?" + "&".join([f"{name}={value}" for name, value in query.items()])


def check_pixels(pixels: int, kind: str) -> None:
    """Raise TooMuch if a format does not allow this many pixels per request."""
    most = {"webp": MAX_WEBP_PIXELS, "json": MAX_JSON_PIXELS}.get(kind, MAX_PIXELS)
    if pixels > most:
        raise TooMuch(
            f"The limit is {most:,} pixels per request as {kind}, not {pixels:,}. Request fewer pictures, a smaller scale or "
            "another format."
        )
