"""What happens to a job when the disk is full. The disk is a real file system of a few megabytes.

`pytest -s tests/app/retraining/test_full_disk.py` prints the history of each job.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.retraining.deployment import Deployment, check_models_are_complete, resumed_at
from tests.app.retraining.jobs import SETTINGS, admin_of, pid_of_trainer, small_job
from tests.app.retraining.test_supervision import trainers_of
from tests.live import service
from tests.skipping import skip
from tests.waiting import attempts, wait_until


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with 48 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        reason = f"cannot mount a file system: {mounted.stderr.strip()}"
        skip(reason)
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path, *, but: int = 0) -> Path:
    """Fill a file system completely, or leave `but` bytes free."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\\0" * size)
    with pytest.raises(OSError, match="No space"), (disk / "more").open("wb", buffering=0) as file:
        file.write(b"x" * 4096)
    (disk / "more").unlink()
    os.truncate(ballast, ballast.stat().st_size - but)
    return ballast


def test_a_full_disk_loses_no_job_and_no_version(small_disk: Path, trainers_cache: Path) -> None:
    deployment = Deployment(small_disk / "state", trainers_cache)
    try:
        admin = deployment.admin
        job_id = admin.retrain(
            budget={"images": 100_000}, spec={"log_every": 64, "checkpoint_every": 320, "sample_every": 3200}
        )
        admin.wait_for_images(job_id, 1000)
        ballast = fill(small_disk)
        served = admin.client.get("/generate?seed=42")
        assert (served.status_code, served.headers["x-model"]) == (200, "digits/1")
        # the trainer exits because it cannot write its checkpoint
        wait_until(lambda: not trainers_of(deployment.state), 0.1)
        another = admin.client.post("/admin/retrain", json=small_job())  # the store's file may have free pages
        assert another.status_code in (202, 503)
        if another.status_code == 503:
            assert another.json()["code"] == "store_unavailable"
            assert "Free space on its disk" in another.json()["detail"]
        assert admin.job(job_id)["id"] == job_id, "the job can still be read"
        ballast.unlink()

        job = admin.wait(job_id, "failed")
        if another.status_code == 202:
            admin.client.post(f"/admin/jobs/{another.json()['id']}/cancel")
            admin.wait(another.json()["id"], "cancelled")
        assert "No space left on device" in job["detail"]
        assert "Free some space" in job["detail"]
        assert admin.client.post(f"/admin/jobs/{job_id}/resume").status_code == 202
        admin.wait_for_images(job_id, job["progress"]["images"])
        admin.client.post(f"/admin/jobs/{job_id}/cancel")
        admin.wait(job_id, "cancelled")
        deployment.history("full disk", job_id)
        assert resumed_at(deployment, job_id)[0] >= 960
        check_models_are_complete(deployment.state, [1])
        jobs = admin.client.get("/admin/jobs").json()["jobs"]
        assert len(jobs) == 1 + (another.status_code == 202), "an accepted job is in the store"
    finally:
        deployment.stop()


def test_a_disk_that_is_full_at_the_start_is_reported_and_training_works_once_there_is_space(
    small_disk: Path, trainers_cache: Path
) -> None:
    state = small_disk / "state"
    with service(state, embedded_worker=False, **SETTINGS):
        pass  # the service adopts the shipped models
    ballast = fill(small_disk)
    with service(state, cache=trainers_cache, **SETTINGS) as running:
        admin = admin_of(running)
        ready = admin.client.get("/readyz")
        assert (ready.status_code, ready.json()["serving"]) == (200, "digits/1")
        assert "free disk space" in ready.json()["degraded"]["database"].lower()
        rejected = admin.client.get("/admin/jobs")
        assert (rejected.status_code, rejected.json()["code"]) == (503, "store_unavailable")
        ballast.unlink()
        for _ in attempts(0.1):
            accepted = admin.client.post("/admin/retrain", json=small_job(promote="never"))
            if accepted.status_code == 202:
                break
        assert accepted.status_code == 202, accepted.text
        assert admin.client.get("/readyz").json()["degraded"] == {}


def test_a_disk_that_is_full_during_publication_leaves_no_partial_version(small_disk: Path, trainers_cache: Path) -> None:
    deployment = Deployment(small_disk / "state", trainers_cache)
    try:
        admin = deployment.admin
        job_id = admin.retrain(promote="always")
        candidate = deployment.state / "jobs" / job_id / "candidate"
        admin.wait(job_id, "evaluating")
        pid_of_trainer(deployment.state, job_id)
        os.kill(deployment.worker.pid, signal.SIGSTOP)  # the evaluation continues, but its result is not published
        while not candidate.exists() or trainers_of(deployment.state):
            time.sleep(0.05)
        size = sum(file.stat().st_size for file in candidate.iterdir())
        assert size > 200_000
        ballast = fill(small_disk, but=150_000)  # enough for the store and for part of a version
        os.kill(deployment.worker.pid, signal.SIGCONT)
        job = admin.wait(job_id, "failed", "succeeded")
        ballast.unlink()
        assert (job["state"], job["version"]) == ("failed", None), job
        assert "No space left on device" in job["detail"]
        check_models_are_complete(deployment.state, [1])
        assert admin.client.post(f"/admin/jobs/{job_id}/resume").status_code == 202
        job = admin.wait(job_id, "succeeded", "failed")
        deployment.history("disk full at publication", job_id)
        assert (job["state"], job["version"], job["promoted"]) == ("succeeded", 2, True), job
        check_models_are_complete(deployment.state, [1, 2])
    finally:
        deployment.stop()
