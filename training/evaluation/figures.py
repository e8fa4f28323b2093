"""The figures of a generator, each with its floor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from models.manifest import Figure
from training import datasets
from training.evaluation import classifier as classifiers
from training.evaluation import distance
from training.onnx_models import OnnxGenerator
from training.spec import DatasetName

REFERENCE = 10_000
NEIGHBOUR = 5


@dataclass(frozen=True)
class Evaluation:
    """What was measured, by which judge."""

    figures: dict[str, Figure]
    judge_sha256: str
    fakes: int


def evaluate(
    generator: OnnxGenerator, dataset: DatasetName, data_folder: Path | None = None, pictures: int = 10_000
) -> Evaluation:
    """Judge the pictures of seeds 0 up, with the labels of as many test pictures.

    The floor of each figure is what the real test pictures themselves get. They were not trained on, and the judge was
    not either.

    Args:
        generator: what to judge.
        dataset: what it was trained on.
        data_folder: where the dataset lies, if not in its usual place.
        pictures: how many, at most as many as there are test pictures. Figures at different counts do not compare.
    """
    train, test = (datasets.load(dataset, split, data_folder) for split in ("train", "test"))
    judge, sha256 = classifiers.load(dataset, len(train.source.classes))
    count = min(pictures, len(test))
    fakes, labels = generator.draw(range(count), test.labels[:count] if generator.classes else None)

    of_train = classifiers.judge(judge, train.images).features
    real = classifiers.judge(judge, test.images[:count])
    fake = classifiers.judge(judge, fakes)
    torch.manual_seed(0)
    reference = of_train[torch.randperm(len(of_train))[:REFERENCE]]
    density, coverage = distance.density_coverage(reference, fake.features, k=NEIGHBOUR)
    density_floor, coverage_floor = distance.density_coverage(reference, real.features, k=NEIGHBOUR)
    balls = f"k={NEIGHBOUR}, {count:,} pictures against {REFERENCE:,} of the training set (Naeem 2020)"
    figures = {
        "fid": Figure(
            value=distance.fid(of_train, fake.features),
            floor=distance.fid(of_train, real.features),
            better="lower",
            what=f"Frechet distance on the judge's features, {count:,} pictures against the whole training set",
        ),
        "kid": Figure(
            value=distance.kid(of_train, fake.features)[0],
            floor=distance.kid(of_train, real.features)[0],
            better="lower",
            what="unbiased kernel distance on the judge's features, mean of 100 subsets of 1,000, against the training set",
        ),
        "density": Figure(value=density, floor=density_floor, better="higher", what=f"density, {balls}"),
        "coverage": Figure(value=coverage, floor=coverage_floor, better="higher", what=f"coverage, {balls}"),
        "label_accuracy": Figure(
            value=fake.accuracy(labels) if generator.classes else None,
            floor=real.accuracy(test.labels[:count]),
            better="higher",
            what="share of pictures that the judge takes for the class that was asked for",
        ),
    }
    return Evaluation({name: _rounded(figure) for name, figure in figures.items()}, sha256, count)


def _rounded(figure: Figure) -> Figure:
    digits = {name: None if v is None else round(v, 5) for name, v in (("value", figure.value), ("floor", figure.floor))}
    return figure.model_copy(update=digits)
