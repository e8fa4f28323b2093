"""Draws pictures of seeds for the index, with ONNX Runtime. Does not import torch, so that the service can start a build."""

from __future__ import annotations

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models import seed_contract
from models.manifest import GENERATOR
from models.version import Version

BATCH = 64


class SeedDrawer:
    """Draws the pictures of seeds of a version, with one thread.

    Args:
        version: the version.
    """

    def __init__(self, version: Version) -> None:
        self.z_dim, self.classes = version.manifest.z_dim, len(version.manifest.classes)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(version.file(GENERATOR), options, providers=["CPUExecutionProvider"])

    def __call__(self, seeds: range | list[int]) -> NDArray[np.uint8]:
        """Return pixels, (N, 28, 28), with the classes drawn from the seeds."""
        z, labels = seed_contract.draw_many(seeds, self.z_dim, self.classes)
        return self.draw(z, labels)

    def labels(self, seeds: range | list[int]) -> NDArray[np.int64]:
        """Return the classes drawn from the seeds, (N,), 0 for an unconditional generator."""
        return seed_contract.draw_many(seeds, self.z_dim, self.classes)[1]

    def draw(self, z: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return pixels, (N, 28, 28), of latents (N, z_dim) and classes (N,)."""
        pixels = np.empty((len(z), 28, 28), np.uint8)
        eye = np.eye(self.classes, dtype=np.float32)
        for first in range(0, len(z), BATCH):
            part = slice(first, first + BATCH)
            feed = {"z": z[part]} | ({"label": eye[labels[part]]} if self.classes else {})
            pixels[part] = np.rint(self._session.run(None, feed)[0] * 255)[:, 0]
        return pixels
