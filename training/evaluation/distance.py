"""Distances between two sets of features. FID and KID come from torchmetrics, which lacks density and coverage.

torchmetrics is imported lazily, because it imports matplotlib, which takes a second.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn


class _Given(nn.Module):
    """Identity feature extractor for torchmetrics, for precomputed features."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


class FrechetDistance:
    """Frechet distance to one set of features, (N, D), whose statistics are computed once."""

    def __init__(self, real: Tensor) -> None:
        from torchmetrics.image.fid import FrechetInceptionDistance

        self._metric = FrechetInceptionDistance(_Given(real.shape[1]), reset_real_features=False)
        self._metric.update(real, real=True)

    def to(self, fake: Tensor) -> float:
        """Return the distance between Gaussians fitted to the two sets of features (Heusel 2017, arXiv:1706.08500)."""
        self._metric.reset()  # keeps the real features
        self._metric.update(fake, real=False)
        return float(self._metric.compute())


def fid(real: Tensor, fake: Tensor) -> float:
    """Frechet distance between two sets of features, (N, D) and (M, D)."""
    return FrechetDistance(real).to(fake)


def kid(real: Tensor, fake: Tensor, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Unbiased squared MMD with a cubic kernel: mean and standard deviation over random subsets (Binkowski 2018).

    `seed` determines the subsets. torch's global random state is preserved.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore", UserWarning)  # torchmetrics always warns that it stores all features
        torch.manual_seed(seed)
        size = min(subset_size, len(real), len(fake))
        metric = KernelInceptionDistance(_Given(real.shape[1]), subsets=subsets, subset_size=size)
        metric.update(real, real=True)
        metric.update(fake, real=False)
        mean, deviation = metric.compute()
    return float(mean), float(deviation)


def radii(real: Tensor, *, k: int = 5) -> Tensor:
    """Return the distance of each picture to its k-th nearest neighbour, excluding itself, (N,), from features (N, D)."""
    # the nearest neighbour is the picture itself
    return torch.cat([torch.cdist(part, real).topk(k + 1, largest=False).values[:, -1] for part in real.split(1000)])


def density_coverage(real: Tensor, fake: Tensor, *, k: int = 5, radius: Tensor | None = None) -> tuple[float, float]:
    """Density and coverage (Naeem 2020, arXiv:2002.09797), on balls around real pictures up to their k-th neighbours.

    Density is the mean number of balls that contain a generated picture, divided by k; it may exceed 1. Coverage is the
    fraction of balls that contain at least one generated picture.

    Args:
        real: features of N real pictures, (N, D).
        fake: features of M generated ones, (M, D).
        k: neighbour that determines the radius, excluding the picture itself.
        radius: `radii(real, k=k)`, if already computed.
    """
    radius = radii(real, k=k) if radius is None else radius
    inside_count = torch.zeros(len(fake))
    covered = 0
    for part, reach in zip(real.split(1000), radius.split(1000), strict=True):
        inside = torch.cdist(part, fake) < reach[:, None]  # (n, M)
        inside_count += inside.sum(0)
        covered += int(inside.any(1).sum())
    return (inside_count.mean() / k).item(), covered / len(real)
