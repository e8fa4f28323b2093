"""Parsing of seeds, labels and latents, and interpolation between latents."""

from __future__ import annotations

import functools
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from app.errors import LabelInvalid, LatentInvalid, SeedInvalid, TooMuch
from models import seed_contract

Vector = NDArray[np.float32]
Seed = int | str
Label = int | tuple[float, ...]
"""The index of a class, or a mixture with one weight per class."""
LabelSpec = Label | str
MAX_LABEL = 400
"""Maximum characters of a label as text: enough for ten names with weights of seventeen digits."""
_NUMERAL = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_MARKS = frozenset("+-.,eE\u066b\u066c\u2044\u2212\uff0b\uff0c\uff0d\uff0e")
"""Signs, separators and exponents of numbers: ASCII, Arabic, the fraction slash, the minus sign, and fullwidth forms."""
_INTEGER = re.compile(r"\d+", re.ASCII)
_RANGE = re.compile(r"(\d+)(?:-(\d+))?", re.ASCII)
_WEIGHT = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
MAX_PICTURES = 4096
MAX_LATENT = 1000
"""Bound of explicit latents, far above the values of any seed. Generators clip at 8."""


@dataclass(frozen=True)
class Point:
    """The input of a generator for one picture."""

    z: Vector
    """float32, (z_dim,), psi applied."""
    label: Vector | None
    """float32, (K,), non-negative, with sum 1. None for an unconditional generator."""


def parse_seed(text: str) -> Seed:
    """Parse a seed from a URL: an integer in 0..2**32-1, or any other text of at most 128 characters, normalized to NFC.

    Raises:
        SeedInvalid: the seed is empty, too long, not valid Unicode, or a number that is not an integer in range, in the digits
            of any script. Such numbers are not hashed as text, so a mistake such as -1 does not silently produce a picture.
    """
    if not text:
        raise SeedInvalid("The seed is empty. Give an integer or a text, or omit the parameter for a random seed.")
    text = seed_contract.normalize(text)
    _check_bounds(text)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SeedInvalid("The seed contains a lone surrogate, which is not valid Unicode. Send it as UTF-8.") from error
    if _INTEGER.fullmatch(text):
        return check_seed(int(text))
    if _is_number(text):
        raise SeedInvalid(
            f"{text} is a number, but a numeric seed must be an integer in 0..{seed_contract.MAX_SEED}, in the digits 0 to 9. "
            "Choose one, or use a text."
        )
    return text


def _is_number(text: str) -> bool:
    """Whether a text is a number: a decimal numeral, or, with other digits than 0 to 9, numerals and punctuation only.

    Numerals are the Unicode categories Nd, Nl and No: digits of every script, Roman numerals, fractions, superscripts.
    """
    if text.isascii():
        return _NUMERAL.fullmatch(text) is not None
    others = [character for character in text if not unicodedata.category(character).startswith("N")]
    return len(others) < len(text) and all(
        character in _MARKS or character.isspace() or unicodedata.category(character) == "Cf" for character in others
    )


def check_seed(seed: int) -> int:
    """Return an integer seed if it is in range.

    Raises:
        SeedInvalid: the seed is out of range.
    """
    _check_bounds(seed)
    return seed


def _check_bounds(seed: Seed) -> None:
    try:
        seed_contract.check(seed)
    except ValueError as error:
        raise SeedInvalid(str(error)) from error


