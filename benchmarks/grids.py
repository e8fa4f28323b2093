"""Measures how much each integer grid changes the pixels of the shipped champions.

    .venv-dev/bin/python -m benchmarks.grids
    .venv-dev/bin/python -m benchmarks.grids --two-sample fashion digits  # also whether a fresh network sees the change

The two-sample test compares 10,000 test pictures with 10,000 generated ones, of the trained generator with its grey levels
matched and of the version that was exported from it. It takes some minutes per model.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

from benchmarks.contestants import ROOT
from models import seed_contract
from models.aliases import CHAMPION
from models.manifest import WEIGHTS
from models.repository import Repository
from models.version import Version
from training import datasets
from training.checkpoint import load_checkpoint
from training.datasets import tensors
from training.evaluation.onnx_models import one_hot, open_generator
from training.evaluation.two_sample import two_sample
from training.export.exact_layer import GRIDS
from training.export.integer_grid import ExactGenerator
from training.export.networks import CALIBRATION_SEEDS
from training.loop.sampling import draw, seeds_to_input
from training.networks import factory, histogram_matching
from training.networks.architectures import Generator
from training.spec import TrainingSpec

SEEDS = 500
FIRST_SEED = 5_000_000
"""Of the two-sample test."""


@torch.inference_mode()
def changes(generator: Generator) -> dict[int, float]:
    """Return the mean difference in grey levels between the quantised and the trained pictures, for each grid."""
    z, label = seeds_to_input(CALIBRATION_SEEDS, generator)
    calibration = z if label is None else torch.cat([z, label], dim=1)
    drawn, labels = seed_contract.draw_many(range(SEEDS), generator.z_dim, generator.classes)
    inputs = torch.from_numpy(drawn), torch.from_numpy(one_hot(labels, generator.classes)) if generator.classes else None
    trained = generator(*inputs) * 255
    found = {}
    for number, grid in GRIDS.items():
        exact = ExactGenerator(generator, calibration, grid)
        found[number] = float((exact.sigmoid_greys()[exact.levels(*inputs)] - trained).abs().mean())
    return found


@torch.inference_mode()
def two_samples(generator: Generator, version: Version) -> tuple[float, float]:
    """Return the accuracy of the two-sample test for the trained generator and for the exported one."""
    train, test = (tensors.load(str(version.manifest.spec["dataset"]), split) for split in ("train", "test"))
    seeds = range(FIRST_SEED, FIRST_SEED + len(test))
    trained = histogram_matching.matched(draw(generator, seeds, test.labels), histogram_matching.frequencies(train.images))
    exported, _ = open_generator(version.path, version.manifest).draw(seeds, test.labels)

    def accuracy(pictures: Tensor) -> float:
        with torch.inference_mode(False):
            return two_sample(test.images, pictures.clone(), 0).accuracy

    return accuracy(trained), accuracy(exported)


def main() -> None:
    """Print a row for each champion that draws from latents alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--two-sample", nargs="+", default=[], metavar="MODEL", help="models to test as well")
    tested = parser.parse_args().two_sample
    repository = Repository(ROOT / "models")
    print(f"| version | {' | '.join(f'grid {number}' for number in GRIDS)} |\n|---|{'---|' * len(GRIDS)}")
    for name in repository.names():
        version = repository.get(name, repository.aliases(name)[CHAMPION])
        state = load_checkpoint(version.path / WEIGHTS)
        spec = TrainingSpec.model_validate(state["spec"])
        if spec.task != "generate":
            continue
        generator, _ = factory.build(spec, len(datasets.describe(spec.dataset).classes))
        generator.load_state_dict(state["ema"])
        row = changes(generator.eval())
        print(f"| {name}/{version.number} | {' | '.join(f'{value:.2f}' for value in row.values())} |", flush=True)
        if name in tested:
            trained, exported = two_samples(generator, version)
            print(
                f"{name}/{version.number}: two-sample accuracy {trained:.3f} as trained, {exported:.3f} as exported", flush=True
            )


if __name__ == "__main__":
    main()
