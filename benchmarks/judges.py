"""Compares judges that need no labels with the classifiers: .venv-dev/bin/python -m benchmarks.judges

A dataset without classes gets autoencoders as judges. This benchmark ignores the labels of MNIST, and measures the shipped
generators and degraded test pictures with the classifier of MNIST, with autoencoders trained on the same pictures, and with the
classifier of Fashion-MNIST, the alternative. A judge without labels is useful to the extent that it puts the rows into the
same order.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

from models.locations import SHIPPED
from models.repository import Repository
from training.datasets import PUBLISHED, tensors
from training.evaluation import distance, judges
from training.evaluation.onnx_models import OnnxGenerator, open_generator

TRAIN, FAKES = 10_000, 2_000


@dataclass(frozen=True)
class Unlabelled:
    """MNIST without its labels."""

    name: str = "mnist-unlabelled"
    title: str = "MNIST without labels"
    licence: str = "CC BY-SA 3.0"
    classes: tuple[str, ...] = ()
    digest: str = "0" * 64
    reference: str = "mnist-unlabelled"


def candidates(test: tensors.Dataset) -> dict[str, Tensor]:
    """Return sets of pictures of different quality, uint8 (N, 1, 28, 28), by description."""
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))  # the first half of MNIST's is easier
    test = replace(test, images=test.images[order], labels=test.labels[order])
    real = test.images[:FAKES]
    found = {"test pictures": real}
    repository = Repository(SHIPPED)
    for name, version in (("digits", 4), ("digits", 3), ("digits", 2), ("digits", 1), ("lecture", 1)):
        published = repository.get(name, version)
        generator = open_generator(published.path, published.manifest)
        assert isinstance(generator, OnnxGenerator)
        found[f"{name}/{version}"] = generator.draw(range(FAKES), test.labels[:FAKES] if generator.classes else None)[0]
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    found["test pictures, noise of 16 levels"] = (real + 16 * noise).clamp(0, 255).round().to(torch.uint8)
    found["test pictures, blurred (3x3)"] = F.avg_pool2d(real.float(), 3, 1, 1).round().to(torch.uint8)
    found["test pictures without sixes"] = test.images[test.labels != 6][:FAKES]
    return found


def main() -> None:
    """Train the autoencoders and print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)
    train, test = (tensors.load("mnist", split) for split in ("train", "test"))
    unlabelled = replace(train, info=Unlabelled(), labels=torch.zeros_like(train.labels))
    networks = {
        "classifier": judges.load(PUBLISHED["mnist"])[0],
        "autoencoder": judges.fit(unlabelled, lambda _epoch, _loss: None),
        "MLP autoencoder": judges.fit(unlabelled, lambda _epoch, _loss: None, kind="mlp"),
        "classifier of clothes": judges.load(PUBLISHED["fashion-mnist"])[0],
    }
    sets = candidates(test)
    values: dict[str, list[float]] = {}
    for name, network in networks.items():
        reference = distance.FrechetDistance(judges.judge(network, train.images[:TRAIN]).features)
        values[name] = [reference.to(judges.judge(network, pictures).features) for pictures in sets.values()]
    table = Table("FID of 2,000 pictures against 10,000 training pictures", *networks)
    for row, title in enumerate(sets):
        table.add_row(title, *(f"{column[row]:.4g}" for column in values.values()))
    ranks = {name: torch.tensor(column).argsort().argsort().double() for name, column in values.items()}
    first = ranks["classifier"]
    table.add_row(
        "rank correlation with the classifier",
        *(f"{torch.corrcoef(torch.stack([first, other]))[0, 1].item():.2f}" for other in ranks.values()),
    )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
