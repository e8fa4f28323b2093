"""The networks of a run as they are exported: quantised, with named inputs. One class for each task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models import seed_contract
from models.manifest import DISCRIMINATOR, GENERATOR
from training.datasets import degradation
from training.datasets.tensors import Dataset
from training.evaluation.onnx_models import Floats, OnnxGenerator, OnnxSharpener, network_inputs, one_hot, session
from training.export.exact_layer import GRIDS, NEWEST, Grid
from training.export.exact_sharpener import ExactSharpener
from training.export.integer_grid import ExactGenerator
from training.loop.sampling import SHEET_ROWS, seeds_to_input, sharpening_sheet
from training.networks.architectures import Discriminator, Generator
from training.networks.sharpener import SharpenGenerator
from training.spec import TrainingSpec

CALIBRATION_SEEDS = range(2**30, 2**30 + 512)
"""Seeds of the inputs that determine the range of each layer's activations."""
TONE_SEEDS = range(2**31 + 10_000, 2**31 + 20_000)


@dataclass(frozen=True)
class Compared:
    """The outputs of the trained and the exported networks for the same inputs. Pictures are (N, 1, 28, 28) in 0..1."""

    by_training: Floats
    """Pictures of the trained generator."""
    unmatched: Floats
    """Pictures of the quantised generator before histogram matching."""
    by_torch: Floats
    """Pictures of the quantised generator."""
    by_batch: Floats
    """The same from ONNX Runtime, in batches."""
    by_one: Floats
    """The same from ONNX Runtime, one at a time."""
    logits_torch: Floats
    """Logits of the discriminator for `by_batch`, (N,)."""
    logits: Floats
    """The same from ONNX Runtime."""


class Networks(Protocol):
    """The networks of a run, ready for export."""

    @property
    def exact(self) -> ExactGenerator:
        """The quantised generator."""

    @property
    def discriminator(self) -> nn.Module:
        """The discriminator, with the inputs that it is exported with."""

    def generator_inputs(self) -> dict[str, Tensor]:
        """Return an example of each of the generator's inputs, with a batch of two."""

    def discriminator_inputs(self) -> dict[str, Tensor]:
        """Return an example of each of the discriminator's inputs, with a batch of two."""

    def open(self, folder: Path) -> OnnxGenerator | OnnxSharpener:
        """Open the exported generator."""

    def samples(self, generator: OnnxGenerator | OnnxSharpener, test: Dataset) -> Tensor:
        """Return the cells of the sheet of samples, ten in a row, uint8."""

    def compare(self, folder: Path, seeds: int) -> Compared:
        """Run the trained and the exported networks on the same inputs."""


def networks_of(
    spec: TrainingSpec,
    generator: Generator,
    discriminator: Discriminator,
    train: Dataset,
    grid: Grid = GRIDS[NEWEST],
) -> Networks:
    """Quantise the networks of a run.

    Args:
        spec: the training spec.
        generator: the trained generator.
        discriminator: the trained discriminator.
        train: training pictures, to which the grey levels are matched, if the spec says so.
        grid: the integer grid. A published version can only be exported again on its own.
    """
    if isinstance(generator, SharpenGenerator):
        return SharpenNetworks(spec, generator, discriminator, train, grid)
    return GenerateNetworks(spec, generator, discriminator, train, grid)


