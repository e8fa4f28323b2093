"""Edits of a picture: amounts of named directions of its generator, such as `slant:1.5,thickness:-0.5`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from app.errors import EditInvalid
from app.sampling.latents import Vector
from models import directions
from models.directions import Directions

MAX_AMOUNT = 10.0
"""A seed's latent is rarely more than 4 units from the middle. The generator clips each of its numbers at 8."""
MAX_TEXT = 400
MAX_TERMS = 32
_AMOUNT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_REMEDY = "Write an edit as in slant:1.5,thickness:-0.5."
Amounts = tuple[tuple[str, float], ...]
"""Names of directions with their amounts, as requested."""


@dataclass(frozen=True)
class Edit:
    """An edit that a generator has the directions for."""

    amounts: Amounts
    """In the order of the directions, without zeros. Equivalent edits are equal."""
    digest: str
    """sha256 of the directions."""
    vectors: tuple[Vector, ...] = field(compare=False, repr=False)

    @property
    def text(self) -> str:
        """The edit as in a URL."""
        return ",".join(f"{name}:{amount!r}" for name, amount in self.amounts)

    def apply(self, z: Vector) -> Vector:
        """Return edited latents, (..., z_dim). See `models.directions.shifted`."""
        return directions.shifted(z, [(amount, vector) for (_, amount), vector in zip(self.amounts, self.vectors, strict=True)])


def parse_edit(text: str) -> Amounts:
    """Parse an edit from a URL.

    Raises:
        EditInvalid: it is not a list of names with amounts.
    """
    amounts = []
    for part in text.split(","):
        name, colon, amount = part.strip().partition(":")
        if not colon or not _AMOUNT.fullmatch(amount.strip()):
            raise EditInvalid(f"{part[:80]!r} is not the name of a direction with an amount. {_REMEDY}")
        amounts.append((name.strip(), float(amount)))
    return check_edit(amounts)


def check_edit(amounts: list[tuple[str, float]]) -> Amounts:
    """Return the amounts of an edit if they are within the bounds.

    Raises:
        EditInvalid: an amount is too large, a direction is named twice, or there are too many.
    """
    if len({name for name, _ in amounts}) < len(amounts):
        raise EditInvalid("The edit names a direction twice. Give it one amount.")
    if len(amounts) > MAX_TERMS:
        raise EditInvalid(f"An edit has at most {MAX_TERMS} directions, not {len(amounts)}. Leave some out.")
    for name, amount in amounts:
        if not abs(amount) <= MAX_AMOUNT:
            raise EditInvalid(f"The amount of {name[:80]!r} must be in -{MAX_AMOUNT:g}..{MAX_AMOUNT:g}, not {amount:g}.")
    return tuple(amounts)


def edit_of(value: str | Mapping[str, float] | None) -> Amounts:
    """Return the amounts of an edit from JSON: a text, or an object with an amount for each direction.

    Raises:
        EditInvalid: see `parse_edit` and `check_edit`.
    """
    if value is None:
        return ()
    return (
        parse_edit(value) if isinstance(value, str) else check_edit([(name, float(amount)) for name, amount in value.items()])
    )


def resolve_edit(amounts: Amounts, found: Directions | None, title: str) -> Edit | None:
    """Return an edit with the vectors of a generator. None if it changes nothing.

    Args:
        amounts: the edit as requested.
        found: the directions of the generator, if it has any.
        title: the version, such as digits/3.

    Raises:
        EditInvalid: the generator has no such direction.
    """
    known = {} if found is None else {each.name: each for each in found.directions}
    for name, _ in amounts:
        if not known:
            remedy = f"Measure them with: python -m training directions {title.partition('/')[0]}"
            raise EditInvalid(f"{title} has no directions. {remedy}")
        if name not in known:
            raise EditInvalid(f"{title} has no direction {name[:80]!r}. Choose one of {', '.join(known)}.")
    wanted = {name: amount for name, amount in amounts if amount}
    if found is None or not wanted:
        return None
    chosen = [each for each in found.directions if each.name in wanted]
    return Edit(
        tuple((each.name, wanted[each.name]) for each in chosen),
        found.sha256,
        tuple(np.array(each.vector, dtype=np.float32) for each in chosen),
    )
