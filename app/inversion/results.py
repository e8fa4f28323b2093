"""Responses of `/invert` and `/nearest`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from app.discriminator.network import LoadedDiscriminator
from app.discriminator.scoring import probability
from app.images import encoding
from app.images.preprocessing import Prepared
from app.inversion.network import LoadedEncoder
from app.sampling.generator import LoadedGenerator, Pixels
from app.sampling.latents import Point, Vector, one_hot
from app.sampling.pictures import build_url, origin
from models import inversion, seed_contract
from models.manifest import Manifest
from models.seed_index import SeedIndex


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Opinion(_Result):
    """The discriminator's opinion of a picture."""

    logit: float
    """Output of the discriminator; higher means more real."""
    probability: float = Field(ge=0, le=1)
    """Probability that the picture is real, as in the response of `/discriminate`."""


class Inversion(_Result):
    """A point in the latent space whose picture resembles the uploaded one.

    `POST /generate` with `z`, `label`, `model` and `version` draws it.
    """

    model: str
    version: int
    label: int | None
    """Index of the class: of the request, or the most probable one. null for a model without classes."""
    label_name: str | None
    """Name of that class."""
    label_probabilities: list[float] | None
    """Probability of each class according to the encoder. null for a model without classes."""
    z: list[float]
    """The latent: multiples of 1/256 in -8..8."""
    error: float
    """Root mean square difference of the pixels, in grey levels of 0..255."""
    encoder_error: float
    """The same before the refinement."""
    steps: int
    """Number of refinement steps that reduced the error."""
    picture: str
    """The picture of the latent, 28x28: a PNG as a data URI (RFC 2397)."""
    opinion: Opinion
    """The discriminator's opinion of that picture, as the class."""
    preprocessing: str
    """none, the dataset whose format the picture was converted to, fitted if that format is unknown, or resized."""
    prepared: str
    """The uploaded picture at 28x28, for which the latent was found: a PNG as a data URI."""
    prepared_opinion: Opinion
    """The discriminator's opinion of the uploaded picture, as the same class."""


class NearSeed(_Result):
    """A seed whose picture resembles the given one."""

    seed: int
    label: int | None
    """Index of the class that the seed chooses. null for a model without classes."""
    label_name: str | None
    """Name of that class."""
    error: float
    """Root mean square difference of the pixels, in grey levels of 0..255."""
    url: str
    """The call that draws it."""


class Nearest(_Result):
    """The nearest seeds of an index."""

    model: str
    version: int
    seeds: int
    """Size of the index: seeds 0 to seeds - 1."""
    nearest: list[NearSeed]
    """Smallest error first."""
    preprocessing: str | None
    """Of an uploaded picture: none, the dataset whose format it was converted to, fitted, or resized."""
    prepared: str | None
    """The uploaded picture at 28x28: a PNG as a data URI (RFC 2397)."""


def invert(
    prepared: Prepared,
    label: int | None,
    steps: int,
    generator: LoadedGenerator,
    encoder: LoadedEncoder,
    discriminator: LoadedDiscriminator,
) -> tuple[Inversion, int]:
    """Find a latent whose picture resembles a picture. Return it with the number of pictures that were drawn.

    Args:
        prepared: the picture.
        label: the class. None for the most probable one.
        steps: see `models.inversion.refine`.
        generator: the generator.
        encoder: its encoder.
        discriminator: its discriminator.
    """
    manifest, picture = generator.manifest, prepared.pixels
    probabilities = encoder.class_probabilities(picture)
    if generator.classes and label is None:
        label = int(probabilities.argmax())
    row = None if label is None else one_hot(label, len(generator.classes))

    def draw(z: Vector) -> Pixels:
        return generator.draw([Point(each, row) for each in z])

    found = inversion.refine(picture, encoder.latent(picture, row), draw, steps)
    pixels = np.stack([found.pixels, picture])
    opinions = [_opinion(logit, manifest) for logit in discriminator.logits(pixels, [row, row]).tolist()]
    name = None if label is None else generator.classes[label]
    z = [float(value) for value in found.z]
    text = origin(generator) | ({} if name is None else {"label": name}) | {"z": json.dumps(z), "psi": "1.0"}
    result = Inversion(
        model=manifest.name,
        version=manifest.version,
        label=label,
        label_name=name,
        label_probabilities=[round(value, 6) for value in probabilities.tolist()] if generator.classes else None,
        z=z,
        error=round(found.error, 3),
        encoder_error=round(found.start, 3),
        steps=found.steps,
        picture=encoding.data_uri(encoding.png(found.pixels, text)),
        opinion=opinions[0],
        preprocessing=prepared.preprocessing,
        prepared=encoding.data_uri(encoding.png(picture)),
        prepared_opinion=opinions[1],
    )
    return result, found.drawn


def nearest(
    picture: Pixels, count: int, generator: LoadedGenerator, index: SeedIndex, prepared: Prepared | None = None
) -> tuple[Nearest, int]:
    """Find the seeds whose pictures are nearest to a picture. Return them with the number of pictures that were drawn.

    Args:
        picture: (28, 28).
        count: number of seeds.
        generator: the generator.
        index: its index.
        prepared: the uploaded picture, if it is one.
    """
    drawn = 0

    def draw(seeds: Sequence[int]) -> Pixels:
        nonlocal drawn
        drawn += len(seeds)
        return generator.draw_seeds(seeds)[0]

    manifest, classes = generator.manifest, generator.classes
    found = index.nearest(picture, count, draw)
    _, labels = seed_contract.draw_many([each.seed for each in found], manifest.z_dim, len(classes))
    chosen = [int(label) if classes else None for label in labels]
    result = Nearest(
        model=manifest.name,
        version=manifest.version,
        seeds=index.info.seeds,
        nearest=[
            NearSeed(
                seed=each.seed,
                label=label,
                label_name=None if label is None else classes[label],
                error=each.error,
                url=build_url("/generate", {"seed": each.seed, "model": manifest.name, "version": manifest.version}),
            )
            for each, label in zip(found, chosen, strict=True)
        ],
        preprocessing=prepared.preprocessing if prepared else None,
        prepared=encoding.data_uri(encoding.png(picture)) if prepared else None,
    )
    return result, drawn


def _opinion(logit: float, manifest: Manifest) -> Opinion:
    return Opinion(logit=logit, probability=probability(logit, manifest.calibration))
