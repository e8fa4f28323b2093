"""What `/interpolate` draws: the frames between keyframes, and the files they come in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from app import imaging
from app.errors import TooMuch
from app.generator import SIDE, LoadedGenerator, Pixels
from app.latents import Point, lerp, slerp
from app.pictures import Drawing, check_pixels, pose

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
    """What was asked for, before a generator is known.

    From each keyframe to the next there are `steps` frames, both keyframes counted; a keyframe between two segments is
    drawn once. A loop has one more segment, back to the first keyframe, and leaves that last frame out: the animation
    begins with it again.
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
            raise TooMuch(f"One call gives at most {MAX_FRAMES:,} frames, not {self.frames:,}. Use fewer keyframes or steps.")
        check_pixels(self.frames * (SIDE * self.scale) ** 2)

    @property
    def frames(self) -> int:
        """How many frames come out."""
        segments = len(self.keyframes) - 1 + self.loop
        return segments * (self.steps - 1) + (0 if self.loop else 1)

    def positions(self) -> list[tuple[int, float]]:
        """Each frame's segment and how far along it is, in 0..1, eased."""
        segments = len(self.keyframes) - 1 + self.loop
        ease = EASINGS[self.easing]
        between = [(s, ease(i / (self.steps - 1))) for s in range(segments) for i in range(self.steps - 1)]
        return between if self.loop else [*between, (segments - 1, 1.0)]


def render(walk: Walk, generator: LoadedGenerator) -> bytes:
    """Draw all frames and put them into the file that was asked for."""
    return encode(walk, imaging.enlarge(generator.draw(path(walk, generator)), walk.scale), generator)


def check(walk: Walk, generator: LoadedGenerator) -> None:
    """Raise what `pose` raises for the first keyframe that the generator cannot draw."""
    for keyframe in walk.keyframes:
        pose(keyframe, generator)


def path(walk: Walk, generator: LoadedGenerator) -> list[Point]:
    """The generator's input for each frame. Keyframes come out exactly as `/generate` would have them."""
    stops = [pose(keyframe, generator).points()[0][0] for keyframe in walk.keyframes]
    legs = list(pairwise([*stops, stops[0]] if walk.loop else stops))
    between = slerp if walk.method == "slerp" else lerp
    points = []
    for segment, t in walk.positions():
        a, b = legs[segment]
        # a label is a mixture of classes: the straight line keeps it one
        label = None if a.label is None or b.label is None else lerp(a.label, b.label, t)
        points.append(Point(between(a.z, b.z, t), label))
    return points


def encode(walk: Walk, frames: Pixels, generator: LoadedGenerator) -> bytes:
    """Put frames (N, H, W) into one file."""
    manifest = generator.manifest
    text = {"Software": imaging.SOFTWARE, "model": f"{manifest.name}/{manifest.version}", "generator": manifest.digest}
    match walk.format:
        case "strip":
            return imaging.png(imaging.sheet(frames, len(frames)), text)
        case "gif":
            return imaging.gif(frames, walk.fps, loop=walk.loop)
        case "apng":
            return imaging.apng(frames, walk.fps, loop=walk.loop, text=text)
        case "webp":
            return imaging.animated_webp(frames, walk.fps, loop=walk.loop)
        case "zip":
            return imaging.archive((f"frame-{i:04d}.png", imaging.png(frame, text)) for i, frame in enumerate(frames))
        case "npy":
            return imaging.npy(frames)
        case "json":
            positions = [{"segment": segment, "t": t} for segment, t in walk.positions()]
            body = {
                "model": manifest.name,
                "version": manifest.version,
                "frames": [p | {"pixels": frame.tolist()} for p, frame in zip(positions, frames, strict=True)],
            }
            return json.dumps(body).encode()
