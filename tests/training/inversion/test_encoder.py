"""The torch twin of a generator draws its pictures, and an encoder that is trained on them finds latents."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from typer.testing import CliRunner

from models import encoder as description
from models import inversion_figures, seed_contract
from models.manifest import GENERATOR
from models.repository import Repository
from models.seed_index import SeedIndex
from models.seed_index_build import Plan, build
from tests.live import ROOT
from training.cli import app as cli
from training.datasets import tensors
from training.errors import TrainingError
from training.evaluation.onnx_models import OnnxGenerator
from training.inversion import figures, fitting, publishing
from training.inversion.drawing import SeedDrawer
from training.inversion.fitting import Budget, Fitted
from training.inversion.network import Encoder, one_hot, predict
from training.inversion.publishing import OnnxEncoder
from training.inversion.twin import Twin

REPOSITORY = Repository(ROOT / "models")
SMALL = (4, 8, 8, 16)
VERSIONS = [("digits", 1), ("digits", 4), ("fashion", 2), ("letters", 1), ("lecture", 1)]


def inputs(name: str, number: int, count: int) -> tuple[Path, np.ndarray, np.ndarray, torch.Tensor | None]:
    """Return a generator's path, and latents, classes and the label input of seeds."""
    version = REPOSITORY.get(name, number)
    classes = len(version.manifest.classes)
    z, labels = seed_contract.draw_many(range(count), version.manifest.z_dim, classes)
    return version.file(GENERATOR), z, labels, one_hot(torch.from_numpy(labels), classes)


@pytest.mark.parametrize(("name", "number"), VERSIONS)
def test_the_twin_draws_the_same_pixels_as_onnx_runtime(name: str, number: int) -> None:
    path, z, labels, label = inputs(name, number, 16)
    expected = OnnxGenerator(path, 0 if label is None else label.shape[1]).images(z, labels)
    with torch.inference_mode():
        exact, smooth = (Twin(path, rounds=rounds)(torch.from_numpy(z), label).numpy() for rounds in (True, False))
    assert (np.rint(exact * 255) == np.rint(expected * 255)).all()
    assert np.abs(smooth - expected).mean() * 255 < 2


def test_the_gradient_of_the_twin_says_how_the_picture_changes() -> None:
    path, z, _, label = inputs("digits", 4, 1)
    twin, latent = Twin(path).double(), torch.from_numpy(z).double().requires_grad_()
    assert label is not None
    twin(latent, label.double()).square().sum().backward()
    for n in range(0, 100, 9):
        step = torch.zeros_like(latent)
        step[0, n] = 1e-5
        with torch.no_grad():
            up, down = (twin(latent + side * step, label.double()).square().sum() for side in (1, -1))
        assert latent.grad is not None
        assert float(latent.grad[0, n]) == pytest.approx(float(up - down) / 2e-5, rel=0.05, abs=0.02)


def test_an_operation_without_a_twin_is_refused(tmp_path: Path) -> None:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in ("z", "image")]
    graph = helper.make_graph([helper.make_node("Softplus", ["z"], ["image"])], "g", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph), tmp_path / "generator.onnx")
    with pytest.raises(TrainingError, match=r"the operations Softplus, .* Export it again\.$"):
        Twin(tmp_path / "generator.onnx")


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """A small encoder of digits/4, trained on a few thousand pictures."""
    torch.manual_seed(0)
    twin, encoder = Twin(REPOSITORY.get("digits", 4).file(GENERATOR)), Encoder(100, 10, SMALL)
    return fitting.fit(twin, encoder, tensors.load("mnist", "train"), Budget(3_000, 3600, 32), 0, lambda _: None)


