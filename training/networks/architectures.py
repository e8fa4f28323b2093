"""The generator and the discriminator, fully connected or convolutional.

All computation of a generator is in `Layer`s, so `training.export.integer_grid` can quantise each one for serving without
knowing the architecture.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.networks import grey_scale
from training.networks.grey_scale import GreyScale
from training.spec import TrainingSpec

SLOPE = 0.25
"""LeakyReLU's slope: a power of two, which is exact in binary (see `training.export.integer_grid`)."""
PIXELS = 28 * 28
LATENT, DEGRADED, NOISE = "latent", "degraded", "noise"
"""Inputs of a generator: latents and one-hot labels, the pixels of a picture to sharpen, and the noise map."""
INPUT_STEP = 2.0**-8
"""Exported generators round latents and labels to multiples of this."""
INPUT_BOUND = 8.0
"""Exported generators clip latents to ±8. No seed reaches this at psi 1; at psi 2, one value in 16,000 does."""
NOISE_LEVELS = 1024
"""Values of a noise map."""
FAINT = 0.05
"""Initial strength of a noise map that is added to a trained generator, as a fraction of that of a new one."""


class Layer(nn.Module):
    """Linear or convolutional layer, followed by LeakyReLU unless it is the last: `act(affine(x) + skip)`.

    Args:
        affine: the linear or convolutional module.
        last: whether the output is the picture's logits.
        gain: factor applied to the He initialisation of the weights.
        doubles: height and width of the input if a pixel shuffle doubles them, turning four channels into one.
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
    """Return a convolution that preserves the size of the picture, or halves it with stride 2."""
    return nn.Conv2d(channels_in, channels_out, kernel, stride=stride, padding=(kernel - 1) // 2)


class NoiseMap(nn.Module):
    """A pseudo-random number in -1..1 for each pixel, as four channels at 14x14, computed from the latents.

    The latents are rounded to integers, multiplied with a fixed matrix of random integers, and taken modulo 1,024. All
    numbers are integers below 2**24, so the result is exact in float32. Slightly different latents give unrelated maps. A
    generator needs it for detail that is random in the training pictures, such as specks: its layers would have to
    compute random numbers themselves.

    Args:
        z_dim: dimension of the latents.
    """

    matrix: Tensor

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.z_dim = z_dim
        self.takes_integers = False
        """Whether the input is in multiples of INPUT_STEP, and the output in multiples of 2 / NOISE_LEVELS."""
        largest = int((2**24 - 1) / (z_dim * INPUT_BOUND / INPUT_STEP))
        rows = np.random.RandomState(0).randint(-min(largest, 40), min(largest, 40) + 1, (PIXELS, z_dim))
        self.register_buffer("matrix", torch.from_numpy(rows).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):  # bfloat16 cannot represent the sums
            z = x[:, : self.z_dim].to(self.matrix.dtype)
            if not self.takes_integers:
                bound = INPUT_BOUND / INPUT_STEP
                z = torch.clamp(torch.round(z * (1 / INPUT_STEP)), -bound, bound)
            sums = F.linear(z, self.matrix)
            remainder = sums - NOISE_LEVELS * torch.floor(sums * (1 / NOISE_LEVELS))  # 0..1023
            centred = (remainder - NOISE_LEVELS // 2).view(-1, 4, 14, 14)
            return centred if self.takes_integers else centred * (2 / NOISE_LEVELS)


class Generator(nn.Module):
    """z (N, z_dim) and, if conditional, label (N, K) -> image (N, 1, 28, 28) in 0..1.

    Layers are declared in the order in which they are applied. Each takes the output of the previous one, unless `sources`
    names another.
    """

    skips: Mapping[str, str] = MappingProxyType({})
    """Skip connections: layer to the earlier layer whose output is added to its own."""
    sources: Mapping[str, str] = MappingProxyType({})
    """What a layer takes, if not the output of the previous one: the output of another layer, or an input of the network.
    The first layer takes the latents."""

    def __init__(self, z_dim: int, classes: int, scale: GreyScale | None = None) -> None:
        super().__init__()
        self.z_dim, self.classes, self.scale = z_dim, classes, scale
        self.conditions = classes
        """Number of one-hot columns after the latent."""

    def logits(self, x: Tensor) -> Tensor:
        """Return the picture before the sigmoid, (N, 1, 28, 28), from concatenated latents and labels, (N, z_dim + K)."""
        raise NotImplementedError

    def adapted(self, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the weights of a similar generator, from a `state_dict`, as those of this one."""
        return weights

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        logits = self.logits(z if label is None else torch.cat([z, label], dim=1))
        position = torch.sigmoid(logits.float())  # bfloat16 cannot resolve all grey levels
        return position if self.scale is None else self.scale.picture(position)


