"""A loaded generator: latents and labels in, uint8 pixels out."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.errors import StoreUnavailable, VersionUnusable
from app.sampling.edits import Amounts, Edit, resolve_edit
from app.sampling.latents import Point, Vector, one_hot, one_hots, truncate
from models import breeding, directions, seed_contract
from models.breeding import Child
from models.directions import Directions
from models.errors import Damaged, Unreachable
from models.manifest import GENERATOR
from models.version import Version

BATCH = 64
SIDE = 28
Pixels = NDArray[np.uint8]
Shapes = dict[str, list[int]]
"""Tensor name to its dimensions after the first."""


class LoadedGenerator:
    """A verified version in memory. Thread-safe.

    Args:
        version: the version to load.

    Raises:
        VersionUnusable: a file, a shape or a golden pixel does not match the manifest.
    """

    title: str
    """Model and version, such as digits/3."""

    def __init__(self, version: Version) -> None:
        self.version, self.manifest = version, version.manifest
        self.title = f"{self.manifest.name}/{self.manifest.version}"
        self.memo: dict[Hashable, Any] = {}
        """What its users computed once for it, and want to be dropped with it."""
        self._directions: Directions | None = None
        try:
            version.verify()
            self._session = open_session(version.file(GENERATOR))
            inputs, outputs = {"z": [self.manifest.z_dim], **self.extra_inputs()}, {"image": [1, SIDE, SIDE]}
            check_shapes(self._session, f"{self.title}/{GENERATOR}", inputs, outputs, len(self.classes))
            self._check_golden()
            self._directions_path = version.companion(directions.FILE)
        except VersionUnusable:
            raise
        except Unreachable as error:
            raise StoreUnavailable(str(error)) from error
        except Damaged as error:
            raise VersionUnusable(str(error)) from error
        except Exception as error:  # onnxruntime's exceptions share no base of their own
            reason = reason_of(error, version.path)
            raise VersionUnusable(f"{self.title}/{GENERATOR} cannot be run ({reason}). Publish the version again.") from error

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in label order. Empty for an unconditional generator."""
        return self.manifest.classes

    def directions(self) -> Directions | None:
        """Return the directions of this generator, if they have been measured. They are read once, and never change.

        Raises:
            VersionUnusable: the file is damaged. Pictures without an edit are still drawn.
        """
        if self._directions is None:
            try:
                self._directions = directions.read(self._directions_path, self.manifest.digest, self.manifest.z_dim)
            except Damaged as error:
                raise VersionUnusable(f"{self.title}: {error}") from error
        return self._directions

    def edit(self, amounts: Amounts) -> Edit | None:
        """Return an edit of this generator's pictures. None if it changes nothing.

        Raises:
            EditInvalid, VersionUnusable: see `resolve_edit` and `directions`.
        """
        return resolve_edit(amounts, self.directions(), self.title) if amounts else None

    def extra_inputs(self) -> Shapes:
        """Return the inputs besides the latent and the label."""
        return {}

    def point(self, seed: int | str) -> tuple[Point, int | None]:
        """Return the input for a seed and the label drawn from it (None for an unconditional generator)."""
        z, label = seed_contract.draw(seed, self.manifest.z_dim, len(self.classes))
        return Point(z, None if label is None else one_hot(label, len(self.classes))), label

    def child_point(self, child: Child) -> tuple[Point, int | None]:
        """Return the input for a child and the class that it inherits (None for an unconditional generator)."""
        z, label = breeding.draw(child, self.manifest.z_dim, len(self.classes))
        return Point(z, None if label is None else one_hot(label, len(self.classes))), label

    def draw(self, points: Sequence[Point]) -> Pixels:
        """Return the pixels of inputs, (N, 28, 28), in batches of at most 64. The batch does not affect the pixels."""
        return self._run(self._feed(points), len(points))

    def _run(self, feed: Mapping[str, NDArray[np.float32]], count: int) -> Pixels:
        pixels = np.empty((count, SIDE, SIDE), dtype=np.uint8)
        for start in range(0, count, BATCH):
            part = slice(start, start + BATCH)
            image = self._session.run(None, {name: values[part] for name, values in feed.items()})[0]  # (n, 1, 28, 28), 0..1
            np.multiply(image, 255, out=image)
            pixels[part] = np.rint(image, out=image)[:, 0]
        return pixels

    def draw_seeds(
        self, seeds: Sequence[int | str], label: Vector | None = None, psi: float = 1.0, edit: Edit | None = None
    ) -> tuple[Pixels, list[int | None]]:
        """Return the pixels of seeds, (N, 28, 28), as `draw` does, and the classes drawn from the seeds.

        Args:
            seeds: the seeds.
            label: the label input (K,) of all pictures, instead of the classes drawn from the seeds.
            psi: factor of the latents.
            edit: the edit of all pictures, after psi.
        """
        classes = len(self.classes)
        z, labels = seed_contract.draw_many(seeds, self.manifest.z_dim, classes)
        z = truncate(z, psi)
        feed = {"z": z if edit is None else edit.apply(z)}
        if classes:
            rows = one_hots(labels, classes) if label is None else np.broadcast_to(label, (len(seeds), classes))
            feed["label"] = np.ascontiguousarray(rows)
        return self._run(feed, len(seeds)), labels.tolist() if classes else [None] * len(seeds)

    def golden_points(self) -> list[Point]:
        """Return the inputs of the golden pixels of the manifest."""
        return [self.point(seed)[0] for seed in range(self.manifest.golden.seeds)]

    def _feed(self, points: Sequence[Point]) -> dict[str, NDArray[np.float32]]:
        feed = {"z": np.stack([point.z for point in points])}
        if self.classes:
            feed["label"] = np.stack([point.label for point in points if point.label is not None])
        return feed

    def _check_golden(self) -> None:
        """Compare the golden seeds' pixels with the manifest. This also warms up the session."""
        found = hashlib.sha256(self.draw(self.golden_points()).tobytes()).hexdigest()
        if found != self.manifest.golden.sha256:
            raise VersionUnusable(
                f"{self.title} draws different pixels on this machine than at its export (sha256 {found}, expected "
                f"{self.manifest.golden.sha256}). Use the pinned onnxruntime. If you do, report this machine's processor."
            )


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Load an ONNX file for the CPU, with one thread and no spinning.

    An arena and memory patterns would keep the memory of the largest batch in each session: 10 MB for the shipped versions,
    without a gain in speed.
    """
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def reason_of(error: Exception, folder: Path) -> str:
    """Return the message of an exception without local paths, so that it can be sent to clients."""
    return str(error).replace(f"{folder}/", "")


def check_shapes(session: onnxruntime.InferenceSession, name: str, inputs: Shapes, outputs: Shapes, classes: int) -> None:
    """Check that a network has these inputs and outputs, all float32, and a label input if there are classes.

    Raises:
        VersionUnusable: the inputs or outputs differ.
    """
    expected_inputs = inputs | ({"label": [classes]} if classes else {})
    tensors = [*session.get_inputs(), *session.get_outputs()]
    found_inputs = {tensor.name: tensor.shape[1:] for tensor in session.get_inputs()}
    found_outputs = {tensor.name: tensor.shape[1:] for tensor in session.get_outputs()}
    if (found_inputs, found_outputs) != (expected_inputs, outputs) or any(t.type != "tensor(float)" for t in tensors):
        raise VersionUnusable(
            f"{name} has inputs {found_inputs} and outputs {found_outputs} of {sorted({t.type for t in tensors})}, but its "
            f"manifest requires {expected_inputs} and {outputs} of float. Publish the version again."
        )
