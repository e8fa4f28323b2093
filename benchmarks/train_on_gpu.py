"""Trains specs on a GPU for a few minutes, side by side, and converts the results to run folders.

python -m benchmarks.train_on_gpu train --out OUT --minutes 8 fashion digits
python -m benchmarks.train_on_gpu adopt OUT/fashion.pt runs/fashion

`adopt` measures the KID of every snapshot against the held-out pictures, and writes the best one to a run folder, from which
`python -m training export` publishes it. It can run on another machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from training.checkpoint import load_checkpoint, save_checkpoint
from training.datasets import tensors
from training.loop import stopping
from training.loop.cuda_graph import GraphTrainer, train
from training.loop.kid_meter import KidMeter
from training.loop.run import start
from training.loop.run_folder import Events, RunFolder
from training.networks import factory
from training.spec import TrainingSpec

HALF_LIVES = (100_000, 500_000)
# The run in docs/quality.md.
COMMON: dict[str, Any] = {
    "preset": "best",
    "held_out": 4_000,
    "patience": 0,
    "first_gamma": 1.0,
    "burn_in": 100_000,
    "gamma": 0.05,
    "final_gamma": 0.005,
    "penalty_interval": 2,
    "batch_size": 256,
    "precision": "float32",
    "learning_rate": 5e-4,
    "final_learning_rate": 2e-5,
    "decay_from": 0.5,
    "ema_images": 500_000,
    "images": 1_000_000_000,
    "augment": "adaptive",
    "stem_channels": 16,
    "discriminator_widths": (16, 48, 96, 192, 256),
}
SPECS: dict[str, dict[str, Any]] = {
    "fashion": {"dataset": "fashion-mnist", "grey_scale": "logarithmic", "generator_widths": (64, 32, 32)},
    "digits": {"dataset": "mnist", "grey_scale": "equalised", "generator_widths": (64, 24, 16)},
    # The next one to try, according to docs/quality.md.
    "fashion-wide": {
        "dataset": "fashion-mnist",
        "grey_scale": "logarithmic",
        "generator_widths": (64, 96, 32),
        "stem_channels": None,
        "final_gamma": None,
    },
}


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("names", nargs="+", choices=SPECS, help="specs; repeat a name for a larger share of the GPU")
    training.add_argument("--out", type=Path, required=True)
    training.add_argument("--minutes", type=float, default=8)
    training.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    training.add_argument("--fashion", type=Path, help="folder of Fashion-MNIST's files")
    training.add_argument("--snapshots", type=int, default=8)
    training.add_argument("--override", type=json.loads, default={}, help="fields of the spec, as JSON")
    adopting = commands.add_parser("adopt")
    adopting.add_argument("file", type=Path)
    adopting.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "train":
        _train(arguments)
    else:
        _adopt(arguments.file, arguments.folder)


def _train(arguments: argparse.Namespace) -> None:
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    clock = time.monotonic()
    trainers = {}
    for name in dict.fromkeys(arguments.names):
        spec = TrainingSpec(**COMMON | SPECS[name] | {"minutes": arguments.minutes} | arguments.override)
        folder = arguments.fashion if spec.dataset == "fashion-mnist" else None
        shown, held_out = stopping.hold_out(tensors.load(spec.dataset, "train", folder), spec.held_out)
        turns = arguments.names.count(name)
        trainers[name] = GraphTrainer(spec, shown, held_out, arguments.device, HALF_LIVES, turns)
        print(f"{name}: ready after {time.monotonic() - clock:.1f} s", flush=True)
    with (arguments.out / "log.jsonl").open("w") as log:
        for event in train(trainers, arguments.out, seconds=60 * arguments.minutes, snapshots=arguments.snapshots):
            print(json.dumps(event), file=log, flush=True)
            print(" ".join(f"{name}={value}" for name, value in event.items()), flush=True)


def _adopt(file: Path, folder: Path) -> None:
    trained = load_checkpoint(file)
    networks = load_checkpoint(file.with_name(f"{file.stem}-networks.pt"))
    spec = TrainingSpec.model_validate(trained["spec"])
    shown, held_out = stopping.hold_out(tensors.load(spec.dataset, "train"), spec.held_out)
    meter = KidMeter(held_out, shown=shown.images if spec.match_tones else None)
    generator, _ = factory.build(spec, len(held_out.info.classes))
    run = RunFolder(folder)
    start(run, spec)
    events = Events(run.events)
    last = trained["snapshots"][-1]
    events.write("started", images=0, of=last["seen"], preset=spec.preset)
    best: dict[str, Any] | None = None
    for snapshot in trained["snapshots"]:
        generator.load_state_dict(snapshot["ema"])
        distances = meter.measure(generator.eval())
        is_best = best is None or distances.kid < best["kid"]
        if is_best:
            best = snapshot | {"kid": distances.kid}
        figures = {"kid": round(distances.kid, 6), "kid_sd": round(distances.kid_sd, 6), "fid": round(distances.fid, 6)}
        events.write("metrics", images=snapshot["seen"], **figures, best=is_best)
        print(f"{snapshot['seen']:>12,} images, half-life {snapshot['half_life']:>9,}: {figures}", flush=True)
    if best is None:
        sys.exit(f"{file} contains no snapshots. Train again.")
    facts = {name: trained[name] for name in ("spec", "machine", "torch")}
    facts |= {name: best[name] for name in ("ema", "seen", "seconds", "kid")}
    save_checkpoint(facts | {"discriminator": networks["discriminator"]}, run.best)
    events.write("end", reason="budget", images=last["seen"], seconds=last["seconds"])
    events.close()
    print(f"Wrote {run.best}. Publish with: python -m training export {folder} --name NAME")


if __name__ == "__main__":
    main()
