"""Previews: the pictures of 1200x630 pixels that chats and social networks show for the address of a page.

A preview is a wall of small pictures with a few larger ones in front. All of them are drawn as on every other route.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from app.errors import InvalidRequest
from app.images import encoding
from app.images.strokes import CANVAS_SIDE, Sketch, painted, parse_sketch
from app.sampling.breeding import child_of, parse_parents
from app.sampling.chunks import CHUNK, Steps
from app.sampling.edits import parse_edit
from app.sampling.generator import SIDE, LoadedGenerator, Pixels
from app.sampling.interpolation import Method, Walk, resolve_walk
from app.sampling.keyframes import parse_keyframes
from app.sampling.latents import Point, parse_seed, parse_seeds
from app.sampling.pictures import Drawing, origin, resolve
from app.sampling.plane import STEPS, Drawn, ResolvedWindow, Window, resolve_window
from app.sampling.response_cache import RenderedResponse
from models.breeding import Child

WIDTH, HEIGHT = 1200, 630
"""The size that Open Graph clients expect of a large picture."""
COLUMNS, ROWS, SCALE = 15, 9, 3
"""The wall, whose middle 1200x630 pixels are shown. Its middle picture is in the middle of the preview."""
MARGIN = 35
DIMMED = 0.35
"""Brightness of the wall behind larger pictures."""
FRAMES, FRAME_COLUMNS = 50, 10
"""Frames of a film in a preview."""
LITTER = 9
LARGEST = 18
SKETCH_SCALE = (HEIGHT - 2 * MARGIN) // CANVAS_SIDE
EDGE = 2
MAX_CHANGE = 8.0
"""Of a number of a latent by `dz`. Larger ones are ignored, as on the page."""
_CHANGE = re.compile(r"([0-9]{1,4}):(-?[0-9]+(?:\.[0-9]+)?)")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_COARSEST = 96
"""Distance between two seeds, in pixels of the page Explore, beyond which it shows points between them."""


@dataclass(frozen=True)
class State:
    """What a page shows, by the parameters of its address. Everything is optional."""

    page: str = "/"
    seed: str | None = None
    x: str | None = None
    y: str | None = None
    zoom: str | None = None
    seeds: str | None = None
    keyframes: str | None = None
    method: str | None = None
    loop: str | None = None
    parents: str | None = None
    start: str | None = None
    """The number of the first child."""
    z: str | None = None
    dz: str | None = None
    drawing: str | None = None
    """The strokes of the page Find, see `app.images.strokes`."""
    label: str | None = None
    psi: str | None = None
    edit: str | None = None


@dataclass(frozen=True)
class Preview:
    """A preview, before it is drawn.

    Args:
        generator: draws the pictures.
        wall: inputs of the wall, repeated until it is full. None for a black background.
        front: inputs of the pictures in front of it.
        columns: pictures per row of those; by default, as many as make them largest.
        sketch: a drawing in front of the wall, instead of pictures.
    """

    generator: LoadedGenerator
    wall: tuple[Point, ...] = ()
    front: tuple[Point, ...] = ()
    columns: int | None = None
    sketch: Sketch = ()

    @property
    def count(self) -> int:
        """Number of pictures."""
        return len(self.wall) + len(self.front)

    def steps(self) -> Steps[RenderedResponse]:
        """Draw in chunks. Return a function that encodes the file."""
        points = [*self.wall, *self.front]
        drawn = np.empty((len(points), SIDE, SIDE), dtype=np.uint8)
        for start in range(0, len(points), CHUNK):
            drawn[start : start + CHUNK] = self.generator.draw(points[start : start + CHUNK])
            yield
        return lambda: RenderedResponse(
            encoding.png(self._composed(drawn), origin(self.generator)), {"X-Model": self.generator.title}
        )

    def _composed(self, drawn: Pixels) -> Pixels:
        canvas = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
        wall, front = drawn[: len(self.wall)], drawn[len(self.wall) :]
        if len(wall):
            repeated = wall[np.arange(COLUMNS * ROWS) % len(wall)]
            sheet = encoding.sheet(encoding.enlarge(repeated, SCALE), COLUMNS)
            top, left = (sheet.shape[0] - HEIGHT) // 2, (sheet.shape[1] - WIDTH) // 2
            canvas = sheet[top : top + HEIGHT, left : left + WIDTH].copy()
            if len(front) or self.sketch:
                canvas = (canvas * DIMMED).astype(np.uint8)
        if len(front):
            columns, scale = fitted(len(front), self.columns)
            _place(canvas, encoding.sheet(encoding.enlarge(front, scale), columns))
        elif self.sketch:
            _place(canvas, encoding.enlarge(painted(self.sketch), SKETCH_SCALE))
        return canvas


def _place(canvas: Pixels, front: Pixels) -> None:
    """Write pixels to the middle of the canvas, with an edge that keeps them apart from the wall."""
    top, left = (HEIGHT - front.shape[0]) // 2, (WIDTH - front.shape[1]) // 2
    bottom, right = top + front.shape[0], left + front.shape[1]
    canvas[top - EDGE : bottom + EDGE, left - EDGE : right + EDGE] = 90
    canvas[top:bottom, left:right] = front


def fitted(count: int, columns: int | None = None) -> tuple[int, int]:
    """Return the pictures per row and the scale with which a number of pictures fills a preview best."""
    choices = range(1, count + 1) if columns is None else (columns,)

    def scale(across: int) -> int:
        rows = -(-count // across)
        return min((WIDTH - 2 * MARGIN) // (across * SIDE), (HEIGHT - 2 * MARGIN) // (rows * SIDE), LARGEST)

    best = max(choices, key=lambda across: (scale(across), -across))
    return best, max(1, scale(best))


def preview_of(state: State, generator: LoadedGenerator) -> Preview:
    """Return the preview of a page.

    Raises:
        SeedlingError: a parameter is invalid, or the generator does not have the class or the direction.
    """
    match state.page:
        case "/gallery" if state.seeds is not None:
            front = _points(state, generator, parse_seeds(state.seeds)[: COLUMNS * ROWS])
            return Preview(generator, front=front)
        case "/interpolate":
            return _film(state, generator)
        case "/breed":
            return _litter(state, generator)
        case "/" | "/explore" if any(value is not None for value in (state.seed, state.x, state.z, state.dz, state.edit)):
            return _explored(state, generator)
        case "/find" if state.drawing is not None:
            return Preview(generator, wall=_start(state, generator), sketch=parse_sketch(state.drawing))
        case _:
            return Preview(generator, wall=_start(state, generator))


def _start(state: State, generator: LoadedGenerator) -> tuple[Point, ...]:
    return _points(state, generator, range(COLUMNS * ROWS))


def _explored(state: State, generator: LoadedGenerator) -> Preview:
    """A picture in front of its surroundings on the plane. Texts and latents have none, so they get those of seed 42."""
    text = state.seed or ("42" if state.x is None and state.z is None else None)
    seed = None if text is None else parse_seed(text)
    if seed is None:
        step = _step(_number(state.zoom, 64, 24, 1536))
        given = (_number(state.x, 42, -65_536, 131_072), _number(state.y, 0, -65_536, 131_072))
        x, y = (round(value / step) * step for value in given)
    else:
        step = 1.0
        x, y = (seed % 65_536, seed // 65_536) if isinstance(seed, int) else (42.0, 0.0)
    around = _window(state, generator, x - COLUMNS // 2 * step, y - ROWS // 2 * step, COLUMNS, ROWS, step)
    wall = _drawn(around)
    if state.z is not None or (state.dz is not None and seed is not None):
        front = _changed(state, generator, seed)
    else:
        front = wall[len(wall) // 2] if seed is None else _points(state, generator, [seed])[0]
    return Preview(generator, wall=wall, front=(front,))


def _changed(state: State, generator: LoadedGenerator, seed: int | str | None) -> Point:
    """The latent `z`, or else that of the seed, with the numbers that `dz` replaces.

    It is read as by the page (`web/src/pages/explore/latent.ts`): missing numbers of `z` are 0, and so are texts that are not
    numbers. Changes that are invalid are ignored. A latent has the first class, unless another one is given.
    """
    if state.z is not None or seed is None:
        given = [_loose(part) for part in (state.z or "").split(",")]
        z = [*given, *[0.0] * generator.manifest.z_dim][: generator.manifest.z_dim]
        label = 0 if generator.classes else None
    else:
        point, label = generator.point(seed)
        z = [float(value) for value in point.z]
    for part in (state.dz or "").split(","):
        match = _CHANGE.fullmatch(part)
        if match and int(match[1]) < len(z) and abs(float(match[2])) <= MAX_CHANGE:
            z[int(match[1])] = float(match[2])
    psi = _number(state.psi, 1, 0, 2)
    edit = parse_edit(state.edit) if state.edit else ()
    drawing = Drawing(z=tuple(value * psi for value in z), label=label if state.label is None else state.label, edit=edit)
    return resolve(drawing, generator).points()[0][0]


def _loose(text: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text.strip()) else 0.0
    return value if math.isfinite(value) else 0.0


def _film(state: State, generator: LoadedGenerator) -> Preview:
    keyframes = parse_keyframes(state.keyframes or "5,17,99")
    loop = state.loop != "false"
    segments = len(keyframes) - 1 + loop
    method: Method = "lerp" if state.method == "lerp" else "slerp"
    walk = Walk(keyframes, steps=max(2, -(-FRAMES // segments) + 1), method=method, loop=loop)
    path = list(resolve_walk(walk, generator).path())
    shown = [path[index * len(path) // FRAMES] for index in range(FRAMES)]
    return Preview(generator, front=tuple(shown), columns=FRAME_COLUMNS)


def _litter(state: State, generator: LoadedGenerator) -> Preview:
    parents = parse_parents(state.parents or "42,7")
    first = int(_number(state.start, 0, 0, 2**32 - LITTER))
    children = [child_of(parents, first + index) for index in range(LITTER)]
    family = [
        generator.child_point(parent)[0] if isinstance(parent, Child) else generator.point(parent)[0] for parent in parents
    ]
    front = [point for child in children for point in _resolved(state, generator, Drawing(child=child))]
    return Preview(generator, wall=tuple(family), front=tuple(front), columns=3)


def _points(state: State, generator: LoadedGenerator, seeds: Iterable[int | str]) -> tuple[Point, ...]:
    return tuple(point for seed in seeds for point in _resolved(state, generator, Drawing(seeds=(seed,))))


def _resolved(state: State, generator: LoadedGenerator, drawing: Drawing) -> Sequence[Point]:
    drawing = Drawing(
        seeds=drawing.seeds,
        child=drawing.child,
        label=state.label,
        psi=_number(state.psi, 1, 0, 2),
        edit=parse_edit(state.edit) if state.edit else (),
    )
    return resolve(drawing, generator).points()[0]


def _window(
    state: State, generator: LoadedGenerator, x: float, y: float, columns: int, rows: int, step: float
) -> ResolvedWindow:
    edit = parse_edit(state.edit) if state.edit else ()
    window = Window(x, y, columns, rows, step, state.label, _number(state.psi, 1, 0, 2), edit)
    return resolve_window(window, generator)


def _drawn(window: ResolvedWindow) -> tuple[Point, ...]:
    seen = Drawn()
    return tuple(window.point(x, y, seen) for x, y in window.window.coordinates())


def _step(zoom: float) -> float:
    """Return the distance between the pictures that the page Explore shows at a zoom."""
    return next((step for step in STEPS if zoom * step <= _COARSEST), STEPS[-1])


def _number(text: str | None, default: float, least: float, most: float) -> float:
    """Parse a number as the pages do, where a missing one has a default.

    Raises:
        InvalidRequest: it is not a number in the range.
    """
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise InvalidRequest(f"{text[:40]!r} is not a number in {least:g}..{most:g}. Write one in digits.")
    return value
