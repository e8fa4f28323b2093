"""Measures training on few pictures, with and without augmentation: .venv-dev/bin/python -m benchmarks.small_data

Trains the preset `few` on 30 fours and 300 digits of MNIST and on the 1,797 digits of scikit-learn, and compares the pictures
with test pictures of MNIST. --write writes the table to docs/training.md. Rows in --folder are reused and checkpoints are
resumed, so the command can be stopped and restarted. scikit-learn is not a dependency: name its digits.csv.gz
(sklearn/datasets/data in its wheel) with --digits, or that dataset is skipped.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.checkpoint import load_checkpoint, save_checkpoint
from training.datasets import tensors
from training.datasets.tensors import Dataset
from training.evaluation import distance, judges, sheets
from training.evaluation.memorisation import nearest
from training.loop.sampling import draw
from training.loop.trainer import Trainer
from training.networks import histogram_matching
from training.spec import TrainingSpec

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "training.md"
START, END = "<!-- small data: written by benchmarks/small_data.py -->", "<!-- end of small data -->"
PICTURES = 2_000
EVERY = 10_000
"""Images between two checkpoints of a run."""
SAMPLES = {"fours": "30 fours", "digits": "300 digits", "sklearn": "1,797 digits of scikit-learn"}
VARIANTS: dict[str, dict[str, Any]] = {
    "none": {"augment": "none"},
    "adaptive": {},
    "adaptive, with turns": {"augment_turns": True},
    "translation by 2 pixels": {"augment": "none", "translate": 2},
}
"""Fields that differ from those of the preset."""
COLUMNS = ("fid", "fid_mlp", "kid", "label_accuracy", "turned", "copied")


def sample_of(name: str, digits: Path | None) -> Dataset:
    """Return the training pictures with this name."""
    train = tensors.load("mnist", "train")
    if name == "sklearn":
        assert digits is not None
        images, labels = scikit_learn(digits)
        return replace(train, images=images, labels=labels)
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    index = order[train.labels[order] == 4][:30] if name == "fours" else order[:300]
    return replace(train, images=train.images[index], labels=train.labels[index])


def scikit_learn(path: Path) -> tuple[Tensor, Tensor]:
    """Return the digits of scikit-learn, 8x8, enlarged to 20x20 in a border, as in MNIST: pictures and labels."""
    with gzip.open(path) as file:
        rows = np.loadtxt(file, delimiter=",")
    levels = (rows[:, :64].reshape(-1, 8, 8) * 255 / 16).round().astype(np.uint8)
    large = [np.asarray(Image.fromarray(digit).resize((20, 20), Image.Resampling.BICUBIC)) for digit in levels]
    padded = np.pad(np.stack(large), ((0, 0), (4, 4), (4, 4)))
    return torch.from_numpy(padded)[:, None], torch.from_numpy(rows[:, 64].astype(np.int64))


class Meter:
    """Compares pictures with the test pictures of MNIST, those of the classes in a sample."""

    def __init__(self, sample: Dataset) -> None:
        test = tensors.load("mnist", "test")
        known = torch.isin(test.labels, sample.labels.unique())
        self.sample, self.labels = sample, test.labels[known][:PICTURES]
        self.test = test.images[known][:PICTURES]
        self.judges = {"": judges.load(sample.info)[0], "_mlp": judges.load(sample.info, "mlp")[0]}
        self.real = {suffix: judges.judge(judge, self.test).features for suffix, judge in self.judges.items()}

    def measure(self, pictures: Tensor, labels: Tensor) -> dict[str, float]:
        """Return the figures of pictures, uint8 (N, 1, 28, 28), of these classes."""
        figures: dict[str, float] = {}
        for suffix, judge in self.judges.items():
            judgement = judges.judge(judge, pictures)
            figures[f"fid{suffix}"] = distance.fid(self.real[suffix], judgement.features)
            if not suffix:
                figures["kid"] = distance.kid(self.real[suffix], judgement.features)[0]
                figures["label_accuracy"] = judgement.accuracy(labels)
        upright = nearest(pictures, self.sample.images)
        turned = torch.stack([nearest(pictures, images).distance for images in orientations(self.sample.images)])
        figures["turned"] = (turned.amin(0) < upright.distance).float().mean().item()
        figures["copied"] = upright.copied
        return figures


def orientations(images: Tensor) -> Iterator[Tensor]:
    """Yield pictures in the seven other orientations: rotated by multiples of 90 degrees, and mirrored."""
    for mirrored in (images, images.flip(3)):
        for quarters in range(4):
            if quarters or mirrored is not images:
                yield torch.rot90(mirrored, quarters, (2, 3)).contiguous()


def row(sample: Dataset, meter: Meter, spec: TrainingSpec, path: Path) -> dict[str, float]:
    """Train a generator and measure it, unless the folder has its figures."""
    if path.exists():
        return dict(json.loads(path.read_text()))
    trainer = trained(spec, sample, path.with_suffix(".checkpoint"))
    minutes = trainer.seconds / 60
    pictures = draw(trainer.ema.network, range(len(meter.labels)), meter.labels if spec.conditional else None)  # type: ignore[arg-type]
    frequencies = histogram_matching.frequencies
    curve = histogram_matching.matching(frequencies(pictures), frequencies(sample.images))  # as at export
    pictures = curve[pictures.long()].to(torch.uint8)
    figures = meter.measure(pictures, meter.labels) | {"minutes": minutes, "p": trainer.augment_p}
    sheets.save_sheet(path.with_suffix(".png"), pictures[:160], columns=20)
    path.write_text(json.dumps(figures, indent=1))
    print(path.stem, {name: round(value, 4) for name, value in figures.items()}, flush=True)
    return figures


def trained(spec: TrainingSpec, sample: Dataset, checkpoint: Path) -> Trainer:
    """Return the trainer at the end of its run. Its `seconds` are those of the processor."""
    trainer, start = Trainer(spec, sample), time.process_time()
    if checkpoint.exists():
        trainer.load_state_dict(load_checkpoint(checkpoint))
    before, saved = trainer.seconds, trainer.seen
    while not trainer.done:
        trainer.adapt_to_sign(trainer.step().sign)
        trainer.seconds = before + time.process_time() - start
        if trainer.seen >= saved + EVERY:
            saved = trainer.seen
            save_checkpoint(trainer.state_dict(), checkpoint)
    checkpoint.unlink(missing_ok=True)
    return trainer


def rows_of(name: str, sample: Dataset, folder: Path, images: int, seeds: int, chosen: list[str]) -> list[str]:
    """Return a sample's rows of the table."""
    meter = Meter(sample)
    lines = []
    for title, pictures, labels in (("test pictures", meter.test, meter.labels), ("themselves", sample.images, sample.labels)):
        figures = meter.measure(pictures, labels)
        cells = " | ".join(f"{figures[column]:.3f}" for column in COLUMNS)
        lines.append(f"| {SAMPLES[name]} | {title} | {cells} | – | – |")
    for variant in chosen:
        found = []
        for seed in range(seeds):
            fields = {"images": images, "burn_in": images // 2, "seed": seed, "conditional": name != "fours", "threads": 1}
            spec = TrainingSpec.from_preset("few", **fields | VARIANTS[variant])
            file = folder / f"{name}-{variant.replace(',', '').replace(' ', '-')}-{images}-{seed}.json"
            found.append(row(sample, meter, spec, file))
        cells = " | ".join(" / ".join(f"{figures[column]:.3f}" for figures in found) for column in COLUMNS)
        p = " / ".join(f"{figures['p']:.2f}" for figures in found)
        minutes = statistics.mean(figures["minutes"] for figures in found)
        lines.append(f"| {SAMPLES[name]} | {variant} | {cells} | {p} | {minutes:.1f} |")
    return lines


def main() -> None:
    """Train, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/small-data"), help="folder of the results")
    parser.add_argument("--digits", type=Path, help="digits.csv.gz of scikit-learn")
    parser.add_argument("--images", type=int, default=TrainingSpec.from_preset("few").images, help="length of each run")
    parser.add_argument("--seeds", type=int, default=2, help="number of runs of each row")
    parser.add_argument("--samples", nargs="*", choices=SAMPLES, default=list(SAMPLES))
    parser.add_argument("--variants", nargs="*", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--write", action="store_true", help="write the table to docs/training.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.folder.mkdir(parents=True, exist_ok=True)
    head = "| training pictures | augmentation | FID | FID, 2nd judge | KID | label accuracy | turned | copied | p | minutes |"
    lines = [
        f"All runs: preset `few`, {options.images:,} images, seeds 0 to {options.seeds - 1}, one thread.",
        "",
        head,
        "|---" * 10 + "|",
    ]
    for name in options.samples:
        if name != "sklearn" or options.digits:
            lines += rows_of(
                name, sample_of(name, options.digits), options.folder, options.images, options.seeds, options.variants
            )
    table = "\n".join(lines)
    print(table)
    if options.write:
        before, _, rest = PAGE.read_text().partition(START)
        PAGE.write_text(f"{before}{START}\n{table}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
