"""Builds the networks of a spec."""

from __future__ import annotations

from training.errors import TrainingError
from training.networks.architectures import (
    ConvDiscriminator,
    ConvGenerator,
    Discriminator,
    Generator,
    MlpDiscriminator,
    MlpGenerator,
)
from training.networks.sharpener import SharpenDiscriminator, SharpenGenerator
from training.spec import TrainingSpec


def build(spec: TrainingSpec, classes: int) -> tuple[Generator, Discriminator]:
    """Return the generator and discriminator of a spec, initialised from torch's global random state.

    Args:
        spec: task, network types and widths.
        classes: number of classes of the dataset. Used only if the spec is conditional.

    Raises:
        TrainingError: the spec is conditional, but the dataset has no classes.
    """
    if spec.task == "sharpen":
        return SharpenGenerator(spec), SharpenDiscriminator(spec)
    if spec.conditional and not classes:
        raise TrainingError(f"{spec.dataset} has no classes. Set conditional to false in the spec.")
    k = classes if spec.conditional else 0
    generators: dict[str, type[MlpGenerator | ConvGenerator]] = {"mlp": MlpGenerator, "conv": ConvGenerator}
    discriminators: dict[str, type[MlpDiscriminator | ConvDiscriminator]] = {"mlp": MlpDiscriminator, "conv": ConvDiscriminator}
    return (
        generators[spec.network](spec.z_dim, k, spec),
        discriminators[spec.discriminator_network or spec.network](k, spec),
    )
