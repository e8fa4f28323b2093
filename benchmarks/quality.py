"""Measures ablations of the training recipe: .venv-dev/bin/python benchmarks/quality.py

Trains a generator for each row of a table on the same number of images, and evaluates each as it would be served. --write
writes the table, and a plot of quality against microseconds per picture, to docs/. Two trainers with one thread each run at a
time. Results in --folder are reused and interrupted runs are resumed, so the command can be stopped and restarted.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure as Plot

from models.manifest import GENERATOR, sha256_of
from models.repository import Repository
from training.evaluation.figures import Battery
from training.evaluation.onnx_models import OnnxGenerator, one_hot
from training.evaluation.two_sample import two_sample
from training.export import build as exporting
from training.loop.run_folder import RunFolder
from training.loop.stopping import reason_of
from training.spec import TrainingSpec

ROOT = Path(__file__).resolve().parent.parent
PAGE, PLOT = ROOT / "docs" / "quality.md", ROOT / "docs" / "quality.png"
START, END = "<!-- ablations: written by benchmarks/quality.py -->", "<!-- end of ablations -->"
ROUNDS = 15

MLP = {"network": "mlp", "generator_widths": [512, 1024], "match_tones": True}
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "lecture": ("lecture", {}),
    "lecture, conditional": ("lecture", {"conditional": True}),
    "two MLPs, relativistic, R1 + R2": ("standard", MLP | {"discriminator_widths": [512, 256]}),
    "MLP generator, convolutional discriminator": ("standard", MLP | {"discriminator_network": "conv"}),
    "standard": ("standard", {}),
    "grey levels not matched": ("standard", {"match_tones": False}),
    "gamma 0.25 from the start": ("standard", {"first_gamma": None}),
    "gamma 1 throughout": ("standard", {"first_gamma": None, "gamma": 1.0}),
    "gamma 0.05 after the burn-in": ("standard", {"gamma": 0.05}),
    "penalties every 2nd step": ("standard", {"penalty_interval": 2}),
    "penalties every 16th step": ("standard", {"penalty_interval": 16}),
    "beta1 0.5": ("standard", {"beta1": 0.5}),
    "learning rate 1e-3": ("standard", {"learning_rate": 1e-3}),
    "learning rate constant": ("standard", {"final_learning_rate": 5e-4}),
    "batch 32": ("standard", {"batch_size": 32}),
    "batch 128": ("standard", {"batch_size": 128}),
    "no average of the weights": ("standard", {"ema_images": 0}),
    "translation by up to 2 pixels": ("standard", {"translate": 2}),
    "float32": ("standard", {"precision": "float32"}),
    "generator (48, 32, 32)": ("standard", {"generator_widths": [48, 32, 32]}),
    "generator (64, 96, 32, 16)": ("standard", {"generator_widths": [64, 96, 32, 16]}),
}
"""The preset of each row, and the fields that differ from it."""
COLUMNS = ("fid_test", "fid_test_mlp", "coverage", "density", "label_accuracy")


def spec_of(preset: str, overrides: dict[str, Any], images: int) -> TrainingSpec:
    """Return the spec of a row: its preset with this number of images, half of which are the burn-in."""
    intervals = {"metrics_every": 0, "sample_every": images, "checkpoint_every": images, "log_every": images // 8}
    shortened = {"images": images, "burn_in": images // 2, "threads": 1, "held_out": 0, "patience": 0} | intervals
    return TrainingSpec.from_preset(preset, **shortened | overrides)  # type: ignore[arg-type]


def train(name: str, spec: TrainingSpec, folder: Path) -> RunFolder:
    """Train a row unless its run is complete. Resume it if it was interrupted."""
    run = RunFolder(folder / name.replace(" ", "-").replace(",", ""))
    spec_file = folder / f"{run.path.name}.json"
    spec_file.write_text(spec.model_dump_json())
    exists = run.checkpoint.exists() and run.read_spec() == spec
    if not (exists and reason_of(run) == "budget"):
        start = time.monotonic()
        arguments = ["--resume"] if exists else ["--spec", str(spec_file)]
        command = [sys.executable, "-m", "training", "train", *arguments, "--out", str(run.path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        print(f"{name}: trained in {time.monotonic() - start:.0f} s", flush=True)
    return run


def microseconds(paths: dict[str, tuple[Path, int]]) -> dict[str, float]:
    """Return the median time per picture in ONNX Runtime on one thread. The generators take turns."""
    generators = {name: OnnxGenerator(path, classes) for name, (path, classes) in paths.items()}
    measured: dict[str, list[float]] = {name: [] for name in generators}
    for _ in range(ROUNDS):
        for name, generator in generators.items():
            feed = {"z": np.random.RandomState(0).standard_normal((1, generator.z_dim)).astype(np.float32)}
            if generator.classes:
                feed["label"] = one_hot(np.array([3]), generator.classes)
            for turn in range(60):
                start = time.perf_counter()
                generator.session.run(None, feed)
                if turn >= 10:
                    measured[name].append((time.perf_counter() - start) * 1e6)
    return {name: statistics.median(times) for name, times in measured.items()}


def measure(name: str, run: RunFolder, battery: Battery, folder: Path) -> dict[str, Any]:
    """Evaluate the generator of a row as it would be served, and cache the figures next to its run."""
    cached = folder / f"{run.path.name}.figures.json"
    exported = folder / f"{run.path.name}.onnx"
    digest = sha256_of(run.checkpoint)
    if cached.exists() and exported.exists() and (row := json.loads(cached.read_text()))["of"] == digest:
        return dict(row)
    trained = exporting.load_trained(run, "last")
    with tempfile.TemporaryDirectory() as scratch:
        version = exporting.build(Path(scratch), trained, "ablation", battery, say=lambda _: None)
        classes = len(version.manifest.classes)
        generator = OnnxGenerator(version.path / GENERATOR, classes)
        fakes, _ = generator.draw(range(battery.count), battery.labels if classes else None)
        test = two_sample(battery.test.images, fakes, 0)
        figures = {column: version.manifest.metrics[column].value for column in COLUMNS}
        exported.write_bytes((version.path / GENERATOR).read_bytes())
    row = {"of": digest, "classes": classes, **figures, "c2st": test.accuracy, "minutes": trained.seconds / 60}
    cached.write_text(json.dumps(row, indent=1))
    print(f"{name}: {row}", flush=True)
    return row


def table(rows: dict[str, dict[str, Any]], images: int) -> str:
    """Format the rows as Markdown."""
    head = "| recipe | FID | FID, 2nd judge | coverage | density | label accuracy | two-sample | µs a picture | minutes |"
    lines = [f"All rows: {images:,} images of MNIST, one thread, equal seeds.", "", head, "|---" * 9 + "|"]
    for name, row in rows.items():
        accuracy = "–" if row["label_accuracy"] is None else f"{row['label_accuracy']:.3f}"
        lines.append(
            f"| {name} | {row['fid_test']:.2f} | {row['fid_test_mlp']:.2f} | {row['coverage']:.3f} | {row['density']:.3f} "
            f"| {accuracy} | {row['c2st']:.3f} | {row['µs']:.0f} | {row['minutes']:.1f} |"
        )
    return "\n".join(lines)


def draw(rows: dict[str, dict[str, Any]], path: Path) -> None:
    """Plot quality against microseconds per picture."""
    plot = Plot(figsize=(8, 5), layout="constrained")
    axes = plot.subplots()
    for number, (name, row) in enumerate(rows.items()):
        axes.scatter(row["µs"], row["fid_test"], s=20)
        axes.annotate(name, (row["µs"], row["fid_test"]), (4, 4 if number % 2 else -8), textcoords="offset points", fontsize=6)
    axes.set_yscale("log")
    axes.set_xlabel("µs per picture, ONNX Runtime, one thread, batch 1")
    axes.set_ylabel("FID against test pictures, on the judge's features")
    plot.savefig(path, dpi=100, metadata={"Software": None})


def shipped() -> dict[str, tuple[Path, int]]:
    """Return the generators of the shipped champions and previous champions, with their numbers of classes."""
    repository, generators = Repository(ROOT / "models"), {}
    for name in repository.names():
        for number in dict.fromkeys(repository.aliases(name).values()):
            version = repository.get(name, number)
            generators[f"{name}/{number}"] = (version.path / GENERATOR, len(version.manifest.classes))
    return generators


def shipped_line(costs: dict[str, float]) -> str:
    """Format the time per picture of the shipped generators as a line of Markdown."""
    return "Shipped: " + "; ".join(f"{name} {cost:.0f} µs a picture" for name, cost in sorted(costs.items())) + "."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000, help="training images of each row")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "ablations")
    parser.add_argument("--only", nargs="*", choices=ROWS, help="rows to run; all by default")
    parser.add_argument("--shipped", action="store_true", help="measure only the time per picture of the shipped generators")
    parser.add_argument("--write", action="store_true", help="write the table and the plot to docs/")
    arguments = parser.parse_args()
    if arguments.shipped:
        line = shipped_line(microseconds(shipped()))
        print(line)
        if arguments.write:
            PAGE.write_text(re.sub(r"^Shipped: .*$", line, PAGE.read_text(), flags=re.MULTILINE))
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    rows = {name: ROWS[name] for name in arguments.only or ROWS}
    specs = {name: spec_of(preset, overrides, arguments.images) for name, (preset, overrides) in rows.items()}
    with ThreadPoolExecutor(2) as pool:
        runs = dict(zip(specs, pool.map(lambda item: train(*item, arguments.folder), specs.items()), strict=True))
    battery = Battery("mnist", cache=ROOT / "var" / "cache")
    results = {name: measure(name, run, battery, arguments.folder) for name, run in runs.items()}
    files = {name: (arguments.folder / f"{runs[name].path.name}.onnx", results[name]["classes"]) for name in results}
    costs = microseconds(files | shipped())
    for name in runs:
        results[name]["µs"] = costs[name]
    text = table({name: results[name] for name in runs}, arguments.images)
    text += "\n\n" + shipped_line({name: cost for name, cost in costs.items() if name not in runs})
    print(text)
    if arguments.write:
        page = PAGE.read_text()
        before, after = page.partition(START)[0], page.partition(END)[2]
        PAGE.write_text(f"{before}{START}\n{text}\n{END}{after}")
        draw({name: results[name] for name in runs}, PLOT)


if __name__ == "__main__":
    main()
