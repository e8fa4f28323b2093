"""Chooses the runner according to the settings. Imports the client of an engine only if it is used."""

from __future__ import annotations

from app.retraining.runners.contract import Runner
from app.retraining.runners.engine import EngineRunner
from app.retraining.runners.local import LocalRunner
from app.settings import Settings
from models.host import RUNS_VARIABLE
from training.datasets import DATASETS_VARIABLE


def open_runner(settings: Settings) -> Runner:
    """Return the runner of the settings. An engine is contacted later, when a trainer is to start."""
    variables = {DATASETS_VARIABLE: str(settings.datasets)}
    if settings.runs == "bucket" and settings.models_url:
        variables[RUNS_VARIABLE] = settings.models_url
    if settings.runner == "local":
        return LocalRunner(settings.training_threads, settings.training_nice, variables)
    if settings.runner == "ray":
        from app.retraining.runners.ray_jobs import RayJobs

        return EngineRunner(RayJobs(settings), settings.training_threads, variables)
    from app.retraining.runners.kubernetes_jobs import KubernetesJobs

    return EngineRunner(KubernetesJobs(settings), settings.training_threads, variables)
