"""What `/discriminate` answers: how real a picture looks to a version's discriminator."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from app import imaging
from app.decoding import decode
from app.discriminator import LoadedDiscriminator
from app.latents import Label, Vector, label_row
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
    """Index of the class it was judged as; None where the request named none, or a mixture."""
    label_name: str | None
    """Name of that class."""
    per_label: list[float] | None
    """The logit as each class, in their order, where the request named none: their mean counts. None without classes."""
    prepared: str
    """The 28x28 picture that was judged: a PNG as a data URI (RFC 2397)."""


def judge(content: bytes, how: Prepare, label: Label | None, discriminator: LoadedDiscriminator) -> Judgement:
    """Decode a picture file, prepare it as the dataset's own pictures were, and judge it.

    Args:
        content: the file.
        how: see `app.preparation.prepare`.
        label: the class, or the mixture of classes, to judge it as; None for each class by itself, and for an unconditional
            discriminator.
        discriminator: whose judgement it is.

    Raises:
        PictureUnsupported, PictureTooLarge, PictureInvalid: see `app.decoding.decode`.
    """
    manifest, classes = discriminator.manifest, discriminator.classes
    picture = prepare(decode(content), manifest.dataset.name, how)
    asked: Sequence[Label] = range(len(classes)) if label is None else [label]
    rows: list[Vector | None] = [label_row(one, classes) for one in asked] or [None]
    logits = discriminator.logits(picture[None].repeat(len(rows), axis=0), rows).tolist()
    logit = sum(logits) / len(logits)
    calibration = manifest.calibration if label is not None else manifest.calibration_any or manifest.calibration
    index = None if isinstance(label, tuple) else label
    return Judgement(
        model=manifest.name,
        version=manifest.version,
        logit=logit,
        probability=probability(logit, calibration),
        label=index,
        label_name=None if index is None else classes[index],
        per_label=logits if classes and label is None else None,
        prepared="data:image/png;base64," + base64.b64encode(imaging.png(picture)).decode(),
    )


def probability(logit: float, calibration: Calibration) -> float:
    """That a picture with this logit is real (Platt 1999), without overflow at either end."""
    x = calibration.slope * logit + calibration.intercept
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
