"""When a run has learnt what it can: never by its losses, but by pictures that neither network has seen.

KID is cheap and measured often. Where it has long not fallen, and where the images are used up, a fresh network tries to
tell the best generator's pictures from the held-out ones. The test pictures have no part in it: they are kept for the
evaluation of what is exported.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from training.datasets.tensors import Dataset
from training.evaluation.two_sample import two_sample
from training.loop.folder import RunFolder, read_events
from training.loop.sampling import draw
from training.networks import histogram_matching
from training.networks.architectures import Generator
from training.spec import TrainingSpec

SHUFFLE = 28
"""Seeds the choice of the held-out pictures, the same ones for every run, whatever its seed."""
FRESH_SEEDS = 3 * 2**30
"""The first seed of the two-sample test: no other figure, and no sheet, draws from here on."""
ONE_PERCENT = 2.326
"""Standard deviations that a normal variable exceeds once in a hundred times."""


def hold_out(data: Dataset, count: int) -> tuple[Dataset, Dataset]:
    """Part a dataset into what is shown to the networks and `count` pictures, of all classes, that are not."""
    if not count:
        return data, replace(data, images=data.images[:0], labels=data.labels[:0])
    # MNIST comes writer by writer: neighbours are no fair sample
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(SHUFFLE))
    shown, held = (replace(data, images=data.images[i], labels=data.labels[i]) for i in (order[:-count], order[-count:]))
    return shown, held


@dataclass
class Plateau:
    """Follows a run's KID, and knows when it has long not fallen."""

    patience: int
    """Images without a lower KID that make a plateau; 0: it never comes to one."""
    burn_in: int = 0
    """Images before which there is no plateau."""
    best_kid: float = math.inf
    best_images: int = 0
    """Images seen when KID was lowest."""
    images: int = 0
    """Images seen when KID was last measured."""

    @classmethod
    def of(cls, spec: TrainingSpec) -> Plateau:
        """The rule that a spec asks for."""
        return cls(spec.patience, 0 if spec.first_gamma is None else spec.burn_in)

    def measured(self, images: int, kid: float) -> bool:
        """Take in one measurement; return whether it is the best so far."""
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
        """What a checkpoint keeps of it."""
        return {"best_kid": self.best_kid, "best_images": self.best_images, "measured_images": self.images}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken. A checkpoint from before there was this rule holds `best_kid` alone."""
        self.best_kid = state.get("best_kid", math.inf)
        self.best_images, self.images = state.get("best_images", 0), state.get("measured_images", 0)


@dataclass(frozen=True)
class Verdict:
    """Whether generated pictures could be told from real ones that the generator was not trained on."""

    accuracy: float
    """Of a fresh network, on pictures that it was not trained on."""
    auc: float
    pictures: int
    """Real ones it was tested on, and as many generated ones."""
    threshold: float
    """The accuracy that guessing exceeds once in a hundred times."""
    auc_threshold: float
    """The same of the AUC."""

    @property
    def indistinguishable(self) -> bool:
        """Whether the network did no better than guessing, by its answers (one-sided binomial test at 1 %) and by their order
        (Mann-Whitney, at 1 %): one that ranks pictures rightly and draws its line in the wrong place can tell them apart.
        """
        return self.accuracy <= self.threshold and self.auc <= self.auc_threshold


def compare(real: Tensor, fake: Tensor, seed: int) -> Verdict:
    """Have a fresh network try to tell two sets of pictures, uint8 (N, 1, 28, 28), apart."""
    found = two_sample(real, fake, seed)
    threshold = 0.5 + ONE_PERCENT * 0.5 / math.sqrt(2 * found.pictures)
    n = found.pictures
    auc_threshold = 0.5 + ONE_PERCENT * math.sqrt((2 * n + 1) / (12 * n * n))
    return Verdict(found.accuracy, found.auc, n, threshold, auc_threshold)


def examine(
    generator: Generator, weights: dict[str, Tensor], held_out: Dataset, images: int, shown: Tensor | None = None
) -> Verdict:
    """Compare a generator's pictures of fresh seeds with the held-out ones, as many and of the same classes.

    Args:
        generator: of the weights' shape; left as it is.
        weights: what to test, as `best.pt` holds them.
        held_out: real pictures that it was not trained on.
        shown: the training pictures, whose grey levels the generated ones are given first, as at export; None leaves them.
        images: those the run has seen. They choose the seeds and the network: another moment does not try the same luck.
    """
    tested = copy.deepcopy(generator)
    tested.load_state_dict(weights)
    seeds = range(FRESH_SEEDS + images, FRESH_SEEDS + images + len(held_out))  # MAX_IMAGES leaves room up to 2**32
    fakes = draw(tested, seeds, held_out.labels if tested.classes else None)
    if shown is not None:
        curve = histogram_matching.matching(histogram_matching.frequencies(fakes), histogram_matching.frequencies(shown))
        fakes = curve[fakes.long()].to(torch.uint8)
    return compare(held_out.images, fakes, images)


def reason_of(folder: RunFolder) -> str | None:
    """Why a run ended: `indistinguishable`, `plateau`, `budget`, `stopped`, `diverged` or `failed`; None if it has not."""
    for event in reversed(read_events(folder.events)):
        if event["event"] == "end":
            return str(event["reason"])
        if event["event"] in ("started", "resumed"):
            return None
    return None