def parse_seeds(text: str) -> list[int]:
    """Parse integers and ascending, inclusive ranges such as `0-63,100`. Order and repetitions are kept.

    Raises:
        SeedInvalid: a part is neither an integer nor an ascending range, or a number is out of range.
        TooMuch: there are more seeds than one request may contain.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if not match or len(part) > 32:
            raise SeedInvalid(f"{part[:40]!r} is neither an integer nor a range. Write seeds as in 0-63,100.")
        first = check_seed(int(match[1]))
        last = check_seed(int(match[2])) if match[2] else first
        if last < first:
            raise SeedInvalid(f"The range {part} is descending. Write it as {last}-{first}.")
        if len(seeds) + last - first + 1 > MAX_PICTURES:
            raise TooMuch(f"The limit is {MAX_PICTURES} pictures per request. Split the seeds over several requests.")
        seeds.extend(range(first, last + 1))
    return seeds


def format_seeds(seeds: Sequence[int]) -> str:
    """Format seeds as the shortest text that `parse_seeds` parses back."""
    parts = []
    for _, run in groupby(enumerate(seeds), lambda pair: pair[1] - pair[0]):
        numbers = [seed for _, seed in run]
        parts.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
    return ",".join(parts)


def fresh_seed() -> int:
    """Return a random integer seed."""
    return secrets.randbelow(seed_contract.MAX_SEED + 1)


def parse_label(text: str | int, classes: Sequence[str]) -> int:
    """Return the index of a class from its index or name.

    Raises:
        LabelInvalid: the class does not exist, or the model is unconditional.
    """
    if not classes:
        raise LabelInvalid("This model is unconditional: it has no classes. Omit the label.")
    name = str(text)
    if isinstance(text, str) and text in classes:  # names take precedence, because they may look like indices
        return classes.index(text)
    if _INTEGER.fullmatch(name) and len(name) < 10 and int(name) < len(classes):
        return int(name)
    raise LabelInvalid(
        f"There is no class {name[:80]!r}. Choose an index in 0..{len(classes) - 1} or one of {', '.join(classes)}."
    )


def parse_mixture(text: str, classes: Sequence[str]) -> tuple[float, ...]:
    """Parse a mixture of classes from a URL, such as `3:0.5,8:0.5`. Return one weight per class; omitted classes have 0.

    Raises:
        LabelInvalid: a class does not exist or is named twice, a weight is not a number of at least 0, or the sum is not 1.
    """
    named: dict[int, float] = {}
    for part in text.split(","):
        name, colon, weight = part.strip().rpartition(":")  # at the last colon, because names may contain colons
        label = parse_label(name if colon else weight, classes)
        if label in named:
            raise LabelInvalid(f"The mixture contains the class {classes[label]} twice. Give it one weight.")
        if not colon or not _WEIGHT.fullmatch(weight):
            raise LabelInvalid(f"{part[:80]!r} is not a class with a weight of at least 0. Write a mixture as in 3:0.5,8:0.5.")
        named[label] = float(weight)
    weights = tuple(named.get(label, 0.0) for label in range(len(classes)))
    mixture(weights, classes)
    return weights


def format_mixture(weights: Sequence[float], classes: Sequence[str]) -> str:
    """Format weights so that `parse_mixture` returns exactly the same ones, unless a class name contains a comma."""
    return ",".join(f"{name}:{weight!r}" for name, weight in zip(classes, weights, strict=True) if weight)


@functools.cache
def _identity(classes: int) -> NDArray[np.float32]:
    rows = np.eye(classes, dtype=np.float32)
    rows.flags.writeable = False
    return rows


def one_hot(label: int, classes: int) -> Vector:
    """Return (K,) with a one at the label. The array is shared and read-only."""
    row: Vector = _identity(classes)[label]
    return row


def one_hots(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Return (N, K) with a one at each label."""
    rows: NDArray[np.float32] = _identity(classes)[labels]
    return rows


def mixture(weights: Sequence[float], classes: Sequence[str]) -> Vector:
    """Return the label input of a mixture, (K,).

    Raises:
        LabelInvalid: there is not exactly one non-negative weight per class, or the sum is not 1.
    """
    if len(weights) != len(classes):
        raise LabelInvalid(
            f"This model has {len(classes)} classes, but the mixture has {len(weights)} weights. Give one per class."
        )
    row = np.array(weights, dtype=np.float64)
    if not np.isfinite(row).all() or (row < 0).any() or abs(row.sum() - 1) > 1e-3:
        raise LabelInvalid("The weights of a mixture must be at least 0 and sum to 1. Scale them.")
    return row.astype(np.float32)


def resolve_label(label: LabelSpec | None, classes: Sequence[str]) -> Label | None:
    """Convert an index, a name or a mixture (text or weights) to an index or a mixture of these classes.

    Raises:
        LabelInvalid: the class does not exist, or the mixture is invalid.
    """
    if label is None:
        return None
    if isinstance(label, tuple):
        parse_label(0, classes)  # rejects unconditional models with the same message
        mixture(label, classes)
        return tuple(weight + 0.0 for weight in label)  # -0.0 becomes 0.0, which matters for the text chunks
    if isinstance(label, str) and ":" in label and label not in classes:
        return parse_mixture(label, classes)
    return parse_label(label, classes)


