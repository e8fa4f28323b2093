"""What a saved picture says about itself in its text chunks, as a request that can be drawn again."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.errors import SeedlingError, VersionUnusable
from app.images import encoding
from app.sampling import plane
from app.sampling.breeding import child_of, parse_parents
from app.sampling.edits import Amounts, parse_edit
from app.sampling.generator import LoadedGenerator
from app.sampling.interpolation import EASINGS, Walk, resolve_walk
from app.sampling.latents import LabelSpec, Point, Seed, parse_seed, parse_seeds
from app.sampling.pictures import Drawing, Resolved, resolve
from app.sampling.plane import Window, resolve_window
from app.sampling.sharpener import LoadedSharpener, ResolvedSharpening, Upload
from app.verification.comparison import Expected, Layout
from app.verification.saved import Saved, read_png
from models import breeding, seed_contract, sharpening
from models.breeding import Child

Kind = Literal["picture", "sheet", "plane", "interpolation", "frame", "sharpened"]
MAX_KEYFRAMES = 256
MAX_SHEET_COLUMNS = 4096
_MODEL = re.compile(r"([a-z0-9][a-z0-9_-]{0,63})/([1-9][0-9]{0,8})", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NUMBER = r"([0-9]{1,5}(?:\.[0-9]{1,12})?)"
_PLANE = re.compile(rf"{_NUMBER},{_NUMBER} ([0-9]{{1,2}})x([0-9]{{1,2}}) step {_NUMBER}", re.ASCII)


_USED: Mapping[Kind, tuple[str, ...]] = {
    "picture": ("seed", "z", "parents", "child", "breeding", "label", "psi", "edit", "directions"),
    "sheet": ("seeds", "label", "psi", "edit", "directions"),
    "plane": ("plane", "label", "psi", "edit", "directions"),
    "interpolation": ("interpolate",),
    "frame": ("walk", "segment", "t", "seed", "z", "parents", "child", "breeding", "label", "psi", "edit", "directions"),
    "sharpened": ("seeds", "seed", "factor", "given"),
}
"""The text chunks that determine the pixels, besides those of the generator."""


class NoClaim(Exception):
    """The text chunks do not say which picture this is, or not completely, or contradict themselves."""


class UnknownDirections(Exception):
    """The picture was edited along directions that this service does not have."""


@dataclass(frozen=True)
class Claim:
    """The origin that a picture claims, before its generator is known."""

    name: str
    number: int
    """The version in the repository of the service that drew it. Another service may have it under another number."""
    digest: str
    """sha256 of the generator, which identifies it everywhere."""
    kind: Kind
    text: Mapping[str, str]

    @property
    def unverified(self) -> list[str]:
        """The chunks whose content does not determine a pixel, so that nothing can be said about them."""
        used = {"model", "noise", "generator", *_USED[self.kind]}
        if "seeds" in self.text:
            used -= {"seed"}
        if "seed" in self.text:
            used -= {"z", "parents", "child", "breeding"}
        if "parents" in self.text:
            used -= {"z"}
        if "edit" not in self.text:
            used -= {"directions"}
        return [name for name in self.text if name not in used]

    def expect(self, generator: LoadedGenerator, saved: Saved) -> Expected:
        """Return what the generator must draw for the picture to be what it claims.

        Raises:
            NoClaim: the claim cannot be drawn: a chunk is missing or invalid, or does not fit the generator.
            UnknownDirections: the picture was edited along directions that are not here.
        """
        try:
            return _EXPECT[self.kind](self.text, generator, saved)
        except VersionUnusable:
            raise
        except SeedlingError as error:
            raise NoClaim(f"The text chunks do not describe a picture of {generator.title}. {error}") from error
        except KeyError as error:
            raise NoClaim(f"The text chunk {error} is missing, so the claim is incomplete.") from error
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise NoClaim(f"The text chunks cannot be read ({error}).") from error


def read(text: Mapping[str, str]) -> Claim:
    """Return what the text chunks of a PNG claim.

    Raises:
        NoClaim: they name no version of a model, or no picture of it.
    """
    if "model" not in text or "generator" not in text:
        raise NoClaim("The file has no text chunks of Seedling, so it makes no claim.")
    model, digest = _MODEL.fullmatch(text["model"]), text["generator"]
    if not model or not _DIGEST.fullmatch(digest):
        raise NoClaim("The text chunks model and generator do not name a version and the sha256 of its generator.")
    if text.get("noise") != seed_contract.SCHEME:
        raise NoClaim(f"The text chunk noise does not name the seed contract {seed_contract.SCHEME}.")
    return Claim(model[1], int(model[2]), digest, _kind(text), text)


def _kind(text: Mapping[str, str]) -> Kind:
    if "factor" in text:
        if "given" not in text:
            raise NoClaim(
                "This sharpened picture does not contain the picture it was made from, so it cannot be drawn again. Sharpen "
                "the picture again: newer outputs contain it."
            )
        return "sharpened"
    if "interpolate" in text:
        return "interpolation"
    if "plane" in text:
        return "plane"
    if "walk" in text:
        return "frame"
    if "seeds" in text:
        return "sheet"
    if "parents" in text and text.get("breeding") != breeding.SCHEME:
        raise NoClaim(f"The text chunk breeding does not name the breeding contract {breeding.SCHEME}.")
    if "seed" in text or "z" in text or "parents" in text:
        return "picture"
    raise NoClaim("The text chunks name a model, but neither a seed nor a latent nor parents.")


def drawing_of(text: Mapping[str, str], generator: LoadedGenerator) -> Drawing:
    """Return the request that text chunks describe.

    Raises:
        SeedlingError: a value is out of range.
        KeyError, ValueError, TypeError: a chunk is missing or invalid.
        UnknownDirections: it was edited along other directions.
    """
    z: tuple[float, ...] | None = None
    child: Child | None = None
    seeds: tuple[Seed, ...] = ()
    if "seeds" in text:
        seeds = tuple(parse_seeds(text["seeds"]))
    elif "seed" in text:
        seeds = (parse_seed(text["seed"]),)
    elif "parents" in text:
        child = child_of(parse_parents(text["parents"]), int(text["child"]))
    else:
        z = _floats(json.loads(text["z"]))
    return Drawing(
        seeds=seeds,
        z=z,
        child=child,
        label=_label(text, generator.classes),
        psi=_psi(text),
        edit=_edit(text, generator),
        is_sheet="seeds" in text,
    )


def _psi(text: Mapping[str, str]) -> float:
    psi = float(text["psi"])
    if not 0 <= psi <= 2:
        raise ValueError(f"psi is {psi}, which is not in 0..2")
    return psi


def _edit(text: Mapping[str, str], generator: LoadedGenerator) -> Amounts:
    if "edit" not in text:
        return ()
    found, digest = generator.directions(), text["directions"]
    if found is None or found.sha256 != digest:
        raise UnknownDirections(f"{generator.title} does not have the directions with the sha256 {digest[:64]} here.")
    return parse_edit(text["edit"])


def _label(text: Mapping[str, str], classes: tuple[str, ...]) -> LabelSpec | None:
    label = text.get("label")
    if label is None or label in classes:
        return label
    return _floats(json.loads(label))


def _floats(values: Any) -> tuple[float, ...]:  # noqa: ANN401 - any JSON
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise ValueError("a list of numbers is expected")
    return tuple(map(float, values))


def _expect_picture(text: Mapping[str, str], generator: LoadedGenerator, saved: Saved) -> Expected:
    resolved = resolve(drawing_of(text, generator), generator)
    return Expected(
        generator, resolved.drawing.count, resolved_points(resolved), _sheets(resolved, saved), resolved.pinned_url()
    )


def resolved_points(resolved: Resolved) -> Callable[[slice], list[Point]]:
    """Return a function from a range of pictures to the inputs of the generator."""
    return lambda part: resolved.points(part)[0]


def _sheets(resolved: Resolved, saved: Saved) -> list[Layout]:
    """Return every arrangement of pictures that has the size of the saved one. Text chunks name neither columns nor scale."""
    if not resolved.drawing.is_sheet:
        return Layout.fitting(saved, columns=[1], count=1)
    return Layout.fitting(saved, columns=range(1, MAX_SHEET_COLUMNS + 1), count=resolved.drawing.count)


def _expect_sharpened(text: Mapping[str, str], generator: LoadedGenerator, saved: Saved) -> Expected:
    if not isinstance(generator, LoadedSharpener):
        raise ValueError(f"{generator.title} does not sharpen pictures")
    try:
        given = base64.b64decode(text["given"], validate=True)
    except binascii.Error as error:
        raise ValueError(f"given is not base64: {error}") from error
    picture = saved_levels(given)
    degraded = sharpening.recognise(picture, text["factor"])
    drawing = drawing_of({name: text[name] for name in ("seeds", "seed") if name in text} | {"psi": "1.0"}, generator)
    resolved = ResolvedSharpening(drawing, generator, None, upload=Upload(degraded, text["input"], ""))
    return Expected(generator, drawing.count, resolved_points(resolved), _sheets(resolved, saved), None)


def saved_levels(content: bytes) -> encoding.Pixels:
    """Return the grey levels of a PNG of one frame, (H, W).

    Raises:
        ValueError: it has other pixels than grey ones.
    """
    found = read_png(content)
    if len(found.frames) != 1 or found.foreign.any():
        raise ValueError("the picture given is not grey")
    levels: encoding.Pixels = found.frames[0]
    return levels


def _expect_plane(text: Mapping[str, str], generator: LoadedGenerator, saved: Saved) -> Expected:
    match = _PLANE.fullmatch(text["plane"])
    if not match:
        raise ValueError(f"the text chunk plane is {text['plane'][:80]!r}")
    columns, rows = int(match[3]), int(match[4])
    if not (1 <= columns <= plane.MAX_SIDE and 1 <= rows <= plane.MAX_SIDE):
        raise ValueError(f"a sheet of the plane has at most {plane.MAX_SIDE} x {plane.MAX_SIDE} pictures")
    window = Window(
        x=float(match[1]),
        y=float(match[2]),
        columns=columns,
        rows=rows,
        step=float(match[5]),
        label=_label(text, generator.classes),
        psi=_psi(text),
        edit=_edit(text, generator),
    )
    resolved = resolve_window(window, generator)
    coordinates, drawn = list(window.coordinates()), plane.Drawn()
    return Expected(
        generator,
        window.count,
        lambda part: [resolved.point(x, y, drawn) for x, y in coordinates[part]],
        Layout.fitting(saved, columns=[columns], count=window.count),
        resolved.pinned_url(),
    )


def _walk(text: str, generator: LoadedGenerator) -> Walk:
    parameters = json.loads(text)
    keyframes, steps = parameters["keyframes"], parameters["steps"]
    if not isinstance(keyframes, list) or not 2 <= len(keyframes) <= MAX_KEYFRAMES or type(steps) is not int or steps < 2:
        raise ValueError("an interpolation has at least two keyframes and two steps")
    method, easing, loop = parameters["method"], parameters["easing"], parameters["loop"]
    if method not in ("slerp", "lerp") or easing not in EASINGS or type(loop) is not bool:
        raise ValueError("the method, easing or loop of the interpolation is unknown")
    if any("seeds" in keyframe for keyframe in keyframes):
        raise ValueError("a keyframe is a single picture")
    return Walk(tuple(drawing_of(keyframe, generator) for keyframe in keyframes), steps, method, easing, loop)


def _expect_interpolation(text: Mapping[str, str], generator: LoadedGenerator, saved: Saved) -> Expected:
    walk = _walk(text["interpolate"], generator)
    path = list(resolve_walk(walk, generator).path())
    is_animated = len(saved.frames) > 1
    if is_animated:
        layouts = Layout.fitting(saved, columns=[1], count=1, frames=walk.frames)
    else:
        layouts = Layout.fitting(saved, columns=[walk.frames], count=walk.frames)
    return Expected(generator, walk.frames, lambda part: path[part], layouts, None, are_separate=is_animated)


def _expect_frame(text: Mapping[str, str], generator: LoadedGenerator, saved: Saved) -> Expected:
    """A frame claims to be a picture, and to be a frame of an interpolation. Both must be true."""
    walk = _walk(text["walk"], generator)
    place = int(text["segment"]), float(text["t"])
    positions = walk.positions()
    if place not in positions:
        raise ValueError(f"the interpolation has no frame at t={place[1]} of segment {place[0]}")
    frame = list(resolve_walk(walk, generator).path())[positions.index(place)]
    own = resolve(drawing_of(text, generator), generator)
    if own.drawing.is_sheet:
        raise ValueError("a frame is a single picture")
    both = [own.points()[0][0], frame]
    layouts = Layout.fitting(saved, columns=[1], count=1)
    return Expected(generator, 2, lambda part: both[part], layouts, own.pinned_url(), are_separate=True)


_EXPECT: Mapping[Kind, Callable[[Mapping[str, str], LoadedGenerator, Saved], Expected]] = {
    "picture": _expect_picture,
    "sheet": _expect_picture,
    "plane": _expect_plane,
    "interpolation": _expect_interpolation,
    "frame": _expect_frame,
    "sharpened": _expect_sharpened,
}