@pytest.fixture(scope="module")
def exported(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / description.NETWORK
    path.write_bytes(publishing.export(fitted.encoder))
    return path


def test_training_makes_the_pictures_of_the_latents_similar(fitted: Fitted, exported: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    (tmp_path / "untrained.onnx").write_bytes(publishing.export(Encoder(100, 10, SMALL)))
    test, drawer = tensors.load("mnist", "test"), SeedDrawer(REPOSITORY.get("digits", 4))
    before = publishing.measure(OnnxEncoder(tmp_path / "untrained.onnx", 10), drawer, test, 100)
    after = publishing.measure(OnnxEncoder(exported, 10), drawer, test, 100)
    assert fitted.images >= 3_000
    assert after.test < before.test
    assert after.generated < before.generated
    assert after.class_accuracy is not None
    assert after.class_accuracy > 0.2, "one in ten is chance"
    assert after.pictures == 100


def test_the_exported_encoder_is_the_trained_one(fitted: Fitted, exported: Path) -> None:
    pixels, labels = SeedDrawer(REPOSITORY.get("digits", 4))(range(5)), np.arange(5)
    z, logits = OnnxEncoder(exported, 10).run(pixels, labels)
    image = torch.from_numpy(pixels)[:, None].float() / 255
    with torch.inference_mode():
        expected, expected_logits = predict(fitted.encoder, image, one_hot(torch.from_numpy(labels), 10))
    assert expected_logits is not None
    np.testing.assert_allclose(z, expected.numpy(), atol=1e-4)
    np.testing.assert_allclose(logits, expected_logits.numpy(), atol=1e-4)


def test_an_exported_encoder_can_be_continued(fitted: Fitted, exported: Path) -> None:
    again = Encoder(100, 10, SMALL)
    assert publishing.load_weights(again, exported)
    for name, weight in fitted.encoder.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight), name


@pytest.mark.parametrize("other", [Encoder(100, 10), Encoder(100, 0, SMALL), Encoder(64, 10, SMALL)])
def test_an_encoder_of_other_sizes_is_not_continued(other: Encoder, exported: Path) -> None:
    before = {name: weight.clone() for name, weight in other.state_dict().items()}
    assert not publishing.load_weights(other, exported)
    assert all(torch.equal(weight, before[name]) for name, weight in other.state_dict().items())


def test_logits_do_not_depend_on_the_label_and_latents_do(exported: Path) -> None:
    pixels, encoder = SeedDrawer(REPOSITORY.get("digits", 4))(range(3)), OnnxEncoder(exported, 10)
    (z0, logits0), (z1, logits1) = (encoder.run(pixels, np.full(3, label)) for label in (0, 1))
    assert (logits0 == logits1).all()
    assert (z0 != z1).any()


def test_an_unconditional_encoder_has_no_label(tmp_path: Path) -> None:
    path = tmp_path / description.NETWORK
    path.write_bytes(publishing.export(Encoder(100, 0, SMALL)))
    z, logits = OnnxEncoder(path, 0).run(np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.int64))
    assert (z.shape, logits.shape) == ((2, 100), (2, 0))


def test_the_drawer_draws_the_pictures_of_seeds() -> None:
    version = REPOSITORY.get("digits", 4)
    drawer, (expected, labels) = SeedDrawer(version), OnnxGenerator(version.file(GENERATOR), 10).draw(range(70))
    assert (drawer(range(70)) == expected[:, 0].numpy()).all()
    assert (drawer.labels(range(70)) == labels.numpy()).all()


