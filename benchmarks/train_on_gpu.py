"""Train specs for a few minutes on a GPU, several side by side; then, on any machine, make runs of what came back.

    python -m benchmarks.train_on_gpu train --out OUT --minutes 8 fashion digits
    python -m benchmarks.train_on_gpu adopt OUT/fashion.pt runs/fashion

`adopt` measures KID of every snapshot against the held-out pictures, and lays the best one out as a run's folder, from which
`python -m training export` publishes it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from training.datasets import tensors
from training.loop import stopping
from training.loop.cuda_graph import GraphTrainer, train
from training.spec import TrainingSpec

HALF_LIVES = (100_000, 500_000)
# The run that docs/quality.md reports.
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
    # What it recommends to try next.
    "fashion-wide": {
        "dataset": "fashion-mnist",
        "grey_scale": "logarithmic",
        "generator_widths": (64, 96, 32),
        "stem_channels": None,
        "final_gamma": None,
    },
    "digits": {"dataset": "mnist", "grey_scale": "equalised", "generator_widths": (64, 24, 16)},
}


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("names", nargs="+", choices=SPECS)
    training.add_argument("--out", type=Path, required=True)
    training.add_argument("--minutes", type=float, default=8)
    training.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    training.add_argument("--fashion", type=Path, help="folder of Fashion-MNIST's files")
    training.add_argument("--snapshots", type=int, default=8)
    training.add_argument("--override", type=json.loads, default={}, help="fields of the spec, as JSON")
    adopting = commands.add_parser("adopt")
    adopting.add_argument("file", type=Path)
    adopting.add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.command == "train":
        _train(given)
    else:
        _adopt(given.file, given.folder)


def _train(given: argparse.Namespace) -> None:
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    given.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    clock = time.monotonic()
    trainers = {}
    for name in dict.fromkeys(given.names):
        spec = TrainingSpec(**COMMON | SPECS[name] | {"minutes": given.minutes} | given.override)
        folder = given.fashion if spec.dataset == "fashion-mnist" else None
        shown, held_out = stopping.hold_out(tensors.load(spec.dataset, "train", folder), spec.held_out)
        trainers[name] = GraphTrainer(spec, shown, held_out, given.device, HALF_LIVES)
        trainers[name].turns = given.names.count(name)
        print(f"{name}: ready after {time.monotonic() - clock:.1f} s", flush=True)
    with (given.out / "log.jsonl").open("w") as log:
        for facts in train(trainers, given.out, seconds=60 * given.minutes, snapshots=given.snapshots):
            print(json.dumps(facts), file=log, flush=True)
            print(" ".join(f"{k}={v}" for k, v in facts.items()), flush=True)


def _adopt(file: Path, folder: Path) -> None:
    from training.checkpoint import save_checkpoint
    from training.loop.folder import Events, RunFolder
    from training.loop.run import KidMeter, start
    from training.networks import architectures

    found = torch.load(file, weights_only=True)
    other = torch.load(file.with_name(f"{file.stem}-discriminator.pt"), weights_only=True)
    spec = TrainingSpec.model_validate(found["spec"])
    _, held_out = stopping.hold_out(tensors.load(spec.dataset, "train"), spec.held_out)
    meter = KidMeter(held_out)
    generator, _ = architectures.build(spec, len(held_out.source.classes))
    run = RunFolder(folder)
    start(run, spec)
    events = Events(run.events)
    last = found["snapshots"][-1]["seen"]
    events.write("started", images=0, of=last, preset=spec.preset)
    best: dict[str, Any] | None = None
    for shot in found["snapshots"]:
        generator.load_state_dict(shot["ema"])
        distances = meter.measure(generator.eval())
        is_best = best is None or distances.kid < best["kid"]
        if is_best:
            best = shot | {"kid": distances.kid}
        facts = {"kid": round(distances.kid, 6), "kid_sd": round(distances.kid_sd, 6), "fid": round(distances.fid, 6)}
        events.write("metrics", images=shot["seen"], **facts, best=is_best)
        print(f"{shot['seen']:>12,} images, half-life {shot['half_life']:>9,}: {facts}", flush=True)
    if best is None:
        sys.exit(f"{file} holds no snapshot. Train again.")
    state = {"spec": found["spec"], "ema": best["ema"], "discriminator": other["discriminator"], "seen": best["seen"]}
    state |= {"seconds": best["seconds"], "machine": found["machine"], "torch": found["torch"], "kid": best["kid"]}
    save_checkpoint(state, run.best)
    events.write("end", reason="budget", images=last, seconds=found["snapshots"][-1]["seconds"])
    events.close()
    print(f"{run.best}: sha256 {hashlib.sha256(run.best.read_bytes()).hexdigest()[:16]}")


if __name__ == "__main__":
    main()
