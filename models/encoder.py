"""The encoder of a generator, which estimates the latent of a picture: `encoder.onnx` and `encoder.json`.

Both files are companions of a version (`models.companions`). `encoder.onnx` has the inputs `image`, float32 [N, 1, 28, 28] in
0..1, and, for a conditional generator, `label`, float32 [N, K], and the outputs `z`, float32 [N, z_dim], and, for a conditional
generator, `logits`, float32 [N, K], which do not depend on the label.

Unlike a generator, an encoder is not quantised. Its sums are rounded differently on different processors, so its estimates may
differ in the last bits between machines. On one machine, they are always the same.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models import companions
from models.companions import Companion

FILE, NETWORK = "encoder.json", "encoder.onnx"


class Quality(BaseModel):
    """Pixel errors: root mean squares in grey levels of 0..255, mean over pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    test: float
    """Of test pictures of the dataset."""
    generated: float
    """Of pictures of seeds."""
    pictures: int
    """Number of each."""
    class_accuracy: float | None
    """Share of the test pictures whose class is recognised. None for an unconditional generator."""


class Encoder(Companion):
    """How an encoder was made, and how good it is."""

    schema_version: Literal[1] = 1
    sha256: str
    """sha256 of encoder.onnx."""
    created: datetime
    parameters: int
    images: int
    """Pictures that it was trained on, generated and real."""
    seconds: float
    """Time that the training took."""
    quality: Quality
    initial: str | None = None
    """sha256 of the encoder that the training began with, if it began with one."""


def read(path: Path, generator: str) -> Encoder | None:
    """Read the description of an encoder. See `models.companions.read`."""
    return companions.read(path, Encoder, generator)
