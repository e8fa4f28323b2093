"""The figures of a generator. Each has a floor: the same figure for real pictures instead of generated ones.

The real pictures are test pictures, or training pictures for the figures that compare with test pictures or train a network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from models.manifest import Figure, sha256_of
from training.checkpoint import load_checkpoint, save_checkpoint
from training.datasets import tensors
from training.datasets.tensors import Dataset
from training.errors import CheckpointError
from training.evaluation import distance, judges, texture
from training.evaluation.cached_figures import cached
from training.evaluation.fresh_classifier import learn, probabilities
from training.evaluation.judges import Judgement, Kind
from training.evaluation.memorisation import COPY, Nearest, nearest
from training.evaluation.onnx_models import OnnxGenerator
from training.evaluation.two_sample import two_sample

REFERENCE = 10_000
NEIGHBOUR = 5
TWO_SAMPLE_SEEDS = range(3)
COPY_PICTURES = 1_000
"""Pictures that are searched for copies, also in a fast measurement."""
SCORE_SEED, SCORE_EPOCHS = 0, 3
SCORE_SEEDS_FROM = 2**20
"""First seed of the pictures that a classifier is trained on, disjoint from those that are evaluated."""


@dataclass(frozen=True)
class Measured:
    """The evaluation of one generator: its figures and the data for the report."""

    figures: dict[str, Figure]
    pictures: Tensor
    """The evaluated pictures, uint8 (N, 1, 28, 28), of seeds 0 to N-1."""
    labels: Tensor
    """The requested classes, (N,)."""
    judgement: Judgement
    """The first judge's output for the pictures."""
    by_class: dict[str, list[float | None]] = field(default_factory=dict)
    """Figure name to its value for each class."""
    neighbours: Nearest | None = None
    """The nearest training pictures; only in a thorough measurement."""
    ledger: dict[str, dict[str, dict[str, float | None]]] = field(default_factory=dict)
    """Of a sharpener: test to method to figure name to value."""


