"""Single pictures, the most frequent requests: what does not depend on the seed is computed once, not for each request."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from app.http import caching
from app.http.responses import Headers
from app.images import encoding
from app.sampling.generator import LoadedGenerator, Pixels
from app.sampling.latents import Point, Seed, label_row
from app.sampling.pictures import Resolved, quoted
from app.sampling.response_cache import RenderedResponse
from models.seed_contract import MAX_SEED

MAX_SERIES = 512
"""Series that are kept for a generator."""
_SEED = MAX_SEED
"""A seed that is found again in the texts that contain it."""


class Series:
    """A request for a single picture, for all seeds.

    Its responses are equal to those that `Resolved` and `caching.etag` give for each seed alone.

    Args:
        resolved: the request with any seed.
    """

    def __init__(self, resolved: Resolved) -> None:
        self._resolved = _with_seed(resolved, _SEED)
        self.generator = resolved.generator
        self.content_type = (b"content-type", encoding.MEDIA_TYPES[resolved.drawing.format].encode())
        key = caching.key(self.generator.manifest.digest, self._resolved.cache_key())
        self._tag_around = _around(f"({_SEED},)", key)
        url = self._resolved.pinned_url()
        self._url_around = None if url is None else _around(f"={_SEED}", url)
        self._label_row = None if resolved.label is None else label_row(resolved.label, self.generator.classes)
        self._parts: dict[int | None, tuple[bytes, bytes, dict[str, str]]] = {}
        """By label: the text chunks before and after that of the seed, and the headers besides X-Seed."""

    def tag(self, seed: Seed) -> str:
        """Return the entity tag of the picture of a seed."""
        before, after = self._tag_around
        return caching.etag_of_content(f"{before}({seed!r},){after}".encode())

    def headers(self, seed: Seed, tag: str, *, root: str, pinned: bool, fresh: bool) -> Headers:
        """Return the headers of all responses about the picture of a seed, as `conditional.reply` sends them.

        Args:
            seed: the seed.
            tag: its entity tag.
            root: prefix of the service's paths.
            pinned: whether the request names a version by its number.
            fresh: whether the service chose the seed at random.
        """
        headers = [(b"etag", tag.encode()), (b"cache-control", caching.policy(pinned=pinned, fresh=fresh).encode())]
        if self._url_around and (fresh or not pinned):
            before, after = self._url_around
            headers.append((b"content-location", f"{root}{before}={_quoted(seed)}{after}".encode()))
        return headers

    def point(self, seed: Seed) -> tuple[Point, int | None]:
        """Return the generator's input for a seed, and the class (None for a mixture)."""
        if self._label_row is None and self._resolved.drawing.psi == 1 and self._resolved.edit is None:
            return self.generator.point(seed)
        points, labels = _with_seed(self._resolved, seed).points()
        return points[0], labels[0]

    def finish(self, seed: Seed, pixels: Pixels, point: Point, label: int | None) -> RenderedResponse:
        """Build the response from the pixels, (28, 28), of a seed."""
        drawing = self._resolved.drawing
        if drawing.format != "png":
            return _with_seed(self._resolved, seed).finish(pixels[None], [point], [label])
        parts = self._parts.get(label)
        if parts is None:
            parts = self._parts[label] = self._parts_of(label)
        before, after, headers = parts
        chunks = before, encoding.text_chunk("seed", str(seed)), after
        return RenderedResponse(
            encoding.png_with(encoding.enlarge(pixels, drawing.scale), chunks), {**headers, "X-Seed": _quoted(seed)}
        )

    def _parts_of(self, label: int | None) -> tuple[bytes, bytes, dict[str, str]]:
        text = list(self._resolved.text(str(_SEED), label).items())
        place = [name for name, _ in text].index("seed")
        before, after = (b"".join(encoding.text_chunk(*item) for item in part) for part in (text[:place], text[place + 1 :]))
        headers = self._resolved.headers([label])
        del headers["X-Seed"]
        return before, after, headers


def series_of(resolved: Resolved) -> Series:
    """Return the series of a request, from the memory of its generator if it has it."""
    drawing = resolved.drawing
    key = repr((resolved.label, drawing.psi, resolved.edit, drawing.format, drawing.scale))  # not a tuple, because 0.0 == -0.0
    found: Series | None = resolved.generator.memo.get(key)
    return remember(resolved.generator, key, Series(resolved)) if found is None else found


def remember(generator: LoadedGenerator, key: Hashable, series: Series) -> Series:
    """Keep a series in the memory of its generator."""
    if len(generator.memo) >= MAX_SERIES:
        generator.memo.clear()
    generator.memo[key] = series
    return series


def _quoted(seed: Seed) -> str:
    return str(seed) if isinstance(seed, int) else quoted(seed)


def _with_seed(resolved: Resolved, seed: Seed) -> Resolved:
    return replace(resolved, drawing=replace(resolved.drawing, seeds=(seed,)))


def _around(marker: str, text: str) -> tuple[str, str]:
    """Return the text before and after a marker, which occurs once."""
    before, after = text.split(marker)
    return before, after
