"""Directions in the latent space, along which a generator changes one property of its pictures: `directions.json`.

The file is a companion of a version (`models.companions`). An edit adds multiples of directions to a latent, so that the
pictures of an edit depend on the vectors, and on nothing else in the file. `sha256` identifies them.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from models import companions
from models.companions import Companion
from models.errors import Damaged

FILE = "directions.json"
NAME_PATTERN = r"^[a-z][a-z0-9-]{0,31}$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Property(_Part):
    """A measured property of pictures."""

    what: str
    """Description, with the unit."""
    mean: float
    """Mean over pictures of seeds."""
    sd: float
    """Standard deviation over pictures of seeds with the same label."""
    explained: float
    """Share of that variance that a linear function of the latent explains, on further pictures (R squared)."""


class Effect(_Part):
    """What an edit by one direction does, on pictures that were not used to find it."""

    moved: dict[str, float]
    """By property: mean change for each unit, from -1 to 1, in standard deviations of `Property.sd`."""
    label_kept: dict[str, float] | None
    """By amount (-2, -1, 1 and 2): share of pictures that the judge assigns to the same class as without the edit. None
    without a judge."""


class Direction(_Part):
    """A unit vector in the latent space. One unit is one standard deviation of a seed's latent along it."""

    name: str = Field(pattern=NAME_PATTERN)
    kind: Literal["measured", "sefa"]
    """measured: found by regression of a property on the latent. sefa: an eigenvector of the first layer (arXiv:2007.06600)."""
    vector: list[float]
    """z_dim float32 numbers."""
    effect: Effect


class Directions(Companion):
    """The directions of a generator."""

    schema_version: Literal[1] = 1
    created: datetime
    seeds: int
    """Number of seeds, counted from 0, to whose pictures the regressions were fitted."""
    checks: int
    """Number of further seeds on whose pictures the effects were measured."""
    judge_sha256: str | None
    """sha256 of the classifier that `Effect.label_kept` uses."""
    properties: dict[str, Property]
    directions: list[Direction]
    """In the order in which an edit adds them."""
    sha256: str
    """sha256 of the names and vectors (`digest_of`)."""

    @model_validator(mode="after")
    def _check(self) -> Directions:
        if self.sha256 != digest_of([(each.name, each.vector) for each in self.directions]):
            raise ValueError("the vectors do not have the sha256 that the file names")
        if len({each.name for each in self.directions}) < len(self.directions):
            raise ValueError("two directions have the same name")
        if len({len(each.vector) for each in self.directions}) > 1:
            raise ValueError("the vectors have different lengths")
        return self


def digest_of(vectors: list[tuple[str, list[float]]]) -> str:
    """Return the hex sha256 of names and vectors: for each, the name, a zero byte, and little-endian float32 numbers."""
    content = b"".join(name.encode() + b"\0" + np.array(vector, dtype="<f4").tobytes() for name, vector in vectors)
    return hashlib.sha256(content).hexdigest()


def read(path: Path, generator: str, z_dim: int) -> Directions | None:
    """Read the directions of a generator. None if there are none.

    Args:
        path: the file.
        generator: sha256 of the generator.
        z_dim: dimension of its latents.

    Raises:
        Damaged: the file is damaged, or belongs to another generator.
    """
    found = companions.read(path, Directions, generator)
    if found and any(len(each.vector) != z_dim for each in found.directions):
        raise Damaged(f"{FILE} belongs to another generator. Restore the file of this generator.")
    return found


def shifted(z: NDArray[np.float32], terms: list[tuple[float, NDArray[np.float32]]]) -> NDArray[np.float32]:
    """Return latents moved along directions, float32 (..., z_dim): the contract of edits.

    z + a_1 d_1 + a_2 d_2 + ... is computed in float64, from left to right, each product and each sum rounded, and then
    rounded to float32 once. IEEE 754 defines every step exactly, so every machine gets the same bits.

    Args:
        z: latents, (..., z_dim).
        terms: amounts and vectors, in the order of the file.
    """
    total = z.astype(np.float64)
    for amount, vector in terms:
        total = total + amount * vector.astype(np.float64)
    found: NDArray[np.float32] = total.astype(np.float32)
    return found
