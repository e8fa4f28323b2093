"""The figures of a generator, each with its floor."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from models.manifest import Figure
from training import datasets
from training.checkpoint import load_checkpoint, save_checkpoint
from training.datasets import Dataset
from training.errors import CheckpointError
from training.evaluation import classifier as classifiers
from training.evaluation import distance
from training.onnx_models import OnnxGenerator
from training.spec import DatasetName

REFERENCE = 10_000
NEIGHBOUR = 5


class Battery:
    """What a generator of one dataset is measured by. The real pictures are looked at once, however many generators follow.

    Args:
        dataset: what the generators were trained on.
        data_folder: where it lies, if not in its usual place.
        pictures: how many generated ones to judge, at most as many as there are test pictures. Figures at different counts
            do not compare.
        cache: folder that keeps what the judge sees in the training pictures, which takes most of the time.
    """

    def __init__(
        self, dataset: DatasetName, data_folder: Path | None = None, pictures: int = 10_000, cache: Path | None = None
    ) -> None:
        train, test = (datasets.load(dataset, split, data_folder) for split in ("train", "test"))
        self.judge, self.judge_sha256 = classifiers.load(dataset, len(train.source.classes))
        self.count = min(pictures, len(test))
        self.labels = test.labels[: self.count]
        self.train = self._judge_training(train, cache)
        self.real = classifiers.judge(self.judge, test.images[: self.count])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            order = torch.randperm(len(self.train))
        self.reference = self.train[order[:REFERENCE]]
        self.radii = distance.radii(self.reference, k=NEIGHBOUR)
        self.sample = self.train[order[-self.count :]]  # as many training pictures as are judged
        self._floors = self._distances(self.real.features) | {
            "fid_test": distance.fid(self.real.features, self.sample),
            "kid_test": distance.kid(self.real.features, self.sample)[0],
            "label_accuracy": self.real.accuracy(self.labels),
        }

    def measure(self, generator: OnnxGenerator) -> dict[str, Figure]:
        """Judge the pictures of seeds 0 up, with the labels of as many test pictures.

        The floor of each figure is what real test pictures get in the same way; for a distance to the test pictures
        themselves, what as many training pictures get.
        """
        fakes, labels = generator.draw(range(self.count), self.labels if generator.classes else None)
        fake = classifiers.judge(self.judge, fakes)
        values: dict[str, float | None] = {
            **self._distances(fake.features),
            "fid_test": distance.fid(self.real.features, fake.features),
            "kid_test": distance.kid(self.real.features, fake.features)[0],
            "label_accuracy": fake.accuracy(labels) if generator.classes else None,
        }
        return {
            name: Figure(value=_rounded(values[name]), floor=_rounded(self._floors[name]), better=better, what=what)
            for name, (better, what) in self._described().items()
        }

    def _judge_training(self, train: Dataset, cache: Path | None) -> Tensor:
        """Features of all training pictures, (60000, D), kept under the names of the judge and of the pictures."""
        path = cache / f"{self.judge_sha256[:16]}-{train.source.digest[:16]}.pt" if cache else None
        if path and path.exists():
            try:
                features: Tensor = load_checkpoint(path)["features"]
            except (CheckpointError, KeyError):
                path.unlink(missing_ok=True)
            else:
                return features
        features = classifiers.judge(self.judge, train.images).features
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_checkpoint({"features": features}, path)
        return features

    def _distances(self, features: Tensor) -> dict[str, float]:
        """How far a set of features lies from the training set's."""
        density, coverage = distance.density_coverage(self.reference, features, k=NEIGHBOUR, radius=self.radii)
        return {
            "fid": distance.fid(self.train, features),
            "kid": distance.kid(self.train, features)[0],
            "density": density,
            "coverage": coverage,
        }

    def _described(self) -> dict[str, tuple[Literal["lower", "higher"], str]]:
        n = f"{self.count:,}"
        balls = f"k={NEIGHBOUR}, {n} pictures against {REFERENCE:,} of the training set (Naeem 2020)"
        kernel = "unbiased kernel distance on the judge's features, mean of 100 subsets of 1,000, against"
        return {
            "fid": ("lower", f"Frechet distance on the judge's features, {n} pictures against the whole training set"),
            "fid_test": ("lower", f"the same against {n} test pictures, which nothing was trained on"),
            "kid": ("lower", f"{kernel} the training set"),
            "kid_test": ("lower", f"{kernel} {n} test pictures"),
            "density": ("higher", f"density, {balls}"),
            "coverage": ("higher", f"coverage, {balls}"),
            "label_accuracy": ("higher", "share of pictures that the judge takes for the class that was asked for"),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
