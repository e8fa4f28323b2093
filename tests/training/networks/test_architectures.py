"""The shapes of the networks, and their dependence on the label."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.training.conftest import lecture_spec, small_spec
from training.networks import architectures, factory
from training.spec import TrainingSpec

SPECS = {
    "standard": TrainingSpec(),
    "lecture": TrainingSpec.from_preset("lecture"),
    "small": small_spec(),
    "conditional mlp": lecture_spec(conditional=True),
    "unconditional conv": small_spec(conditional=False),
    "narrow stem": small_spec(stem_channels=4),
    "noise": small_spec(noise_map=True),
    "discriminator with a 28x28 stage": small_spec(discriminator_widths=(4, 8, 8, 8, 16)),
    "logarithmic": small_spec(grey_scale="logarithmic"),
    "logarithmic mlp": lecture_spec(grey_scale="logarithmic"),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_generators_map_noise_to_pictures_and_discriminators_map_pictures_to_logits(spec: TrainingSpec) -> None:
    torch.manual_seed(0)
    generator, discriminator = factory.build(spec, 10)
    z = torch.randn(5, spec.z_dim)
    label = torch.eye(10)[:5] if spec.conditional else None
    images = generator(z, label)
    assert images.shape == (5, 1, 28, 28)
    assert 0 <= images.min() < images.max() <= 1
    assert discriminator(images, label).shape == (5,)


@pytest.mark.parametrize("name", ["standard", "conditional mlp"])
def test_both_networks_depend_on_the_label(name: str) -> None:
    torch.manual_seed(0)
    generator, discriminator = factory.build(SPECS[name], 10)
    z = torch.randn(1, 100)
    three, eight = torch.eye(10)[3:4], torch.eye(10)[8:9]
    assert not torch.equal(generator(z, three), generator(z, eight))
    picture = torch.rand(1, 1, 28, 28)
    assert discriminator(picture, three) != discriminator(picture, eight)


def test_the_lecture_networks_are_fully_connected_with_100_inputs_and_784_pixels() -> None:
    generator, discriminator = factory.build(SPECS["lecture"], 10)
    for network, first, last in ((generator, 100, 784), (discriminator, 784, 1)):
        linear = [m for m in network.modules() if isinstance(m, nn.Linear)]
        sizes = sorted({(m.in_features, m.out_features) for m in linear})
        assert any(a == first for a, _ in sizes)
        assert any(b == last for _, b in sizes)
        assert not any(isinstance(m, nn.Conv2d) for m in network.modules())


def test_the_parameter_count_includes_weights_and_biases() -> None:
    assert architectures.parameter_count(nn.Linear(3, 4)) == 16


@pytest.mark.parametrize("widths", [(8, 8, 8), (8, 8, 8, 4)], ids=str)
def test_the_last_width_of_a_convolutional_generator_is_optional(widths: tuple[int, ...]) -> None:
    generator, _ = factory.build(TrainingSpec(generator_widths=widths), 10)
    assert generator(torch.randn(3, 100), torch.eye(10)[:3]).shape == (3, 1, 28, 28)
    assert hasattr(generator, "up28")
    assert (generator.up28 is None) == (len(widths) == 3)


def test_generator_and_discriminator_may_have_different_architectures() -> None:
    spec = TrainingSpec(network="mlp", generator_widths=(16, 32), discriminator_network="conv")
    generator, discriminator = factory.build(spec, 10)
    assert isinstance(generator, architectures.MlpGenerator)
    assert isinstance(discriminator, architectures.ConvDiscriminator)
    label = torch.eye(10)[:3]
    assert discriminator(generator(torch.randn(3, 100), label), label).shape == (3,)


def test_with_a_grey_scale_the_discriminator_gets_both_scales_and_the_generator_gives_integer_levels() -> None:
    torch.manual_seed(0)
    generator, discriminator = factory.build(SPECS["logarithmic"], 10)
    label = torch.eye(10)[:3]
    picture = generator(torch.randn(3, 100), label)
    assert torch.allclose(picture * 255, (picture * 255).round(), atol=1e-4)
    channels = discriminator.channels(picture)
    assert channels.shape == (3, 2, 28, 28)
    assert torch.equal(channels[:, 1:], picture)
    assert (channels[:, :1] >= picture - 1e-6).all()
    (gradient,) = torch.autograd.grad(discriminator(picture, label).sum(), generator.out.affine.weight)
    assert gradient.abs().sum() > 0
