"""The stopping rule of a run, based on held-out pictures rather than on the losses.

KID is cheap and measured often. When it has stopped falling, or all images are used up, a newly trained classifier tries to
distinguish the best generator's pictures from the held-out ones. The test pictures are not used here; they are reserved for
the evaluation of the exported generator.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from training.datasets import degradation
from training.datasets.tensors import Dataset
from training.evaluation.two_sample import two_sample
from training.loop.run_folder import RunFolder, read_events
from training.loop.sampling import draw, sharpen
from training.networks import histogram_matching
from training.networks.architectures import Generator
from training.spec import ENOUGH_HELD_OUT, TaskName, TrainingSpec

SHUFFLE = 28
"""Seed of the choice of held-out pictures, which is the same for every run."""
FRESH_SEEDS = 3 * 2**30
"""First seed of the two-sample test. Seeds from here on are used for nothing else."""
ONE_PERCENT = 2.326
"""The 99th percentile of the standard normal distribution."""


def hold_out(data: Dataset, count: int) -> tuple[Dataset, Dataset]:
    """Split a dataset into training pictures and held-out pictures of all classes.

    At most a third of the pictures is held out. If that is less than `count` and `ENOUGH_HELD_OUT`, none are.
    """
    most = len(data) // 3
    if count > most:
        count = most if most >= ENOUGH_HELD_OUT else 0
    if not count:
        return data, replace(data, images=data.images[:0], labels=data.labels[:0])
    # MNIST is ordered by writer, so consecutive pictures are not a representative sample
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(SHUFFLE))
    shown, held = (replace(data, images=data.images[i], labels=data.labels[i]) for i in (order[:-count], order[-count:]))
    return shown, held


@dataclass
class Plateau:
    """Tracks a run's KID and detects when it stops falling."""

    patience: int
    """Images without a lower KID that make a plateau. 0: never."""
    burn_in: int = 0
    """Images before which no plateau is detected."""
    best_kid: float = math.inf
    best_images: int = 0
    """Images seen when KID was lowest."""
    images: int = 0
    """Images seen when KID was last measured."""

    @classmethod
    def of(cls, spec: TrainingSpec) -> Plateau:
        """Return the rule of a spec."""
        return cls(spec.patience, 0 if spec.first_gamma is None else spec.burn_in)

    def measured(self, images: int, kid: float) -> bool:
        """Record a measurement and return whether it is the best so far."""
        self.images = images
        is_best = kid < self.best_kid
        if is_best:
            self.best_kid, self.best_images = kid, images
        return is_best

    @property
    def reached(self) -> bool:
        """Whether the last measurement was made on a plateau."""
        waited = self.images - self.best_images
        return bool(self.patience) and self.images >= self.burn_in and waited >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"best_kid": self.best_kid, "best_images": self.best_images, "measured_images": self.images}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state from `state_dict`. Checkpoints that predate this rule contain `best_kid` only."""
        self.best_kid = state.get("best_kid", math.inf)
        self.best_images, self.images = state.get("best_images", 0), state.get("measured_images", 0)


@dataclass(frozen=True)
class Verdict:
    """Result of the two-sample test between generated and held-out pictures."""

    accuracy: float
    """Accuracy of the trained classifier on its test pictures."""
    auc: float
    pictures: int
    """Number of real test pictures, and of generated ones."""
    threshold: float
    """Accuracy that random guessing exceeds with a probability of 1 %."""
    auc_threshold: float
    """AUC that random guessing exceeds with a probability of 1 %."""

    @property
    def indistinguishable(self) -> bool:
        """Whether the classifier did no better than chance, by accuracy (one-sided binomial test at 1 %) and by AUC
        (Mann-Whitney at 1 %). The AUC detects a classifier that ranks pictures correctly but has a poor decision threshold.
        """
        return self.accuracy <= self.threshold and self.auc <= self.auc_threshold


def compare(real: Tensor, fake: Tensor, seed: int, *, paired: bool = False) -> Verdict:
    """Run the two-sample test on two sets of pictures, uint8 (N, 1, 28, 28). See `two_sample` for `paired`."""
    found = two_sample(real, fake, seed, paired=paired)
    threshold = 0.5 + ONE_PERCENT * 0.5 / math.sqrt(2 * found.pictures)
    n = found.pictures
    auc_threshold = 0.5 + ONE_PERCENT * math.sqrt((2 * n + 1) / (12 * n * n))
    return Verdict(found.accuracy, found.auc, n, threshold, auc_threshold)


def examine(
    generator: Generator,
    weights: dict[str, Tensor],
    held_out: Dataset,
    images: int,
    shown: Tensor | None = None,
    *,
    task: TaskName = "generate",
) -> Verdict:
    """Compare a generator's pictures for unused seeds with the held-out pictures, with equal counts and classes.

    Args:
        generator: a generator of the weights' architecture. Not modified.
        weights: generator weights to test, as in `best.pt`.
        held_out: real pictures that the generator was not trained on.
        images: images the run has seen. Determines the seeds and the classifier, so that each test is independent.
        shown: training pictures to match the generated grey levels to, as at export. None: no matching.
        task: the generator's task. A sharpener sharpens the held-out pictures, degraded in random ways.
    """
    tested = copy.deepcopy(generator)
    tested.load_state_dict(weights)
    seeds = range(FRESH_SEEDS + images, FRESH_SEEDS + images + len(held_out))  # MAX_IMAGES leaves room up to 2**32
    if task == "sharpen":
        rng = torch.Generator().manual_seed(images)
        fakes = sharpen(tested, degradation.degrade_randomly(held_out.images.float() / 255, rng), seeds)
    else:
        fakes = draw(tested, seeds, held_out.labels if tested.classes else None)
    if shown is not None:
        fakes = histogram_matching.matched(fakes, histogram_matching.frequencies(shown))
    return compare(held_out.images, fakes, images, paired=task == "sharpen")


def reason_of(folder: RunFolder) -> str | None:
    """Return a run's end reason: `indistinguishable`, `plateau`, `budget`, `stopped`, `diverged` or `failed`; else None."""
    for event in reversed(read_events(folder.events)):
        if event["event"] == "end":
            return str(event["reason"])
        if event["event"] in ("started", "resumed"):
            return None
    return None
