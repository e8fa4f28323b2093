"""The schema of a version's `manifest.json`."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.sharpening import FIRST_KINDS, Kind

GENERATOR = "generator.onnx"
DISCRIMINATOR = "discriminator.onnx"
MANIFEST = "manifest.json"
CARD = "README.md"
SAMPLES = "samples.png"
WEIGHTS = "weights.pt"
EVALUATION = "evaluation.json"
CURVES, FAILURES, NEIGHBOURS, RELIABILITY = "curves.png", "failures.png", "neighbours.png", "reliability.png"
PLOTS = (CURVES, FAILURES, NEIGHBOURS, RELIABILITY)
"""Pictures that an evaluation may write. A version contains those that apply."""
AGAINST = "against.json"
"""The champion's figures on the same seeds, stored with a candidate."""
Task = Literal["generate", "sharpen"]
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Figure(_Part):
    """One measured figure and its floor."""

    value: float | None
    """Value for this generator. None if the figure does not apply, such as label accuracy without labels."""
    floor: float | None
    """Value for the same number of real pictures instead of generated ones."""
    sd: float | None = None
    """Standard deviation of the value, if it is a mean."""
    floor_sd: float | None = None
    """Standard deviation of the floor, if it is a mean."""
    better: Literal["lower", "higher"]
    """Whether lower or higher values are better."""
    what: str
    """Description of the figure and its reference."""


class DatasetNote(_Part):
    """The training dataset of a version."""

    name: str
    title: str
    licence: str
    sha256: str
    """sha256 of the list of its files' sha256."""


class TrainingNote(_Part):
    """The training run of a version."""

    images: int
    """Real images shown to the discriminator."""
    seconds: float
    """Wall-clock time of the training."""
    machine: str
    """Machine of the training."""
    generator_parameters: int
    discriminator_parameters: int
    ended: str | None = None
    """Why the run ended: indistinguishable, plateau, budget, or stopped. None if not recorded."""


class Golden(_Part):
    """Reference pixels that the generator must reproduce on every machine."""

    seeds: int
    """Number of seeds, counted from 0, with the labels of the seeds, or with `models.sharpening.golden_inputs`."""
    sha256: str
    """sha256 of their uint8 pixels, row by row, in order of the seeds."""


class Parity(_Part):
    """Comparison of the exported networks with the trained ones."""

    seeds: int
    generator_max_difference: float
    """Largest absolute difference of a pixel in 0..1 between torch and ONNX Runtime, both on the integer grid."""
    generator_pixels_different: int
    """Number of pixels that differ after rounding to 0..255."""
    batch_pixels_different: int
    """Number of pixels that differ between batched and single inference."""
    discriminator_max_difference: float
    """Largest absolute difference of a logit."""
    grid_mean_difference: float
    """Mean absolute difference, in grey levels, between the trained generator and the exported one on its integer grid."""
    grid_max_difference: float
    """Largest absolute difference, in grey levels, between the two."""


class Calibration(_Part):
    """Platt scaling of the discriminator's logit to the probability that a picture is real."""

    slope: float
    intercept: float
    pictures: int
    """Number of real held-out pictures on which it was fitted, and of generated pictures."""


class Gate(_Part):
    """The decision whether to promote a retrained version automatically."""

    asked: Literal["if_better", "always", "never"]
    """The promotion policy that the retraining job requested."""
    promoted: bool
    """Whether the version was to become champion on publication."""
    rule: str
    """Description of the rule."""
    reason: str
    """Reason of the decision."""
    better: bool | None = None
    """Whether the version is better than the champion by the rule, whatever was requested. Always false if it copies training
    pictures. Otherwise None if it was not compared with a champion, and None in versions of earlier releases."""
    champion: int | None
    """The version it was compared with. None if there was none, or it could not be measured."""
    figures: dict[str, Figure]
    """Figures of the version on held-out pictures."""
    champion_figures: dict[str, Figure]
    """Figures of the champion on the same seeds. Empty if there was none."""


