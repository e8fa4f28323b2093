"""The quiz: tell real pictures from generated ones."""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
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
from app.sampling.response_cache import RenderedResponse
from models.manifest import DatasetNote
from models.seed_contract import MAX_SEED
from training.datasets import PUBLISHED, DatasetError, DatasetRegistry, read, reference_of

logger = logging.getLogger("seedling")
MAX_QUESTIONS = 64
MAX_ORIGINALS = 10_000
"""Test pictures of a dataset that are used. MNIST has as many."""
MAX_DATASETS = 8
"""Datasets whose test pictures are kept in memory."""
_STREAM = 28 * 28
"""Second word of the random state. It makes the questions independent of the picture of the same seed."""


class QuizPicture(BaseModel):
    """A real or generated picture, with the answer."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    picture: str
    """28x28: a PNG as a data URI (RFC 2397)."""
    real: bool
    label: int | None
    """Index of the class. null for a model without classes."""
    class_: str | None = Field(alias="class")
    """Name of the class."""
    source: int
    """Seed of a generated picture, or index of a real one in the dataset's test set."""
    probability: float = Field(ge=0, le=1)
    """Probability that the picture is real, according to the version's discriminator, conditioned on the label."""


class QuizSheet(BaseModel):
    """The pictures of a quiz."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    model: str
    version: int
    seed: int
    """Seed of the questions."""
    pictures: list[QuizPicture]


@dataclass(frozen=True)
class RealPictures:
    """The test pictures of a dataset, which are not used for training."""

    images: Pixels
    """(N, 28, 28)"""
    labels: NDArray[np.integer]
    """(N,)"""


class Originals:
    """Cache of the test pictures of datasets, read on first use. They take at most 8 MB per dataset. Thread-safe.

    Args:
        registry: the imported datasets. By default, those in the state folder.
    """

    def __init__(self, registry: DatasetRegistry | None = None) -> None:
        self.registry = registry or DatasetRegistry()
        self._read: OrderedDict[str, RealPictures] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, note: DatasetNote) -> RealPictures:
        """Return test pictures of the dataset that a version was trained on, at most the first 10,000.

        Raises:
            DatasetMissing: the dataset is unknown, or its files are missing or differ from those that the version knows.
        """
        with self._lock:
            if note.sha256 not in self._read:
                self._read[note.sha256] = self._load(note)
                if len(self._read) > MAX_DATASETS:
                    self._read.popitem(last=False)
            self._read.move_to_end(note.sha256)
            return self._read[note.sha256]

    def _load(self, note: DatasetNote) -> RealPictures:
        published = PUBLISHED.get(note.name)
        if published and published.digest != note.sha256:
            raise DatasetMissing(f"{note.title} is not the published dataset. Use a model trained on {' or '.join(PUBLISHED)}.")
        try:
            images, labels = read(reference_of(note.name, note.sha256), "test", registry=self.registry)
        except DatasetError as error:
            logger.error("%s", error)  # contains paths, which clients must not see
            remedy = published.remedy if published else "Import it again on this server, or use another model"
            raise DatasetMissing(f"The server cannot read the pictures of {note.title}. {remedy}.") from error
        return RealPictures(images[:MAX_ORIGINALS].copy(), labels[:MAX_ORIGINALS].copy())


@dataclass(frozen=True)
class Question:
    """A question of the quiz: one picture."""

    real: bool
    source: int
    """Index of the test picture, or seed of the generated one."""
    label: int
    """Class of the test picture. A generated picture gets the class of a random test picture."""


def draw_questions(seed: int, count: int, labels: NDArray[np.integer]) -> list[Question]:
    """Draw the questions of a seed.

    Each picture is real with probability 1/2, until all test pictures have appeared. No real picture appears twice. A longer
    quiz starts with the questions of a shorter one.

    Args:
        seed: an integer in 0..2**32-1.
        count: number of questions.
        labels: labels of the test pictures, (N,).
    """
    random = np.random.RandomState([seed, _STREAM])
    questions: list[Question] = []
    shown: set[int] = set()
    for _ in range(count):
        real, index, drawn = bool(random.randint(2)), random.randint(len(labels)), random.randint(MAX_SEED + 1, dtype=np.int64)
        real = real and len(shown) < len(labels)
        while real and index in shown:
            index = random.randint(len(labels))
        if real:
            shown.add(index)
        questions.append(Question(real, int(index if real else drawn), int(labels[index])))
    return questions


@dataclass(frozen=True)
class ResolvedQuiz:
    """The quiz of a seed for a version."""

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

    def steps(self, originals: RealPictures, discriminator: LoadedDiscriminator) -> Steps[RenderedResponse]:
        """Draw the generated pictures and score all pictures, in chunks. Return a function that encodes the response."""
        questions = draw_questions(self.seed, self.count, originals.labels)
        pixels = np.empty((len(questions), SIDE, SIDE), dtype=np.uint8)
        drawn = [index for index, question in enumerate(questions) if not question.real]
        for start in range(0, len(drawn), CHUNK):
            part = drawn[start : start + CHUNK]
            pixels[part] = self.generator.draw([self._point(questions[index]) for index in part])
            yield
        for index, question in enumerate(questions):
            if question.real:
                pixels[index] = originals.images[question.source]
        logits: list[float] = []
        for start in range(0, len(questions), CHUNK):
            rows = [self._row(question) for question in questions[start : start + CHUNK]]
            logits += discriminator.logits(pixels[start : start + CHUNK], rows).tolist()
            yield
        probabilities = [probability(logit, discriminator.manifest.calibration) for logit in logits]
        return lambda: RenderedResponse(self._json(questions, pixels, probabilities), {"X-Model": self.generator.title})

    def _row(self, question: Question) -> Vector | None:
        classes = self.generator.classes
        return one_hot(question.label, len(classes)) if classes else None

    def _point(self, question: Question) -> Point:
        return Point(self.generator.point(question.source)[0].z, self._row(question))

    def _json(self, questions: Sequence[Question], pixels: Pixels, probabilities: Sequence[float]) -> bytes:
        """Encode real and generated pictures alike, without text chunks, so that the files do not reveal the answers."""
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
            for question, picture, chance in zip(questions, pixels, probabilities, strict=True)
        ]
        body = {"model": manifest.name, "version": manifest.version, "seed": self.seed, "pictures": pictures}
        return json.dumps(body).encode()
