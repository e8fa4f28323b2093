"""Among all processes exactly one supervises, embedded or standalone, and old job folders are removed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.retraining.job import Draft
from app.retraining.lease import Workers
from app.retraining.runners import Finished
from app.retraining.store import JobStore
from app.retraining.supervisor import Supervisor
from app.settings import Settings
from app.storage.database import Database
from tests.app.retraining.jobs import SETTINGS, Admin, admin_of, pid_of_trainer, standalone_worker
from tests.live import Service, service
from tests.waiting import LIMIT_SECONDS, attempts
from training.spec import TrainingSpec


def trainers_of(state: Path) -> list[int]:
    """Return the process IDs of all processes that train or evaluate in a state folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            if "training" in line and any(part.startswith(str(state)) for part in line):
                found.append(process.pid)
    return found


def test_one_of_three_server_workers_supervises_and_another_replaces_it(tmp_path: Path, trainers_cache: Path) -> None:
    state = tmp_path / "state"
    with service(state, workers=3, forked=True, cache=trainers_cache, **SETTINGS) as running:
        admin = admin_of(running)
        job_id = admin.retrain(budget={"minutes": 10})
        admin.wait_for_images(job_id, 0)
        assert admin.client.get("/admin/jobs").json()["trainers"] == 3
        supervisor = holder(state)
        assert len(re.findall("this process supervises", running.log.read_text())) == 1
        trainer = pid_of_trainer(state, job_id)
        assert trainers_of(state) == [trainer]

        os.kill(supervisor, signal.SIGKILL)  # uvicorn replaces the worker
        for _ in attempts(0.1):
            with contextlib.suppress(LookupError):
                if holder(state) != supervisor:
                    break
        assert holder(state) != supervisor
        seen = admin.job(job_id)["progress"]["images"]
        admin.wait_for_images(job_id, seen)
        assert trainers_of(state) == [trainer], "the trainer was taken over, and no second one was started"
        assert admin.job(job_id)["interruptions"] == 0
        admin.client.post(f"/admin/jobs/{job_id}/cancel")
        assert "stopped gracefully" in admin.wait(job_id, "cancelled")["detail"]
        assert trainers_of(state) == []


def holder(state: Path) -> int:
    """Return the process ID of the lease's holder."""
    with contextlib.closing(sqlite3.connect(state / "jobs.db")) as store:
        row = store.execute("SELECT holder FROM leases").fetchone()
    if row is None:
        raise LookupError
    return int(row[0].split(":")[-2])


def test_a_standalone_worker_trains_for_a_service_without_one(tmp_path: Path, trainers_cache: Path) -> None:
    state = tmp_path / "state"
    settings: dict[str, object] = {"cache": trainers_cache, **SETTINGS}
    with service(state, embedded_worker=False, **settings) as running, standalone_worker(state, **settings) as worker:
        admin = admin_of(running)
        for _ in attempts(0.1):
            if admin.client.get("/admin/jobs").json()["trainers"]:
                break
        job_id = admin.retrain(promote="always")
        job = admin.wait(job_id, "succeeded", "failed")
        assert (job["state"], job["promoted"]) == ("succeeded", True)
        for _ in attempts(0.05):
            if admin.client.get("/generate?seed=1").headers["x-model"] == "digits/2":
                break
        assert admin.client.get("/generate?seed=1").headers["x-model"] == "digits/2"

        stopped = admin.retrain(budget={"minutes": 10})
        admin.wait_for_images(stopped, 0)
        worker.terminate()
        assert worker.wait(LIMIT_SECONDS) == 0
        assert admin.job(stopped)["state"] == "queued", "the trainer was stopped gracefully, and the job waits for a worker"
        assert trainers_of(state) == []
        assert admin.client.get("/admin/jobs").json()["trainers"] == 0
        rejected = admin.client.post("/admin/retrain", json={})
        assert (rejected.status_code, rejected.json()["code"]) == (501, "no_trainer")


