"""What the two networks minimise. Logits go in, (N,); a scalar comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

Judge = Callable[[Tensor], Tensor]


def bce_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Cross-entropy of telling real (1) from generated (0). The sigmoid is inside, where it cannot overflow."""
    return F.binary_cross_entropy_with_logits(real, torch.ones_like(real)) + F.binary_cross_entropy_with_logits(
        fake, torch.zeros_like(fake)
    )


def bce_generator(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's error on generated pictures, raised: they are to be called real (Goodfellow 2014, section 3)."""
    return F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Each real picture is to look more real than the generated one beside it (RpGAN; R3GAN, arXiv:2501.05441)."""
    return F.softplus(fake - real).mean()


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """The same contest with the sides changed."""
    return F.softplus(real - fake).mean()


@dataclass(frozen=True)
class Loss:
    """The two sides of one contest, and whether the generator's side looks at real pictures too."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    generator_sees_real: bool


LOSSES = {
    "bce": Loss(bce_discriminator, bce_generator, generator_sees_real=False),
    "relativistic": Loss(relativistic_discriminator, relativistic_generator, generator_sees_real=True),
}


def gradient_penalty(judge: Judge, images: Tensor) -> Tensor:
    """Squared norm of the gradient of the logit by the picture, averaged over the batch.

    On real pictures this is R1, on generated ones R2 (Mescheder 2018, arXiv:1801.04406).
    """
    images = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(judge(images).sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()
