"""Finds directions in the latent space along which measured properties change, and measures what edits do.

A property is regressed on the latent and the class, over the pictures of several thousand seeds. Its gradient is the
direction. The gradients of different properties are not perpendicular: thick digits are also wide. They are replaced by the
nearest orthonormal vectors (Löwdin 1950), which treats all of them alike, so that an edit by one of them disturbs the others
less.

Beside them are the directions that change the first layer's output most (SeFa: Shen and Zhou 2021, arXiv:2007.06600), without
any measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from models import seed_contract
from models.directions import Direction, Directions, Effect, Property, digest_of, shifted
from models.manifest import GENERATOR
from models.version import Version
from training.errors import TrainingError
from training.evaluation import properties
from training.evaluation.judges import Classifier, judge
from training.evaluation.onnx_models import OnnxGenerator
from training.evaluation.properties import Measure

Floats = NDArray[np.float64]
AMOUNTS = (-2, -1, 1, 2)
SEFA = 8
"""Unsupervised directions."""


@dataclass(frozen=True)
class Regression:
    """Properties as linear functions of the latent, with an offset for each class."""

    gradients: Floats
    """Change of each property, in its standard deviations, for each coordinate of the latent, (P, z_dim)."""
    means: Floats
    """Mean of each property, (P,)."""
    spreads: Floats
    """Standard deviation of each property within a class, (P,)."""
    explained: Floats
    """R squared of each property within a class, on pictures that it was not fitted to, (P,)."""


def regress(z: Floats, labels: NDArray[np.int64], values: Floats, held_out: int) -> Regression:
    """Fit properties to latents by least squares, each over the pictures that have it.

    Args:
        z: latents, (N, z_dim).
        labels: classes, (N,).
        values: properties, (N, P), NaN where a picture does not have one.
        held_out: how many of the last pictures are not fitted to, but tested on.

    Raises:
        TrainingError: too few pictures have a property.
    """
    classes = np.eye(labels.max() + 1)[labels]
    inputs = np.concatenate([z, classes], axis=1)
    columns = []
    for column in values.T:
        fitted = np.isfinite(column)
        tested = fitted.copy()
        fitted[len(z) - held_out :], tested[: len(z) - held_out] = False, False
        if fitted.sum() < 2 * inputs.shape[1] or tested.sum() < 2:
            raise TrainingError("Too few pictures have one of the properties. Raise --seeds.")
        solution, *_ = np.linalg.lstsq(inputs[fitted], column[fitted], rcond=None)
        offsets, *_ = np.linalg.lstsq(classes[fitted], column[fitted], rcond=None)
        within = column - classes @ offsets
        spread = max(float(within[fitted].std()), 1e-9)
        residual = (column - inputs @ solution)[tested]
        explained = 1 - (residual**2).mean() / max(float((within[tested] ** 2).mean()), 1e-12)
        columns.append((solution[: z.shape[1]] / spread, column[fitted].mean(), spread, explained))
    gradients, means, spreads, explained_all = zip(*columns, strict=True)
    return Regression(np.stack(gradients), np.array(means), np.array(spreads), np.array(explained_all))


def orthonormal(rows: Floats) -> Floats:
    """Return the orthonormal vectors nearest to the directions of some rows, (P, z_dim) (Löwdin 1950).

    Raises:
        TrainingError: the rows are linearly dependent.
    """
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    left, values, right = np.linalg.svd(unit, full_matrices=False)
    if values.min() < 1e-3:
        raise TrainingError("Two properties change along the same direction. Measure fewer of them.")
    found: Floats = left @ right
    return found


def first_layer(path: Path, z_dim: int) -> Floats:
    """Return the weights of the first layer that belong to the latent, (outputs, z_dim).

    Raises:
        TrainingError: the generator does not begin with a fully connected layer.
    """
    graph = onnx.load(path).graph
    weights = {each.name: each for each in graph.initializer}
    for node in graph.node:
        if node.op_type in ("Gemm", "MatMul") and node.input[1] in weights:
            found = numpy_helper.to_array(weights[node.input[1]]).astype(np.float64)
            is_transposed = any(each.name == "transB" and each.i for each in node.attribute)
            matrix = found if is_transposed else found.T
            if matrix.shape[1] >= z_dim:
                return np.ascontiguousarray(matrix[:, :z_dim])  # the columns after them belong to the label
    raise TrainingError(f"{path} does not begin with a fully connected layer, so it has no directions by SeFa.")


def sefa(weights: Floats, count: int) -> Floats:
    """Return the unit vectors, (count, z_dim), that change the output of a layer most. Their largest number is positive."""
    _, vectors = np.linalg.eigh(weights.T @ weights)
    rows = vectors.T[::-1][:count]
    signs = np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])
    found: Floats = rows * signs[:, None]
    return found


@dataclass(frozen=True)
class Pictures:
    """Draws a generator's pictures, and measures them."""

    generator: OnnxGenerator
    measures: Mapping[str, Measure]
    judge: Classifier | None

    def draw(self, z: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return pixels, (N, 28, 28), from ONNX Runtime, as the service does."""
        found: NDArray[np.uint8] = np.rint(self.generator.images(z, labels)[:, 0] * 255).astype(np.uint8)
        return found

    def classes(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64] | None:
        """Return the class that the judge assigns to each picture."""
        if self.judge is None:
            return None
        found: NDArray[np.int64] = judge(self.judge, torch.from_numpy(pixels)[:, None]).probabilities.argmax(1).numpy()
        return found


def find(
    version: Version,
    pictures: Pictures,
    judge_sha256: str | None,
    seeds: int,
    checks: int,
    say: Callable[[str], None] = lambda _: None,
) -> Directions:
    """Find the directions of a generator and measure them.

    Args:
        version: the version.
        pictures: its generator, and the properties to measure.
        judge_sha256: sha256 of the judge.
        seeds: number of seeds to fit to.
        checks: number of further seeds to measure on.
        say: called with a message before each step.

    Raises:
        TrainingError: see `orthonormal` and `first_layer`.
    """
    manifest = version.manifest
    say(f"Drawing {seeds + checks:,} pictures.")
    z, labels = seed_contract.draw_many(range(seeds + checks), manifest.z_dim, len(manifest.classes))
    pixels = pictures.draw(z, labels)
    values = properties.measure(pixels, pictures.measures)
    fit = regress(z.astype(np.float64), labels, values, checks)
    measured = zip(pictures.measures, orthonormal(fit.gradients), strict=True)
    rows = [("measured", name, row) for name, row in measured]
    unsupervised = sefa(first_layer(version.file(GENERATOR), manifest.z_dim), SEFA)
    rows += [("sefa", f"sefa{number}", row) for number, row in enumerate(unsupervised, 1)]
    kept = slice(seeds, seeds + checks)
    before = pictures.classes(pixels[kept])
    found = []
    for kind, name, row in rows:
        say(f"Measuring {name} on {checks:,} pictures, each edited by {', '.join(map(str, AMOUNTS))}.")
        vector = row.astype(np.float32)
        effect = _effect(pictures, vector, z[kept], labels[kept], before, np.isfinite(values[kept]), fit.spreads)
        found.append(Direction.model_validate({"name": name, "kind": kind, "vector": vector.tolist(), "effect": effect}))
    described = {
        name: Property(
            what=" ".join((each.__doc__ or "").split()),
            mean=round(float(fit.means[n]), 4),
            sd=round(float(fit.spreads[n]), 4),
            explained=round(float(fit.explained[n]), 3),
        )
        for n, (name, each) in enumerate(pictures.measures.items())
    }
    return Directions(
        generator=manifest.digest,
        created=datetime.now(UTC).replace(microsecond=0),
        seeds=seeds,
        checks=checks,
        judge_sha256=judge_sha256,
        properties=described,
        directions=found,
        sha256=digest_of([(each.name, each.vector) for each in found]),
    )


def _effect(
    pictures: Pictures,
    vector: NDArray[np.float32],
    z: NDArray[np.float32],
    labels: NDArray[np.int64],
    before: NDArray[np.int64] | None,
    has: NDArray[np.bool_],
    spreads: Floats,
) -> Effect:
    """Measure an edit on pictures. `has` tells which of them have which property, (N, P), without the edit."""
    means: dict[int, Floats] = {}
    kept: dict[str, float] = {}
    for amount in AMOUNTS:
        pixels = pictures.draw(shifted(z, [(float(amount), vector)]), labels)
        values = np.nan_to_num(properties.measure(pixels, pictures.measures))  # a loop that has opened has the size 0
        means[amount] = np.where(has, values, 0).sum(axis=0) / np.maximum(has.sum(axis=0), 1)
        after = pictures.classes(pixels)
        if before is not None and after is not None:
            kept[str(amount)] = round(float((after == before).mean()), 4)
    slopes = (means[1] - means[-1]) / 2 / spreads
    moved = {name: round(float(slope), 3) for name, slope in zip(pictures.measures, slopes, strict=True)}
    return Effect(moved=moved, label_kept=kept or None)
