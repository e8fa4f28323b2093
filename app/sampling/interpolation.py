"""Interpolation between keyframes, and encoding of the frames as files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from typing import Literal, assert_never

import numpy as np

from app.errors import InvalidRequest, TooMuch
from app.images import encoding
from app.sampling.chunks import CHUNK, CHUNK_PIXELS, Steps
from app.sampling.generator import SIDE, LoadedGenerator, Pixels
from app.sampling.latents import Arc, Point, lerp
from app.sampling.pictures import Drawing, Resolved, check_pixels, origin, resolve
from app.sampling.response_cache import RenderedResponse

Method = Literal["slerp", "lerp"]
Easing = Literal["linear", "ease-in", "ease-out", "ease-in-out"]
Format = Literal["strip", "gif", "apng", "webp", "zip", "json", "npy"]
MAX_FRAMES = 2048

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda t: t,
    "ease-in": lambda t: t * t,
    "ease-out": lambda t: t * (2 - t),
    "ease-in-out": lambda t: t * t * (3 - 2 * t),
}


@dataclass(frozen=True)
class Walk:
    """An interpolation as requested, before a generator is known.

    A segment leads from one keyframe to the next and has `steps` frames, including both keyframes. A keyframe between two
    segments is drawn once. A loop has one more segment, back to the first keyframe. It omits the last frame, because the
    animation starts again with it.
    """

    keyframes: tuple[Drawing, ...]
    steps: int = 16
    method: Method = "slerp"
    easing: Easing = "linear"
    loop: bool = False
    fps: float = 12.0
    scale: int = 1
    format: Format = "gif"

    def __post_init__(self) -> None:
        if self.frames > MAX_FRAMES:
            raise TooMuch(f"The limit is {MAX_FRAMES:,} frames per request, not {self.frames:,}. Use fewer keyframes or steps.")
        check_pixels(self.pixels, self.format)
        if self.format == "gif" and self.fps > encoding.MAX_GIF_FPS:
            raise InvalidRequest(
                f"A GIF shows at most {encoding.MAX_GIF_FPS} frames per second. Lower fps, or use apng or webp."
            )

    @property
    def frames(self) -> int:
        """Number of frames."""
        segments = len(self.keyframes) - 1 + self.loop
        return segments * (self.steps - 1) + (0 if self.loop else 1)

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.frames * (SIDE * self.scale) ** 2

    def positions(self) -> list[tuple[int, float]]:
        """Return the segment of each frame and its position along the segment, 0 to 1, after easing."""
        segments = len(self.keyframes) - 1 + self.loop
        ease = EASINGS[self.easing]
        between = [(s, ease(i / (self.steps - 1))) for s in range(segments) for i in range(self.steps - 1)]
        return between if self.loop else [*between, (segments - 1, 1.0)]


@dataclass(frozen=True)
class ResolvedWalk:
    """An interpolation resolved against a generator that can draw every keyframe."""

    walk: Walk
    keyframes: tuple[Resolved, ...]
    generator: LoadedGenerator

    @property
    def model(self) -> str:
        """Model and version, such as digits/3."""
        return self.generator.title

    def cache_key(self) -> list[object]:
        """Cache key of the response, besides the generator."""
        w = self.walk
        shape = [w.steps, w.method, w.easing, w.loop, w.fps, w.scale, w.format]
        return [*shape, self.model, [keyframe.cache_key() for keyframe in self.keyframes]]

    def path(self) -> Iterator[Point]:
        """Yield the generator's input for each frame. Keyframes have exactly the input that `/generate` uses."""
        keyframes = [keyframe.points()[0][0] for keyframe in self.keyframes]
        segments = list(pairwise([*keyframes, keyframes[0]] if self.walk.loop else keyframes))
        arcs = [Arc(a.z, b.z).at if self.walk.method == "slerp" else partial(lerp, a.z, b.z) for a, b in segments]
        for segment, t in self.walk.positions():
            a, b = segments[segment]
            # labels are mixtures of classes, and linear interpolation keeps their sum at 1
            label = None if a.label is None or b.label is None else lerp(a.label, b.label, t)
            yield Point(arcs[segment](t), label)

    def steps(self) -> Steps[RenderedResponse]:
        """Draw all frames in chunks. Return a function that encodes the file."""
        frames = np.empty((self.walk.frames, SIDE, SIDE), dtype=np.uint8)
        path = self.path()
        start, size = 0, CHUNK
        while start < len(frames):
            frames[start : start + size] = self.generator.draw(list(islice(path, size)))
            start, size = start + size, (yield) or CHUNK
        if self.walk.format == "zip":
            return (yield from self._zip_steps(frames))
        return lambda: self._response(self._encode(encoding.enlarge(frames, self.walk.scale)))

    def _zip_steps(self, frames: Pixels) -> Steps[RenderedResponse]:
        archive, walk = encoding.Archive(), {"walk": self.text()["interpolate"]}
        written = 0
        for index, (frame, point, place) in enumerate(zip(frames, self.path(), self.walk.positions(), strict=True)):
            frame = encoding.enlarge(frame, self.walk.scale)
            archive.add(f"frame-{index:04d}.png", encoding.png(frame, self._frame_text(point, *place) | walk))
            written += frame.size
            if written >= CHUNK_PIXELS:
                written = 0
                yield
        return lambda: self._response(archive.content())

    def _frame_text(self, point: Point, segment: int, t: float) -> dict[str, str]:
        """Return the text chunks from which a frame can be reproduced: those of its keyframe, or else its z and label."""
        chunks = {"segment": str(segment), "t": repr(t)}  # besides those of a picture
        if t in (0, 1):
            keyframe = self.keyframes[(segment + int(t)) % len(self.keyframes)]
            return keyframe.text(keyframe.seed_text, keyframe.points()[1][0]) | chunks
        chunks |= origin(self.generator) | {"z": json.dumps([float(value) for value in point.z]), "psi": "1.0"}
        if point.label is not None:
            weights = [float(weight) for weight in point.label]
            chunks["label"] = self.generator.classes[weights.index(1)] if 1 in weights else json.dumps(weights)
        return chunks

    def _response(self, content: bytes) -> RenderedResponse:
        return RenderedResponse(content, {"X-Model": self.model, "X-Frames": str(self.walk.frames)})

    def text(self) -> dict[str, str]:
        """The text chunks from which the interpolation can be reproduced."""
        w = self.walk
        parameters = {
            "keyframes": [
                {
                    name: chunks[name]
                    for name in ("seed", "z", "parents", "child", "label", "psi", "edit", "directions")
                    if name in chunks
                }
                for chunks in (k.text(k.seed_text, k.points()[1][0]) for k in self.keyframes)
            ],
            "steps": w.steps,
            "method": w.method,
            "easing": w.easing,
            "loop": w.loop,
        }
        return origin(self.generator) | {"interpolate": json.dumps(parameters)}

    def _encode(self, frames: Pixels) -> bytes:
        w = self.walk
        match w.format:
            case "strip":
                return encoding.png(encoding.sheet(frames, len(frames)), self.text())
            case "gif":
                return encoding.gif(frames, w.fps, loop=w.loop)
            case "apng":
                return encoding.apng(frames, w.fps, loop=w.loop, text=self.text())
            case "webp":
                return encoding.animated_webp(frames, w.fps, loop=w.loop)
            case "npy":
                return encoding.npy(frames)
            case "json":
                return self._json(frames)
            case "zip":
                raise AssertionError("_zip_steps encodes zip archives")
            case unknown:
                assert_never(unknown)

    def _json(self, frames: Pixels) -> bytes:
        """Encode frame by frame, because one long call of json.dumps would hold the GIL."""
        manifest = self.generator.manifest
        head = json.dumps({"model": manifest.name, "version": manifest.version})[:-1]
        parts = [
            json.dumps({"segment": segment, "t": t, "pixels": frame.tolist()})
            for (segment, t), frame in zip(self.walk.positions(), frames, strict=True)
        ]
        return f'{head}, "frames": [{", ".join(parts)}]}}'.encode()


def resolve_walk(walk: Walk, generator: LoadedGenerator) -> ResolvedWalk:
    """Check an interpolation against the generator that draws it, without drawing. Raises the errors of `resolve`."""
    return ResolvedWalk(walk, tuple(resolve(keyframe, generator) for keyframe in walk.keyframes), generator)
