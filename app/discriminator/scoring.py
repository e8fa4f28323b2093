"""Scoring of uploaded and generated pictures with a version's discriminator."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from app.discriminator.network import LoadedDiscriminator
from app.errors import PictureBlank
from app.images import encoding
from app.images.decoding import decode
from app.images.preprocessing import Convert, Mode, Prepared, is_blank, prepare
from app.sampling.chunks import CHUNK, Steps
from app.sampling.latents import Label, Vector, label_row
from app.sampling.pictures import Resolved
from app.sampling.response_cache import RenderedResponse
from models.manifest import DISCRIMINATOR, Calibration, Manifest


class DiscriminatorScore(BaseModel):
    """How real a picture looks."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    model: str
    version: int
    logit: float
    """Output of the discriminator; higher means more real."""
    probability: float = Field(ge=0, le=1)
    """Probability that the picture is real, if half of all pictures are: the logit calibrated on held-out pictures."""
    label: int | None
    """Index of the class that the picture was scored as. null for a mixture, or if the request named no class."""
    label_name: str | None
    """Name of that class."""
    per_label: list[float] | None
    """Logit for each class if the request named none; `logit` is their mean. Otherwise null, as for a model without classes."""
    preprocessing: str
    """none, the dataset whose format the picture was converted to, fitted if that format is unknown, or resized."""
    prepared: str
    """The 28x28 picture that was scored: a PNG as a data URI (RFC 2397)."""


class SeedScore(BaseModel):
    """How real the picture of a seed looks."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    seed: int
    label: int | None
    """Index of the class that the picture was drawn and scored as. null for a mixture, and for a model without classes."""
    logit: float
    """As in `DiscriminatorScore`."""
    probability: float = Field(ge=0, le=1)
    """As in `DiscriminatorScore`."""


class SeedScores(BaseModel):
    """How real the pictures of some seeds look."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    model: str
    version: int
    pictures: list[SeedScore]
    """In the order of the request."""


@dataclass(frozen=True)
class ResolvedScores:
    """Pictures of integer seeds, scored by the discriminator of the version that draws them."""

    resolved: Resolved

    def cache_key(self) -> list[object]:
        """Cache key of the response, besides the generator."""
        return ["judged", score_key(self.resolved.generator.manifest), self.resolved.cache_key()]

    def pinned_url(self) -> str | None:
        """The URL that always returns this response. None if no URL can express the request."""
        url = self.resolved.pinned_url()
        return None if url is None else "/discriminate" + url.removeprefix("/generate")

    def steps(self, discriminator: LoadedDiscriminator) -> Steps[RenderedResponse]:
        """Draw and score in chunks. Return a function that assembles the response."""
        resolved, manifest = self.resolved, discriminator.manifest
        scores: list[str] = []
        for start in range(0, resolved.drawing.count, CHUNK):
            part = slice(start, start + CHUNK)
            points, labels = resolved.points(part)
            pixels = resolved.generator.draw(points)
            yield
            logits = discriminator.logits(pixels, [point.label for point in points]).tolist()
            for seed, label, logit in zip(resolved.drawing.seeds[part], labels, logits, strict=True):
                chance = probability(logit, manifest.calibration)
                scores.append(json.dumps({"seed": seed, "label": label, "logit": logit, "probability": chance}))
            yield
        head = json.dumps({"model": manifest.name, "version": manifest.version})[:-1]
        return lambda: RenderedResponse(f'{head}, "pictures": [{", ".join(scores)}]}}'.encode(), {"X-Model": resolved.model})


def score_key(manifest: Manifest) -> list[object]:
    """Cache key of a probability, besides the picture and the label."""
    return [manifest.files[DISCRIMINATOR], manifest.calibration.slope, manifest.calibration.intercept]


def score(
    content: bytes, mode: Mode, label: Label | None, discriminator: LoadedDiscriminator, convert: Convert | None = None
) -> DiscriminatorScore:
    """Decode a picture file, preprocess it as the pictures of the dataset were, and score it.

    Args:
        content: the file.
        mode: see `app.images.preprocessing.prepare`.
        label: the class or mixture to score the picture as. None scores it as every class. Must be None for an
            unconditional discriminator.
        discriminator: the discriminator to use.
        convert: see `app.images.preprocessing.prepare`.

    Raises:
        PictureUnsupported, PictureTooLarge, PictureInvalid: see `app.images.decoding.decode`.
        PictureBlank: the picture has no subject.
    """
    manifest, classes = discriminator.manifest, discriminator.classes
    prepared = read_prepared(content, mode, manifest.dataset.name, convert)
    picture = prepared.pixels
    labels: Sequence[Label] = range(len(classes)) if label is None else [label]
    rows: list[Vector | None] = [label_row(one, classes) for one in labels] or [None]
    logits = discriminator.logits(picture[None].repeat(len(rows), axis=0), rows).tolist()
    logit = sum(logits) / len(logits)
    calibration = manifest.calibration if label is not None else manifest.calibration_any or manifest.calibration
    index = None if isinstance(label, tuple) else label
    return DiscriminatorScore(
        model=manifest.name,
        version=manifest.version,
        logit=logit,
        probability=probability(logit, calibration),
        label=index,
        label_name=None if index is None else classes[index],
        per_label=logits if classes and label is None else None,
        preprocessing=prepared.preprocessing,
        prepared=encoding.data_uri(encoding.png(picture)),
    )


def read_prepared(content: bytes, mode: Mode, dataset: str, convert: Convert | None = None) -> Prepared:
    """Decode a picture file, and preprocess it as the pictures of a dataset were. See `score` for arguments and errors."""
    decoded = decode(content)
    if is_blank(decoded):
        raise PictureBlank("The picture is blank, so there is nothing to see. Send a picture with a subject on a background.")
    return prepare(decoded, dataset, mode, convert)


def probability(logit: float, calibration: Calibration) -> float:
    """Return the calibrated probability that a picture with this logit is real (Platt 1999), without overflow."""
    x = calibration.slope * logit + calibration.intercept
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
