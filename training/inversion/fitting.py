"""Training of an encoder, on the pictures that its generator draws and on real ones.

Half of each batch are pictures of random latents, which are in unlimited supply: the encoder must find the latent, and a
latent whose picture is the same. The other half are training pictures, whose latents are unknown: only the picture counts,
and the latent must stay within the distribution on which the generator was trained. The gradient passes through the
generator (`training.inversion.twin`), which does not change.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

import torch
from torch import Tensor
from torch.nn import functional as F

from training.datasets.tensors import Dataset
from training.inversion.network import Encoder, one_hot, predict, rmse_levels
from training.inversion.twin import Twin

LEARNING_RATE = 2e-3
PIXELS, LATENT, PRIOR, CLASS = 20.0, 0.1, 0.02, 0.1
"""Weights of the terms of the loss: mean square errors of pixels and of known latents, mean square of others, cross-entropy."""
WARM_UP = 0.02
"""Fraction of the training in which the learning rate rises."""
AVERAGED = 0.1
"""Share of the steps so far over which weights are averaged. The average is what is exported."""
SAY_EVERY = 250
"""Steps between two messages."""
Tensors = tuple[Tensor, ...] | list[Tensor]


@dataclass(frozen=True)
class Fitted:
    """A trained encoder, and what it took."""

    encoder: Encoder
    images: int
    """Pictures seen, generated and real."""
    seconds: float


@dataclass(frozen=True)
class Budget:
    """How long to train. Whichever is reached first."""

    images: int
    seconds: float
    batch: int = 128


def fit(twin: Twin, encoder: Encoder, train: Dataset, budget: Budget, seed: int, say: Callable[[str], None]) -> Fitted:
    """Train an encoder.

    Args:
        twin: the generator.
        encoder: the encoder, initialised.
        train: training pictures of the generator's dataset.
        budget: how long.
        seed: of the random numbers.
        say: called with messages about the progress.
    """
    random = torch.Generator().manual_seed(seed)
    twin.requires_grad_(False)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=1e-4)
    average = torch.optim.swa_utils.AveragedModel(encoder, multi_avg_fn=_average)
    start, images, steps = time.monotonic(), 0, 0
    half = budget.batch // 2
    while (done := max(images / budget.images, (time.monotonic() - start) / budget.seconds)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, done / WARM_UP + 0.01) * (0.5 + 0.5 * cos(pi * done))
        z, label = _latents(half, encoder, random)
        with torch.no_grad():
            drawn = twin(z, label)
        real, real_label = _real(train, half, encoder.classes, random)
        image = torch.cat([drawn, real])
        labels = None if label is None or real_label is None else torch.cat([label, real_label])
        found, logits = predict(encoder, image, labels)
        again = twin(found, labels)
        loss = PIXELS * F.mse_loss(again, image) + LATENT * F.mse_loss(found[:half], z)
        loss = loss + PRIOR * (found[half:] ** 2).mean()
        if logits is not None and labels is not None:
            loss = loss + CLASS * F.cross_entropy(logits, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(encoder)
        images, steps = images + len(image), steps + 1
        if steps % SAY_EVERY == 0:
            errors = rmse_levels(again.detach(), image)
            say(
                f"{images:,} pictures, {images / (time.monotonic() - start):,.0f} a second, {done:.0%}: pixel error "
                f"{errors[:half].mean():.1f} levels of generated, {errors[half:].mean():.1f} of real pictures"
            )
    encoder.load_state_dict(average.module.state_dict())
    return Fitted(encoder.eval().requires_grad_(False), images, time.monotonic() - start)


def _average(average: Tensors, weights: Tensors, steps: Tensor | int) -> None:
    """Move an average towards the weights after a number of steps. Its memory grows with them, also in short runs."""
    torch._foreach_lerp_(average, weights, 1 / (1 + AVERAGED * int(steps)))


def _latents(count: int, encoder: Encoder, random: torch.Generator) -> tuple[Tensor, Tensor | None]:
    """Return random latents (N, z_dim) and one-hot labels (N, K)."""
    z = torch.randn(count, encoder.z_dim, generator=random)
    labels = torch.randint(max(encoder.classes, 1), (count,), generator=random)
    return z, one_hot(labels, encoder.classes)


def _real(train: Dataset, count: int, classes: int, random: torch.Generator) -> tuple[Tensor, Tensor | None]:
    """Return training pictures (N, 1, 28, 28) in 0..1 and one-hot labels (N, K). They are moved by at most a pixel."""
    chosen = torch.randint(len(train), (count,), generator=random)
    padded = F.pad(train.images[chosen], (1, 1, 1, 1))
    x, y = torch.randint(3, (2,), generator=random).tolist()
    return padded[:, :, y : y + 28, x : x + 28].float() / 255, one_hot(train.labels[chosen], classes)
