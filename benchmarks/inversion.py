"""Measures /invert and /nearest without HTTP: .venv-dev/bin/python -m benchmarks.inversion steps|recall

steps: pixel errors on test pictures by the number of steps of refinement, and the milliseconds of CPU time of each.
recall: of an index of 100,000 seeds, against brute force over all their pictures.

Everything runs on one core. `python -m training inversion` measures the figures of the model card.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from app.inversion.network import LoadedEncoder
from app.sampling.generator import LoadedGenerator
from app.sampling.latents import Point, one_hot
from models import inversion, seed_index, seed_index_build
from models.locations import SHIPPED
from models.repository import Repository
from models.seed_index import SeedIndex
from models.seed_index_build import Plan
from training import datasets

Pixels = NDArray[np.uint8]
STEPS = (0, 1, 2, 4, 8, 16)
RECALL_SEEDS = 100_000
PROBES = (8, 16, 32, 48, 96)


class Subject:
    """A version and its encoder.

    Args:
        name: the model.
        number: the version. None for the champion.
    """

    def __init__(self, name: str, number: int | None) -> None:
        repository = Repository(SHIPPED)
        self.version = repository.get(name, number or repository.aliases(name)["champion"])
        self.generator = LoadedGenerator(self.version)

    def draw(self, seeds: list[int] | range) -> Pixels:
        """Return the pictures of seeds."""
        return self.generator.draw_seeds(list(seeds))[0]

    def pictures(self, split: datasets.Split) -> Pixels:
        """Return the pictures of the dataset."""
        source = self.version.manifest.dataset
        return datasets.read(datasets.reference_of(source.name, source.sha256), split)[0]


def steps(subject: Subject, pictures: int) -> dict[str, dict[str, float]]:
    """Return mean and median error and milliseconds by the number of steps, on the first test pictures."""
    test = subject.pictures("test")[:pictures]
    encoder, generator = LoadedEncoder(subject.version), subject.generator

    def by_encoder(count: int) -> Callable[[Pixels], float]:
        def invert(picture: Pixels) -> float:
            row = None
            if generator.classes:
                row = one_hot(int(encoder.class_probabilities(picture).argmax()), len(generator.classes))
            estimate = encoder.latent(picture, row)
            return inversion.refine(picture, estimate, lambda z: generator.draw([Point(each, row) for each in z]), count).error

        return invert

    return {f"{count} steps": _timed(by_encoder(count), test) for count in STEPS}


def recall(subject: Subject, queries: int) -> dict[str, dict[str, float]]:
    """Return recall@1 and recall@10 on 100,000 seeds, by kind of query and number of cells read."""
    seeds = range(RECALL_SEEDS)
    with TemporaryDirectory() as folder:
        digest = subject.version.manifest.digest
        drawn = np.concatenate([subject.draw(seeds[first : first + 8192]) for first in range(0, len(seeds), 8192)])
        built = seed_index_build.build(Path(folder), Plan(digest, len(seeds)), lambda part: drawn[part.start : part.stop])
        index = SeedIndex(built, digest)
        kinds = {"test pictures": subject.pictures("test")[:queries], "further seeds": subject.draw(_further(queries))}
        return {
            f"{kind}, {probes} of {index.info.cells} cells": _recall(index, drawn, pictures, probes)
            for kind, pictures in kinds.items()
            for probes in PROBES
        }


def _recall(index: SeedIndex, drawn: Pixels, pictures: Pixels, probes: int) -> dict[str, float]:
    expected = _brute_force(pictures, drawn, 10)[0]
    found, seconds = [], 0.0
    for picture in pictures:
        start = time.process_time()
        candidates = index.candidates(picture, probes=probes)
        seconds += time.process_time() - start
        found.append([each.seed for each in seed_index.compared(picture, candidates, drawn[candidates])[:10]])
    first = [a[0] == b[0] for a, b in zip(found, expected, strict=True)]
    ten = [len({*a} & {*b}) / 10 for a, b in zip(found, expected, strict=True)]
    return {"recall@1": float(np.mean(first)), "recall@10": float(np.mean(ten)), "ms": seconds / len(pictures) * 1e3}


def _further(queries: int) -> list[int]:
    return list(range(3_000_000_000, 3_000_000_000 + queries))


def _brute_force(pictures: Pixels, among: Pixels, count: int) -> tuple[list[list[int]], NDArray[np.float64]]:
    """Return the nearest of some pictures, (N, count), and their errors in grey levels."""
    flat = among.reshape(len(among), -1).astype(np.float32)
    norms = (flat**2).sum(axis=1)
    rows, found = [], []
    for first in range(0, len(pictures), 100):
        part = pictures[first : first + 100].reshape(-1, 784).astype(np.float32)
        distances = norms - 2 * (part @ flat.T)
        nearest = np.argpartition(distances, count + 2, axis=1)[:, : count + 3]
        for picture, candidates in zip(pictures[first : first + 100], nearest.tolist(), strict=True):
            best = seed_index.compared(picture, candidates, among[candidates])[:count]
            rows.append([each.seed for each in best])
            found.append([each.error for each in best])
    return rows, np.array(found)


def _timed(method: Callable[[Pixels], float], pictures: Pixels) -> dict[str, float]:
    start = time.process_time()
    found = np.array([method(picture) for picture in pictures])
    return _summary(found) | {"ms": (time.process_time() - start) / len(pictures) * 1e3}


def _summary(values: NDArray[np.float64]) -> dict[str, float]:
    return {"pictures": len(values), "mean": float(values.mean()), "median": float(np.median(values))}


def _rows(found: dict[str, dict[str, float]]) -> Iterator[str]:
    for title, figures in found.items():
        yield f"| {title} | " + " | ".join(f"{name} {value:.4g}" for name, value in figures.items()) + " |"


def main() -> None:
    """Run one of the measurements, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["steps", "recall"])
    parser.add_argument("--model", default="digits")
    parser.add_argument("--version", type=int)
    parser.add_argument("--pictures", type=int, default=300, help="test pictures, and queries of each kind")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    asked = parser.parse_args()
    found = (steps if asked.what == "steps" else recall)(Subject(asked.model, asked.version), asked.pictures)
    print("\n".join(_rows(found)))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
