"""The classifier two-sample test: trains a new network to distinguish generated pictures from real ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.evaluation.fresh_classifier import learn, probabilities

EPOCHS = 10


@dataclass(frozen=True)
class TwoSample:
    """How well the network distinguishes real and generated pictures; 0.5 is chance."""

    accuracy: float
    """Accuracy on pictures that the network was not trained on."""
    auc: float
    """Area under the ROC curve on the same pictures."""
    pictures: int
    """Number of real test pictures, and of generated ones."""


def two_sample(real: Tensor, fake: Tensor, seed: int, *, paired: bool = False) -> TwoSample:
    """Train a new network on half of the real and half of the generated pictures, and test it on the other halves
    (Lopez-Paz & Oquab 2017, arXiv:1610.06545). torch's global random state is preserved.

    Args:
        real: uint8, (2N, 1, 28, 28), pictures that the generator was not trained on.
        fake: uint8, (2N, 1, 28, 28).
        seed: determines the halves and the network.
        paired: whether fake[i] is the output for a degraded real[i]. Both are then in the same half. Otherwise, the network
            would memorise half of the originals as real, classify their outputs as real too, and do worse than chance.
    """
    from torchmetrics.functional.classification import binary_accuracy, binary_auroc  # lazy, as in distance.py

    half = min(len(real), len(fake)) // 2
    rng = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(real), generator=rng)[: 2 * half]
    real, fake = real[chosen], fake[chosen if paired else torch.randperm(len(fake), generator=rng)[: 2 * half]]
    truth = torch.cat([torch.ones(half), torch.zeros(half)]).long()
    network = learn(torch.cat([real[:half], fake[:half]]), truth, 2, seed=seed, epochs=EPOCHS)
    predicted = probabilities(network, torch.cat([real[half:], fake[half:]]))[:, 1]
    return TwoSample(float(binary_accuracy(predicted, truth)), float(binary_auroc(predicted, truth)), half)