class Battery:
    """Measures generators of one dataset. The features of the real pictures are computed once for all generators.

    Args:
        dataset: the generators' training dataset.
        data_folder: folder of the dataset's files. Defaults to their usual location.
        pictures: number of generated pictures, at most the number of test pictures. Figures at different counts are not
            comparable.
        cache: folder for the judges' features of the training pictures, which take much of the time, and for figures.
    """

    def __init__(
        self, dataset: str, data_folder: Path | None = None, pictures: int = 10_000, cache: Path | None = None
    ) -> None:
        train, test = (tensors.load(dataset, split, data_folder) for split in ("train", "test"))
        self.train, self.test, self.cache = train, test, cache
        self.count = min(pictures, len(test))
        self.labels = test.labels[: self.count]
        self.views = {kind: _View(kind, train, test, self.count, cache) for kind in judges.KINDS}
        self.judge_sha256 = self.views["conv"].judge_sha256
        digests = (view.judge_sha256 for view in self.views.values())
        self._inputs: tuple[str | int, ...] = (*digests, train.info.digest, self.count)
        self._score_floor: Tensor | None = None

    def measure(self, generator: OnnxGenerator) -> dict[str, Figure]:
        """Compute the figures based on both judges' features, for seeds from 0 with the labels of the test pictures.

        The floor of each figure is its value for real test pictures. For distances to the test pictures, it is the value for
        the same number of training pictures. The figures of a generator file are cached.
        """
        inputs: tuple[str | int, ...] = ("figures", sha256_of(generator.path), generator.classes, *self._inputs)
        found = cached(self.cache, inputs, lambda: {n: f.model_dump() for n, f in self.evaluate(generator).figures.items()})
        return {name: Figure.model_validate(figure) for name, figure in found.items()}

    def evaluate(self, generator: OnnxGenerator, *, thorough: bool = False) -> Measured:
        """Measure a generator and return its figures with the data for the report.

        Args:
            generator: the exported generator.
            thorough: also train networks on its pictures and find their nearest training pictures, which takes minutes.
        """
        conditional = bool(generator.classes)
        fakes, labels = generator.draw(range(self.count), self.labels if conditional else None)
        figures: dict[str, Figure] = {}
        judgements = {kind: judges.judge(view.judge, fakes) for kind, view in self.views.items()}
        for kind, view in self.views.items():
            figures |= view.figures(judgements[kind], labels if conditional else None)
        judgement, real = judgements["conv"], self.views["conv"].real
        by_class: dict[str, list[float | None]] = {}
        if conditional:
            by_class["label_accuracy"] = _each_class(judgement.probabilities.argmax(1), labels)
            by_class["label_accuracy, real"] = _each_class(real.probabilities.argmax(1), self.labels)
        neighbours = None
        if thorough:
            if conditional:
                figures |= self._score(generator, by_class)
            figures |= self._two_samples(fakes)
            neighbours, repeats = self._memorisation(fakes)
            figures |= repeats
        few = neighbours.first(COPY_PICTURES) if neighbours else nearest(fakes[:COPY_PICTURES], self.train.images)
        figures |= self._copies(few)
        return Measured(figures, fakes, labels, judgement, by_class, neighbours)

    def _score(self, generator: OnnxGenerator, by_class: dict[str, list[float | None]]) -> dict[str, Figure]:
        """The classification accuracy score."""
        labels = self.train.labels
        fakes, _ = generator.draw(range(SCORE_SEEDS_FROM, SCORE_SEEDS_FROM + len(labels)), labels)
        guesses = self._learned_from(fakes)
        if self._score_floor is None:
            self._score_floor = self._learned_from(self.train.images)
        by_class["cas"] = _each_class(guesses, self.test.labels)
        by_class["cas, real"] = _each_class(self._score_floor, self.test.labels)
        value, floor = ((g == self.test.labels).float().mean().item() for g in (guesses, self._score_floor))
        what = (
            f"classification accuracy score: a fresh network trained on {len(labels):,} pictures ({SCORE_EPOCHS} epochs) "
            f"names the class of {len(self.test):,} test pictures (Ravuri & Vinyals 2019)"
        )
        return {"cas": Figure(value=_rounded(value), floor=_rounded(floor), better="higher", what=what)}

    def _learned_from(self, pictures: Tensor) -> Tensor:
        """Return the predicted class of each test picture by a network trained on `pictures` with the training labels."""
        classes = len(self.train.info.classes)
        network = learn(pictures, self.train.labels, classes, seed=SCORE_SEED, epochs=SCORE_EPOCHS)
        return probabilities(network, self.test.images).argmax(1)

    def _two_samples(self, fakes: Tensor) -> dict[str, Figure]:
        """Two-sample tests of generated against test pictures. The floor is that of training against test pictures."""
        rng = torch.Generator().manual_seed(0)
        training = self.train.images[torch.randperm(len(self.train), generator=rng)[: len(fakes)]]
        found = [two_sample(self.test.images, fakes, seed) for seed in TWO_SAMPLE_SEEDS]
        floor = [two_sample(self.test.images, training, seed) for seed in TWO_SAMPLE_SEEDS]
        what = (
            f"two-sample test: {{}} of a fresh network that distinguishes test pictures from generated ones, trained on half "
            f"of {len(fakes):,} each, tested on the other; {len(TWO_SAMPLE_SEEDS)} seeds (Lopez-Paz & Oquab 2017). Its floor: "
            "test from training pictures"
        )
        figures = {
            name: _spread([getattr(t, key) for t in found], [getattr(t, key) for t in floor], "lower", what.format(words))
            for name, key, words in (("c2st_accuracy", "accuracy", "accuracy"), ("c2st_auc", "auc", "area under the ROC curve"))
        }
        for name, (band, words) in texture.BANDS.items():
            real, fake, other = (band(pictures) for pictures in (self.test.images, fakes, training))
            figures[f"c2st_{name}"] = Figure(
                value=_rounded(two_sample(real, fake, TWO_SAMPLE_SEEDS[0]).accuracy),
                floor=_rounded(two_sample(real, other, TWO_SAMPLE_SEEDS[0]).accuracy),
                better="lower",
                what=f"the same accuracy, one seed, on pictures of which the network sees one band: {words}",
            )
        return figures

    def _memorisation(self, fakes: Tensor) -> tuple[Nearest, dict[str, Figure]]:
        """Distances of generated pictures to their nearest training pictures. The floor is that of test pictures."""
        fake, real = (nearest(pictures, self.train.images) for pictures in (fakes, self.test.images[: self.count]))
        figures = {
            "nearest_training": Figure(
                value=_rounded(fake.median),
                floor=_rounded(real.median),
                better="higher",
                what="median distance to the nearest training picture, pixels in 0..1; far below the floor would be copying",
            ),
            "authenticity": Figure(
                value=_rounded(fake.authenticity),
                floor=_rounded(real.authenticity),
                better="higher",
                what="AuthPct: share not nearer to a training picture than that one's own nearest neighbour (Alaa 2022)",
            ),
        }
        return fake, figures

    def _copies(self, found: Nearest) -> dict[str, Figure]:
        """The share of copies among the first pictures."""
        real = self.test.images[: len(found.distance)]
        inputs = ("copies", self.train.info.digest, len(real))
        floor = cached(self.cache, inputs, lambda: {"copied": nearest(real, self.train.images).copied})["copied"]
        what = (
            f"share of the first {len(real):,} pictures that copy a training picture: less than {COPY:g} times as far from it, "
            "in pixels, as the next training picture is"
        )
        return {"copied": Figure(value=_rounded(found.copied), floor=_rounded(floor), better="lower", what=what)}


