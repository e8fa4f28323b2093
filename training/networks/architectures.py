"""The generator and the discriminator, fully connected or convolutional.

Every generator is made of `Layer`s and nothing else that computes, so that `training.export.integer_grid` can put each one
on an integer grid for serving without knowing the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.spec import TrainingSpec

SLOPE = 0.25
"""LeakyReLU's slope: a power of two, so that it is exact in binary (see `training.export.integer_grid`)."""
PIXELS = 28 * 28


class Layer(nn.Module):
    """Linear or convolution, then LeakyReLU (unless it is the last): `act(affine(x) + skip)`.

    Args:
        affine: what it learns.
        last: whether its output is the picture's logits.
        gain: by which its first weights are smaller or larger than He's.
        doubles: side of the picture if four features are to become one of a picture of twice that side (pixel shuffle).
    """

    def __init__(
        self, affine: nn.Linear | nn.Conv2d, *, last: bool = False, gain: float = 1.0, doubles: int | None = None
    ) -> None:
        super().__init__()
        self.affine, self.last, self.doubles = affine, last, doubles
        nn.init.kaiming_normal_(affine.weight, a=SLOPE)
        with torch.no_grad():
            affine.weight.mul_(gain)
        if affine.bias is not None:
            nn.init.zeros_(affine.bias)

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        x = self.affine(x)
        if skip is not None:
            x = x + skip
        x = x if self.last else F.leaky_relu(x, SLOPE)
        return F.pixel_shuffle(x, 2) if self.doubles else x


