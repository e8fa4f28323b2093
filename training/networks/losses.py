"""The losses of both networks, as scalars computed from logits (N,)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


def bce_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Binary cross-entropy of classifying real (1) and generated (0). The sigmoid is fused, so it cannot overflow."""
    return F.binary_cross_entropy_with_logits(real, torch.ones_like(real)) + F.binary_cross_entropy_with_logits(
        fake, torch.zeros_like(fake)
    )


def bce_generator(real: Tensor, fake: Tensor) -> Tensor:
    """Non-saturating generator loss (Goodfellow 2014, section 3)."""
    return F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Relativistic pairing loss: real logits should exceed the paired generated ones (RpGAN; R3GAN, arXiv:2501.05441)."""
    return F.softplus(fake - real).mean()


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """The relativistic pairing loss with real and generated swapped."""
    return F.softplus(real - fake).mean()


@dataclass(frozen=True)
class Loss:
    """The losses of discriminator and generator, and whether the generator's loss depends on the real logits."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    generator_sees_real: bool


LOSSES = {
    "bce": Loss(bce_discriminator, bce_generator, generator_sees_real=False),
    "relativistic": Loss(relativistic_discriminator, relativistic_generator, generator_sees_real=True),
}
"""The adversarial losses by their name in the spec."""


def gradient_penalty(logit: Tensor, images: Tensor) -> Tensor:
    """Return the squared norm of the gradient of the logit with respect to the picture, averaged over the batch.

    This is R1 for real pictures and R2 for generated ones (Mescheder 2018, arXiv:1801.04406).

    Args:
        logit: logits of the pictures, (N,).
        images: the pictures, (N, C, 28, 28), from which the logits were computed. They require gradients.
    """
    (gradient,) = torch.autograd.grad(logit.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()
