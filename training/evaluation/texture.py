"""Statistics of fine detail, and the three bands of a picture on which a two-sample test can be run.

Generators match the shapes of real pictures long before their texture. What gives away a generated picture of clothes is
mostly grey levels from 1 to 16, which are invisible on a screen. These statistics take less than a second, so they can
accompany a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

FAINT = 8
"""Highest level that counts as faint. Brighter pixels form the silhouette."""
DARK = 16
"""Highest level of the faint band."""
SPECK_NEIGHBOURS = 6
TOP_BAND = 0.25
"""Lowest frequency of the top octave, in cycles per pixel along either axis."""


@dataclass(frozen=True)
class Texture:
    """Statistics of a set of pictures."""

    specks: float
    """Mean number of faint pixels (levels 1 to 8) per picture of which at least six of the eight neighbours are 0."""
    faint_at_1: float
    """Share of faint pixels among those at a distance of one pixel from the silhouette (levels above 8)."""
    faint_at_2: float
    """The same at a distance of two pixels."""
    equal_neighbours: float
    """Share of horizontal and vertical pairs of neighbours, neither of them 0, that have the same level."""
    top_octave: float
    """Power in the top octave, per pixel, with levels in 0..1."""

    def as_dict(self) -> dict[str, float]:
        """Return the statistics by name."""
        return asdict(self)


def measure(images: Tensor) -> Texture:
    """Compute the statistics of uint8 pictures, (N, 1, 28, 28)."""
    faint = (images >= 1) & (images <= FAINT)
    empty = (images == 0).float()
    neighbours = F.conv2d(F.pad(empty, (1, 1, 1, 1), value=1.0), torch.ones(1, 1, 3, 3)) - empty  # outside, all is empty
    inside = (images > FAINT).float()
    near, nearer = F.max_pool2d(inside, 5, 1, 2) > 0, F.max_pool2d(inside, 3, 1, 1) > 0
    power = torch.fft.fft2(images.float() / 255).abs().square().mean((0, 1)) / images[0].numel() ** 2
    frequency = torch.fft.fftfreq(images.shape[-1]).abs()
    pairs = [(images[..., 1:], images[..., :-1]), (images[..., 1:, :], images[..., :-1, :])]
    both = sum(int(((a > 0) & (b > 0)).sum()) for a, b in pairs)
    return Texture(
        specks=(faint & (neighbours >= SPECK_NEIGHBOURS)).sum().item() / len(images),
        faint_at_1=_share(faint, nearer & (inside == 0)),
        faint_at_2=_share(faint, near & ~nearer),
        equal_neighbours=sum(int(((a == b) & (a > 0)).sum()) for a, b in pairs) / max(both, 1),
        top_octave=power[torch.maximum(frequency[:, None], frequency) >= TOP_BAND].sum().item(),
    )


def _share(of: Tensor, among: Tensor) -> float:
    return (of & among).sum().item() / max(int(among.sum()), 1)


def _faint(images: Tensor) -> Tensor:
    return images.clamp(max=DARK) * (255 // DARK)


def _visible(images: Tensor) -> Tensor:
    return torch.where(images > DARK, images, torch.zeros_like(images))


def _coarse(images: Tensor) -> Tensor:
    means = F.avg_pool2d(images.float(), 2).round().to(torch.uint8)
    return means.repeat_interleave(2, -2).repeat_interleave(2, -1)


BANDS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "faint": (_faint, f"levels up to {DARK} only, stretched"),
    "visible": (_visible, f"levels up to {DARK} set to 0"),
    "coarse": (_coarse, "averaged over blocks of 2x2 pixels"),
}
"""Functions that reduce uint8 pictures (N, 1, 28, 28) to one band, with descriptions."""