class _View:
    """One judge, and its features of the real pictures."""

    def __init__(self, kind: Kind, train: Dataset, test: Dataset, count: int, cache: Path | None) -> None:
        self.suffix = "" if kind == "conv" else f"_{kind}"
        self.words = "the judge" if kind == "conv" else "the second judge, an MLP"
        self.judge, self.judge_sha256 = judges.ensure(train, kind)
        self.count, self.labels = count, test.labels[:count]
        self.train, self.radii = self._judge_training(train, cache)
        self.real = judges.judge(self.judge, test.images[:count])
        order = _order(self.train)
        self.reference = self.train[order[:REFERENCE]]
        self.sample = self.train[order[-count:]]  # as many as are evaluated
        self.fid, self.fid_test = (distance.FrechetDistance(f) for f in (self.train, self.real.features))
        self.kid, self.kid_test = (distance.KernelDistance(f) for f in (self.train, self.real.features))
        self._floors = cached(cache, ("floors", self.judge_sha256, train.info.digest, count), self._measure_floors)

    def figures(self, fake: Judgement, labels: Tensor | None) -> dict[str, Figure]:
        """Compute this judge's figures from its output for generated pictures, and the requested labels, (N,), if any."""
        values: dict[str, tuple[float | None, float | None]] = {
            **self._distances(fake.features),
            "fid_test": (self.fid_test.to(fake.features), None),
            "kid_test": self.kid_test.to(fake.features),
            "label_accuracy": (None if labels is None else fake.accuracy(labels), None),
        }
        return {
            f"{name}{self.suffix}": Figure(
                value=_rounded(values[name][0]),
                sd=_rounded(values[name][1]),
                floor=_rounded(self._floors[name][0]),
                floor_sd=_rounded(self._floors[name][1]),
                better=better,
                what=what,
            )
            for name, (better, what) in self._described().items()
        }

    def _measure_floors(self) -> dict[str, tuple[float | None, float | None]]:
        return self._distances(self.real.features) | {
            "fid_test": (self.fid_test.to(self.sample), None),
            "kid_test": self.kid_test.to(self.sample),
            "label_accuracy": (self.real.accuracy(self.labels) if self.judge.classes else None, None),
        }

    def _judge_training(self, train: Dataset, cache: Path | None) -> tuple[Tensor, Tensor]:
        """Return the features of all training pictures, (60000, D), and the radii of the reference pictures, (10000,).

        They are cached by judge and dataset.
        """
        path = cache / f"{self.judge_sha256[:16]}-{train.info.digest[:16]}.pt" if cache else None
        if path and path.exists():
            try:
                stored = load_checkpoint(path)
                return stored["features"], stored["radii"]
            except (CheckpointError, KeyError):
                path.unlink(missing_ok=True)
        features = judges.judge(self.judge, train.images).features
        radii = distance.radii(features[_order(features)[:REFERENCE]], k=NEIGHBOUR)
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_checkpoint({"features": features, "radii": radii}, path)
        return features, radii

    def _distances(self, features: Tensor) -> dict[str, tuple[float, float | None]]:
        """Return the distances of a set of features to the training set's, as values and standard deviations, if any."""
        density, coverage = distance.density_coverage(self.reference, features, k=NEIGHBOUR, radius=self.radii)
        return {
            "fid": (self.fid.to(features), None),
            "kid": self.kid.to(features),
            "density": (density, None),
            "coverage": (coverage, None),
        }

    def _described(self) -> dict[str, tuple[Literal["lower", "higher"], str]]:
        n = f"{self.count:,}"
        balls = f"{self.words}, k={NEIGHBOUR}, {n} pictures against {REFERENCE:,} of the training set (Naeem 2020)"
        kernel = f"unbiased kernel distance on the features of {self.words}, mean and sd of 100 subsets of 1,000, against"
        return {
            "fid": ("lower", f"Frechet distance on the features of {self.words}, {n} pictures against the whole training set"),
            "fid_test": ("lower", f"the same against {n} test pictures, which nothing was trained on"),
            "kid": ("lower", f"{kernel} the training set"),
            "kid_test": ("lower", f"{kernel} {n} test pictures"),
            "density": ("higher", f"density, {balls}"),
            "coverage": ("higher", f"coverage, {balls}"),
            "label_accuracy": ("higher", f"share of pictures that {self.words}, assigns to the requested class"),
        }


def _order(features: Tensor) -> Tensor:
    """Return a fixed permutation of the training pictures, (60000,)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return torch.randperm(len(features))


def _each_class(guesses: Tensor, labels: Tensor) -> list[float | None]:
    """Return the accuracy for each class, or None for a class without pictures."""
    found = [(guesses[labels == k] == k).float() for k in range(int(labels.max()) + 1)]
    return [round(right.mean().item(), 4) if len(right) else None for right in found]


def _spread(values: list[float], floors: list[float], better: Literal["lower", "higher"], what: str) -> Figure:
    """Combine repeated measurements into a figure with mean and standard deviation."""
    value, floor = torch.tensor(values), torch.tensor(floors)
    return Figure(
        value=_rounded(value.mean().item()),
        sd=_rounded(value.std().item()),
        floor=_rounded(floor.mean().item()),
        floor_sd=_rounded(floor.std().item()),
        better=better,
        what=what,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
