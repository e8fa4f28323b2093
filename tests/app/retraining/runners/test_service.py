"""From `POST /admin/retrain` through an engine to the promotion, with a trainer that is killed on the way."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from app.retraining.runners.submission import last_submission
from tests.app.retraining.jobs import SETTINGS, admin_of, pid_of_trainer
from tests.app.retraining.runners.api_server import Cluster, environment_of_images, serving
from tests.app.retraining.runners.ray_cluster import RayCluster
from tests.app.retraining.runners.stub import install_tenth
from tests.live import service
from tests.waiting import wait_until


@dataclass(frozen=True)
class Engine:
    """An engine that a service uses."""

    settings: dict[str, object]
    kill: Callable[[Path, str], None]
    """Kills the trainer of a job, given the state folder and the id."""


def kill_here(state: Path, job: str) -> None:
    os.kill(pid_of_trainer(state, job), signal.SIGKILL)


def kill_distant(state: Path, job: str) -> None:
    """Kill a trainer whose folder is not in the state folder. Its command has the id of its submission."""
    submitted = last_submission(state / "jobs" / job).id
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "training" in line and any(submitted in part for part in line):
            process.kill()


@pytest.fixture(params=["ray", "kubernetes", "ray without a shared folder", "kubernetes without a shared folder"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    python_path = install_tenth(tmp_path / "tenth")
    kind, *is_distant = request.param.split(" ", 1)
    apart = {"runs": "bucket", "models_url": f"file://{tmp_path / 'bucket'}"} if is_distant else {}
    if kind == "ray":
        cluster: RayCluster = request.getfixturevalue("ray")
        environment = json.dumps({"env_vars": {"PYTHONPATH": python_path}})
        where = {"ray_address": cluster.address, "ray_python": sys.executable, "ray_runtime_env": environment}
        yield Engine({"runner": "ray", **where, **apart}, kill_distant if apart else kill_here)
        return
    kubernetes = Cluster(environment_of_images(python_path), tmp_path)
    with serving(kubernetes, tmp_path) as path:
        monkeypatch.setenv("KUBECONFIG", str(path))
        settings = {"runner": "kubernetes", "kubernetes_image": "seedling-train:test", **apart}
        yield Engine(settings, lambda state, job: kubernetes.evict(last_submission(state / "jobs" / job).id))


def test_a_retrain_is_promoted_although_its_trainer_was_killed(engine: Engine, tmp_path: Path, trainers_cache: Path) -> None:
    state = tmp_path / "state"
    with service(state, cache=trainers_cache, **{**SETTINGS, **engine.settings}) as running:
        admin = admin_of(running)
        job_id = admin.retrain(budget={"images": 3200}, promote="always")
        admin.wait_for_images(job_id, 320)
        engine.kill(state, job_id)
        job = admin.wait(job_id, "succeeded", "failed", "interrupted")
        assert (job["state"], job["promoted"], job["interruptions"]) == ("succeeded", True, 1), admin.log(job_id)
        wait_until(lambda: admin.client.get("/generate?seed=1").headers["x-model"] == "digits/2")
        resumed = [data["images"] for kind, _, data in admin.events(job_id) if kind == "resumed"]
        assert len(resumed) == 1
        assert resumed[0] % 160 == 0
        assert last_submission(state / "jobs" / job_id).number == 3, "two to train, one to evaluate"
        if engine.settings.get("runs") == "bucket":
            assert not (state / "jobs" / job_id / ".lock").exists(), "no trainer has used this folder"


def test_a_job_waits_for_an_engine_that_cannot_be_reached(
    tmp_path: Path, trainers_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    settings = {"runner": "kubernetes", "kubernetes_image": "seedling-train:test"}
    with service(tmp_path / "state", cache=trainers_cache, **{**SETTINGS, **settings}) as running:
        admin = admin_of(running)
        job_id = admin.retrain()
        wait_until(lambda: "no trainer can start" in admin.job(job_id)["detail"])
        job = admin.job(job_id)
        assert job["state"] == "queued"
        assert job["detail"].endswith("or configure kubectl (KUBECONFIG).")
        assert admin.client.post(f"/admin/jobs/{job_id}/cancel").status_code in (200, 202)
        assert admin.states(job_id) == ["queued", "cancelled"]