class FakeRunner:
    """A runner that starts no processes."""

    def __init__(self) -> None:
        self.started: list[list[str]] = []

    def trouble(self) -> str:
        return ""

    def start(self, arguments: Sequence[str], log: Path) -> dict[str, Any]:
        self.started.append(list(arguments))
        return {}

    def poll(self, handle: dict[str, Any]) -> None: ...

    def stop(self, handle: dict[str, Any], *, force: bool = False) -> None: ...


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("indistinguishable", "evaluating"),
        ("plateau", "evaluating"),
        ("budget", "evaluating"),
        ("stopped", "queued"),
        ("diverged", "failed"),
    ],
)
def test_a_finished_run_is_evaluated_unless_it_was_stopped_or_diverged(
    reason: str, state: str, store: JobStore, database: Database, tmp_path: Path
) -> None:
    workers, runner = Workers(database, "alone"), FakeRunner()
    lease = workers.beat()
    assert lease
    supervisor = Supervisor(Settings(state=tmp_path), store, workers, runner)
    spec = TrainingSpec.from_preset("quick").model_dump(mode="json")
    draft = Draft(model="digits", request={}, spec=spec, promote="if_better", parent=None, by="alice")
    job = store.change(lease, store.create(draft, 8), "running", "training", has_run=True)
    job = store.record(lease, job, [{"event": "end", "time": 1.0, "reason": reason, "detail": "a detail"}], 10)
    supervisor._trained(lease, job, Finished(1 if state == "failed" else 0))
    after = store.get(job.id)
    assert (after.state, (after.trained or {})["reason"]) == (state, reason)
    assert [arguments[0] for arguments in runner.started] == (["candidate"] if state == "evaluating" else [])


@pytest.fixture(scope="module")
def pruning_service(tmp_path_factory: pytest.TempPathFactory, trainers_cache: Path) -> Iterator[Service]:
    """A service that keeps the files of one finished job."""
    with service(
        tmp_path_factory.mktemp("keeps") / "state", keep_jobs=1, cache=trainers_cache, stop_seconds=1, **SETTINGS
    ) as running:
        yield running


@pytest.fixture
def pruning_admin(pruning_service: Service) -> Admin:
    return admin_of(pruning_service)


def test_a_diverged_run_fails_with_a_remedy_and_old_runs_are_removed(pruning_admin: Admin, pruning_service: Service) -> None:
    unstable = {"learning_rate": 1.0, "final_learning_rate": 1.0, "beta2": 0.0, "loss": "bce", "gamma": 1000.0}
    first = pruning_admin.retrain(spec=unstable, budget={"images": 200_000})
    failed = pruning_admin.wait(first, "failed", "succeeded")
    assert failed["state"] == "failed"
    assert "lower learning_rate" in failed["detail"]
    assert failed["links"]["resume"]
    folder = pruning_service.log.parent / "state" / "jobs"
    assert (folder / first / "checkpoint.pt").exists()

    second = pruning_admin.retrain(spec=unstable, budget={"images": 200_000})
    pruning_admin.wait(second, "failed")
    for _ in attempts(0.05):
        if not (folder / first).exists():
            break
    assert sorted(p.name for p in folder.iterdir()) == [second]
    old = pruning_admin.job(first)
    assert old["state"] == "failed"
    assert old["links"]["resume"] is None
    assert "failed" in pruning_admin.states(first), "the job's record and events are kept"
    rejected = pruning_admin.client.post(f"/admin/jobs/{first}/resume")
    assert (rejected.status_code, rejected.json()["code"]) == (409, "job_conflict")
    assert pruning_admin.log(first) == ""
    assert pruning_admin.client.get(f"/admin/jobs/{first}/samples.png").status_code == 404


def test_a_trainer_that_does_not_stop_in_time_is_killed(pruning_admin: Admin, pruning_service: Service) -> None:
    job_id = pruning_admin.retrain(budget={"minutes": 10})
    pruning_admin.wait_for_images(job_id, 0)
    trainer = pid_of_trainer(pruning_service.log.parent / "state", job_id)
    os.kill(trainer, signal.SIGSTOP)  # a stopped process does not handle SIGTERM
    pruning_admin.client.post(f"/admin/jobs/{job_id}/cancel")
    job = pruning_admin.wait(job_id, "cancelled")
    assert "the trainer was killed because it had not stopped after 1 s" in job["detail"]
    assert not psutil.pid_exists(trainer)


def test_a_missing_dataset_fails_with_a_hint_where_to_get_it(pruning_admin: Admin) -> None:
    if Path("/usr/share/datasets/fashion-mnist").exists():
        pytest.skip("Fashion-MNIST is installed on this machine")
    job_id = pruning_admin.retrain(dataset="fashion-mnist")
    failed = pruning_admin.wait(job_id, "failed", "succeeded")
    assert "dataset-fashion-mnist" in failed["detail"]
