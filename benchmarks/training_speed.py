"""Compares the speed of training with another commit: .venv-dev/bin/python -m benchmarks.training_speed --against COMMIT

For each shipped version named, both trainers train with its spec on one thread, in alternation, so that other load on the
machine affects both. Speed is in images per second of CPU time.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from models.repository import Repository

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("training", "app", "models/*.py")
"""The files of a commit that its trainer imports."""
WARM_UP = 8


def work(spec: dict[str, Any]) -> None:
    """Train, and print the images per second of CPU time for each number of steps read from standard input.

    Only names that have not changed for long are used, because this also runs with another commit's trainer.
    """
    import torch

    from training.datasets import tensors
    from training.loop.trainer import Trainer
    from training.spec import TrainingSpec

    torch.set_num_threads(1)
    trainer = Trainer(TrainingSpec.model_validate(spec), tensors.load(spec["dataset"], "train"))
    for _ in range(WARM_UP):
        trainer.step()
    print(flush=True)
    for line in sys.stdin:
        before, start = trainer.seen, time.process_time()
        for _ in range(int(line)):
            trainer.step()
        print((trainer.seen - before) / (time.process_time() - start), flush=True)


def unpack(commit: str, folder: Path) -> None:
    """Write a commit's packages to a folder. Raises CalledProcessError if there is no such commit."""
    archive = subprocess.run(["git", "archive", commit, "--", *PACKAGES], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


def worker(tree: Path, spec: dict[str, Any]) -> subprocess.Popen[str]:
    """Start a process that trains with the packages of a tree."""
    command = [sys.executable, "-P", __file__, "--worker", json.dumps(spec)]
    environment = os.environ | {"PYTHONPATH": str(tree)}
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def compare(spec: dict[str, Any], other: Path, *, steps: int, rounds: int) -> tuple[float, float, float]:
    """Return the median speeds with the other tree and with this one, and the median ratio of neighbouring measurements."""
    processes = [worker(tree, spec) for tree in (other, ROOT)]
    speeds: list[list[float]] = [[], []]
    for _ in range(rounds):
        for process, measured in zip(processes, speeds, strict=True):
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{steps}\n")
            process.stdin.flush()
            measured.append(float(process.stdout.readline()))
    for process in processes:
        process.communicate()
    before, after = speeds
    ratio = statistics.median(b / a for a, b in zip(before, after, strict=True))
    return statistics.median(before), statistics.median(after), ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default="HEAD", help="commit to compare the working tree with")
    parser.add_argument("--versions", nargs="*", default=["digits/4", "fashion/2", "lecture/1"])
    parser.add_argument("--steps", type=int, default=12, help="steps of one measurement")
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each")
    parser.add_argument("--worker", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker)
        return
    repository = Repository(ROOT / "models")
    print(f"| spec | {arguments.against}, images/s | now | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        unpack(arguments.against, Path(folder))
        for reference in arguments.versions:
            name, _, number = reference.partition("/")
            spec = repository.get(name, int(number)).manifest.spec | {"initial_weights": None, "threads": 1}
            before, after, ratio = compare(spec, Path(folder), steps=arguments.steps, rounds=arguments.rounds)
            print(f"| {reference} | {before:.0f} | {after:.0f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
