"""How closely a generator reproduces given pictures, by latents and by seeds: `inversion.json`, a companion of a version."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models import companions
from models.companions import Companion

FILE = "inversion.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Method(_Part):
    """A way to describe a picture, and its pixel errors: root mean squares in grey levels of 0..255."""

    name: str
    pictures: int
    """Number of test pictures."""
    mean: float
    median: float
    milliseconds: float | None = None
    """CPU time of a picture on one core."""


class Recovery(_Part):
    """How often the index finds the seed of a picture that was drawn from one of its seeds."""

    seeds: int
    """Size of the index."""
    pictures: int
    recovered: int


class InversionFigures(Companion):
    """Measured by `python -m training inversion`."""

    schema_version: Literal[1] = 1
    encoder: str
    """sha256 of encoder.onnx."""
    created: datetime
    methods: list[Method]
    recovery: Recovery | None
    """None without an index."""


def read(path: Path, generator: str) -> InversionFigures | None:
    """Read the figures of a version. See `models.companions.read`."""
    return companions.read(path, InversionFigures, generator)
