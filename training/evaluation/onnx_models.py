"""Runs the exported networks like the service does: ONNX Runtime with one thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor

from models import seed_contract, sharpening
from models.manifest import GENERATOR, Manifest
from models.sharpening import KINDS, Kind
from training.datasets import degradation

Floats = NDArray[np.float32]


def session(path: Path | bytes) -> onnxruntime.InferenceSession:
    """Open an ONNX file, or its content, in a single-threaded CPU session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def one_hot(labels: NDArray[np.int64], classes: int) -> Floats:
    """One-hot encode labels (N,) to (N, K)."""
    return np.eye(classes, dtype=np.float32)[labels]


class OnnxGenerator:
    """A generator loaded from `generator.onnx`.

    Args:
        path: path of the file.
        classes: number of classes K, or 0 if unconditional.
    """

    def __init__(self, path: Path, classes: int) -> None:
        self.path, self.session, self.classes = path, session(path), classes
        self.z_dim = int(self.session.get_inputs()[0].shape[1])

    def images(self, z: Floats, labels: NDArray[np.int64], batch: int = 64) -> Floats:
        """Return images in 0..1, (N, 1, 28, 28), computed in batches of `batch`."""
        parts = []
        for i in range(0, len(z), batch):
            feed = {"z": z[i : i + batch]}
            if self.classes:
                feed["label"] = one_hot(labels[i : i + batch], self.classes)
            parts.append(self.session.run(None, feed)[0])
        return np.concatenate(parts)

    def draw(self, seeds: range, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the pixels of seeds, uint8 (N, 1, 28, 28), and their labels: `labels`, or by default those of the seeds."""
        z, drawn = seed_contract.draw_many(seeds, self.z_dim, self.classes)
        chosen = drawn if labels is None else labels.numpy()
        pixels = np.rint(self.images(z, chosen) * 255).astype(np.uint8)
        return torch.from_numpy(pixels), torch.from_numpy(chosen)

    def golden(self, seeds: int) -> Tensor:
        """Return the reference pixels of a manifest, uint8 (N, 1, 28, 28)."""
        return self.draw(range(seeds))[0]


class OnnxSharpener:
    """A sharpener loaded from `generator.onnx`.

    Args:
        path: path of the file.
        kinds: the kinds of degradation it was trained for, in the order of its input's columns.
    """

    classes = 0

    def __init__(self, path: Path, kinds: Sequence[Kind] = KINDS) -> None:
        self.session, self.kinds = session(path), kinds
        self.z_dim = int(self.session.get_inputs()[0].shape[1])

    def images(self, z: Floats, condition: Tensor, batch: int = 64) -> Floats:
        """Return outputs in 0..1, (N, 1, 28, 28), for degraded pictures, (N, CONDITION), in batches of `batch`.

        Raises:
            ValueError: the sharpener was not trained for a kind of degradation.
        """
        feed = {"z": z} | network_inputs(condition, self.kinds)
        parts = range(0, len(z), batch)
        return np.concatenate([self.session.run(None, {k: v[i : i + batch] for k, v in feed.items()})[0] for i in parts])

    def sharpen(self, condition: Tensor, seeds: range) -> Tensor:
        """Return the pixels of the outputs for degraded pictures, (N, CONDITION), for N seeds, uint8 (N, 1, 28, 28)."""
        z, _ = seed_contract.draw_many(seeds, self.z_dim)
        return torch.from_numpy(np.rint(self.images(z, condition) * 255).astype(np.uint8))

    def golden(self, seeds: int) -> Tensor:
        """Return the reference pixels of a manifest, uint8 (N, 1, 28, 28)."""
        degraded, kinds = sharpening.golden_inputs(range(seeds), self.kinds)
        condition = degradation.condition_of(torch.from_numpy(degraded)[:, None].float() / 255, sharpening.one_hot(kinds))
        return self.sharpen(condition, range(seeds))


def network_inputs(condition: Tensor, kinds: Sequence[Kind] = KINDS) -> dict[str, Floats]:
    """Return the inputs `given` and `kind` of the exported networks for degraded pictures, (N, CONDITION).

    Args:
        condition: the degraded pictures.
        kinds: the kinds of degradation that the networks were trained for, in the order of the columns.

    Raises:
        ValueError: a picture is degraded in a way that the networks were not trained for.
    """
    degraded, kind = degradation.split(condition)
    columns = kind[:, [KINDS.index(name) for name in kinds]]
    if not columns.any(dim=1).all():
        raise ValueError(f"The version was trained for {', '.join(kinds)} only. Measure one that was trained for all kinds.")
    return {"given": degraded.numpy(), "kind": columns.numpy()}


def open_generator(folder: Path, manifest: Manifest) -> OnnxGenerator | OnnxSharpener:
    """Open the generator of a version in `folder`."""
    if manifest.task == "sharpen":
        return OnnxSharpener(folder / GENERATOR, manifest.degradations)
    return OnnxGenerator(folder / GENERATOR, len(manifest.classes))
