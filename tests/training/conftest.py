"""Small specs and one small run, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.datasets import tensors
from training.datasets.tensors import Dataset
from training.loop import run
from training.loop.run_folder import RunFolder
from training.spec import TrainingSpec

SMALL = {
    "images": 640,
    "batch_size": 16,
    "generator_widths": (8, 8, 8, 4),
    "discriminator_widths": (8, 8, 8, 16),
    "penalty_interval": 4,
    "burn_in": 0,
    "ema_images": 200,
    "log_every": 16,
    "sample_every": 320,
    "metrics_every": 0,
    "held_out": 0,
    "patience": 0,
    "checkpoint_every": 160,
    "threads": 1,  # so small a step is not worth sharing
}


def small_spec(**fields: object) -> TrainingSpec:
    return TrainingSpec(**SMALL | fields)


def lecture_spec(**fields: object) -> TrainingSpec:
    small = {k: v for k, v in SMALL.items() if not k.endswith("widths") and k != "ema_images"}
    return TrainingSpec.from_preset("lecture", **small | fields)


def small_sharpen_spec(**fields: object) -> TrainingSpec:
    small = {"task": "sharpen", "conditional": False, "generator_widths": (8, 8, 8), "consistency": 20.0}
    return small_spec(**small | fields)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    return tensors.load("mnist", "train")


def finished(folder: Path, spec: TrainingSpec) -> RunFolder:
    """A run of the spec, from its first image to its last."""
    made = RunFolder(folder)
    run.start(made, spec)
    assert run.run(made) == "budget"
    return made


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished conditional run of 640 images."""
    return finished(tmp_path_factory.mktemp("runs") / "small", small_spec())


@pytest.fixture(scope="session")
def lecture_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished unconditional run of the lecture's networks."""
    return finished(tmp_path_factory.mktemp("runs") / "lecture", lecture_spec())


@pytest.fixture(scope="session")
def sharpen_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of the task `sharpen`."""
    return finished(tmp_path_factory.mktemp("runs") / "sharpen", small_sharpen_spec())


def copy_of(source: Path, target: Path) -> RunFolder:
    import shutil

    shutil.copytree(source, target)
    return RunFolder(target)
