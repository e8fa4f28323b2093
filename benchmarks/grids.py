"""How much each integer grid changes the pixels of the shipped champions: .venv-dev/bin/python -m benchmarks.grids"""

from __future__ import annotations

import torch

from benchmarks.contestants import ROOT
from models import seed_contract
from models.aliases import CHAMPION
from models.manifest import WEIGHTS
from models.repository import Repository
from training import datasets
from training.checkpoint import load_checkpoint
from training.evaluation.onnx_models import one_hot
from training.export.exact_layer import GRIDS
from training.export.integer_grid import ExactGenerator
from training.export.networks import CALIBRATION_SEEDS
from training.loop.sampling import seeds_to_input
from training.networks import factory
from training.networks.architectures import Generator
from training.spec import TrainingSpec

SEEDS = 500


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


def main() -> None:
    """Print a row for each champion that draws from latents alone."""
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


if __name__ == "__main__":
    main()