def label_row(label: Label, classes: Sequence[str]) -> Vector:
    """Return the generator's input, (K,), for a label returned by `resolve_label`."""
    return mixture(label, classes) if isinstance(label, tuple) else one_hot(label, len(classes))


def label_text(label: Label, classes: Sequence[str]) -> str | None:
    """Format a label so that `resolve_label` parses it back. Return None if that is impossible or longer than `MAX_LABEL`."""
    if not isinstance(label, tuple):
        return classes[label]
    text = format_mixture(label, classes)
    try:
        is_exact = len(text) <= MAX_LABEL and resolve_label(text, classes) == label
    except LabelInvalid:  # a name contains a comma
        is_exact = False
    return text if is_exact else None


def explicit_latent(values: Sequence[float], z_dim: int) -> Vector:
    """Return the latent vector, (z_dim,), of numbers from the client.

    Raises:
        LatentInvalid: the number of values is not z_dim, or a value is outside -1000..1000.
    """
    if len(values) != z_dim:
        raise LatentInvalid(f"This model's z has {z_dim} numbers, but the request has {len(values)}. Send {z_dim}.")
    z = np.array(values, dtype=np.float64)
    if not (np.abs(z) <= MAX_LATENT).all():
        raise LatentInvalid(
            f"The numbers of z must be in -{MAX_LATENT}..{MAX_LATENT}. Use standard normal numbers, which lie between -6 and 6."
        )
    return z.astype(np.float32)


def truncate(z: Vector, psi: float) -> Vector:
    """Scale a latent by psi. Below 1, pictures are more typical and less varied; above 1, more varied."""
    return z if psi == 1 else (z * np.float32(psi)).astype(np.float32)


def lerp(a: Vector, b: Vector, t: float) -> Vector:
    """Linear interpolation from a to b at t. The result is exactly a at 0 and b at 1."""
    if t in (0, 1):
        return b if t else a
    return (a.astype(np.float64) * (1 - t) + b.astype(np.float64) * t).astype(np.float32)


class Arc:
    """Spherical interpolation from a to b, by `at`. What does not depend on t is computed once.

    Gaussian latents lie near a sphere of radius sqrt(z_dim). A straight line would pass through its empty interior, where the
    generator was never trained (White 2016, arXiv:1609.04468). The length changes linearly from |a| to |b|. Opposite points are
    connected by many great arcs; this class uses the one through the axis on which a is smallest in absolute value.

    Args:
        a: latent (z_dim,) at the start.
        b: latent (z_dim,) at the end.
    """

    def __init__(self, a: Vector, b: Vector) -> None:
        self._a, self._b = a, b
        self._is_straight = True
        u, v = a.astype(np.float64), b.astype(np.float64)
        self._length_u, self._length_v = float(np.linalg.norm(u)), float(np.linalg.norm(v))
        if self._length_u < 1e-12 or self._length_v < 1e-12:  # the origin has no direction
            return
        u, v = u / self._length_u, v / self._length_v
        angle = float(np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))) * 2  # well-conditioned everywhere (Kahan)
        across = v - np.dot(u, v) * u
        if np.linalg.norm(across) < 1e-9:
            if angle < 1:  # the same direction
                return
            across = np.eye(len(u))[np.abs(u).argmin()]
            across = across - np.dot(u, across) * u
        across /= np.linalg.norm(across)
        self._u, self._across, self._angle, self._is_straight = u, across, angle, False

    def at(self, t: float) -> Vector:
        """Return the latent at t, in 0..1. It is exactly a at 0 and b at 1."""
        if self._is_straight or t in (0, 1):
            return lerp(self._a, self._b, t)
        direction = np.cos(t * self._angle) * self._u + np.sin(t * self._angle) * self._across
        point: Vector = (direction * (self._length_u + (self._length_v - self._length_u) * t)).astype(np.float32)
        return point
