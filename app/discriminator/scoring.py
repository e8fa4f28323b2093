"""Scores of uploaded and generated pictures by a version's discriminator."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from app.discriminator.network import LoadedDiscriminator
from app.images import encoding
from app.images.decoding import decode
from app.images.preprocessing import Prepare, prepare
from app.sampling.latents import Label, Vector, label_row
from app.sampling.pictures import Resolved
from app.sampling.response_cache import Answer
from app.sampling.slices import SLICE, Steps
from models.manifest import DISCRIMINATOR, Calibration, Manifest


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


class JudgedSeed(BaseModel):
    """How real a seed's picture looks."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    seed: int
    label: int | None
    """Index of the class it was drawn as, and judged as; None for a mixture, and without classes."""
    logit: float
    """As in a Judgement."""
    probability: float = Field(ge=0, le=1)
    """As in a Judgement."""


class Judgements(BaseModel):
    """How real the pictures of some seeds look."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    model: str
    version: int
    pictures: list[JudgedSeed]
    """In the order in which they were asked for."""


@dataclass(frozen=True)
class ResolvedScores:
    """The pictures of a drawing, of integer seeds, to be judged by the discriminator of the generator that draws them."""

    resolved: Resolved

    def cache_key(self) -> list[object]:
        """What decides the answer, besides the generator."""
        return ["judged", judge_key(self.resolved.generator.manifest), self.resolved.cache_key()]

    def pinned_url(self) -> str | None:
        """The query that gives this answer for ever; None for a list of seeds that is too long."""
        url = self.resolved.pinned_url()
        return None if url is None else "/discriminate" + url.removeprefix("/generate")

    def steps(self, discriminator: LoadedDiscriminator) -> Steps[Answer]:
        """Draw a slice, judge a slice; what is left is to put the answer together."""
        resolved, manifest = self.resolved, discriminator.manifest
        written: list[str] = []
        for start in range(0, resolved.drawing.count, SLICE):
            part = slice(start, start + SLICE)
            points, labels = resolved.points(part)
            pixels = resolved.generator.draw(points)
            yield
            logits = discriminator.logits(pixels, [point.label for point in points]).tolist()
            for seed, label, logit in zip(resolved.drawing.seeds[part], labels, logits, strict=True):
                chance = probability(logit, manifest.calibration)
                written.append(json.dumps({"seed": seed, "label": label, "logit": logit, "probability": chance}))
            yield
        head = json.dumps({"model": manifest.name, "version": manifest.version})[:-1]
        return lambda: Answer(f'{head}, "pictures": [{", ".join(written)}]}}'.encode(), {"X-Model": resolved.model})


def judge_key(manifest: Manifest) -> list[object]:
    """What decides a probability, besides the picture and the label."""
    return [manifest.files[DISCRIMINATOR], manifest.calibration.slope, manifest.calibration.intercept]


def score(content: bytes, how: Prepare, label: Label | None, discriminator: LoadedDiscriminator) -> Judgement:
    """Decode a picture file, prepare it as the dataset's own pictures were, and judge it.

    Args:
        content: the file.
        how: see `app.images.preprocessing.prepare`.
        label: the class, or the mixture of classes, to judge it as; None for each class by itself, and for an unconditional
            discriminator.
        discriminator: whose judgement it is.

    Raises:
        PictureUnsupported, PictureTooLarge, PictureInvalid: see `app.images.decoding.decode`.
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
        prepared=encoding.data_uri(encoding.png(picture)),
    )


def probability(logit: float, calibration: Calibration) -> float:
    """That a picture with this logit is real (Platt 1999), without overflow at either end."""
    x = calibration.slope * logit + calibration.intercept
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
