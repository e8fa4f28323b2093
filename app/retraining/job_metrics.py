"""Metrics of jobs. They belong to no worker, so they are read from the job store at each scrape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.errors import StoreUnavailable
from app.retraining.facade import Retraining
from app.retraining.job import State


class JobMetrics(Collector):
    """The metrics of retraining.

    Args:
        retraining: provides the job store. A store that does not exist yet is not created, and counts as empty.
    """

    def __init__(self, retraining: Retraining) -> None:
        self.retraining = retraining

    def collect(self) -> Iterable[Metric]:
        states: dict[str, int] = dict.fromkeys(get_args(State), 0)
        trainers, up, progress, goal = 0, 1, {}, 0
        if self.retraining.is_used:
            try:
                states |= self.retraining.store.count()
                trainers = self.retraining.trainers()
                running = [job for job in self.retraining.store.active() if job.state == "running"]
                if running:
                    progress = running[0].progress or {}
                    goal = progress.get("of") or running[0].spec.get("images") or 0
            except StoreUnavailable:
                up = 0
        yield _gauge("seedling_database_up", "Whether the job store can be used.", up)
        jobs = GaugeMetricFamily("seedling_jobs", "Retraining jobs by their state.", labels=["state"])
        for state, count in states.items():
            jobs.add_metric([state], count)
        yield jobs
        yield _gauge("seedling_trainers", "Processes that can retrain.", trainers)
        yield _gauge("seedling_training_images", "Images that the running job has seen.", progress.get("images", 0))
        yield _gauge("seedling_training_images_goal", "Image budget of the running job.", goal)
        rate = progress.get("images_per_second", 0)
        yield _gauge("seedling_training_images_per_second", "Training speed of the running job.", rate)
        cores = progress.get("cores", 0)
        yield _gauge("seedling_training_cores", "Processor cores that the running job uses.", cores)
        memory = progress.get("peak_memory", 0)
        yield _gauge("seedling_training_memory_bytes", "Most memory that the trainer of the running job has used.", memory)
        utilization = progress.get("gpu_utilization", 0)
        yield _gauge(
            "seedling_training_gpu_utilization", "Share of the GPU's time that the running job uses, 0 to 1.", utilization
        )
        losses = GaugeMetricFamily("seedling_training_loss", "Losses of the running job.", labels=["network"])
        for network in ("generator", "discriminator"):
            losses.add_metric([network], progress.get(f"loss_{network}", 0))
        yield losses


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)
