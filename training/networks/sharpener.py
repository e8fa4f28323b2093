"""The networks of the task `sharpen`: a degraded picture and a latent in, one plausible sharp picture out.

The generator is a small U-Net at 14x14 and 7x7. A fully connected layer adds the latent at 7x7, so each seed gives a different
output. For a shrunk picture, the last step scales each block of the output such that its area mean equals the input pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.sharpening import FACTORS, KINDS, SIDE
from training.datasets.degradation import PIXELS, split
from training.networks.architectures import DEGRADED, LATENT, ConvDiscriminator, Generator, Layer, conv
from training.spec import TrainingSpec

SMALLEST = 1e-3
"""Lower bound of a divisor, for pixels in 0..1. Below it, the block is black (or white) to within a grey level."""


def project(images: Tensor, degraded: Tensor, kind: Tensor) -> Tensor:
    """Scale the pixels of each block such that its mean is the pixel of the degraded picture. Blurred pictures are not changed.

    A block that is too bright is scaled towards black, one that is too dark towards white. Unlike an added correction, this
    keeps all pixels in 0..1, so it is exact in one step. Differentiable.

    Args:
        images: outputs in 0..1, (N, 1, 28, 28).
        degraded: degraded pictures in 0..1, enlarged by repeating pixels, (N, 1, 28, 28).
        kind: one-hot kind of degradation, (N, 3).
    """
    down = up = kind[:, KINDS.index("blur")].view(-1, 1, 1, 1).expand(-1, 1, SIDE, SIDE)
    for name in KINDS:
        if (factor := FACTORS[name]) > 1:
            side = SIDE // factor
            blocks = images.reshape(-1, 1, side, factor, side, factor)
            mean = blocks.mean(dim=(3, 5), keepdim=True).expand_as(blocks).reshape(-1, 1, SIDE, SIDE)
            here = kind[:, KINDS.index(name)].view(-1, 1, 1, 1)
            down = down + here * (degraded / mean.clamp(min=SMALLEST)).clamp(max=1)
            up = up + here * ((1 - degraded) / (1 - mean).clamp(min=SMALLEST)).clamp(max=1)
    return 1 - (1 - images * down) * up


class SharpenGenerator(Generator):
    """z (N, z_dim) and condition (N, CONDITION) -> image (N, 1, 28, 28) in 0..1."""

    skips: Mapping[str, str] = MappingProxyType(
        {"down7": "noise", "reduce": "down7", "merge14": "enter14", "refine14": "merge14"}
    )
    sources: Mapping[str, str] = MappingProxyType({"enter14": DEGRADED, "noise": LATENT, "down7": "enter14"})

    def __init__(self, spec: TrainingSpec) -> None:
        super().__init__(spec.z_dim, 0)
        self.conditions = len(KINDS) if spec.degradation_label else 0
        c14, c7, inner = spec.generator_widths
        self.width = c7
        self.enter14 = Layer(conv(4, c14))
        self.noise = Layer(nn.Linear(spec.z_dim + self.conditions, c7 * 49), gain=0.3)
        self.down7 = Layer(conv(c14, c7, stride=2))
        self.expand = Layer(conv(c7, inner))
        self.reduce = Layer(conv(inner, c7), gain=0.3)
        self.up14 = Layer(conv(c7, 4 * c14, 1), doubles=7)
        self.merge14 = Layer(conv(c14, c14))
        self.refine14 = Layer(conv(c14, c14), gain=0.3)
        self.out = Layer(conv(c14, 4), last=True, doubles=14)

    def logits(self, x: Tensor) -> Tensor:
        """Return the picture before the sigmoid, (N, 1, 28, 28), from concatenated latents, kinds and input pixels."""
        latent, degraded = x[:, :-PIXELS], x[:, -PIXELS:].reshape(-1, 1, SIDE, SIDE)
        outer = self.enter14(F.pixel_unshuffle(degraded, 2))  # (N, c14, 14, 14)
        inner = self.down7(outer, self.noise(latent).view(-1, self.width, 7, 7))  # (N, c7, 7, 7)
        inner = self.reduce(self.expand(inner), inner)
        x = self.merge14(self.up14(inner), outer)  # (N, c14, 14, 14)
        picture: Tensor = self.out(self.refine14(x, x))  # (N, 1, 28, 28)
        return picture

    def inputs(self, z: Tensor, condition: Tensor) -> Tensor:
        """Return the input of `logits`, (N, z_dim + kinds + 784)."""
        degraded, kind = split(condition)
        return torch.cat([z, kind[:, : self.conditions], degraded.flatten(1)], dim=1)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        if label is None:
            raise TypeError("A sharpener requires a condition. Pass one of training.datasets.degradation.")
        degraded, kind = split(label)
        return project(torch.sigmoid(self.logits(self.inputs(z, label)).float()), degraded, kind)


class SharpenDiscriminator(ConvDiscriminator):
    """image (N, 1, 28, 28) in 0..1 and condition (N, CONDITION) -> logit (N,) of being the real original.

    The degraded picture is the second channel. The gradient penalties apply only to the first.
    """

    def __init__(self, spec: TrainingSpec) -> None:
        super().__init__(len(KINDS) if spec.degradation_label else 0, spec, channels=2)

    def logit(self, channels: Tensor, label: Tensor | None = None) -> Tensor:
        if label is None:
            raise TypeError("A sharpener's discriminator requires a condition. Pass one of training.datasets.degradation.")
        degraded, kind = split(label)
        return super().logit(torch.cat([channels, degraded.to(channels.dtype)], dim=1), kind)
