"""Runners of each kind, whose trainers are the stub or the real trainer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.retraining.runners import Finished, Handle, Runner
from app.retraining.runners import local as local_runner
from app.retraining.runners.choice import open_runner
from app.retraining.runners.local import LocalRunner
from app.settings import Settings
from tests.app.retraining.runners.api_server import Cluster, environment_of_images, serving
from tests.app.retraining.runners.ray_cluster import RayCluster, shared_cluster
from tests.app.retraining.runners.stub import install
from tests.waiting import attempts

MakeRunner = Callable[..., Runner]
"""Makes a runner with these settings. Each has its own connections, like that of another supervisor."""


@pytest.fixture(scope="session")
def ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    own = tmp_path_factory.getbasetemp()
    with shared_cluster(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) as cluster:
        yield cluster


@contextmanager
def kubernetes_of(cluster: Cluster, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeRunner]:
    """Serve a cluster. Yield what makes runners for it."""
    made = []

    def make(**settings: object) -> Runner:
        runner = open_runner(Settings(state=folder, runner="kubernetes", kubernetes_image="seedling-train:test", **settings))
        made.append(runner)
        return runner

    with serving(cluster, folder) as path:
        monkeypatch.setenv("KUBECONFIG", str(path))
        yield make
        for runner in made:
            runner.engine.close()


def ray_of(cluster: RayCluster, folder: Path, python_path: str) -> MakeRunner:
    """Return what makes runners for a Ray cluster."""
    environment = {"env_vars": {"PYTHONPATH": python_path}}

    def make(**settings: object) -> Runner:
        values = {"ray_address": cluster.address, "ray_python": sys.executable, "ray_runtime_env": environment, **settings}
        return open_runner(Settings(state=folder, runner="ray", **values))

    return make


@pytest.fixture(params=["local", "kubernetes", "ray"])
def make_runner(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeRunner]:
    """Make runners whose trainer is the stub."""
    monkeypatch.setenv("GAN_ADMIN_TOKEN", "secret-secret-secret")
    python_path = install(tmp_path / "stub")
    if request.param == "local":
        monkeypatch.setattr(local_runner, "ROOT", tmp_path / "stub")
        yield lambda **settings: LocalRunner(settings.get("training_threads", 1), 0, {"PYTHONPATH": python_path})
    elif request.param == "ray":
        yield ray_of(request.getfixturevalue("ray"), tmp_path, python_path)
    else:
        cluster = Cluster(environment_of_images(python_path), tmp_path)
        with kubernetes_of(cluster, tmp_path, monkeypatch) as make:
            yield make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run."""
    path = tmp_path / "jobs" / "0123456789ab"
    path.mkdir(parents=True)
    return path


def wait_until_finished(runner: Runner, handle: Handle) -> Finished:
    for _ in attempts(0.05):
        if finished := runner.poll(handle):
            return finished
    raise AssertionError("the trainer did not end")


def wait_for_output(folder: Path, text: str = "}", times: int = 1) -> str:
    """Return the log of a run as soon as it contains a text."""
    log = folder / "log.txt"
    for _ in attempts(0.05):
        if log.exists() and log.read_text().count(text) >= times:
            return log.read_text()
    raise AssertionError(log.read_text() if log.exists() else "the trainer printed nothing")
