"""Copies of training pictures are detected, also those of a generator that copies on purpose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from app.retraining import gate
from models.locations import ROOT
from models.manifest import Figure
from training.datasets import tensors
from training.datasets.tensors import Dataset
from training.evaluation.figures import COPY_PICTURES, Battery
from training.evaluation.memorisation import nearest
from training.evaluation.onnx_models import OnnxGenerator


def with_noise(pictures: Tensor, levels: float) -> Tensor:
    noise = levels * torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
    return (pictures.float() + noise).round().clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("count", [30, 300, 3_000])
def test_copies_are_found_in_small_and_large_training_sets_and_real_pictures_are_not(mnist: Dataset, count: int) -> None:
    training, others = mnist.images[:count], mnist.images[50_000:50_300]
    repeated = training[torch.arange(300) % count]
    assert nearest(repeated, training).copied == 1
    assert nearest(with_noise(repeated, 8), training).copied > 0.95
    assert nearest(with_noise(repeated, 16), training).copied > 0.85
    assert nearest(others, training).copied < 0.01
    mixed = nearest(torch.cat([repeated[:30], others[:270]]), training)
    assert mixed.copied == pytest.approx(0.1, abs=0.01)
    assert mixed.first(30).copied == 1


def test_a_training_picture_that_occurs_twice_does_not_hide_copies(mnist: Dataset) -> None:
    training = mnist.images[:50]
    twice = torch.cat([training, training, with_noise(training, 2)])
    assert nearest(with_noise(training, 8), twice).copied == 1
    assert nearest(mnist.images[50_000:50_300], twice).copied < 0.01


def test_a_training_set_of_one_picture_has_copies_of_it_only(mnist: Dataset) -> None:
    found = nearest(torch.cat([mnist.images[:1], mnist.images[1:4]]), mnist.images[:1])
    assert found.copies.tolist() == [True, False, False, False]
    assert not found.authentic.any(), "there is no other training picture"


def copying_generator(path: Path, training: Tensor, noise: float) -> OnnxGenerator:
    """Write a generator that returns the training picture of the largest latent, with noise from the other latents."""
    count = len(training)
    constants = {
        "table": training.flatten(1).numpy().astype(np.float32) / 255,
        "shape": np.array([-1, 1, 28, 28]),
        "level": np.array(noise / 255, np.float32),
        "low": np.array(0, np.float32),
        "high": np.array(1, np.float32),
        "parts": np.array([count, 784]),
    }
    nodes = [
        helper.make_node("Split", ["z", "parts"], ["which", "rest"], axis=1),
        helper.make_node("ArgMax", ["which"], ["index"], axis=1, keepdims=0),
        helper.make_node("Gather", ["table", "index"], ["picture"]),
        helper.make_node("Mul", ["rest", "level"], ["noise"]),
        helper.make_node("Add", ["picture", "noise"], ["sum"]),
        helper.make_node("Clip", ["sum", "low", "high"], ["clipped"]),
        helper.make_node("Reshape", ["clipped", "shape"], ["image"]),
    ]
    graph = helper.make_graph(
        nodes,
        "copier",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", count + 784])],
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return OnnxGenerator(path, 0)


@pytest.fixture(scope="module")
def battery() -> Battery:
    """A battery with 300 training and 200 test pictures."""
    torch.set_num_threads(1)
    load_all, counts = tensors.load, {"train": 300, "test": 200}

    def load(name: str, split: str, folder: Path | None = None) -> Dataset:
        data = load_all(name, split, folder)  # type: ignore[arg-type]
        return replace(data, images=data.images[: counts[split]], labels=data.labels[: counts[split]])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensors, "load", load)
        return Battery("mnist")


@pytest.mark.parametrize("noise", [0.0, 8.0, 16.0])
def test_the_gate_rejects_a_generator_that_copies_on_purpose(battery: Battery, tmp_path: Path, noise: float) -> None:
    copier = copying_generator(tmp_path / "copier.onnx", battery.train.images, noise)
    figures = battery.evaluate(copier).figures
    assert (figures["copied"].value or 0) > 0.9
    assert (figures["copied"].floor or 0) < 0.02
    assert "of the first 200 pictures" in figures["copied"].what
    worse = {name: Figure(**figure.model_dump() | {"value": 1e6}) for name, figure in figures.items() if name == "fid_test"}
    champion = figures | worse
    champion.pop("copied")  # an older version has no such figure
    verdict = gate.decide("if_better", figures, 1, champion)
    assert not verdict.promoted
    assert verdict.reason.startswith("It copies: ")
    assert "Better: fid_test" in verdict.reason
    assert gate.decide("always", figures, 1, champion).promoted


def test_the_gate_accepts_a_shipped_generator(battery: Battery) -> None:
    figures = battery.evaluate(OnnxGenerator(ROOT / "models" / "digits" / "1" / "generator.onnx", 10)).figures
    assert figures["copied"].value == 0
    champion = figures | {"fid_test": figures["fid_test"].model_copy(update={"value": 1e6})}
    assert gate.decide("if_better", figures, 1, champion).promoted
    assert COPY_PICTURES == 1_000