class GenerateNetworks:
    """The networks of the task `generate`: z and, if conditional, label to a picture."""

    def __init__(
        self, spec: TrainingSpec, generator: Generator, discriminator: Discriminator, train: Dataset, grid: Grid
    ) -> None:
        self.generator, self.discriminator, self.classes = generator, discriminator, generator.classes
        z, label = seeds_to_input(CALIBRATION_SEEDS, generator)
        self.exact = ExactGenerator(generator, z if label is None else torch.cat([z, label], dim=1), grid)
        if spec.match_tones:
            self.exact.match_tones(self._levels(train), train.images)

    def generator_inputs(self) -> dict[str, Tensor]:
        return {"z": torch.randn(2, self.generator.z_dim)} | self._label()

    def discriminator_inputs(self) -> dict[str, Tensor]:
        return {"image": torch.rand(2, 1, 28, 28)} | self._label()

    def _label(self) -> dict[str, Tensor]:
        return {"label": torch.eye(self.classes)[:2]} if self.classes else {}

    def open(self, folder: Path) -> OnnxGenerator:
        return OnnxGenerator(folder / GENERATOR, self.classes)

    def samples(self, generator: OnnxGenerator | OnnxSharpener, test: Dataset) -> Tensor:
        assert isinstance(generator, OnnxGenerator)  # noqa: S101 - for the type checker
        labels = torch.arange(100) % self.classes if self.classes else None
        return generator.draw(range(100), labels)[0]

    @torch.inference_mode()
    def compare(self, folder: Path, seeds: int) -> Compared:
        z, drawn = seed_contract.draw_many(range(seeds), self.exact.z_dim, self.classes)
        label = torch.from_numpy(one_hot(drawn, self.classes)) if self.classes else None
        generator = self.open(folder)
        by_batch = generator.images(z, drawn, batch=64)
        feed = {"image": by_batch} | ({"label": one_hot(drawn, self.classes)} if self.classes else {})
        latents = torch.from_numpy(z)
        return Compared(
            by_training=self.generator(latents, label).numpy(),
            unmatched=(self.exact.sigmoid_greys()[self.exact.levels(latents, label)] / 255).float().numpy(),
            by_torch=self.exact(latents, label).numpy(),
            by_batch=by_batch,
            by_one=generator.images(z, drawn, batch=1),
            logits_torch=self.discriminator(torch.from_numpy(by_batch), label).numpy(),
            logits=session(folder / DISCRIMINATOR).run(None, feed)[0],
        )

    @torch.inference_mode()
    def _levels(self, train: Dataset) -> Tensor:
        """Return the output levels of many pictures, with the labels of the training pictures."""
        z, _ = seed_contract.draw_many(TONE_SEEDS, self.exact.z_dim, 0)
        labels = train.labels[torch.arange(len(z)) % len(train)]
        label = F.one_hot(labels, self.classes).float() if self.classes else None
        parts = range(0, len(z), 250)
        return torch.cat(
            [self.exact.levels(torch.from_numpy(z[i : i + 250]), None if label is None else label[i : i + 250]) for i in parts]
        )


class SharpenNetworks:
    """The networks of the task `sharpen`: a degraded picture and z to a picture."""

    def __init__(
        self, spec: TrainingSpec, generator: SharpenGenerator, discriminator: Discriminator, train: Dataset, grid: Grid
    ) -> None:
        self.generator, self.discriminator = generator, _WithCondition(discriminator)
        chosen = torch.arange(len(TONE_SEEDS)) % len(train)  # a small dataset is repeated, degraded differently each time
        pictures = train.images[chosen].float() / 255
        self.condition = degradation.degrade_randomly(pictures, torch.Generator().manual_seed(CALIBRATION_SEEDS.start))
        z, _ = seed_contract.draw_many(TONE_SEEDS, generator.z_dim)
        latents, count = torch.from_numpy(z), len(CALIBRATION_SEEDS)
        self.exact: ExactSharpener = ExactSharpener(generator, latents[:count], self.condition[:count], grid)
        if spec.match_tones:
            self.exact.match_outputs(latents, self.condition, train.images)

    def generator_inputs(self) -> dict[str, Tensor]:
        return {"z": torch.randn(2, self.generator.z_dim)} | self._condition_inputs()

    def discriminator_inputs(self) -> dict[str, Tensor]:
        return {"image": torch.rand(2, 1, 28, 28)} | self._condition_inputs()

    def _condition_inputs(self) -> dict[str, Tensor]:
        return dict(zip(("given", "kind"), degradation.split(self.condition[:2]), strict=True))

    def open(self, folder: Path) -> OnnxSharpener:
        return OnnxSharpener(folder / GENERATOR)

    def samples(self, generator: OnnxGenerator | OnnxSharpener, test: Dataset) -> Tensor:
        assert isinstance(generator, OnnxSharpener)  # noqa: S101 - for the type checker
        return sharpening_sheet(generator.sharpen, test.images[:SHEET_ROWS])

    @torch.inference_mode()
    def compare(self, folder: Path, seeds: int) -> Compared:
        z, _ = seed_contract.draw_many(range(seeds), self.exact.z_dim)
        latents, condition = torch.from_numpy(z), self.condition[:seeds]
        generator = self.open(folder)
        by_batch = generator.images(z, condition, batch=64)
        pictures = torch.from_numpy(by_batch)
        feed = {"image": by_batch} | network_inputs(condition)
        return Compared(
            by_training=self.generator(latents, condition).numpy(),
            unmatched=self.exact.unmatched(latents, condition).numpy(),
            by_torch=self.exact.sharpen(latents, condition).numpy(),
            by_batch=by_batch,
            by_one=generator.images(z, condition, batch=1),
            logits_torch=self.discriminator(pictures, *degradation.split(condition)).numpy(),
            logits=session(folder / DISCRIMINATOR).run(None, feed)[0],
        )


class _WithCondition(nn.Module):
    """A sharpener's discriminator with the condition as two inputs."""

    def __init__(self, discriminator: Discriminator) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, image: Tensor, degraded: Tensor, kind: Tensor) -> Tensor:
        condition = torch.cat([degraded.flatten(1), kind, torch.zeros_like(kind[:, :1])], dim=1)
        logit: Tensor = self.discriminator(image, condition)
        return logit
