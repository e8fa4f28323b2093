"""Small training jobs, and a client of the admin API that starts and follows them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.jobs_command import read_events
from app.retraining.runners import holder_of
from tests.forked import Forked
from tests.live import Service, environment, run_module
from tests.training.small import SMALL
from tests.waiting import LIMIT_SECONDS, attempts

TOKEN = "a-token-that-only-the-tests-know"
VIEWER = "a-token-of-a-viewer-in-tests"
SETTINGS: dict[str, object] = {"admin_token": TOKEN, "gate_pictures": 200, "poll_seconds": 0.1}
SMALL_SPEC = {name: value for name, value in SMALL.items() if name not in ("images", "threads")}
OPEN: list[httpx.Client] = []
"""Clients to close after each test."""


def small_job(**fields: Any) -> dict[str, Any]:
    """Return the body of a request that trains a very small network."""
    body: dict[str, Any] = {"preset": "quick", "budget": {"images": 640}, "seed": 1, **fields}
    return body | {"spec": SMALL_SPEC | body.get("spec", {})}


@dataclass
class Admin:
    """A client of the admin API with a token."""

    url: str
    token: str = TOKEN
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=LIMIT_SECONDS, trust_env=False, verify=False)
        OPEN.append(self.client)

    def retrain(self, **fields: Any) -> str:
        response = self.client.post("/admin/retrain", json=small_job(**fields))
        assert response.status_code == 202, response.text
        return response.json()["id"]

    def job(self, job_id: str) -> dict[str, Any]:
        return self.client.get(f"/admin/jobs/{job_id}").raise_for_status().json()

    def wait(self, job_id: str, *states: str) -> dict[str, Any]:
        """Poll until the job is in one of the states."""
        for _ in attempts(0.2):
            with contextlib.suppress(httpx.TransportError):
                job = self.job(job_id)
                if job["state"] in states:
                    return job
        raise AssertionError(f"the job is not {' or '.join(states)}: {self.job(job_id)}\n{self.log(job_id)}")

    def wait_for_images(self, job_id: str, images: int) -> dict[str, Any]:
        """Poll until a running trainer has trained on more than this number of images."""
        for _ in attempts(0.1):
            job = self.job(job_id)
            if job["state"] == "running" and (job["progress"] or {}).get("images", 0) > images:
                return job
            assert job["state"] in ("queued", "running"), job
        raise AssertionError(f"the job has not seen {images} images: {self.job(job_id)}\n{self.log(job_id)}")

    def log(self, job_id: str) -> str:
        return self.client.get(f"/admin/jobs/{job_id}/log").text

    def events(self, job_id: str, after: int = 0) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
        """Yield the events of the stream until it closes."""
        headers = {"Last-Event-ID": str(after)}
        with self.client.stream("GET", f"/admin/jobs/{job_id}/events", headers=headers) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            for kind, number, data in read_events(response.iter_lines()):
                yield kind, None if number is None else int(number), data

    def states(self, job_id: str) -> list[str]:
        """Return the states of a finished job in order."""
        return [data["state"] for kind, _, data in self.events(job_id) if kind == "state"]


def admin_of(running: Service, token: str = TOKEN) -> Admin:
    return Admin(running.url, token)


def pid_of_trainer(state: Path, job_id: str) -> int:
    """Return the process ID of the lock's holder in a job's folder. Wait until the lock is held."""
    for _ in attempts(0.05):
        handle = holder_of(state / "jobs" / job_id / ".lock")
        if handle:
            return int(handle["pid"])
    raise AssertionError(f"no trainer is running in the folder of {job_id}")


@contextlib.contextmanager
def standalone_worker(state: Path, **settings: object) -> Iterator[subprocess.Popen[bytes] | Forked]:
    """Run `python -m app.retraining` next to a service."""
    process = run_module("app.retraining", state.parent / "worker.log", environment(state, **settings))
    try:
        yield process
    finally:
        process.terminate()
        process.wait(LIMIT_SECONDS)
