"""The figures of a sharpener: its outputs for degraded test pictures, compared with those of classic filters.

There are four tests: pictures shrunk to 14x14 and to 7x7, and pictures blurred by a Gaussian of sigma 1 and 2. Each figure of
a sharpener has a floor (or ceiling): the same figure for the originals. The table `ledger` of evaluation.json contains the
same figures for the classic filters, and for other versions, such as a network trained by mean squared error alone. Without
classes, label accuracy is omitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from models.manifest import Figure
from models.sharpening import FACTORS, SIDE, Kind
from training.datasets import degradation, tensors
from training.evaluation import distance, judges
from training.evaluation.figures import TWO_SAMPLE_SEEDS, Measured
from training.evaluation.onnx_models import OnnxSharpener
from training.evaluation.two_sample import two_sample

Row = dict[str, float | None]
"""Figure name to its value."""
Better = Literal["lower", "higher"]
SECOND_SEEDS_FROM = 2**20
"""First seed of the second set of outputs, from which the diversity is computed."""
UNSHARP = {"radius": 2, "percent": 150, "threshold": 3}
"""Parameters of the unsharp mask: Pillow's defaults."""


@dataclass(frozen=True)
class Test:
    """One way in which all test pictures are degraded."""

    name: str
    kind: Kind
    words: str
    sigma: float = 0.0


TESTS = (
    Test("shrink2", "shrink2", "shrunk to 14x14"),
    Test("shrink4", "shrink4", "shrunk to 7x7"),
    Test("blur1", "blur", "blurred with sigma 1", 1.0),
    Test("blur2", "blur", "blurred with sigma 2", 2.0),
)
FIGURES: dict[str, tuple[Better, str]] = {
    "psnr": ("higher", "peak signal-to-noise ratio to the original, in dB, of the mean squared error over all pixels"),
    "ssim": ("higher", "structural similarity to the original (Wang 2004)"),
    "label_accuracy": ("higher", "share of outputs that the judge assigns to the class of the original"),
    "label_accuracy_mlp": ("higher", "the same with the second judge, an MLP"),
    "fid": ("lower", "Frechet distance to the originals on the judge's features"),
    "kid": ("lower", "unbiased kernel distance to the originals on the judge's features, 100 subsets of 1,000"),
    "c2st_accuracy": (
        "lower",
        "two-sample test: accuracy of a new network that distinguishes outputs from originals, mean of three",
    ),
    "consistency": ("lower", "mean difference, in grey levels, between the degraded picture and the output, degraded again"),
    "consistency_worst": ("lower", "the largest such difference of a pixel"),
    "diversity": ("higher", "mean difference, in grey levels, between the outputs of two seeds"),
}
Method = Callable[[Tensor, int], Tensor]
"""Degraded pictures, (N, CONDITION), and first seed -> outputs, uint8 (N, 1, 28, 28)."""


