"""The generator on its integer grid: no sum rounds, so no order of summation shows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.training.conftest import lecture_spec, small_spec
from training.datasets.tensors import Dataset
from training.errors import ExportError
from training.export.integer_grid import SIGNIFICAND, ExactGenerator, ExactLayer
from training.loop.sampling import seeds_to_input
from training.networks import factory, grey_scale
from training.networks.architectures import Generator
from training.spec import GreyScaleName, TrainingSpec

SPECS = {
    "standard": TrainingSpec(),
    "small": small_spec(),
    "lecture": lecture_spec(),
    "unconditional": small_spec(conditional=False),
    "narrow stem": small_spec(stem_channels=4),
    "logarithmic": small_spec(grey_scale="logarithmic"),
}


def made_exact(spec: TrainingSpec, scale: float = 1.0) -> tuple[Generator, ExactGenerator]:
    torch.manual_seed(3)
    generator, _ = factory.build(spec, 10)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.mul_(scale).add_(0.01 * torch.randn_like(parameter))  # biases too
    return generator.eval(), ExactGenerator(generator, inputs(generator, range(1000, 1256)))


def inputs(generator: Generator, seeds: range) -> Tensor:
    z, label = seeds_to_input(seeds, generator)
    return z if label is None else torch.cat([z, label], dim=1)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@torch.inference_mode()
def test_every_sum_is_the_same_in_float32_and_in_float64(spec: TrainingSpec) -> None:
    """If no float32 sum rounds, then wider arithmetic, in whatever order, gives the very same numbers."""
    generator, exact = made_exact(spec)
    x = torch.round(inputs(generator, range(64)) * 256)
    narrow = exact.network.logits(x)
    wide = exact.network.double().logits(x.double())
    assert torch.equal(narrow.double(), wide)
    assert exact.certificate.largest_sum <= SIGNIFICAND


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@torch.inference_mode()
def test_the_bound_bounds_what_layers_really_add_up(spec: TrainingSpec) -> None:
    generator, exact = made_exact(spec)
    layers = [m for m in exact.network.modules() if isinstance(m, ExactLayer)]
    for layer in layers:
        weight, bias = layer.affine.weight.double(), layer.affine.bias.double()
        for channel in range(len(bias)):
            row = torch.cat([weight[channel].flatten(), bias[channel : channel + 1]])
            finest = next(bits for bits in range(60) if torch.equal((row * 2.0**bits).round(), row * 2.0**bits))
            assert (row * 2.0**finest).abs().max() <= SIGNIFICAND
    seen: list[float] = []
    hooks = [m.affine.register_forward_hook(lambda m, i, o: seen.append(float(o.abs().max()))) for m in layers]
    exact(*seeds_to_input(range(64), generator))
    for hook in hooks:
        hook.remove()
    assert len(seen) == len(layers)
    assert max(seen) <= SIGNIFICAND


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@torch.inference_mode()
def test_it_draws_what_the_trained_generator_draws(spec: TrainingSpec) -> None:
    generator, exact = made_exact(spec)
    z, label = seeds_to_input(range(64), generator)
    moved = (exact(z, label) - generator(z, label)).abs() * 255
    assert moved.mean() < 1
    assert (moved > 16).float().mean() < 1e-3  # where something was clipped


@torch.inference_mode()
def test_pixels_are_grey_levels_and_batches_do_not_matter() -> None:
    generator, exact = made_exact(TrainingSpec())
    z, label = seeds_to_input(range(40), generator)
    together = exact(z, label)
    assert torch.equal((together * 255).round() / 255 * 255, (together * 255).round())
    assert (together * 255 - (together * 255).round()).abs().max() < 1e-4
    for i in range(40):
        assert torch.equal(exact(z[i : i + 1], label[i : i + 1]), together[i : i + 1])


@torch.inference_mode()
def test_what_is_beyond_the_grid_is_clipped_not_wrapped() -> None:
    _, exact = made_exact(TrainingSpec())
    label = torch.eye(10)[:2]
    far, farther = torch.full((2, 100), 8.0), torch.full((2, 100), 1000.0)
    assert torch.equal(exact(far, label), exact(farther, label))


@pytest.mark.parametrize(("scale", "logits"), [("linear", 1024), ("logarithmic", 2048), ("equalised", 2048)])
def test_the_table_reaches_every_grey_level(scale: GreyScaleName, logits: int, mnist: Dataset) -> None:
    generator, _ = factory.build(small_spec(grey_scale=scale), 10)
    if scale == "equalised":
        assert generator.scale
        generator.scale.set(grey_scale.equalised(mnist.images))
    greys = ExactGenerator(generator, inputs(generator, range(64))).sigmoid_greys()
    assert greys.shape == (logits,)
    assert (greys.diff() >= 0).all()
    assert set(greys.tolist()) == set(range(256))


@torch.inference_mode()
def test_matched_tones_are_as_frequent_as_real_ones_and_never_change_places(mnist: Dataset) -> None:
    generator, exact = made_exact(small_spec())
    levels = exact.levels(*seeds_to_input(range(500), generator))
    before = exact.greys.clone()
    exact.match_tones(levels, mnist.images[:500])
    assert not torch.equal(before, exact.greys)
    assert (exact.greys.diff() >= 0).all()
    real = mnist.images[:500].float() / 255
    drawn = exact(*seeds_to_input(range(500, 1000), generator))
    assert set((drawn * 255).unique().tolist()) <= set(map(float, range(256)))
    for quantile in (0.5, 0.85, 0.95):
        here, there = (pixels.flatten()[:300_000].quantile(quantile) for pixels in (drawn, real))
        assert here.item() == pytest.approx(there.item(), abs=0.08)


def test_a_network_that_no_grid_can_hold_is_refused() -> None:
    generator, _ = factory.build(small_spec(), 10)
    with torch.no_grad():
        generator.out.affine.weight.mul_(1e12)
    with pytest.raises(ExportError, match="lower learning_rate"):
        ExactGenerator(generator, inputs(generator, range(8)))


def test_the_trained_generator_is_left_as_it_is() -> None:
    torch.manual_seed(0)
    generator, _ = factory.build(small_spec(), 10)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    ExactGenerator(generator, inputs(generator, range(8)))
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())
    assert isinstance(generator, nn.Module)
