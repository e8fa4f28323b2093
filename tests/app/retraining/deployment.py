"""A service with a standalone worker, whose processes tests can kill, and checks of the files that remain."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from models.repository import Repository
from tests.app.retraining.jobs import SETTINGS, Admin, admin_of, pid_of_trainer
from tests.app.retraining.test_supervision import trainers_of
from tests.forked import Forked
from tests.live import Service, environment, free_port, run_module, start
from tests.waiting import attempts


class Deployment:
    """A service, a standalone worker and the trainers that it starts. Each can be killed.

    Args:
        state: the state folder.
        cache: the cache of the judges' features.
        settings: further settings of both processes.
    """

    def __init__(self, state: Path, cache: Path, **settings: object) -> None:
        self.state = state
        self.settings = {**SETTINGS, "cache": cache, "embedded_worker": False, "port": free_port(), **settings}
        self.service: Service = start(state, **self.settings)
        self.admin: Admin = admin_of(self.service)
        self.worker = self._run_worker()
        while not self.admin.client.get("/admin/jobs").json()["trainers"]:
            assert self.worker.poll() is None
            time.sleep(0.05)

    def _run_worker(self) -> subprocess.Popen[bytes] | Forked:
        return run_module("app.retraining", self.state.parent / "worker.log", environment(self.state, **self.settings))

    def start_worker(self) -> None:
        self.worker = self._run_worker()

    def start_service(self) -> None:
        self.service = start(self.state, **self.settings)

    def kill_worker(self) -> None:
        self.worker.kill()
        self.worker.wait()

    def kill_service(self) -> None:
        self.service.process.kill()
        self.service.process.wait()

    def kill_trainer(self, job_id: str) -> int:
        pid = pid_of_trainer(self.state, job_id)
        os.kill(pid, signal.SIGKILL)
        while pid in trainers_of(self.state):
            time.sleep(0.01)
        return pid

    def trainers(self) -> int:
        """Return the number of processes that train or evaluate."""
        return len(trainers_of(self.state))

    def stop(self) -> None:
        for process in (self.worker, self.service.process):
            process.kill()
            process.wait()
        for pid in trainers_of(self.state):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def history(self, title: str, job_id: str) -> list[str]:
        """Print the history of a job and return its states."""
        states = []
        print(f"\n{title}: job {job_id}")
        for kind, _, data in self.admin.events(job_id):
            if kind in ("state", "started", "resumed", "warning", "trained"):
                text = data.get("detail") or f"{data.get('images', '')} images {data.get('reason', '')}"
                print(f"  {time.strftime('%H:%M:%S', time.localtime(data['time']))}  {data.get('state', kind):<12}{text}")
                states += [data["state"]] if kind == "state" else []
        return states


def resumed_at(deployment: Deployment, job_id: str) -> list[int]:
    """Return the numbers of images at which a job was resumed."""
    return [data["images"] for kind, _, data in deployment.admin.events(job_id) if kind == "resumed"]


def wait_until_interrupted(admin: Admin, job_id: str, times: int) -> dict[str, Any]:
    """Poll until a supervisor has noticed that the job was interrupted."""
    for _ in attempts(0.1):
        job = admin.job(job_id)
        if job["interruptions"] >= times:
            return job
    raise AssertionError(job)


def check_models_are_complete(state: Path, expected: list[int]) -> None:
    """Check that the models folder holds exactly these versions, all valid, and no temporary files."""
    repository = Repository(state / "models")
    assert repository.numbers("digits") == expected
    for number in expected:
        repository.get("digits", number).verify()
    assert [p.name for p in (state / "models" / "digits").iterdir() if p.name.endswith(".part")] == []
