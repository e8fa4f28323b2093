"""Writes the results of an evaluation, as JSON and pictures, for the run and the model card."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from models.atomic import write_atomically
from models.manifest import CURVES, EVALUATION, FAILURES, NEIGHBOURS, RELIABILITY
from training.evaluation import sheets
from training.evaluation.calibration import Bin
from training.evaluation.figures import Measured
from training.evaluation.memorisation import Nearest

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Plot

History = dict[str, list[dict[str, float]]]
"""`progress`: losses, D(real) and D(fake) by images; `metrics`: KID and FID by images."""
MOST_POINTS = 400
FAILURES_SHOWN = 64
PAIRS_SHOWN = 40
PROGRESS = ("images", "loss_discriminator", "loss_generator", "d_real", "d_fake")
METRICS = ("images", "kid", "kid_sd", "fid")


def history(events: list[dict[str, Any]]) -> History:
    """Extract the progress and metrics from a run's events, thinned for plotting."""
    found = {kind: [e for e in events if e.get("event") == kind] for kind in ("progress", "metrics")}
    step = max(1, len(found["progress"]) // MOST_POINTS)
    return {
        "progress": [{k: e[k] for k in PROGRESS} for e in found["progress"][::step]],
        "metrics": [{k: e[k] for k in METRICS if k in e} for e in found["metrics"]],
    }


def write(
    folder: Path,
    measured: Measured,
    *,
    seconds: float,
    training: Tensor | None = None,
    past: History | None = None,
    bins: list[Bin] | None = None,
) -> list[str]:
    """Write the files of an evaluation; return their names.

    Args:
        folder: existing output folder.
        measured: result of the evaluation.
        seconds: duration of the evaluation.
        training: training pictures, uint8 (M, 1, 28, 28), for the sheet of nearest pairs.
        past: the run's history.
        bins: reliability of the discriminator's probability.
    """
    content = {
        "pictures": len(measured.pictures),
        "seconds": round(seconds, 1),
        "figures": {name: figure.model_dump() for name, figure in measured.figures.items()},
        "by_class": measured.by_class,
        "reliability": [asdict(b) for b in bins or []],
        "history": past or {},
    }
    if measured.ledger:
        content["ledger"] = measured.ledger
    write_atomically(folder / EVALUATION, f"{json.dumps(content, indent=1)}\n".encode())
    names = [EVALUATION]
    if past and past["progress"]:
        _save(_curves(past), folder / CURVES)
        names.append(CURVES)
    if measured.by_class:
        sheets.save_sheet(folder / FAILURES, failures(measured), columns=16, scale=2)
        names.append(FAILURES)
    if measured.neighbours and training is not None:
        sheets.save_sheet(folder / NEIGHBOURS, pairs(measured.pictures, measured.neighbours, training), columns=16, scale=2)
        names.append(NEIGHBOURS)
    if bins:
        _save(_reliability(bins), folder / RELIABILITY)
        names.append(RELIABILITY)
    return names


def failures(measured: Measured) -> Tensor:
    """Return the 64 pictures whose requested class the judge finds least likely, worst first, (64, 1, 28, 28)."""
    likelihood = measured.judgement.probabilities.gather(1, measured.labels[:, None])[:, 0]
    return measured.pictures[likelihood.argsort()[:FAILURES_SHOWN]]


def pairs(pictures: Tensor, neighbours: Nearest, training: Tensor) -> Tensor:
    """Return the 40 pictures nearest to a training picture, each followed by it, nearest first, (80, 1, 28, 28)."""
    order = neighbours.distance.argsort()[:PAIRS_SHOWN]
    both = torch.stack([pictures[order], training[neighbours.index[order]]], dim=1)
    return both.flatten(0, 1)


def _curves(past: History) -> Plot:
    plot = _plot(8, 7)
    losses, opinions, distances = plot.subplots(3, 1, sharex=True)
    images = [e["images"] for e in past["progress"]]
    for axes, series in (
        (losses, (("loss_discriminator", "discriminator"), ("loss_generator", "generator"))),
        (opinions, (("d_real", "D(real)"), ("d_fake", "D(fake)"))),
    ):
        for key, label in series:
            axes.plot(images, [e[key] for e in past["progress"]], label=label, linewidth=0.8)
        axes.legend()
    losses.set_ylabel("loss")
    opinions.set_ylabel("probability of being real")
    opinions.set_ylim(0, 1)
    for key, label in (("kid", "KID"), ("fid", "FID")):
        known = [(e["images"], max(e[key], 1e-5)) for e in past["metrics"] if key in e]
        if known:
            distances.plot(*zip(*known, strict=True), marker=".", label=label)
    distances.set_yscale("log")
    distances.set_ylabel("distance, on the judge's features")
    distances.set_xlabel("real images shown")
    if past["metrics"]:
        distances.legend()
    return plot


def _reliability(bins: list[Bin]) -> Plot:
    plot = _plot(4.5, 4.5)
    axes = plot.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", label="perfect")
    axes.plot([b.predicted for b in bins], [b.observed for b in bins], marker="o", label="discriminator")
    axes.set_xlabel("predicted probability of being real")
    axes.set_ylabel("observed fraction of real pictures")
    axes.legend()
    return plot


def _plot(width: float, height: float) -> Plot:
    from matplotlib.figure import Figure  # lazy, because most commands do not plot

    return Figure(figsize=(width, height), layout="constrained")


def _save(plot: Plot, path: Path) -> None:
    buffer = io.BytesIO()
    plot.savefig(buffer, format="png", dpi=90, metadata={"Software": None})
    write_atomically(path, buffer.getvalue())
