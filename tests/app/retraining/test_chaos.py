"""What happens to a job when the processes around it are killed. All faults are real.

`pytest -s tests/app/retraining/test_chaos.py` prints the history of each job.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time
from pathlib import Path

import psutil

from models.repository import Repository
from tests.app.retraining.deployment import Deployment, check_models_are_complete, resumed_at, wait_until_interrupted
from tests.app.retraining.jobs import SETTINGS, admin_of, pid_of_trainer
from tests.app.retraining.test_supervision import trainers_of
from tests.live import free_port, start
from tests.waiting import LIMIT_SECONDS


def test_a_job_succeeds_although_every_process_is_killed_in_turn(deployment: Deployment) -> None:
    admin = deployment.admin
    job_id = admin.retrain(budget={"images": 8_000}, spec={"log_every": 64, "checkpoint_every": 320}, promote="always")

    # kill the trainer
    admin.wait_for_images(job_id, 1000)
    first = deployment.kill_trainer(job_id)
    job = wait_until_interrupted(admin, job_id, 1)
    assert job["state"] in ("queued", "running")

    # kill the worker: its trainer continues, and the next worker takes it over
    admin.wait_for_images(job_id, job["progress"]["images"])
    second = pid_of_trainer(deployment.state, job_id)
    assert second != first
    deployment.kill_worker()
    assert psutil.pid_exists(second)
    deployment.start_worker()
    admin.wait_for_images(job_id, admin.job(job_id)["progress"]["images"])
    assert pid_of_trainer(deployment.state, job_id) == second
    assert trainers_of(deployment.state) == [second]
    assert admin.job(job_id)["interruptions"] == 1

    # kill the whole service, with a partly written checkpoint
    (deployment.state / "jobs" / job_id / ".checkpoint.pt.0123.part").write_bytes(b"part of a checkpoint")
    deployment.kill_service()
    deployment.kill_worker()
    deployment.kill_trainer(job_id)
    assert trainers_of(deployment.state) == []
    deployment.start_service()
    stalled = admin.job(job_id)
    assert stalled["state"] == "running", "no supervisor has noticed it yet"
    deployment.start_worker()
    wait_until_interrupted(admin, job_id, 2)

    # kill the evaluation, then kill it again together with the worker, with a partly written version
    admin.wait(job_id, "evaluating")
    deployment.kill_trainer(job_id)
    wait_until_interrupted(admin, job_id, 3)
    admin.wait(job_id, "evaluating")
    models = deployment.state / "models" / "digits"
    while not list(models.glob(".*.part")) and not (models / "2").exists():
        time.sleep(0.001)
    deployment.kill_worker()  # usually during publication; the partial version below is left in any case
    partial = models / ".0123.part"
    partial.mkdir()
    (partial / "generator.onnx").write_bytes(b"part of a generator")
    deployment.start_worker()
    job = admin.wait(job_id, "succeeded", "failed", "interrupted")
    states = deployment.history("killed in turn", job_id)
    assert job["state"] == "succeeded", job
    assert job["interruptions"] == 3
    assert states == [
        *("queued", "running", "interrupted", "queued", "running", "interrupted", "queued", "running", "evaluating"),
        *("interrupted", "queued", "running", "evaluating", "succeeded"),
    ]
    assert all(images > 0 for images in resumed_at(deployment, job_id)), "the job always resumes from a checkpoint"
    assert len(resumed_at(deployment, job_id)) == 3
    assert deployment.trainers() == 0
    check_models_are_complete(deployment.state, [1, 2])
    assert Repository(deployment.state / "models").get("digits", 2).manifest.job == job_id
    assert job["promoted"]
    assert not list((deployment.state / "jobs" / job_id).glob(".*.part"))


def test_a_job_stops_after_three_interruptions_and_can_then_be_resumed(deployment: Deployment) -> None:
    admin = deployment.admin
    job_id = admin.retrain(budget={"minutes": 10}, spec={"checkpoint_every": 16})  # it writes checkpoints most of the time
    for count in range(4):
        seen = (admin.job(job_id)["progress"] or {}).get("images", 0)
        admin.wait_for_images(job_id, seen)
        deployment.kill_trainer(job_id)
        wait_until_interrupted(admin, job_id, count + 1)
    job = admin.wait(job_id, "interrupted")
    assert "killed by SIGKILL" in job["detail"]
    assert "fix the cause, then resume the job" in job["detail"]
    time.sleep(2)
    assert admin.job(job_id)["state"] == "interrupted", "the job is not resumed automatically"
    assert deployment.trainers() == 0
    assert admin.client.post(f"/admin/jobs/{job_id}/resume").status_code == 202
    admin.wait_for_images(job_id, job["progress"]["images"])
    admin.client.post(f"/admin/jobs/{job_id}/cancel")
    admin.wait(job_id, "cancelled")
    states = deployment.history("killed again and again", job_id)
    assert states.count("interrupted") == 4
    assert states[-4:] == ["interrupted", "queued", "running", "cancelled"]


def test_an_evaluation_without_a_recorded_process_is_still_compared_with_the_champion(deployment: Deployment) -> None:
    """The champion to compare with is stored before the evaluation starts.

    If the worker dies before it stores the process, the version must not count as the first of its model.
    """
    admin = deployment.admin
    job_id = admin.retrain(promote="if_better")
    admin.wait(job_id, "evaluating")
    pid_of_trainer(deployment.state, job_id)
    deployment.kill_worker()
    with contextlib.closing(sqlite3.connect(deployment.state / "jobs.db", isolation_level=None)) as store:
        store.execute("UPDATE jobs SET handle = NULL")
    deployment.start_worker()
    job = admin.wait(job_id, "succeeded", "failed", "interrupted")
    assert (job["state"], job["promoted"]) == ("succeeded", False), job
    assert "Not better" in job["gate"]["reason"]
    assert Repository(deployment.state / "models").aliases("digits") == {"champion": 1}


def test_an_unreadable_job_fails_and_the_next_one_runs(deployment: Deployment) -> None:
    admin = deployment.admin
    deployment.kill_worker()
    wrong, right = admin.retrain(), admin.retrain(budget={"minutes": 10})
    with contextlib.closing(sqlite3.connect(deployment.state / "jobs.db", isolation_level=None)) as store:
        store.execute('UPDATE jobs SET spec = \'{"of": "another release"}\' WHERE id = ?', (wrong,))
    deployment.start_worker()
    job = admin.wait(wrong, "failed")
    assert "The supervisor failed 5 times on this job" in job["detail"]
    admin.wait_for_images(right, 0)


def test_a_service_whose_processes_are_all_killed_recovers_by_itself(tmp_path: Path, trainers_cache: Path) -> None:
    """Kills service, supervisor and trainer of `python -m app` at once. The supervisor is embedded, as in `make serve`."""
    settings: dict[str, object] = {**SETTINGS, "cache": trainers_cache, "port": free_port(), "workers": 2}
    running = start(tmp_path / "state", **settings)
    admin = admin_of(running)
    try:
        job_id = admin.retrain(budget={"minutes": 10}, spec={"checkpoint_every": 320})
        waiting = admin.retrain()
        admin.wait_for_images(job_id, 1000)
        processes = [running.process.pid, *(p.pid for p in psutil.Process(running.process.pid).children(recursive=True))]
        assert set(trainers_of(tmp_path / "state")) < set(processes)
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        running.process.wait()
        running = start(tmp_path / "state", **settings)
        admin.wait_for_images(job_id, wait_until_interrupted(admin, job_id, 1)["progress"]["images"])
        assert admin.job(waiting)["state"] == "queued"
        for cancelled in (waiting, job_id):
            admin.client.post(f"/admin/jobs/{cancelled}/cancel")
            admin.wait(cancelled, "cancelled")
        resumed = [data["images"] for kind, _, data in admin.events(job_id) if kind == "resumed"]
        assert len(resumed) == 1
        assert resumed[0] >= 960
        check_models_are_complete(tmp_path / "state", [1])
    finally:
        running.process.terminate()
        running.process.wait(LIMIT_SECONDS)


def test_after_damage_to_a_checkpoint_the_job_resumes_from_the_previous_one(deployment: Deployment) -> None:
    admin = deployment.admin
    job_id = admin.retrain(budget={"minutes": 10}, spec={"checkpoint_every": 320})
    admin.wait_for_images(job_id, 1000)
    deployment.kill_worker()
    deployment.kill_trainer(job_id)
    checkpoint = deployment.state / "jobs" / job_id / "checkpoint.pt"
    content = checkpoint.read_bytes()
    checkpoint.unlink()  # it may be a hard link to the previous checkpoint if the trainer died during the save
    checkpoint.write_bytes(content[:1000])
    deployment.start_worker()
    job = wait_until_interrupted(admin, job_id, 1)
    admin.wait_for_images(job_id, job["progress"]["images"])
    admin.client.post(f"/admin/jobs/{job_id}/cancel")
    admin.wait(job_id, "cancelled")
    deployment.history("damaged checkpoint", job_id)
    warnings = [data["detail"] for kind, _, data in admin.events(job_id) if kind == "warning"]
    assert len(warnings) == 1
    assert "wrong checksum" in warnings[0]
    assert resumed_at(deployment, job_id)[0] >= 320


def test_a_trainer_that_the_store_does_not_know_is_found_again(deployment: Deployment) -> None:
    """The store has no process, as if the worker was killed between starting the trainer and storing its process."""
    admin = deployment.admin
    job_id = admin.retrain(budget={"minutes": 10})
    admin.wait_for_images(job_id, 0)
    trainer = pid_of_trainer(deployment.state, job_id)
    deployment.kill_worker()
    with contextlib.closing(sqlite3.connect(deployment.state / "jobs.db", isolation_level=None)) as store:
        store.execute("UPDATE jobs SET handle = NULL")
    deployment.start_worker()
    admin.wait_for_images(job_id, admin.job(job_id)["progress"]["images"])
    assert trainers_of(deployment.state) == [trainer]
    admin.client.post(f"/admin/jobs/{job_id}/cancel")
    job = admin.wait(job_id, "cancelled")
    assert (job["interruptions"], "stopped gracefully" in job["detail"]) == (0, True)
