"""Runs the exported networks like the service does: ONNX Runtime with one thread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor

from models import noise

Floats = NDArray[np.float32]


def session(path: Path) -> onnxruntime.InferenceSession:
    """Open an ONNX file in a single-threaded CPU session."""
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
        """Return the pixels of seeds, uint8 (N, 1, 28, 28), and their labels: those given, else those of the seeds."""
        z, drawn = noise.draw_many(seeds, self.z_dim, self.classes)
        chosen = drawn if labels is None else labels.numpy()
        pixels = np.rint(self.images(z, chosen) * 255).astype(np.uint8)
        return torch.from_numpy(pixels), torch.from_numpy(chosen)