class Ledger:
    """Measures sharpeners of one dataset on its test pictures.

    Args:
        dataset: the sharpeners' training dataset.
        data_folder: folder of the dataset's files. Defaults to their usual location.
        pictures: number of test pictures.
        others: sharpeners to add to the table, by name.
    """

    def __init__(
        self,
        dataset: str,
        data_folder: Path | None = None,
        pictures: int = 10_000,
        others: dict[str, OnnxSharpener] | None = None,
    ) -> None:
        self.train, self.test = (tensors.load(dataset, split, data_folder) for split in ("train", "test"))
        self.count = min(pictures, len(self.test))
        self.others = others or {}
        self.originals, self.labels = self.test.images[: self.count], self.test.labels[: self.count]
        self.judges = {}
        for kind in judges.KINDS:
            judge, digest = judges.ensure(self.train, kind)
            self.judges[kind] = judge
            if kind == "conv":
                self.judge_sha256 = digest
        self.real = judges.judge(self.judges["conv"], self.originals)
        self.fid, self.kid = distance.FrechetDistance(self.real.features), distance.KernelDistance(self.real.features)
        self._floors: Row | None = None

    def measure(self, sharpener: OnnxSharpener) -> dict[str, Figure]:
        """Compute the figures that need no training."""
        return self._figures({test.name: self._row(test, _method(sharpener)) for test in TESTS})

    def evaluate(self, sharpener: OnnxSharpener, *, thorough: bool = False) -> Measured:
        """Measure a sharpener and return its figures with the data for the report.

        Args:
            sharpener: the exported network.
            thorough: also train networks that distinguish the outputs from the originals, and measure the classic filters.
        """
        seeds = TWO_SAMPLE_SEEDS if thorough else range(0)
        rows = {test.name: self._row(test, _method(sharpener), seeds) for test in TESTS}
        ledger: dict[str, dict[str, Row]] = {}
        if thorough:
            for test in TESTS:
                ledger[test.name] = {"this": rows[test.name]} | self._compared(test)
        outputs = _method(sharpener)(self._condition(TESTS[1]), 0)
        judgement = judges.judge(self.judges["conv"], outputs)
        return Measured(self._figures(rows), outputs, self.labels, judgement, ledger=ledger)

    def _compared(self, test: Test) -> dict[str, Row]:
        """Return the rows of the originals, of the classic filters and of the other versions, with one two-sample test each."""
        methods: dict[str, Method] = {"original": lambda condition, _: self.originals}
        methods |= {name: _filter(filtered, test.kind) for name, filtered in classic(test.kind).items()}
        methods |= {name: _method(other) for name, other in self.others.items()}
        return {name: self._row(test, method, TWO_SAMPLE_SEEDS[:1]) for name, method in methods.items()}

    def _condition(self, test: Test) -> Tensor:
        return degradation.degrade(self.originals.float() / 255, test.kind, sigma=test.sigma)

    def _row(self, test: Test, method: Method, two_sample_seeds: range = range(0)) -> Row:
        condition = self._condition(test)
        outputs = method(condition, 0)
        judged = {kind: judges.judge(judge, outputs) for kind, judge in self.judges.items()}
        differences = degradation.differences(outputs.float() / 255, condition) * 255
        second = method(condition, SECOND_SEEDS_FROM)
        error = (outputs.float() - self.originals.float()).square().mean().item()
        row: Row = {
            "psnr": 10 * float(np.log10(255**2 / error)) if error else None,
            "ssim": _ssim(outputs, self.originals),
            "label_accuracy": self._accuracy(judged["conv"]),
            "label_accuracy_mlp": self._accuracy(judged["mlp"]),
            "fid": self.fid.to(judged["conv"].features),
            "kid": self.kid.to(judged["conv"].features)[0],
            "c2st_accuracy": None,
            "consistency": differences.abs().mean().item(),
            "consistency_worst": differences.abs().max().item(),
            "diversity": (outputs.float() - second.float()).abs().mean().item(),
        }
        if two_sample_seeds:
            found = [two_sample(self.originals, outputs, seed, paired=True).accuracy for seed in two_sample_seeds]
            row["c2st_accuracy"] = sum(found) / len(found)
        return {name: _rounded(value) for name, value in row.items()}

    def _accuracy(self, judgement: judges.Judgement) -> float | None:
        """Return the share of pictures classified as the class of their original. None for a dataset without classes."""
        return judgement.accuracy(self.labels) if self.test.info.classes else None

    def _figures(self, rows: dict[str, Row]) -> dict[str, Figure]:
        """Return the figures of all tests. The floor is the same figure for the originals."""
        if self._floors is None:
            by_mlp = judges.judge(self.judges["mlp"], self.originals)
            self._floors = {
                "ssim": 1.0,
                "label_accuracy": _rounded(self._accuracy(self.real)),
                "label_accuracy_mlp": _rounded(self._accuracy(by_mlp)),
                "fid": 0.0,
                "c2st_accuracy": 0.5,
                "consistency": 0.0,
                "consistency_worst": 0.0,
            }
        return {
            f"{name}_{test.name}": Figure(
                value=rows[test.name][name], floor=self._floors.get(name), better=better, what=f"{test.words}: {words}"
            )
            for test in TESTS
            for name, (better, words) in FIGURES.items()
            if rows[test.name][name] is not None
        }


def classic(kind: Kind) -> dict[str, Callable[[Image.Image], Image.Image]]:
    """Return the classic filters for a kind of degradation, by name. The input is a degraded picture in its own size."""
    mask = ImageFilter.UnsharpMask(**UNSHARP)
    if kind == "blur":
        return {"unchanged": lambda degraded: degraded, "unsharp mask": lambda degraded: degraded.filter(mask)}
    size, resampling = (SIDE, SIDE), Image.Resampling
    return {
        "bicubic": lambda degraded: degraded.resize(size, resampling.BICUBIC),
        "lanczos": lambda degraded: degraded.resize(size, resampling.LANCZOS),
        "unsharp mask": lambda degraded: degraded.resize(size, resampling.BICUBIC).filter(mask),
    }


def _filter(filtered: Callable[[Image.Image], Image.Image], kind: Kind) -> Method:
    def method(condition: Tensor, _seed: int) -> Tensor:
        degraded, _ = degradation.split(condition)
        factor = FACTORS[kind]
        small = (degraded[:, 0, ::factor, ::factor] * 255).round().to(torch.uint8).numpy()
        return torch.from_numpy(np.stack([np.asarray(filtered(Image.fromarray(p))) for p in small]))[:, None]

    return method


def _method(sharpener: OnnxSharpener) -> Method:
    return lambda condition, first: sharpener.sharpen(condition, range(first, first + len(condition)))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _ssim(outputs: Tensor, originals: Tensor) -> float:
    from torchmetrics.functional.image import structural_similarity_index_measure  # lazy, as in distance.py

    total = 0.0
    # In small parts, whose windows stay in the processor's cache. Parts of 500 take twice as long.
    for a, b in zip(outputs.split(50), originals.split(50), strict=True):
        found = structural_similarity_index_measure(a / 255, b / 255, data_range=1.0, reduction="sum")
        assert isinstance(found, Tensor)  # noqa: S101 - for the type checker; a tuple is returned on request only
        total += found.item()
    return total / len(outputs)
