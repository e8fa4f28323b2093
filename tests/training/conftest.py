"""Small training specs, and small finished runs shared by the tests."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.datasets import tensors
from training.datasets.tensors import Dataset
from training.loop import run
from training.loop.folder import RunFolder
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
    "threads": 1,  # the steps are too small to benefit from several threads
}


def small_spec(**fields: object) -> TrainingSpec:
    return TrainingSpec(**SMALL | fields)


def lecture_spec(**fields: object) -> TrainingSpec:
    small = {k: v for k, v in SMALL.items() if not k.endswith("widths") and k != "ema_images"}
    return TrainingSpec.from_preset("lecture", **small | fields)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    return tensors.load("mnist", "train")


def finished(folder: Path, spec: TrainingSpec) -> RunFolder:
    """Train a run of the spec to the end of its budget."""
    run_folder = RunFolder(folder)
    run.start(run_folder, spec)
    assert run.run(run_folder) == "budget"
    return run_folder


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished conditional run of 640 images."""
    return finished(tmp_path_factory.mktemp("runs") / "small", small_spec())


@pytest.fixture(scope="session")
def lecture_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished unconditional run with the networks of the lecture."""
    return finished(tmp_path_factory.mktemp("runs") / "lecture", lecture_spec())


def copy_of(source: Path, target: Path) -> RunFolder:
    import shutil

    shutil.copytree(source, target)
    return RunFolder(target)
