"""Exports an encoder to ONNX, measures it, and describes it."""

from __future__ import annotations

import hashlib
import warnings
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from models import encoder as description
from models.encoder import Quality
from models.inversion import on_grid
from training.datasets.tensors import Dataset
from training.evaluation.onnx_models import session
from training.inversion.drawing import SeedDrawer
from training.inversion.fitting import Fitted
from training.inversion.network import Encoder, parameter_count

OPSET = 17
FIRST_SEED = 3_000_000_000
"""Seeds that quality is measured on, counted from here. Indexes of seeds begin with 0."""


class OnnxEncoder:
    """An exported encoder.

    Args:
        content: encoder.onnx, or its path.
        classes: number of classes K, or 0.
    """

    def __init__(self, content: Path | bytes, classes: int) -> None:
        self._session, self.classes = session(content), classes

    def run(self, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the latents (N, z_dim) and the logits (N, K) of pictures (N, 28, 28) as classes (N,)."""
        feed = {"image": pixels[:, None].astype(np.float32) / np.float32(255)}
        if not self.classes:
            (z,) = self._session.run(["z"], feed)
            return z, np.zeros((len(z), 0), np.float32)
        z, logits = self._session.run(["z", "logits"], feed | {"label": np.eye(self.classes, dtype=np.float32)[labels]})
        return z, logits


def export(encoder: Encoder) -> bytes:
    """Return an encoder as ONNX."""
    example: tuple[torch.Tensor, ...] = (torch.zeros(2, 1, 28, 28),)
    names, outputs = ["image"], ["z"]
    if encoder.classes:
        example = (*example, torch.zeros(2, encoder.classes))
        names, outputs = [*names, "label"], [*outputs, "logits"]
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the exporter without dynamo, which the generators use too
        path = Path(folder) / description.NETWORK
        torch.onnx.export(
            encoder.cpu().eval(),
            example,
            path,
            input_names=names,
            output_names=outputs,
            dynamic_axes={axis: {0: "N"} for axis in [*names, *outputs]},
            opset_version=OPSET,
            dynamo=False,
        )
        return path.read_bytes()


def measure(encoder: OnnxEncoder, drawer: SeedDrawer, test: Dataset, pictures: int) -> Quality:
    """Measure an encoder without refinement.

    Args:
        encoder: the encoder.
        drawer: draws the generator's pictures.
        test: test pictures of the dataset.
        pictures: number of test pictures, and of generated ones.
    """
    seeds = range(FIRST_SEED, FIRST_SEED + min(pictures, len(test)))
    real, labels = test.images[: len(seeds), 0].numpy(), test.labels[: len(seeds)].numpy()
    drawn, drawn_labels = drawer(seeds), drawer.labels(seeds)
    accuracy = float((encoder.run(real, labels)[1].argmax(1) == labels).mean()) if encoder.classes else None
    return Quality(
        test=_error(encoder, drawer, real, labels),
        generated=_error(encoder, drawer, drawn, drawn_labels),
        pictures=len(seeds),
        class_accuracy=None if accuracy is None else round(accuracy, 4),
    )


def load_weights(encoder: Encoder, path: Path) -> bool:
    """Load the weights of an exported encoder. Return False, and change nothing, if its sizes differ.

    Args:
        encoder: the encoder to load them into.
        path: encoder.onnx.
    """
    stored = {each.name: numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer}
    own = encoder.state_dict()
    # the exporter stores the matrix of the layer without a bias transposed, under a name of its own
    for name in stored.keys() - own.keys():
        stored["of_label.weight"] = stored.pop(name).T
    if stored.keys() != own.keys() or any(stored[name].shape != tuple(value.shape) for name, value in own.items()):
        return False
    encoder.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in stored.items()})
    return True


def describe(fitted: Fitted, content: bytes, generator: str, quality: Quality, initial: str | None = None) -> bytes:
    """Return `encoder.json`.

    Args:
        fitted: the trained encoder.
        content: encoder.onnx.
        generator: sha256 of the generator.
        quality: how good it is.
        initial: sha256 of the encoder that the training began with.
    """
    found = description.Encoder(
        generator=generator,
        sha256=hashlib.sha256(content).hexdigest(),
        created=datetime.now(UTC).replace(microsecond=0),
        parameters=parameter_count(fitted.encoder),
        images=fitted.images,
        seconds=round(fitted.seconds, 1),
        quality=quality,
        initial=initial,
    )
    return (found.model_dump_json(indent=1) + "\n").encode()


def _error(encoder: OnnxEncoder, drawer: SeedDrawer, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    again = drawer.draw(on_grid(encoder.run(pixels, labels)[0]), labels)
    squares = ((again.astype(np.int64) - pixels) ** 2).mean(axis=(1, 2))
    return round(float(np.sqrt(squares).mean()), 2)
