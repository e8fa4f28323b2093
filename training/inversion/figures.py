"""Measures how well the pictures of a dataset, and those of seeds, are found among a generator's pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from models import inversion
from models.inversion_figures import InversionFigures, Method, Recovery
from models.manifest import Manifest
from models.seed_index import SeedIndex, compared
from training.inversion.drawing import SeedDrawer
from training.inversion.publishing import OnnxEncoder

Pixels = NDArray[np.uint8]
STEPS = 4
"""Steps of refinement, as /invert makes by default."""
COMPONENTS = 100
"""Principal components to compare with: as many numbers as a latent has."""
RECOVERED = 500
"""Pictures of random seeds that the index is asked for."""
Say = Callable[[str], None]


class Subject:
    """A version and its encoder.

    Args:
        manifest: manifest of the version.
        drawer: draws its pictures.
        encoder: its encoder.
        encoder_sha256: sha256 of the encoder.
    """

    def __init__(self, manifest: Manifest, drawer: SeedDrawer, encoder: OnnxEncoder, encoder_sha256: str) -> None:
        self.manifest, self.drawer, self.encoder, self.encoder_sha256 = manifest, drawer, encoder, encoder_sha256

    def invert(self, picture: Pixels, steps: int) -> float:
        """Return the pixel error of the latent that is found for a picture, as the class that the encoder recognises."""
        label = np.zeros(1, np.int64)
        if self.encoder.classes:
            label = self.encoder.run(picture[None], label)[1].argmax(1)
        (estimate,) = self.encoder.run(picture[None], label)[0]
        return inversion.refine(picture, estimate, lambda z: self.drawer.draw(z, label.repeat(len(z))), steps).error

    def nearest(self, index: SeedIndex, picture: Pixels) -> tuple[int, float]:
        """Return the nearest seed of an index, and its pixel error."""
        found = index.nearest(picture, 1, self.drawer)[0]
        return found.seed, found.error


def measure(subject: Subject, index: SeedIndex | None, train: Pixels, test: Pixels, say: Say) -> InversionFigures:
    """Measure all methods on the same test pictures.

    Args:
        subject: the version.
        index: its index of seeds, if it has one.
        train: training pictures (N, 28, 28) of its dataset.
        test: test pictures (M, 28, 28).
        say: called with messages about the progress.
    """
    methods = [
        _timed("encoder", lambda picture: subject.invert(picture, 0), test, say),
        _timed(f"encoder and {STEPS} steps", lambda picture: subject.invert(picture, STEPS), test, say),
    ]
    recovery = None
    if index is not None:
        title = f"nearest of {index.info.seeds:,} seeds"
        methods.append(_timed(title, lambda picture: subject.nearest(index, picture)[1], test, say))
        recovery = recover(subject, index)
    methods.append(summary("nearest training picture", nearest_errors(test, train)))
    methods.append(summary(f"{COMPONENTS} principal components of the training pictures", projection_errors(test, train)))
    return InversionFigures(
        generator=subject.manifest.digest,
        encoder=subject.encoder_sha256,
        created=datetime.now(UTC).replace(microsecond=0),
        methods=methods,
        recovery=recovery,
    )


def recover(subject: Subject, index: SeedIndex) -> Recovery:
    """Measure how often the index finds the seed of a generated picture."""
    seeds = np.random.RandomState(1).randint(index.info.seeds, size=RECOVERED).tolist()
    found = [subject.nearest(index, picture)[0] for picture in subject.drawer(seeds)]
    exact = sum(a == b for a, b in zip(found, seeds, strict=True))
    return Recovery(seeds=index.info.seeds, pictures=len(seeds), recovered=exact)


def nearest_errors(pictures: Pixels, among: Pixels) -> NDArray[np.float64]:
    """Return the pixel errors of the nearest of some pictures, (N,), in grey levels.

    Args:
        pictures: (N, 28, 28).
        among: (M, 28, 28).
    """
    flat = among.reshape(len(among), -1).astype(np.float32)
    norms = (flat**2).sum(axis=1)
    errors = []
    for first in range(0, len(pictures), 100):
        part = pictures[first : first + 100]
        distances = norms - 2 * (part.reshape(-1, 784).astype(np.float32) @ flat.T)
        candidates = np.argpartition(distances, 3, axis=1)[:, :4]  # several, because float32 rounds the distances
        errors += [compared(picture, row, among[row])[0].error for picture, row in zip(part, candidates.tolist(), strict=True)]
    return np.array(errors)


def projection_errors(test: Pixels, train: Pixels) -> NDArray[np.float64]:
    """Return the errors (N,) of test pictures projected on the principal components of training pictures, clipped to 0..255."""
    flat = train.reshape(len(train), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    _, vectors = np.linalg.eigh((flat - mean).T @ (flat - mean))
    components = vectors[:, ::-1][:, :COMPONENTS]
    centred = test.reshape(len(test), -1) - mean
    again = np.clip(mean + centred @ components @ components.T, 0, 255)
    found: NDArray[np.float64] = np.sqrt(((again - test.reshape(len(test), -1)) ** 2).mean(axis=1))
    return found


def summary(name: str, errors: NDArray[np.float64], milliseconds: float | None = None) -> Method:
    """Return mean and median of pixel errors."""
    mean, median = round(float(errors.mean()), 2), round(float(np.median(errors)), 2)
    return Method(name=name, pictures=len(errors), mean=mean, median=median, milliseconds=milliseconds)


def _timed(name: str, method: Callable[[Pixels], float], pictures: Pixels, say: Say) -> Method:
    start = time.process_time()
    errors = np.array([method(picture) for picture in _announced(name, pictures, say)])
    return summary(name, errors, round((time.process_time() - start) / len(pictures) * 1e3, 2))


def _announced(name: str, pictures: Pixels, say: Say) -> Iterator[Pixels]:
    for number, picture in enumerate(pictures):
        if number % 1_000 == 0:
            say(f"{name}: {number:,} of {len(pictures):,} pictures")
        yield picture
