"""The metrics of retraining, read from the job store."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from app.errors import StoreUnavailable
from app.retraining.job_metrics import JobMetrics

PROGRESS = {"images": 640, "of": 1000, "images_per_second": 80.5, "loss_generator": 1.5, "loss_discriminator": 0.5}
USAGE = {"cores": 1.75, "peak_memory": 600_000_000, "gpu_utilization": 0.4}


def collected(store: object) -> dict[str, float]:
    """Return the value of each metric without labels."""
    retraining = SimpleNamespace(is_used=True, store=store, trainers=lambda: 1)
    metrics = JobMetrics(retraining).collect()  # type: ignore[arg-type]
    return {sample.name: sample.value for metric in metrics for sample in metric.samples if not sample.labels}


def store_with(progress: dict[str, float] | None) -> SimpleNamespace:
    job = SimpleNamespace(state="running", progress=progress, spec={"images": 1000})
    return SimpleNamespace(count=lambda: {"running": 1}, active=lambda: [job])


@pytest.mark.parametrize(
    ("progress", "cores", "memory", "utilization"),
    [
        (PROGRESS | USAGE, 1.75, 600_000_000, 0.4),
        (PROGRESS, 0, 0, 0),  # a trainer of an earlier release
        (None, 0, 0, 0),  # before the first event
    ],
)
def test_the_use_of_the_running_job_is_a_metric(
    progress: dict[str, float] | None, cores: float, memory: float, utilization: float
) -> None:
    found = collected(store_with(progress))
    assert found["seedling_training_cores"] == cores
    assert found["seedling_training_memory_bytes"] == memory
    assert found["seedling_training_gpu_utilization"] == utilization
    assert found["seedling_training_images"] == (progress or {}).get("images", 0)


def test_without_its_store_the_metrics_are_zero() -> None:
    def fail() -> dict[str, int]:
        raise StoreUnavailable("The job store cannot be used. Try again.")

    found = collected(SimpleNamespace(count=fail))
    assert (found["seedling_database_up"], found["seedling_training_cores"]) == (0, 0)
