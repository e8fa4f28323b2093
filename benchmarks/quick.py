"""Measures how fast the preset `quick` learns: .venv-dev/bin/python -m benchmarks.quick

Prints the label accuracy of the averaged generator, judged by the dataset's classifier, against the processor time of the
training steps. One thread: processor time then depends less on other load than the clock does.
"""

from __future__ import annotations

import argparse
import time

import torch

from training.datasets import tensors
from training.evaluation import judges
from training.loop.sampling import draw
from training.loop.trainer import Trainer
from training.spec_options import spec_of

PICTURES = 3_000
INTERVALS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="override a field of the spec")
    torch.set_num_threads(1)
    spec = spec_of("quick", [*parser.parse_args().set, "threads=1"], None)
    data = tensors.load(spec.dataset, "train")
    judge, _ = judges.load(data.info)
    labels = torch.arange(PICTURES) % len(data.info.classes)
    trainer, seconds = Trainer(spec, data), 0.0
    print("| images | CPU seconds | label accuracy |\n|---|---|---|")
    for part in range(1, INTERVALS + 1):
        while trainer.part < part / INTERVALS:
            start = time.process_time()
            trainer.step()
            seconds += time.process_time() - start
        pictures = draw(trainer.ema.network, range(PICTURES), labels)  # type: ignore[arg-type]
        accuracy = judges.judge(judge, pictures).accuracy(labels)
        print(f"| {trainer.seen:,} | {seconds:.0f} | {accuracy:.3f} |", flush=True)


if __name__ == "__main__":
    main()
