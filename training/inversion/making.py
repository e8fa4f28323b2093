"""Makes the encoder of a version or of a candidate: training, export, figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from models import encoder as description
from models.encoder import Quality
from models.manifest import GENERATOR, sha256_of
from models.version import Version
from training.datasets.tensors import Dataset
from training.inversion import fitting, publishing
from training.inversion.drawing import SeedDrawer
from training.inversion.fitting import Budget
from training.inversion.network import Encoder
from training.inversion.twin import Twin

PICTURES = 2_000
"""Test pictures that the quality is measured on."""


@dataclass(frozen=True)
class Made:
    """An encoder, as its two files."""

    network: bytes
    """`encoder.onnx`."""
    described: bytes
    """`encoder.json`."""
    quality: Quality

    def write(self, folder: Path) -> None:
        """Write the files. The description comes last, because it says that there is an encoder."""
        (folder / description.NETWORK).write_bytes(self.network)
        (folder / description.FILE).write_bytes(self.described)


def make(
    version: Version,
    train: Dataset,
    test: Dataset,
    budget: Budget,
    *,
    seed: int = 0,
    initial: Path | None = None,
    say: Callable[[str], None] = print,
) -> Made:
    """Train an encoder.

    Args:
        version: the version, published or a candidate.
        train: training pictures of its dataset.
        test: test pictures.
        budget: how long to train.
        seed: of the random numbers.
        initial: an encoder.onnx to begin with, as for a warm start. Ignored if its sizes differ.
        say: called with messages about the progress.

    Raises:
        TrainingError: the generator has an operation without a torch twin.
    """
    manifest = version.manifest
    torch.manual_seed(seed)
    network, begun = Encoder(manifest.z_dim, len(manifest.classes)), None
    if initial is not None and publishing.load_weights(network, initial):
        begun = sha256_of(initial)
    fitted = fitting.fit(Twin(version.file(GENERATOR)), network, train, budget, seed, say=say)
    content = publishing.export(fitted.encoder)
    quality = publishing.measure(publishing.OnnxEncoder(content, len(manifest.classes)), SeedDrawer(version), test, PICTURES)
    return Made(content, publishing.describe(fitted, content, manifest.digest, quality, begun), quality)