def test_the_commands_write_an_encoder_and_an_index(tmp_path: Path) -> None:
    where = ["digits", "--version", "4", "--repository", str(ROOT / "models")]
    run = CliRunner().invoke(cli, ["encoder", *where, "--images", "1000", "--out", str(tmp_path)])
    assert run.exit_code == 0, run.output
    found = description.read(tmp_path / description.FILE, REPOSITORY.get("digits", 4).manifest.digest)
    assert found is not None
    assert found.sha256 == hashlib.sha256((tmp_path / description.NETWORK).read_bytes()).hexdigest()
    assert found.images >= 1_000
    run = CliRunner().invoke(cli, ["nearest", *where, "--seeds", "1000", "--out", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert "1,000 of 1,000 seeds" in run.output
    index = SeedIndex(tmp_path / found.generator / "seeds-1000", found.generator)
    drawer = SeedDrawer(REPOSITORY.get("digits", 4))
    assert index.nearest(drawer([7])[0], 1, drawer)[0].seed == 7


def test_the_command_measures_how_well_pictures_are_found(tmp_path: Path) -> None:
    version, drawer = REPOSITORY.get("digits", 4), SeedDrawer(REPOSITORY.get("digits", 4))
    build(tmp_path / "nearest", Plan(version.manifest.digest, 1_000), drawer)
    where = ["digits", "--version", "4", "--repository", str(ROOT / "models"), "--indexes", str(tmp_path / "nearest")]
    run = CliRunner().invoke(cli, ["inversion", *where, "--pictures", "20", "--out", str(tmp_path / inversion_figures.FILE)])
    assert run.exit_code == 0, run.output
    found = inversion_figures.read(tmp_path / inversion_figures.FILE, version.manifest.digest)
    assert found is not None
    methods = {each.name: each for each in found.methods}
    test, train = (tensors.load("mnist", split).images[:, 0].numpy() for split in ("test", "train"))
    differences = train[:, None].astype(np.float32) - test[:2].astype(np.float32)
    expected = np.sqrt((differences**2).mean(axis=(2, 3))).min(axis=0)
    np.testing.assert_allclose(figures.nearest_errors(test[:2], train), expected, atol=0.01)
    assert methods["encoder and 4 steps"].mean < methods["encoder"].mean < methods["nearest of 1,000 seeds"].mean
    assert methods["nearest training picture"].milliseconds is None
    assert {each.pictures for each in found.methods} == {20}
    assert found.recovery is not None
    assert (found.recovery.seeds, found.recovery.pictures, found.recovery.recovered) == (1_000, 500, 500)


def test_projections_lose_nothing_if_the_pictures_vary_in_few_ways() -> None:
    random = np.random.RandomState(0)
    patterns = random.rand(5, 28, 28)
    pictures = np.rint(np.tensordot(random.rand(300, 5), patterns, 1) * 40).astype(np.uint8)
    assert figures.projection_errors(pictures[200:], pictures[:200]).max() < 0.6, "only what rounding adds"


def test_a_version_without_an_encoder_has_no_figures() -> None:
    run = CliRunner().invoke(cli, ["inversion", "digits", "--version", "1", "--repository", str(ROOT / "models")])
    assert isinstance(run.exception, TrainingError)
    assert "python -m training encoder digits" in str(run.exception)


def test_an_encoder_is_not_replaced_by_the_command() -> None:
    run = CliRunner().invoke(cli, ["encoder", "digits", "--version", "4", "--repository", str(ROOT / "models")])
    assert isinstance(run.exception, TrainingError)
    assert "--out" in str(run.exception)


@pytest.mark.parametrize("command", ["encoder", "nearest", "inversion", "directions"])
def test_sharpeners_have_none_of_these(command: str) -> None:
    run = CliRunner().invoke(cli, [command, "sharpen-digits", "--repository", str(ROOT / "models")])
    assert isinstance(run.exception, TrainingError)
    assert "sharpens pictures" in str(run.exception)


def test_the_shipped_encoder_of_digits_is_as_good_as_it_says() -> None:
    version = REPOSITORY.get("digits", 4)
    found = description.read(version.companion(description.FILE), version.manifest.digest)
    assert found is not None
    drawer, encoder = SeedDrawer(version), OnnxEncoder(version.companion(description.NETWORK), 10)
    measured = publishing.measure(encoder, drawer, tensors.load("mnist", "test"), found.quality.pictures)
    assert measured.test == pytest.approx(found.quality.test, abs=0.1)
    assert measured.generated == pytest.approx(found.quality.generated, abs=0.1)
    assert measured.class_accuracy == pytest.approx(found.quality.class_accuracy, abs=0.002)