class PopulationNote(_Part):
    """The population from which a version was chosen."""

    runs: int
    """Number of runs."""
    run: int
    """Number of the chosen run, from 1."""
    overrides: dict[str, Any]
    """The fields of the spec in which the runs differ, with the values of the chosen one."""
    kid: float | None
    """Its lowest KID during training, by which it was chosen."""
    stopped: int
    """Number of runs that were stopped early."""
    failed: int
    """Number of runs that failed."""
    rule: str
    """Description of the rule by which runs were stopped and the best was chosen."""


class Manifest(_Part):
    """Complete metadata of a version."""

    schema_version: Literal[1] = 1
    task: Task = "generate"
    """generate: z and label to a picture. sharpen: a degraded picture and z to a picture (`models.sharpening`)."""
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] | None = None
    """Of a sharpener: the kinds of degradation it was trained for, in the order of the input's columns. None for a generator,
    and for sharpeners of earlier releases. See `degradations`."""
    name: str = Field(pattern=NAME_PATTERN)
    version: int = Field(ge=1)
    created: datetime
    files: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")], str]
    """File name (never a path) to sha256. Always contains the generator and the discriminator."""
    z_dim: int = Field(ge=1)
    classes: tuple[Annotated[str, Field(pattern=r"^[!-~]{1,80}$")], ...]
    """Names of the classes in the order of the label's columns, unique, in printable ASCII without spaces. Empty for an
    unconditional generator."""
    noise: Literal["mt19937-v1"] = "mt19937-v1"
    """The mapping from a seed to z."""
    spec: dict[str, Any]
    """The training spec."""
    dataset: DatasetNote
    training: TrainingNote
    metrics: dict[str, Figure]
    ledger: dict[str, dict[str, dict[str, float | None]]] = Field(default_factory=dict)
    """Of a sharpener that was measured thoroughly: test to method (this version, the originals, classic filters, other
    versions) to figure name to value."""
    judge_sha256: str
    """sha256 of the classifier that the metrics use."""
    exactness: dict[str, Any]
    """Proof that the generator is bit-identical on every machine."""
    parity: Parity
    golden: Golden
    calibration: Calibration
    calibration_any: Calibration | None = None
    """Calibration without a label, fitted to the mean logit over all labels. None for an unconditional model."""
    parent: int | None = None
    """The version whose weights the training started from."""
    job: str | None = None
    """The retraining job that produced the version."""
    population: PopulationNote | None = None
    """The population from which the version was chosen, if the job had several runs."""
    gate: Gate | None = None
    """Comparison with the champion at that time, if the version was retrained by the service."""
    libraries: dict[str, str]
    """Versions of the libraries used for training and export."""

    @field_validator("classes")
    @classmethod
    def _check_classes(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(classes)) != len(classes):
            raise ValueError("two classes have the same name. Rename one.")
        return classes

    @field_validator("files")
    @classmethod
    def _check_files(cls, files: dict[str, str]) -> dict[str, str]:
        missing = {GENERATOR, DISCRIMINATOR} - files.keys()
        if missing:
            raise ValueError(f"it does not list {' and '.join(sorted(missing))}")
        return files

    @field_validator("exactness")
    @classmethod
    def _check_exactness(cls, exactness: dict[str, Any]) -> dict[str, Any]:
        if type(exactness.get("largest_sum")) is not int:
            raise ValueError("it has no largest_sum, on which exactness depends")
        return exactness

    @property
    def degradations(self) -> tuple[Kind, ...]:
        """The kinds of degradation of a sharpener, in the order of the input's columns. Empty for a generator."""
        if self.task != "sharpen":
            return ()
        return self.kinds or FIRST_KINDS

    @property
    def digest(self) -> str:
        """sha256 of the generator file, which determines the pixels."""
        return self.files[GENERATOR]


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
