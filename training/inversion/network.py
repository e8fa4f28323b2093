"""The encoder: from a picture to the class, and from a picture and a class to a latent."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from training.networks.architectures import SLOPE, Layer, conv

WIDTHS = (24, 48, 64, 176)
"""Channels at 14x14, 7x7 and 4x4, and features: about a megabyte of weights, a third of a millisecond a picture."""


class Encoder(nn.Module):
    """image (N, 1, 28, 28) in 0..1 and, for a conditional generator, label (N, K) -> z (N, z_dim) and logits (N, K).

    The logits do not depend on the label. Serving first asks for the class, and then for the latent of the picture as that
    class, because the same latent is another picture as another class.

    Args:
        z_dim: dimension of the latents.
        classes: number of classes K, or 0.
        widths: as `WIDTHS`.
    """

    def __init__(self, z_dim: int, classes: int, widths: tuple[int, int, int, int] = WIDTHS) -> None:
        super().__init__()
        c14, c7, c4, features = widths
        self.z_dim, self.classes = z_dim, classes
        self.down14 = Layer(conv(1, c14, 4, stride=2))
        self.down7 = Layer(conv(c14, c7, 4, stride=2))
        self.refine7 = Layer(conv(c7, c7), gain=0.5)
        self.down4 = Layer(conv(c7, c4, 3, stride=2))
        self.flat = nn.Linear(c4 * 16, features)
        self.of_label = nn.Linear(classes, features, bias=False) if classes else None
        self.latent = nn.Linear(features, z_dim)
        self.logits = nn.Linear(features, classes) if classes else None
        nn.init.normal_(self.latent.weight, std=0.02)

    def forward(self, image: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor] | Tensor:
        x = self.down14(2 * image - 1)  # (N, c14, 14, 14)
        x = self.down7(x)  # (N, c7, 7, 7)
        x = self.refine7(x, x)
        h = self.flat(self.down4(x).flatten(1))  # (N, features)
        if self.of_label is None or self.logits is None or label is None:
            z: Tensor = self.latent(F.leaky_relu(h, SLOPE))
            return z
        return self.latent(F.leaky_relu(h + self.of_label(label), SLOPE)), self.logits(F.leaky_relu(h, SLOPE))


def predict(encoder: Encoder, image: Tensor, label: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Return the latents (N, z_dim) and the class logits (N, K), None for an unconditional generator."""
    out = encoder(image, label)
    return (out, None) if isinstance(out, Tensor) else out


def parameter_count(encoder: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(each.numel() for each in encoder.parameters())


def one_hot(labels: Tensor, classes: int) -> Tensor | None:
    """Return labels (N,) as (N, K), None without classes."""
    return F.one_hot(labels, classes).float() if classes else None


def rmse_levels(a: Tensor, b: Tensor) -> Tensor:
    """Return the root mean square error of each picture, (N,), in grey levels of 0..255."""
    return ((a - b) ** 2).flatten(1).mean(1).sqrt() * 255