def conv(channels_in: int, channels_out: int, kernel: int = 3, *, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size of the picture, or halves it with stride 2."""
    return nn.Conv2d(channels_in, channels_out, kernel, stride=stride, padding=(kernel - 1) // 2)


class Generator(nn.Module):
    """z (N, z_dim) and, if conditional, label (N, K) -> image (N, 1, 28, 28) in 0..1.

    Its layers are declared in the order in which they are used, each reading what the one before gives.
    """

    skips: Mapping[str, str] = MappingProxyType({})
    """Layer to the earlier layer whose output is added to its own."""

    def __init__(self, z_dim: int, classes: int) -> None:
        super().__init__()
        self.z_dim, self.classes = z_dim, classes

    def logits(self, x: Tensor) -> Tensor:
        """The picture before its sigmoid, (N, 1, 28, 28), from latent and label side by side, (N, z_dim + K)."""
        raise NotImplementedError

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        logits = self.logits(z if label is None else torch.cat([z, label], dim=1))
        return torch.sigmoid(logits.float())  # what trains in bfloat16 must still tell grey levels apart


class MlpGenerator(Generator):
    """Fully connected, as in the lecture: z_dim -> widths -> 784."""

    def __init__(self, z_dim: int, classes: int, widths: tuple[int, ...]) -> None:
        super().__init__(z_dim, classes)
        sizes = [z_dim + classes, *widths]
        self.hidden = nn.ModuleList(Layer(nn.Linear(a, b)) for a, b in pairwise(sizes))
        self.out = Layer(nn.Linear(sizes[-1], PIXELS), last=True)

    def logits(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = layer(x)  # (N, width)
        x = self.out(x)
        return x.view(-1, 1, 28, 28)


class ConvGenerator(Generator):
    """Widest where the picture is smallest; grows by pixel shuffle, for ONNX Runtime is slow at ConvTranspose."""

    skips = MappingProxyType({"reduce": "stem", "refine14": "up14"})

    def __init__(self, z_dim: int, classes: int, widths: tuple[int, ...]) -> None:
        super().__init__(z_dim, classes)
        c7, inner, c14, *c28 = widths
        self.channels = c7
        self.stem = Layer(nn.Linear(z_dim + classes, c7 * 49))
        self.expand = Layer(conv(c7, inner))
        self.reduce = Layer(conv(inner, c7), gain=0.3)
        self.up14 = Layer(conv(c7, 4 * c14, 1), doubles=7)
        self.refine14 = Layer(conv(c14, c14), gain=0.3)
        self.up28 = Layer(conv(c14, 4 * c28[0], 1), doubles=14) if c28 else None
        self.out = Layer(conv(c28[0], 1), last=True) if c28 else Layer(conv(c14, 4), last=True, doubles=14)

    def logits(self, x: Tensor) -> Tensor:
        x = self.stem(x).view(-1, self.channels, 7, 7)
        x = self.reduce(self.expand(x), x)  # (N, c7, 7, 7)
        x = self.up14(x)  # (N, c14, 14, 14)
        x = self.refine14(x, x)
        if self.up28 is not None:
            x = self.up28(x)  # (N, c28, 28, 28)
        picture: Tensor = self.out(x)  # (N, 1, 28, 28)
        return picture


class Discriminator(nn.Module):
    """image (N, 1, 28, 28) in 0..1 and, if conditional, label (N, K) -> logit (N,); its sigmoid says how real.

    A conditional one adds the inner product of its features with an embedding of the class (projection discriminator,
    Miyato & Koyama 2018, arXiv:1802.05637).
    """

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.classes = classes
        self.head = Layer(nn.Linear(features, 1), last=True)
        self.embedding = nn.Linear(classes, features, bias=False) if classes else None

    def features(self, image: Tensor) -> Tensor:
        """What is known of the picture before its class is asked, (N, features)."""
        raise NotImplementedError

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        h = self.features(image).float()
        with torch.autocast(h.device.type, enabled=False):  # a loss is a difference of logits: they are never rounded
            logit: Tensor = self.head(h).squeeze(1)
            if self.embedding is not None and label is not None:
                logit = logit + (h * self.embedding(label)).sum(1) / h.shape[1] ** 0.5
        return logit


class MlpDiscriminator(Discriminator):
    """Fully connected, as in the lecture: 784 -> widths -> 1."""

    def __init__(self, classes: int, widths: tuple[int, ...]) -> None:
        super().__init__(classes, widths[-1])
        sizes = [PIXELS, *widths]
        self.hidden = nn.ModuleList(Layer(nn.Linear(a, b)) for a, b in pairwise(sizes))

    def features(self, image: Tensor) -> Tensor:
        x = image.flatten(1)
        for layer in self.hidden:
            x = layer(x)
        return x


class ConvDiscriminator(Discriminator):
    """Strided convolutions 28 -> 14 -> 7 -> 4, with a residual one at 14x14 and at 7x7; no normalisation."""

    def __init__(self, classes: int, widths: tuple[int, ...]) -> None:
        c14, c7, c4, head = widths
        super().__init__(classes, head)
        self.down14 = Layer(conv(1, c14, 4, stride=2))
        self.refine14 = Layer(conv(c14, c14), gain=0.5)
        self.down7 = Layer(conv(c14, c7, 4, stride=2))
        self.refine7 = Layer(conv(c7, c7), gain=0.5)
        self.down4 = Layer(conv(c7, c4, 3, stride=2))
        self.flat = Layer(nn.Linear(c4 * 16, head))

    def features(self, image: Tensor) -> Tensor:
        x = self.down14(2 * image - 1)  # (N, c14, 14, 14)
        x = self.refine14(x, x)
        x = self.down7(x)  # (N, c7, 7, 7)
        x = self.refine7(x, x)
        h: Tensor = self.flat(self.down4(x).flatten(1))  # (N, head)
        return h


def build(spec: TrainingSpec, classes: int) -> tuple[Generator, Discriminator]:
    """Both networks of a spec, freshly initialised from torch's global random state.

    Args:
        spec: which networks and how wide.
        classes: how many classes the dataset has; used only by a conditional spec.
    """
    k = classes if spec.conditional else 0
    generators: dict[str, type[MlpGenerator | ConvGenerator]] = {"mlp": MlpGenerator, "conv": ConvGenerator}
    discriminators: dict[str, type[MlpDiscriminator | ConvDiscriminator]] = {"mlp": MlpDiscriminator, "conv": ConvDiscriminator}
    return (
        generators[spec.network](spec.z_dim, k, spec.generator_widths),
        discriminators[spec.discriminator_network or spec.network](k, spec.discriminator_widths),
    )


def parameter_count(network: nn.Module) -> int:
    """How many numbers the network has learned."""
    return sum(p.numel() for p in network.parameters())
