"""What `/discriminate` answers: how real a picture looks to a version's discriminator."""

from __future__ import annotations

import base64
import math

from pydantic import BaseModel, ConfigDict, Field

from app import imaging
from app.decoding import decode
from app.discriminator import LoadedDiscriminator
from app.preparation import Prepare, prepare
from models.manifest import Calibration


class Judgement(BaseModel):
    """How real a picture looks."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    model: str
    version: int
    logit: float
    """The discriminator's own figure; the more real the picture looks to it, the greater."""
    probability: float = Field(ge=0, le=1)
    """That the picture is real, where real and generated ones are equally many: the logit, calibrated on held-out pictures."""
    label: int | None
    """Index of the class it was judged as, which need not be what it shows; None without classes."""
    label_name: str | None
    """Name of that class."""
    label_given: bool
    """Whether the request named the class; else it is the one with the greatest logit."""
    per_label: list[float] | None
    """The logit for each class, in their order; None where the request named one, or without classes."""
    prepared: str
    """The 28x28 picture that was judged: a PNG as a data URI (RFC 2397)."""


def judge(content: bytes, how: Prepare, label: int | None, discriminator: LoadedDiscriminator) -> Judgement:
    """Decode a picture file, prepare it as the dataset's own pictures were, and judge it.

    Args:
        content: the file.
        how: see `app.preparation.prepare`.
        label: the class to judge it as; None for the one with the greatest logit, and for an unconditional discriminator.
        discriminator: whose judgement it is.

    Raises:
        PictureUnsupported, PictureTooLarge, PictureInvalid: see `app.decoding.decode`.
    """
    manifest, classes = discriminator.manifest, discriminator.classes
    picture = prepare(decode(content), manifest.dataset.name, how)
    asked = range(len(classes)) if label is None else [label]
    logits = discriminator.logits(picture, asked).tolist()
    best = max(range(len(logits)), key=logits.__getitem__)
    chosen = asked[best] if classes else None
    calibration = manifest.calibration if label is not None else manifest.calibration_any or manifest.calibration
    return Judgement(
        model=manifest.name,
        version=manifest.version,
        logit=logits[best],
        probability=probability(logits[best], calibration),
        label=chosen,
        label_name=None if chosen is None else classes[chosen],
        label_given=label is not None,
        per_label=logits if classes and label is None else None,
        prepared="data:image/png;base64," + base64.b64encode(imaging.png(picture)).decode(),
    )


def probability(logit: float, calibration: Calibration) -> float:
    """That a picture with this logit is real (Platt 1999), without overflow at either end."""
    x = calibration.slope * logit + calibration.intercept
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