class MlpGenerator(Generator):
    """Fully connected, as in the lecture: z_dim -> widths -> 784."""

    def __init__(self, z_dim: int, classes: int, spec: TrainingSpec) -> None:
        super().__init__(z_dim, classes, grey_scale.build(spec.grey_scale))
        widths = spec.generator_widths
        sizes = [z_dim + classes, *widths]
        self.hidden = nn.ModuleList(Layer(nn.Linear(a, b)) for a, b in pairwise(sizes))
        self.out = Layer(nn.Linear(sizes[-1], PIXELS), last=True)

    def logits(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = layer(x)  # (N, width)
        x = self.out(x)
        return x.view(-1, 1, 28, 28)


class ConvGenerator(Generator):
    """Convolutional. Upsamples with pixel shuffle, because ConvTranspose is slow in ONNX Runtime."""

    skips: Mapping[str, str] = MappingProxyType({"reduce": "stem", "refine14": "up14"})

    def __init__(self, z_dim: int, classes: int, spec: TrainingSpec) -> None:
        super().__init__(z_dim, classes, grey_scale.build(spec.grey_scale))
        c7, inner, c14, *c28 = spec.generator_widths
        self.channels = spec.stem_channels or c7
        self.stem = Layer(nn.Linear(z_dim + classes, self.channels * 49))
        self.widen = Layer(conv(self.channels, c7)) if spec.stem_channels else None
        if self.widen is not None:
            self.skips = {"reduce": "widen", "refine14": "up14"}
        self.expand = Layer(conv(c7, inner))
        self.reduce = Layer(conv(inner, c7), gain=0.3)
        self.noise = NoiseMap(z_dim) if spec.noise_map else None
        self.speckle = Layer(conv(4, c14, 1)) if spec.noise_map else None
        self.up14 = Layer(conv(c7, 4 * c14, 1), doubles=7)
        self.refine14 = Layer(conv(c14, c14), gain=0.3)
        if self.speckle is not None:
            self.skips = {**self.skips, "refine14": "speckle"}
            self.sources = {"speckle": NOISE, "up14": "reduce"}
            with torch.no_grad():  # the residual connection is part of the weights, because the noise takes its place
                self.refine14.affine.weight[:, :, 1, 1] += torch.eye(c14)
        self.up28 = Layer(conv(c14, 4 * c28[0], 1), doubles=14) if c28 else None
        self.out = Layer(conv(c28[0], 1), last=True) if c28 else Layer(conv(c14, 4), last=True, doubles=14)

    def adapted(self, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the weights of a similar generator, from a `state_dict`, as those of this one.

        If this one has a noise map and the other has none, the noise starts faint, so the pictures hardly change.
        """
        if self.speckle is None or any(name.startswith("speckle.") for name in weights):
            return weights
        own = {name: FAINT * value for name, value in self.state_dict().items() if name.startswith("speckle.")}
        refine = weights["refine14.affine.weight"].clone()
        refine[:, :, 1, 1] += torch.eye(
            len(refine), dtype=refine.dtype, device=refine.device
        )  # the residual connection, whose place the noise takes
        return {**weights, "refine14.affine.weight": refine, **own}

    def logits(self, x: Tensor) -> Tensor:
        noise = self.speckle(self.noise(x)) if self.speckle is not None and self.noise is not None else None
        x = self.stem(x).view(-1, self.channels, 7, 7)
        if self.widen is not None:
            x = self.widen(x)
        x = self.reduce(self.expand(x), x)  # (N, c7, 7, 7)
        x = self.up14(x)  # (N, c14, 14, 14)
        x = self.refine14(x, x if noise is None else noise)
        if self.up28 is not None:
            x = self.up28(x)  # (N, c28, 28, 28)
        picture: Tensor = self.out(x)  # (N, 1, 28, 28)
        return picture


class Discriminator(nn.Module):
    """image (N, 1, 28, 28) in 0..1 and, if conditional, label (N, K) -> logit (N,) of being real.

    If conditional, adds the inner product of the features and a class embedding (projection discriminator, Miyato & Koyama
    2018, arXiv:1802.05637).
    """

    def __init__(self, classes: int, features: int, scale: GreyScale | None = None) -> None:
        super().__init__()
        self.classes, self.scale = classes, scale
        self.head = Layer(nn.Linear(features, 1), last=True)
        self.embedding = nn.Linear(classes, features, bias=False) if classes else None

    def features(self, channels: Tensor) -> Tensor:
        """Return the class-independent features, (N, features), of the output of `channels`."""
        raise NotImplementedError

    def channels(self, image: Tensor) -> Tensor:
        """Return the network's input: the picture, (N, 1, 28, 28), or, with a grey scale, both versions, (N, 2, 28, 28)."""
        return image if self.scale is None else torch.cat([self.scale.position(image), image], dim=1)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        return self.logit(self.channels(image), label)

    def logit(self, channels: Tensor, label: Tensor | None = None) -> Tensor:
        """Return the logit, (N,), of the output of `channels`, with respect to which the gradient penalties are computed."""
        h = self.features(channels).float()
        with torch.autocast(h.device.type, enabled=False):  # the loss subtracts logits, so they stay in float32
            logit: Tensor = self.head(h).squeeze(1)
            if self.embedding is not None and label is not None:
                logit = logit + (h * self.embedding(label)).sum(1) / h.shape[1] ** 0.5
        return logit


class MlpDiscriminator(Discriminator):
    """Fully connected, as in the lecture: 784 -> widths -> 1."""

    def __init__(self, classes: int, spec: TrainingSpec) -> None:
        widths = spec.discriminator_widths
        super().__init__(classes, widths[-1], grey_scale.build(spec.grey_scale))
        sizes = [PIXELS * (1 if self.scale is None else 2), *widths]
        self.hidden = nn.ModuleList(Layer(nn.Linear(a, b)) for a, b in pairwise(sizes))

    def features(self, channels: Tensor) -> Tensor:
        x = channels.flatten(1)
        for layer in self.hidden:
            x = layer(x)
        return x


class ConvDiscriminator(Discriminator):
    """Strided convolutions 28 -> 14 -> 7 -> 4, with residual convolutions at 14x14 and 7x7, without normalisation.

    With five widths, a convolution at 28x28 comes first.
    """

    def __init__(self, classes: int, spec: TrainingSpec, *, channels: int | None = None) -> None:
        *c28, c14, c7, c4, head = spec.discriminator_widths
        super().__init__(classes, head, grey_scale.build(spec.grey_scale))
        channels = channels or (1 if self.scale is None else 2)
        self.stem = Layer(conv(channels, c28[0])) if c28 else None
        self.down14 = Layer(conv(c28[0] if c28 else channels, c14, 4, stride=2))
        self.refine14 = Layer(conv(c14, c14), gain=0.5)
        self.down7 = Layer(conv(c14, c7, 4, stride=2))
        self.refine7 = Layer(conv(c7, c7), gain=0.5)
        self.down4 = Layer(conv(c7, c4, 3, stride=2))
        self.flat = Layer(nn.Linear(c4 * 16, head))

    def features(self, channels: Tensor) -> Tensor:
        x = 2 * channels - 1
        if self.stem is not None:
            x = self.stem(x)  # (N, c28, 28, 28)
        x = self.down14(x)  # (N, c14, 14, 14)
        x = self.refine14(x, x)
        x = self.down7(x)  # (N, c7, 7, 7)
        x = self.refine7(x, x)
        h: Tensor = self.flat(self.down4(x).flatten(1))  # (N, head)
        return h


def parameter_count(network: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(p.numel() for p in network.parameters())
