"""The quiz: which pictures are real, and which are generated?"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from app.discriminator.network import LoadedDiscriminator
from app.discriminator.scoring import probability, score_key
from app.errors import DatasetMissing
from app.images import encoding
from app.sampling.chunks import CHUNK, Steps
from app.sampling.generator import SIDE, LoadedGenerator, Pixels
from app.sampling.latents import Point, Vector, one_hot
from app.sampling.pictures import build_url
from app.sampling.response_cache import Answer
from models.manifest import DatasetNote
from models.noise import MAX_SEED
from training.datasets import SOURCES, DatasetError, read

logger = logging.getLogger("seedling")
MAX_QUESTIONS = 64
_STREAM = 28 * 28
"""Second word of the random state, so that the questions are independent of the picture of the seed."""


class QuizPicture(BaseModel):
    """A picture that is real or generated, and the answer."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    picture: str
    """28x28: a PNG as a data URI (RFC 2397)."""
    real: bool
    label: int | None
    """Index of its class; null for a model without classes."""
    class_: str | None = Field(alias="class")
    """Name of that class."""
    source: int
    """Seed of a generated picture; index in the dataset's test set of a real one."""
    probability: float = Field(ge=0, le=1)
    """Probability that it is real, by the version's discriminator, given the label."""


class QuizSheet(BaseModel):
    """Pictures to tell apart."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    model: str
    version: int
    seed: int
    """Seed of the questions."""
    pictures: list[QuizPicture]


@dataclass(frozen=True)
class RealPictures:
    """A dataset's test pictures, which no network was trained on."""

    images: Pixels
    """(N, 28, 28)"""
    labels: NDArray[np.uint8]
    """(N,)"""


class Originals:
    """The test pictures of each dataset, read on first use: 8 MB each. Safe to use from several threads."""

    def __init__(self) -> None:
        self._read: dict[str, RealPictures] = {}
        self._lock = threading.Lock()

    def of(self, note: DatasetNote) -> RealPictures:
        """The test pictures of the dataset that a version was trained on.

        Raises:
            DatasetMissing: the files are missing, or differ from the published ones.
        """
        source = next((source for name, source in SOURCES.items() if name == note.name), None)
        if source is None or source.digest != note.sha256:
            raise DatasetMissing(f"{note.title} is not a known dataset. Use a model trained on {' or '.join(SOURCES)}.")
        with self._lock:
            if note.name not in self._read:
                try:
                    self._read[note.name] = RealPictures(*read(source.name, "test"))
                except DatasetError as error:
                    logger.error("%s", error)  # with paths, which are not for callers
                    raise DatasetMissing(f"The pictures of {note.title} cannot be read here. {source.remedy}.") from error
            return self._read[note.name]


@dataclass(frozen=True)
class Question:
    """A picture of the quiz."""

    real: bool
    source: int
    """Index of the test picture, or seed."""
    label: int
    """Class of the test picture; for a generated one, the class of another random test picture."""


def questions(seed: int, count: int, labels: NDArray[np.uint8]) -> list[Question]:
    """The questions of a seed. A fair coin decides whether each picture is real; no real one comes twice. A longer quiz starts
    with the questions of a shorter one.

    Args:
        seed: an integer in 0..2**32-1.
        count: how many.
        labels: of the test pictures, (N,), at least `count`.
    """
    random = np.random.RandomState([seed, _STREAM])
    asked: list[Question] = []
    shown: set[int] = set()
    for _ in range(count):
        real, index, drawn = bool(random.randint(2)), random.randint(len(labels)), random.randint(MAX_SEED + 1, dtype=np.int64)
        while real and index in shown:
            index = random.randint(len(labels))
        if real:
            shown.add(index)
        asked.append(Question(real, int(index if real else drawn), int(labels[index])))
    return asked


@dataclass(frozen=True)
class ResolvedQuiz:
    """A seed's questions about a version."""

    generator: LoadedGenerator
    seed: int
    count: int

    def cache_key(self) -> list[object]:
        """Cache key of the response, besides the generator."""
        manifest = self.generator.manifest
        return ["quiz", self.seed, self.count, manifest.dataset.sha256, score_key(manifest), self.generator.title]

    def pinned_url(self) -> str:
        """The URL that always returns this response."""
        manifest = self.generator.manifest
        query = {"seed": self.seed, "count": self.count, "model": manifest.name, "version": manifest.version}
        return build_url("/quiz", query)

    def steps(self, originals: RealPictures, discriminator: LoadedDiscriminator) -> Steps[Answer]:
        """Draw the generated pictures and score all, in chunks; return the rest, which encodes the pictures."""
        asked = questions(self.seed, self.count, originals.labels)
        pixels = np.empty((len(asked), SIDE, SIDE), dtype=np.uint8)
        drawn = [index for index, question in enumerate(asked) if not question.real]
        for start in range(0, len(drawn), CHUNK):
            part = drawn[start : start + CHUNK]
            pixels[part] = self.generator.draw([self._point(asked[index]) for index in part])
            yield
        for index, question in enumerate(asked):
            if question.real:
                pixels[index] = originals.images[question.source]
        logits: list[float] = []
        for start in range(0, len(asked), CHUNK):
            rows = [self._row(question) for question in asked[start : start + CHUNK]]
            logits += discriminator.logits(pixels[start : start + CHUNK], rows).tolist()
            yield
        chances = [probability(logit, discriminator.manifest.calibration) for logit in logits]
        return lambda: Answer(self._json(asked, pixels, chances), {"X-Model": self.generator.title})

    def _row(self, question: Question) -> Vector | None:
        classes = self.generator.classes
        return one_hot(question.label, len(classes)) if classes else None

    def _point(self, question: Question) -> Point:
        return Point(self.generator.point(question.source)[0].z, self._row(question))

    def _json(self, asked: Sequence[Question], pixels: Pixels, chances: Sequence[float]) -> bytes:
        """Real and generated pictures are encoded alike, without text chunks, so the files do not reveal which is which."""
        manifest = self.generator.manifest
        pictures = [
            {
                "picture": encoding.data_uri(encoding.png(picture)),
                "real": question.real,
                "label": question.label if manifest.classes else None,
                "class": manifest.classes[question.label] if manifest.classes else None,
                "source": question.source,
                "probability": chance,
            }
            for question, picture, chance in zip(asked, pixels, chances, strict=True)
        ]
        body = {"model": manifest.name, "version": manifest.version, "seed": self.seed, "pictures": pictures}
        return json.dumps(body).encode()
