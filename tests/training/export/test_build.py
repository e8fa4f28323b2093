"""Exporting a run as a published version, with its parity checks and evaluation."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from app.sampling.generator import LoadedGenerator
from models import card
from models.errors import RepositoryError
from models.manifest import CARD, DISCRIMINATOR, GENERATOR, SAMPLES, Manifest
from models.repository import Repository
from models.version import Version
from tests.training.conftest import copy_of
from tests.training.tenth import a_tenth
from training.checkpoint import load_checkpoint, save_checkpoint
from training.errors import CheckpointError, ExportError
from training.evaluation.onnx_models import one_hot, session
from training.export import build
from training.export.build import OnnxGenerator, load_trained
from training.export.build import export as export_run
from training.loop.run_folder import RunFolder

OPTIONS: dict[str, Any] = {"pictures": 500, "thorough": False, "say": lambda _: None}


@pytest.fixture(scope="module")
def published(small_run: RunFolder, trainers_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Version:
    repository = Repository(tmp_path_factory.mktemp("published"))
    with a_tenth():
        return export_run(load_trained(small_run, "last"), "small", repository, **OPTIONS, cache=trainers_cache)


@pytest.fixture(scope="module")
def lecture(lecture_run: RunFolder, trainers_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Version:
    repository = Repository(tmp_path_factory.mktemp("published"))
    with a_tenth():
        return export_run(load_trained(lecture_run, "last"), "lecture", repository, **OPTIONS, cache=trainers_cache)


@pytest.mark.parametrize("fixture", ["published", "lecture"])
def test_an_exported_version_draws_the_same_in_the_service_and_the_trainer(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    version: Version = request.getfixturevalue(fixture)
    version.verify()
    loaded = LoadedGenerator(version)  # checks shapes, types and the golden pixels
    manifest = version.manifest
    parity = manifest.parity
    assert (parity.seeds, parity.generator_pixels_different, parity.batch_pixels_different) == (1000, 0, 0)
    assert parity.generator_max_difference == pytest.approx(0, abs=1e-6)
    assert parity.discriminator_max_difference < 1e-3
    assert 0 < parity.grid_mean_difference < 1
    seeds = range(manifest.golden.seeds)
    pixels = loaded.draw([loaded.point(seed)[0] for seed in seeds])
    by_trainer, labels = OnnxGenerator(version.path / GENERATOR, len(manifest.classes)).draw(seeds)
    assert (pixels == by_trainer[:, 0].numpy()).all(), "the pictures differ"
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == manifest.golden.sha256
    assert labels.tolist() == [loaded.point(seed)[1] or 0 for seed in seeds]
    for file in (GENERATOR, DISCRIMINATOR):
        onnx.checker.check_model(onnx.load(version.path / file), full_check=True)


def test_the_manifest_records_how_the_version_was_trained(published: Version, small_run: RunFolder) -> None:
    manifest = published.manifest
    assert manifest.spec == small_run.read_spec().model_dump(mode="json")
    assert (manifest.training.images, manifest.z_dim, manifest.classes) == (640, 100, tuple("0123456789"))
    assert "cores" in manifest.training.machine
    assert manifest.libraries["torch"] == str(torch.__version__)
    per_judge = {"fid", "fid_test", "kid", "kid_test", "density", "coverage", "label_accuracy"}
    assert set(manifest.metrics) == per_judge | {f"{name}_mlp" for name in per_judge} | {"copied"}
    for figure in manifest.metrics.values():
        assert figure.floor is not None
    assert manifest.metrics["fid"].value > 10 * manifest.metrics["fid"].floor, "640 images are too few for a good generator"
    assert manifest.exactness["largest_sum"] <= 2**24


def test_an_unconditional_version_has_no_classes_and_no_label_accuracy(lecture: Version) -> None:
    assert lecture.manifest.classes == ()
    assert lecture.manifest.metrics["label_accuracy"].value is None
    assert [i.name for i in session(lecture.path / GENERATOR).get_inputs()] == ["z"]
    assert [i.name for i in session(lecture.path / DISCRIMINATOR).get_inputs()] == ["image"]


def test_the_card_shows_every_figure_of_the_manifest(published: Version) -> None:
    text = (published.path / CARD).read_text()
    assert text == card.render(published.manifest)
    assert text.startswith("---\nlibrary_name: onnxruntime\n")
    for figure in published.manifest.metrics.values():
        for value in (figure.value, figure.floor):
            assert f"{value:.4f}" in text
    assert (published.path / SAMPLES).read_bytes().startswith(b"\x89PNG")


def test_the_calibrated_discriminator_separates_real_from_generated(published: Version) -> None:
    """Even the poor discriminator of the small run gives real pictures a higher mean probability than generated ones."""
    from training.datasets import tensors

    calibration = published.manifest.calibration
    test = tensors.load("mnist", "test")
    fakes, labels = OnnxGenerator(published.path / GENERATOR, 10).draw(range(1000), test.labels[5000:6000])

    def probability(pictures: torch.Tensor) -> np.ndarray:
        feed = {"image": pictures.numpy().astype(np.float32) / np.float32(255), "label": one_hot(labels.numpy(), 10)}
        logit = session(published.path / DISCRIMINATOR).run(None, feed)[0]
        return 1 / (1 + np.exp(-(calibration.slope * logit + calibration.intercept)))

    real, fake = probability(test.images[5000:6000]), probability(fakes)
    assert real.mean() > 0.5 > fake.mean()


def test_an_export_that_differs_from_the_network_is_not_published(
    small_run: RunFolder, trainers_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_onnx = build.write_onnx

    def write_wrong_onnx(network: torch.nn.Module, path: Path, *sizes: int) -> None:
        write_onnx(network, path, *sizes)
        if path.name == GENERATOR:
            model = onnx.load(path)
            for tensor in model.graph.initializer:
                if tensor.name.endswith("out.affine.bias"):
                    values = onnx.numpy_helper.to_array(tensor) + 1
                    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
            onnx.save(model, path)

    monkeypatch.setattr(build, "write_onnx", write_wrong_onnx)
    with a_tenth(), pytest.raises(ExportError, match="Nothing was published"):
        export_run(load_trained(small_run, "last"), "small", Repository(tmp_path), **OPTIONS, cache=trainers_cache)
    assert Repository(tmp_path).names() == []


def test_an_invalid_name_is_rejected_before_the_export_starts(small_run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="is not a valid model name"):
        export_run(load_trained(small_run, "last"), "Bad Name", Repository(tmp_path))


def test_a_folder_without_a_usable_checkpoint_is_rejected(small_run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="Name the folder of a run"):
        load_trained(RunFolder(tmp_path))
    folder = copy_of(small_run.path, tmp_path / "run")
    with pytest.raises(CheckpointError, match="--checkpoint last"):
        load_trained(folder, "best")
    state = load_checkpoint(folder.checkpoint)
    del state["machine"]
    save_checkpoint(state, folder.checkpoint)
    with pytest.raises(CheckpointError, match="not compatible with this version"):
        load_trained(folder, "last")


def test_a_manifest_rejects_values_that_cannot_be_served(published: Version) -> None:
    fields = published.manifest.model_dump(mode="json")
    for invalid in (
        {"classes": ["a", "a"]},
        {"classes": ["a b"]},
        {"classes": ["é"]},
        {"name": "../x"},
        {"extra": 1},
        {"version": 0},
    ):
        with pytest.raises(ValueError, match="validation error"):
            Manifest.model_validate(fields | invalid)
