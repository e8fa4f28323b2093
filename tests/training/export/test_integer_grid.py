"""The generator on its integer grid: no sum is rounded, so the order of summation does not matter."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models import seed_contract
from models.manifest import WEIGHTS
from models.repository import Repository
from tests.live import ROOT
from tests.training.conftest import lecture_spec, small_spec
from training.checkpoint import load_checkpoint
from training.datasets.tensors import Dataset
from training.errors import ExportError
from training.evaluation.onnx_models import OnnxGenerator
from training.export.build import write_onnx
from training.export.exact_layer import GRIDS, SIGNIFICAND, ExactLayer, Grid
from training.export.integer_grid import ExactGenerator
from training.loop.sampling import seeds_to_input
from training.networks import factory, grey_scale
from training.networks.architectures import Generator, NoiseMap
from training.spec import GreyScaleName, TrainingSpec

SPECS = {
    "standard": TrainingSpec(),
    "small": small_spec(),
    "lecture": lecture_spec(),
    "unconditional": small_spec(conditional=False),
    "narrow stem": small_spec(stem_channels=4),
    "noise": small_spec(noise_map=True),
    "logarithmic": small_spec(grey_scale="logarithmic"),
}


def exact_generator(spec: TrainingSpec, scale: float = 1.0, grid: Grid = GRIDS[2]) -> tuple[Generator, ExactGenerator]:
    torch.manual_seed(3)
    generator, _ = factory.build(spec, 10)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.mul_(scale).add_(0.01 * torch.randn_like(parameter))  # including the biases
    return generator.eval(), ExactGenerator(generator, inputs(generator, range(1000, 1256)), grid)


def inputs(generator: Generator, seeds: range) -> Tensor:
    z, label = seeds_to_input(seeds, generator)
    return z if label is None else torch.cat([z, label], dim=1)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@torch.inference_mode()
def test_every_sum_is_the_same_in_float32_and_in_float64(spec: TrainingSpec, grid: Grid) -> None:
    """If no float32 sum is rounded, float64 arithmetic gives exactly the same numbers in any order."""
    generator, exact = exact_generator(spec, grid=grid)
    x = torch.round(inputs(generator, range(64)) * 256)
    narrow = exact.network.logits(x)
    wide = exact.network.double().logits(x.double())
    assert torch.equal(narrow.double(), wide)
    assert exact.certificate.largest_sum <= SIGNIFICAND


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@torch.inference_mode()
def test_no_sum_of_a_layer_exceeds_the_bound(spec: TrainingSpec, grid: Grid) -> None:
    generator, exact = exact_generator(spec, grid=grid)
    layers = [m for m in exact.network.modules() if isinstance(m, ExactLayer)]
    for layer in layers:
        weight, bias = layer.affine.weight.double(), layer.affine.bias.double()
        for channel in range(len(bias)):
            row = torch.cat([weight[channel].flatten(), bias[channel : channel + 1]])
            precision = next(bits for bits in range(60) if torch.equal((row * 2.0**bits).round(), row * 2.0**bits))
            assert (row * 2.0**precision).abs().max() <= SIGNIFICAND
    outputs: list[float] = []
    hooks = [m.affine.register_forward_hook(lambda m, i, o: outputs.append(float(o.abs().max()))) for m in layers]
    exact(*seeds_to_input(range(64), generator))
    for hook in hooks:
        hook.remove()
    assert len(outputs) == len(layers)
    assert max(outputs) <= SIGNIFICAND


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@torch.inference_mode()
def test_the_exact_generator_draws_almost_the_same_as_the_trained_one(spec: TrainingSpec) -> None:
    generator, exact = exact_generator(spec)
    z, label = seeds_to_input(range(64), generator)
    difference = (exact(z, label) - generator(z, label)).abs() * 255
    assert difference.mean() < 1
    assert (difference > 16).float().mean() < 1e-3  # pixels affected by clipping


@torch.inference_mode()
def test_the_second_grid_changes_the_pixels_of_a_trained_generator_less_than_the_first() -> None:
    repository = Repository(ROOT / "models")
    version = repository.get("fashion", repository.aliases("fashion")["champion"])
    state = load_checkpoint(version.path / WEIGHTS)
    generator, _ = factory.build(TrainingSpec.model_validate(state["spec"]), 10)
    generator.load_state_dict(state["ema"])
    z, label = seeds_to_input(range(64), generator.eval())
    changed = []
    for grid in (GRIDS[1], GRIDS[2]):
        exact = ExactGenerator(generator, inputs(generator, range(1000, 1256)), grid)
        drawn = exact.sigmoid_greys()[exact.levels(z, label)]
        changed.append(float((drawn - generator(z, label) * 255).abs().mean()))
        assert exact.certificate.to_manifest()["grid"] == grid.number
    assert changed[1] < 0.8 * changed[0], changed


@torch.inference_mode()
def test_pixels_are_grey_levels_and_do_not_depend_on_the_batch() -> None:
    generator, exact = exact_generator(TrainingSpec())
    z, label = seeds_to_input(range(40), generator)
    batch = exact(z, label)
    assert torch.equal((batch * 255).round() / 255 * 255, (batch * 255).round())
    assert (batch * 255 - (batch * 255).round()).abs().max() < 1e-4
    for i in range(40):
        assert torch.equal(exact(z[i : i + 1], label[i : i + 1]), batch[i : i + 1])


@torch.inference_mode()
def test_values_beyond_the_grid_are_clipped() -> None:
    _, exact = exact_generator(TrainingSpec())
    label = torch.eye(10)[:2]
    far, farther = torch.full((2, 100), 8.0), torch.full((2, 100), 1000.0)
    assert torch.equal(exact(far, label), exact(farther, label))


@pytest.mark.parametrize(("scale", "logits"), [("linear", 1024), ("logarithmic", 2048), ("equalised", 2048)])
def test_the_sigmoid_table_contains_every_grey_level(scale: GreyScaleName, logits: int, mnist: Dataset) -> None:
    generator, _ = factory.build(small_spec(grey_scale=scale), 10)
    if scale == "equalised":
        assert generator.scale
        generator.scale.set(grey_scale.equalised(mnist.images))
    greys = ExactGenerator(generator, inputs(generator, range(64))).sigmoid_greys()
    assert greys.shape == (logits,)
    assert (greys.diff() >= 0).all()
    assert set(greys.tolist()) == set(range(256))


@torch.inference_mode()
def test_tone_matching_approximates_the_real_histogram_and_stays_monotonic(mnist: Dataset) -> None:
    generator, exact = exact_generator(small_spec())
    levels = exact.levels(*seeds_to_input(range(500), generator))
    before = exact.greys.clone()
    exact.match_tones(levels, mnist.images[:500])
    assert not torch.equal(before, exact.greys)
    assert (exact.greys.diff() >= 0).all()
    real = mnist.images[:500].float() / 255
    drawn = exact(*seeds_to_input(range(500, 1000), generator))
    assert set((drawn * 255).unique().tolist()) <= set(map(float, range(256)))
    for quantile in (0.5, 0.85, 0.95):
        generated, expected = (pixels.flatten()[:300_000].quantile(quantile) for pixels in (drawn, real))
        assert generated.item() == pytest.approx(expected.item(), abs=0.08)


def test_a_network_whose_sums_exceed_every_grid_is_rejected() -> None:
    generator, _ = factory.build(small_spec(), 10)
    with torch.no_grad():
        generator.out.affine.weight.mul_(1e12)
    with pytest.raises(ExportError, match="lower learning_rate"):
        ExactGenerator(generator, inputs(generator, range(8)))


def test_the_trained_generator_is_not_modified() -> None:
    torch.manual_seed(0)
    generator, _ = factory.build(small_spec(), 10)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    ExactGenerator(generator, inputs(generator, range(8)))
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())
    assert isinstance(generator, nn.Module)


@torch.inference_mode()
def test_a_noise_map_is_uniform_independent_of_its_neighbours_and_equal_for_integers_and_floats() -> None:
    noise = NoiseMap(100)
    z, _ = seed_contract.draw_many(range(2000), 100, 0)
    latents = torch.from_numpy(z)
    maps = noise(latents)
    assert maps.shape == (2000, 4, 14, 14)
    assert maps.min() >= -1
    assert maps.max() < 1
    assert torch.histc(maps, 16, -1, 1).div(maps.numel() / 16).sub(1).abs().max() < 0.01
    flat = maps.flatten(1)
    assert torch.corrcoef(flat.T).fill_diagonal_(0).abs().max() < 0.13, "5.8 standard deviations of 2,000 pairs"
    near = noise(latents + 0.1).flatten(1)
    assert abs(float((near * flat).mean())) < 0.01, "a small step changes the whole map"
    noise.takes_integers = True
    assert torch.equal(noise(torch.round(latents * 256)), maps * 512)
    assert torch.equal(noise.double()(torch.round(latents * 256).double()).float(), maps * 512)


@torch.inference_mode()
def test_a_generator_with_noise_draws_the_same_pixels_in_onnx_runtime_and_depends_on_the_noise(tmp_path: Path) -> None:
    generator, exact = exact_generator(small_spec(noise_map=True))
    z, label = seeds_to_input(range(64), generator)
    expected = (exact(z, label) * 255).round()
    write_onnx(exact, tmp_path / "generator.onnx", {"z": z[:2], "label": label[:2]}, "image")
    drawn = OnnxGenerator(tmp_path / "generator.onnx", 10)
    for batch in (1, 64):
        assert torch.equal(
            (torch.from_numpy(drawn.images(z.numpy(), label.argmax(1).numpy(), batch=batch)) * 255).round(), expected
        )
    exact.network.noise.matrix.add_(1)
    assert not torch.equal((exact(z, label) * 255).round(), expected)
