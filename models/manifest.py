"""What a version says of itself: `manifest.json`."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

GENERATOR = "generator.onnx"
DISCRIMINATOR = "discriminator.onnx"
MANIFEST = "manifest.json"
CARD = "README.md"
SAMPLES = "samples.png"
WEIGHTS = "weights.pt"
EVALUATION = "evaluation.json"
CURVES, FAILURES, NEIGHBOURS, RELIABILITY = "curves.png", "failures.png", "neighbours.png", "reliability.png"
PLOTS = (CURVES, FAILURES, NEIGHBOURS, RELIABILITY)
"""What an evaluation leaves beside its figures; a version has those that were made of it."""
AGAINST = "against.json"
"""Beside a candidate: the champion's figures on the same draws."""
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Figure(_Part):
    """One measured figure and its floor."""

    value: float | None
    """For this generator. None where the figure has no meaning, as label accuracy without labels."""
    floor: float | None
    """The same for real held-out pictures, in the same way, at the same count."""
    sd: float | None = None
    """Standard deviation of the value, where it is the mean of several."""
    floor_sd: float | None = None
    """The same of the floor."""
    better: Literal["lower", "higher"]
    """Which way is better."""
    what: str
    """What it is and against what."""


class DatasetNote(_Part):
    """What the version was trained on."""

    name: str
    title: str
    licence: str
    sha256: str
    """Of the list of its files' sha256."""


class TrainingNote(_Part):
    """How the version came about."""

    images: int
    """Real images the discriminator was shown."""
    seconds: float
    """Wall-clock time of that."""
    machine: str
    """What it took them on."""
    generator_parameters: int
    discriminator_parameters: int
    ended: str | None = None
    """Why the run ended: indistinguishable, plateau, budget, or stopped. None if that was not kept."""


class Golden(_Part):
    """Pixels that the generator must give wherever it runs."""

    seeds: int
    """Seeds 0 to this, exclusive, with the labels that the seeds choose."""
    sha256: str
    """Of their uint8 pixels, row by row, seed after seed."""


class Parity(_Part):
    """How the exported networks were compared with the trained ones."""

    seeds: int
    generator_max_difference: float
    """Largest absolute difference of a pixel in 0..1 between torch and ONNX Runtime, both on the integer grid."""
    generator_pixels_different: int
    """Pixels that differ after rounding to 0..255."""
    batch_pixels_different: int
    """Pixels that differ between a batch and its images one by one."""
    discriminator_max_difference: float
    """Largest absolute difference of a logit."""
    grid_mean_difference: float
    """Mean absolute difference, in grey levels, between the trained generator and the exported one on its integer grid."""
    grid_max_difference: float
    """The largest."""


class Calibration(_Part):
    """Turns a logit of the discriminator into the probability that a picture is real (Platt scaling)."""

    slope: float
    intercept: float
    pictures: int
    """Real held-out pictures, and as many generated ones, that it was fitted on."""


class Gate(_Part):
    """Why a retrained version was, or was not, put into service by itself."""

    asked: Literal["if_better", "always", "never"]
    """What the retraining was asked to do."""
    promoted: bool
    """Whether it was to become champion when it was published."""
    rule: str
    """The rule, in words."""
    reason: str
    """What decided it."""
    champion: int | None
    """The version it was held against; None if there was none, or it could not be measured."""
    figures: dict[str, Figure]
    """Its own figures, on held-out pictures."""
    champion_figures: dict[str, Figure]
    """The champion's, on the same draws; empty if there was none."""


class Manifest(_Part):
    """Everything there is to know of a version without opening it."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=NAME_PATTERN)
    version: int = Field(ge=1)
    created: datetime
    files: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")], str]
    """File name to sha256; a name, never a path. The generator's and the discriminator's are always there."""
    z_dim: int = Field(ge=1)
    classes: tuple[Annotated[str, Field(pattern=r"^[!-~]{1,80}$")], ...]
    """Names of the classes in the order of the label's columns, printable ASCII without spaces, no two alike; empty for an
    unconditional generator."""
    noise: Literal["mt19937-v1"] = "mt19937-v1"
    """How a seed becomes z."""
    spec: dict[str, Any]
    """The TrainingSpec."""
    dataset: DatasetNote
    training: TrainingNote
    metrics: dict[str, Figure]
    judge_sha256: str
    """Of the classifier that the metrics use."""
    exactness: dict[str, Any]
    """Why the generator gives the same bits everywhere."""
    parity: Parity
    golden: Golden
    calibration: Calibration
    calibration_any: Calibration | None = None
    """The same where no label is said: fitted to the mean logit over all labels. None for an unconditional one."""
    parent: int | None = None
    """The version whose weights this one's training started from."""
    job: str | None = None
    """The retraining job that made it."""
    gate: Gate | None = None
    """How it was held against the champion of its day, if it was retrained in service."""
    libraries: dict[str, str]
    """Versions of what trained and exported it."""

    @field_validator("classes")
    @classmethod
    def _no_two_alike(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(classes)) != len(classes):
            raise ValueError("two classes have the same name. Rename one.")
        return classes

    @field_validator("files")
    @classmethod
    def _has_both_networks(cls, files: dict[str, str]) -> dict[str, str]:
        missing = {GENERATOR, DISCRIMINATOR} - files.keys()
        if missing:
            raise ValueError(f"it does not list {' and '.join(sorted(missing))}")
        return files

    @field_validator("exactness")
    @classmethod
    def _names_its_largest_sum(cls, exactness: dict[str, Any]) -> dict[str, Any]:
        if type(exactness.get("largest_sum")) is not int:
            raise ValueError("it has no largest_sum, which is what the exactness rests on")
        return exactness

    @property
    def digest(self) -> str:
        """sha256 of the generator file: what decides the pixels."""
        return self.files[GENERATOR]


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
