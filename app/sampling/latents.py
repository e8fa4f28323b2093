"""Parses seeds, labels and latents, and interpolates between latents. numpy only."""

from __future__ import annotations

import functools
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from app.errors import LabelInvalid, LatentInvalid, SeedInvalid, TooMuch
from models import noise

Vector = NDArray[np.float32]
Seed = int | str
Label = int | tuple[float, ...]
"""A class of a generator by its index, or a mixture of all its classes."""
LabelSpec = Label | str
MAX_LABEL = 400
"""Characters of a label as text: ten names with weights of seventeen digits."""
_NUMERAL = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_INTEGER = re.compile(r"\d+", re.ASCII)
_RANGE = re.compile(r"(\d+)(?:-(\d+))?", re.ASCII)
_WEIGHT = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
MAX_PICTURES = 4096
MAX_LATENT = 1000
"""Far beyond what any seed gives; generators clip at 8."""


@dataclass(frozen=True)
class Point:
    """One input of a generator."""

    z: Vector
    """float32, (z_dim,), psi applied."""
    label: Vector | None
    """float32, (K,), non-negative, sums to 1; None for an unconditional generator."""


def parse_seed(text: str) -> Seed:
    """Read a seed as it stands in a URL: an integer in 0..2**32-1, or any other text of at most 128 characters.

    Raises:
        SeedInvalid: it is empty, too long, not UTF-8, or a numeral that is not such an integer (it is not hashed,
            lest -1 quietly give a picture).
    """
    if not text:
        raise SeedInvalid("The seed is empty. Give an integer or a text, or leave the parameter out for a fresh one.")
    if len(text) > noise.MAX_TEXT:
        raise SeedInvalid(f"A text seed has at most {noise.MAX_TEXT} characters, this one {len(text)}. Shorten it.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SeedInvalid("The seed is not valid Unicode: it holds a lone surrogate. Send it as UTF-8.") from error
    if _INTEGER.fullmatch(text):
        return check_seed(int(text))
    if _NUMERAL.fullmatch(text):
        raise SeedInvalid(
            f"{text} is a number, but a numeric seed is an integer in 0..{noise.MAX_SEED}. Choose one, or a text."
        )
    return text


def check_seed(seed: int) -> int:
    """Return an integer seed if it is one.

    Raises:
        SeedInvalid: it is out of range.
    """
    if not 0 <= seed <= noise.MAX_SEED:
        raise SeedInvalid(f"{seed} is out of range: an integer seed lies in 0..{noise.MAX_SEED}. Choose one that does.")
    return seed


def parse_seeds(text: str) -> list[int]:
    """Read `0-63,100`: integers and ascending ranges with both ends, in that order, repetitions kept.

    Raises:
        SeedInvalid: a part is neither, or a number is out of range.
        TooMuch: they are more than one call may ask for.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if not match or len(part) > 32:
            raise SeedInvalid(f"{part[:40]!r} is neither an integer nor a range. Write seeds like 0-63,100.")
        first = check_seed(int(match[1]))
        last = check_seed(int(match[2])) if match[2] else first
        if last < first:
            raise SeedInvalid(f"The range {part} runs downwards. Write it as {last}-{first}.")
        if len(seeds) + last - first + 1 > MAX_PICTURES:
            raise TooMuch(f"One call gives at most {MAX_PICTURES} pictures. Split the seeds over several calls.")
        seeds.extend(range(first, last + 1))
    return seeds


def format_seeds(seeds: Sequence[int]) -> str:
    """The shortest text that `parse_seeds` reads as these seeds."""
    parts = []
    for _, run in groupby(enumerate(seeds), lambda pair: pair[1] - pair[0]):
        numbers = [seed for _, seed in run]
        parts.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
    return ",".join(parts)


def fresh_seed() -> int:
    """A random integer seed."""
    return secrets.randbelow(noise.MAX_SEED + 1)


def parse_label(text: str | int, classes: Sequence[str]) -> int:
    """Return the index of a class given by index or by name.

    Raises:
        LabelInvalid: there is no such class, or the model has none.
    """
    if not classes:
        raise LabelInvalid("This model is unconditional: it has no classes to choose from. Leave the label out.")
    name = str(text)
    if isinstance(text, str) and text in classes:  # a name first: it then means itself whatever the classes are called
        return classes.index(text)
    if _INTEGER.fullmatch(name) and len(name) < 10 and int(name) < len(classes):
        return int(name)
    raise LabelInvalid(
        f"There is no class {name[:80]!r}. Choose an index in 0..{len(classes) - 1} or one of {', '.join(classes)}."
    )


def parse_mixture(text: str, classes: Sequence[str]) -> tuple[float, ...]:
    """Read a mixture of classes as it stands in a URL, `3:0.5,8:0.5`: one weight a class, 0 for those that are not named.

    Raises:
        LabelInvalid: there is no such class, one is named twice, a weight is no number from 0 up, or they do not sum to 1.
    """
    named: dict[int, float] = {}
    for part in text.split(","):
        name, colon, weight = part.strip().rpartition(":")  # the last one: a class's name may hold others
        label = parse_label(name if colon else weight, classes)
        if label in named:
            raise LabelInvalid(f"The mixture names the class {classes[label]} twice. Give it one weight.")
        if not colon or not _WEIGHT.fullmatch(weight):
            raise LabelInvalid(f"{part[:80]!r} is no class with a weight from 0 up. Write a mixture like 3:0.5,8:0.5.")
        named[label] = float(weight)
    weights = tuple(named.get(label, 0.0) for label in range(len(classes)))
    mixture(weights, classes)
    return weights


def format_mixture(weights: Sequence[float], classes: Sequence[str]) -> str:
    """The text that `parse_mixture` reads as these weights to the last bit, unless a class's name holds a comma."""
    return ",".join(f"{name}:{weight!r}" for name, weight in zip(classes, weights, strict=True) if weight)


@functools.cache
def _identity(classes: int) -> NDArray[np.float32]:
    rows = np.eye(classes, dtype=np.float32)
    rows.flags.writeable = False
    return rows


def one_hot(label: int, classes: int) -> Vector:
    """(K,) with a one at the label; not writable, for it is always the same one."""
    row: Vector = _identity(classes)[label]
    return row


def mixture(weights: Sequence[float], classes: Sequence[str]) -> Vector:
    """Return a mixture of classes, (K,).

    Raises:
        LabelInvalid: there is not one non-negative weight a class, or they do not sum to 1.
    """
    if len(weights) != len(classes):
        raise LabelInvalid(f"A mixture has one weight a class: {len(classes)} here, not {len(weights)}. Give as many.")
    row = np.array(weights, dtype=np.float64)
    if not np.isfinite(row).all() or (row < 0).any() or abs(row.sum() - 1) > 1e-3:
        raise LabelInvalid("The weights of a mixture are at least 0 and sum to 1. Scale them so that they do.")
    return row.astype(np.float32)


def resolve_label(label: LabelSpec | None, classes: Sequence[str]) -> Label | None:
    """Turn an index, a name or a mixture, as text or as weights, into an index or a mixture of this model's classes.

    Raises:
        LabelInvalid: there is no such class, or no such mixture.
    """
    if label is None:
        return None
    if isinstance(label, tuple):
        parse_label(0, classes)  # refuses an unconditional model in the same words
        mixture(label, classes)
        return tuple(weight + 0.0 for weight in label)  # -0.0 is 0.0 to the generator, but not in a file's text
    if isinstance(label, str) and ":" in label and label not in classes:
        return parse_mixture(label, classes)
    return parse_label(label, classes)


def label_row(label: Label, classes: Sequence[str]) -> Vector:
    """The generator's input for a label that `resolve_label` gave, (K,)."""
    return mixture(label, classes) if isinstance(label, tuple) else one_hot(label, len(classes))


def label_text(label: Label, classes: Sequence[str]) -> str | None:
    """What `resolve_label` reads as this label; None if there is no such text, or it is longer than a query's may be."""
    if not isinstance(label, tuple):
        return classes[label]
    text = format_mixture(label, classes)
    try:
        said = len(text) <= MAX_LABEL and resolve_label(text, classes) == label
    except LabelInvalid:  # a name with a comma in it
        said = False
    return text if said else None


def explicit(values: Sequence[float], z_dim: int) -> Vector:
    """Return a latent that was given number by number, (z_dim,).

    Raises:
        LatentInvalid: it has another length, or a number far beyond any seed's.
    """
    if len(values) != z_dim:
        raise LatentInvalid(f"This model's z has {z_dim} numbers, not {len(values)}. Give as many.")
    z = np.array(values, dtype=np.float64)
    if not (np.abs(z) <= MAX_LATENT).all():
        raise LatentInvalid(f"The numbers of z lie in -{MAX_LATENT}..{MAX_LATENT}. Standard normal ones lie between -6 and 6.")
    return z.astype(np.float32)


def truncate(z: Vector, psi: float) -> Vector:
    """Pull a latent towards the middle (psi < 1: safer, more alike) or push it outwards (psi > 1)."""
    return z if psi == 1 else (z * np.float32(psi)).astype(np.float32)


def lerp(a: Vector, b: Vector, t: float) -> Vector:
    """The point a fraction t of the straight way from a to b; exactly a at 0 and b at 1."""
    if t in (0, 1):
        return b if t else a
    return (a.astype(np.float64) * (1 - t) + b.astype(np.float64) * t).astype(np.float32)


def slerp(a: Vector, b: Vector, t: float) -> Vector:
    """The point a fraction t of the way along the great arc from a to b; exactly a at 0 and b at 1.

    Gaussian latents lie near a sphere of radius sqrt(z_dim); a straight line would cut through its empty middle, where
    the generator was never trained (White 2016, arXiv:1609.04468). The length goes straight from |a| to |b|. Between
    opposite points there are many great arcs; the one through the coordinate where a is smallest is taken.
    """
    if t in (0, 1):
        return b if t else a
    u, v = a.astype(np.float64), b.astype(np.float64)
    length_u, length_v = float(np.linalg.norm(u)), float(np.linalg.norm(v))
    if length_u < 1e-12 or length_v < 1e-12:  # the origin has no direction
        return lerp(a, b, t)
    u, v = u / length_u, v / length_v
    angle = float(np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))) * 2  # well-conditioned everywhere (Kahan)
    across = v - np.dot(u, v) * u
    if np.linalg.norm(across) < 1e-9:
        if angle < 1:  # the same direction
            return lerp(a, b, t)
        across = np.eye(len(u))[np.abs(u).argmin()]
        across = across - np.dot(u, across) * u
    across /= np.linalg.norm(across)
    direction = np.cos(t * angle) * u + np.sin(t * angle) * across
    point: Vector = (direction * (length_u + (length_v - length_u) * t)).astype(np.float32)
    return point
