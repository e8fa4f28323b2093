"""How far one set of features lies from another. FID and KID are torchmetrics'; density and coverage it lacks.

torchmetrics is imported by what needs it: it brings matplotlib, and a run that measures nothing starts a second earlier.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn


class _Given(nn.Module):
    """Stands where torchmetrics expects a feature extractor: the features are computed already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def fid(real: Tensor, fake: Tensor) -> float:
    """Frechet distance between Gaussians fitted to two sets of features, (N, D) and (M, D) (Heusel 2017, arXiv:1706.08500)."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(_Given(real.shape[1]))
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return float(metric.compute())


def kid(real: Tensor, fake: Tensor, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Unbiased squared MMD with a cubic kernel: its mean and standard deviation over random subsets (Binkowski 2018).

    The subsets are those of `seed`; torch's global random state is left as it was.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore", UserWarning)  # it warns, always, that it stores all features
        torch.manual_seed(seed)
        size = min(subset_size, len(real), len(fake))
        metric = KernelInceptionDistance(_Given(real.shape[1]), subsets=subsets, subset_size=size)
        metric.update(real, real=True)
        metric.update(fake, real=False)
        mean, deviation = metric.compute()
    return float(mean), float(deviation)


def radii(real: Tensor, *, k: int = 5) -> Tensor:
    """How far each picture's k-th neighbour is, not counting the picture itself, (N,), from features (N, D)."""
    # the nearest is the picture itself
    return torch.cat([torch.cdist(part, real).topk(k + 1, largest=False).values[:, -1] for part in real.split(1000)])


def density_coverage(real: Tensor, fake: Tensor, *, k: int = 5, radius: Tensor | None = None) -> tuple[float, float]:
    """Density and coverage of Naeem 2020 (arXiv:2002.09797), with balls that reach to each real picture's k-th neighbour.

    Density: in how many such balls a generated picture lies, over k; it may exceed 1. Coverage: share of the balls that
    hold at least one generated picture.

    Args:
        real: features of N real pictures, (N, D).
        fake: features of M generated ones, (M, D).
        k: which neighbour sets the radius, not counting the picture itself.
        radius: `radii(real, k=k)`, if it is at hand.
    """
    radius = radii(real, k=k) if radius is None else radius
    inside_count = torch.zeros(len(fake))
    covered = 0
    for part, reach in zip(real.split(1000), radius.split(1000), strict=True):
        inside = torch.cdist(part, fake) < reach[:, None]  # (n, M)
        inside_count += inside.sum(0)
        covered += int(inside.any(1).sum())
    return (inside_count.mean() / k).item(), covered / len(real)
