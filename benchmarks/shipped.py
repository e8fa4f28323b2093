"""Draws plots of the shipped generators: .venv-dev/bin/python -m benchmarks.shipped

Left: quality against the time per picture, of every shipped version. Right: the learning curves, from evaluation.json. Written
to docs/shipped.png. The versions take turns, so that other load on the machine affects all of them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.quality import ROOT, microseconds
from models.manifest import EVALUATION, GENERATOR
from models.repository import Repository
from models.version import Version

PLOT = ROOT / "docs" / "shipped.png"


def versions() -> dict[str, Version]:
    """Return every shipped version that draws pictures of seeds."""
    repository = Repository(ROOT / "models")
    found = (repository.get(name, number) for name in repository.names() for number in repository.numbers(name))
    return {f"{v.name}/{v.number}": v for v in found if v.manifest.task == "generate"}


def learning_curve(version: Version) -> tuple[list[int], list[float]]:
    """Return the images and the FID of each measurement during the training of a version. Empty if it has no record."""
    path = version.path / EVALUATION
    history: dict[str, Any] = json.loads(path.read_text()).get("history", {}) if path.is_file() else {}
    points = [(m["images"], m["fid"]) for m in history.get("metrics", []) if m.get("fid")]
    return [images for images, _ in points], [fid for _, fid in points]


def multiple_of_the_floor(version: Version) -> float:
    """Return the FID against the training set as a multiple of that of real pictures."""
    fid = version.manifest.metrics["fid"]
    assert fid.value is not None
    assert fid.floor is not None
    return fid.value / fid.floor


def draw(shipped: dict[str, Version], costs: dict[str, float], path: Path) -> None:
    """Write the plot."""
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    quality, learning = figure.subplots(1, 2)
    for name, version in shipped.items():
        x, y = costs[name], multiple_of_the_floor(version)
        quality.scatter(x, y, s=20)
        quality.annotate(name, (x, y), (4, 4), textcoords="offset points", fontsize=7)
        images, fid = learning_curve(version)
        if images:
            learning.plot([count / 1e6 for count in images], fid, label=name, linewidth=1)
        else:
            learning.plot([], [])  # keeps the colours of both panels equal
    quality.set_xlabel("µs per picture, ONNX Runtime, one thread, batch 1")
    quality.set_ylabel("FID against the training set, as a multiple of the floor")
    learning.set_xlabel("million training images")
    learning.set_ylabel("FID against held-out or training pictures")
    learning.legend(fontsize=7)
    for axes in (quality, learning):
        axes.set_yscale("log")
    figure.savefig(path, dpi=100, metadata={"Software": None})


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    shipped = versions()
    costs = microseconds({name: (v.path / GENERATOR, len(v.manifest.classes)) for name, v in shipped.items()})
    for name, cost in costs.items():
        measured = len(learning_curve(shipped[name])[0])
        print(f"{name}: {cost:.0f} µs, FID {multiple_of_the_floor(shipped[name]):.2f} of the floor, {measured} measurements")
    draw(shipped, costs, PLOT)


if __name__ == "__main__":
    main()
