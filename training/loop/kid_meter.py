"""Measures a generator during its training: KID and FID to real pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.datasets import degradation
from training.datasets.tensors import Dataset
from training.evaluation import distance, judges
from training.loop.sampling import draw, sharpen
from training.networks import histogram_matching
from training.networks.architectures import Generator
from training.spec import TaskName

KID_FAKES = 5_000
KID_REALS = 10_000


@dataclass(frozen=True)
class Distances:
    """Distances between generated and real pictures."""

    kid: float
    """Mean over 100 subsets of 1,000."""
    kid_sd: float
    """Standard deviation over the subsets."""
    fid: float


class KidMeter:
    """Measures a generator's distance to held-out or training pictures. Features of the real pictures are computed once.

    Test pictures are not used here; they are reserved for the evaluation of the exported generator.

    Args:
        data: real pictures.
        task: the generator's task. A sharpener sharpens the real pictures, degraded in random ways.
        shown: training pictures to match the generated grey levels to, as at export. None: no matching.
    """

    def __init__(self, data: Dataset, *, task: TaskName = "generate", shown: Tensor | None = None) -> None:
        self.judge, self.sha256 = judges.load(data.info)
        self.real = judges.judge(self.judge, data.images[:KID_REALS]).features
        # in the class proportions of the real pictures
        chosen = torch.arange(KID_FAKES) % min(len(data), KID_REALS)
        self.labels = data.labels[chosen]
        self.levels = None if shown is None else histogram_matching.frequencies(shown)
        self.conditions: Tensor | None = None
        if task == "sharpen":
            self.conditions = degradation.degrade_randomly(data.images[chosen].float() / 255, torch.Generator().manual_seed(0))

    def measure(self, generator: Generator) -> Distances:
        """Measure the pictures of 5,000 fixed seeds, or the outputs for 5,000 degraded pictures."""
        seeds = range(10**6, 10**6 + KID_FAKES)
        if self.conditions is not None:
            fakes = sharpen(generator, self.conditions, seeds)
        else:
            fakes = draw(generator, seeds, self.labels if generator.classes else None)
        if self.levels is not None:
            fakes = histogram_matching.matched(fakes, self.levels)
        features = judges.judge(self.judge, fakes).features
        return Distances(*distance.kid(self.real, features), distance.fid(self.real, features))
