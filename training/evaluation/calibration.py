"""Calibrates a discriminator's logit to the probability that a picture is real, and checks it on other pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.manifest import Calibration
from training.datasets import degradation
from training.datasets.tensors import Dataset
from training.evaluation import onnx_models
from training.evaluation.onnx_models import Floats, OnnxGenerator, OnnxSharpener, one_hot, session
from training.networks.optimizers import LBFGS

FIT_SEEDS = range(2**31, 2**31 + 5_000)
"""Disjoint from the seeds used for evaluation."""
CHECK_SEEDS = range(2**31 + 5_000, 2**31 + 10_000)
ANY_LABEL_PICTURES = 1_000
"""Each is evaluated once per label."""
ENOUGH_PICTURES = 500
"""Real pictures from which on the targets are not smoothed."""
BINS = 10
BATCH = 100
"""Small enough for the activations to stay in the processor's cache. A single batch takes up to twice as long."""


@dataclass(frozen=True)
class Bin:
    """A bin of pictures with similar predicted probabilities of being real."""

    predicted: float
    """Mean predicted probability."""
    observed: float
    """Fraction of real pictures."""
    pictures: int


@dataclass(frozen=True)
class Calibrated:
    """The fitted calibrations, and their reliability on held-out pictures."""

    labelled: Calibration
    any_label: Calibration | None
    """For pictures without a label, fitted to the mean logit over all labels. None for an unconditional discriminator."""
    reliability: list[Bin]
    """Reliability of the labelled calibration."""


def calibrate(generator: OnnxGenerator | OnnxSharpener, discriminator: Path, test: Dataset) -> Calibrated:
    """Fit Platt scaling by maximum likelihood (Platt 1999) on half of the test pictures, and check it on the other half.

    Args:
        generator: draws the generated pictures, or sharpens the test pictures, degraded in random ways.
        discriminator: path of the discriminator's ONNX file.
        test: real pictures that neither network was trained on.
    """
    half = len(test) // 2
    labelled = _calibration(*_logits(generator, discriminator, test, slice(0, half), FIT_SEEDS))
    any_label = None
    if generator.classes:
        few = slice(0, ANY_LABEL_PICTURES)
        any_label = _calibration(*_logits(generator, discriminator, test, few, FIT_SEEDS, any_label=True))
    logits, truth = _logits(generator, discriminator, test, slice(half, 2 * half), CHECK_SEEDS)
    probability = torch.sigmoid(labelled.slope * logits + labelled.intercept)
    return Calibrated(labelled, any_label, reliability(probability, truth))


def reliability(probability: Tensor, truth: Tensor) -> list[Bin]:
    """Compare predicted probabilities with observed frequencies, in ten bins of equal size.

    Args:
        probability: predicted probability of being real, (N,).
        truth: 1 for real pictures, else 0, (N,).
    """
    order = probability.argsort()
    parts = zip(probability[order].chunk(BINS), truth[order].chunk(BINS), strict=True)
    return [Bin(round(p.mean().item(), 4), round(t.mean().item(), 4), len(p)) for p, t in parts]


def _logits(
    generator: OnnxGenerator | OnnxSharpener,
    discriminator: Path,
    test: Dataset,
    part: slice,
    seeds: range,
    *,
    any_label: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return logits (2N,) of test pictures followed by generated ones with the same labels, and the ground truth (2N,).

    With `any_label`, the logit is the mean over all labels.
    """
    reals, labels = test.images[part], test.labels[part]
    condition: dict[str, Floats] = {}
    if isinstance(generator, OnnxSharpener):
        degraded = degradation.degrade_randomly(reals.float() / 255, torch.Generator().manual_seed(seeds.start))
        fakes = generator.sharpen(degraded, seeds[: len(reals)])
        condition = onnx_models.network_inputs(degraded)
    else:
        fakes, _ = generator.draw(seeds[: len(reals)], labels if generator.classes else None)
        if generator.classes:
            condition = {"label": one_hot(labels.numpy(), generator.classes)}
    judge = session(discriminator)
    found = []
    for pictures in (reals, fakes):
        images, classes = pictures.numpy() / np.float32(255), generator.classes
        if any_label:
            every = [one_hot(np.full(len(pictures), k), classes) for k in range(classes)]
            found.append(np.mean([_run(judge, {"image": images, "label": label}) for label in every], axis=0))
        else:
            found.append(_run(judge, {"image": images} | condition))
    truth = torch.cat([torch.ones(len(reals)), torch.zeros(len(fakes))]).double()
    return torch.from_numpy(np.concatenate(found)).double(), truth


def _run(judge: onnxruntime.InferenceSession, feed: dict[str, NDArray[Any]]) -> Floats:
    """Return the logits of all pictures, (N,), computed in batches."""
    starts = range(0, len(feed["image"]), BATCH)
    batches = ({name: values[i : i + BATCH] for name, values in feed.items()} for i in starts)
    return np.concatenate([judge.run(None, batch)[0] for batch in batches])


def _calibration(logits: Tensor, truth: Tensor) -> Calibration:
    slope, intercept = _fit_logistic(logits, _smoothed(truth))
    return Calibration(slope=round(slope, 6), intercept=round(intercept, 6), pictures=len(truth) // 2)


def _smoothed(truth: Tensor) -> Tensor:
    """Return the targets of the fit. Of few pictures, they are a little away from 0 and 1, as Platt proposed, so that the slope
    remains finite if the logits separate real pictures from generated ones.
    """
    count = len(truth) // 2
    if count >= ENOUGH_PICTURES:
        return truth
    return (truth * count + 1) / (count + 2)


def _fit_logistic(x: Tensor, target: Tensor) -> tuple[float, float]:
    scale = x.std().clamp(min=1e-12)
    parameters = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = LBFGS([parameters], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(parameters[0] * (x - x.mean()) / scale + parameters[1], target)
        loss.backward()
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    slope = (parameters[0] / scale).item()
    return slope, parameters[1].item() - slope * x.mean().item()
