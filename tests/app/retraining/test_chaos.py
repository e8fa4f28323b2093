"""What happens to a job when everything around it is killed. Each fault is a real one.

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
from tests.app.retraining.jobs import SETTINGS, admin_of, pid_of_trainer
from tests.app.retraining.test_supervision import trainers_of
from tests.app.retraining.world import World, check_models_are_whole, resumed_at, until_interrupted
from tests.live import free_port, start


def test_every_process_killed_in_turn_and_the_job_arrives(world: World) -> None:
    admin = world.admin
    job_id = admin.retrain(budget={"images": 8_000}, spec={"log_every": 64, "checkpoint_every": 320}, promote="always")

    # the trainer
    admin.wait_for_images(job_id, 1000)
    first = world.kill_trainer(job_id)
    job = until_interrupted(admin, job_id, 1)
    assert job["state"] in ("queued", "running")

    # the worker: its trainer goes on alone, and the next worker takes it over
    admin.wait_for_images(job_id, job["progress"]["images"])
    second = pid_of_trainer(world.state, job_id)
    assert second != first
    world.kill_worker()
    assert psutil.pid_exists(second)
    world.start_worker()
    admin.wait_for_images(job_id, admin.job(job_id)["progress"]["images"])
    assert pid_of_trainer(world.state, job_id) == second
    assert trainers_of(world.state) == [second]
    assert admin.job(job_id)["interruptions"] == 1

    # the whole service, with a checkpoint half written
    (world.state / "jobs" / job_id / ".checkpoint.pt.0123.part").write_bytes(b"half a checkpoint")
    world.kill_service()
    world.kill_worker()
    world.kill_trainer(job_id)
    assert trainers_of(world.state) == []
    world.start_service()
    stalled = admin.job(job_id)
    assert stalled["state"] == "running", "nobody is there yet to find out"
    world.start_worker()
    until_interrupted(admin, job_id, 2)

    # the evaluation, twice: its process, then the worker with it, with a version half written
    admin.wait(job_id, "evaluating")
    world.kill_trainer(job_id)
    until_interrupted(admin, job_id, 3)
    admin.wait(job_id, "evaluating")
    models = world.state / "models" / "digits"
    while not list(models.glob(".*.part")) and not (models / "2").exists():
        time.sleep(0.001)
    world.kill_worker()  # most often in the middle of publishing; if not, what it would have left is laid there
    half = models / ".0123.part"
    half.mkdir()
    (half / "generator.onnx").write_bytes(b"half a generator")
    world.start_worker()
    job = admin.wait(job_id, "succeeded", "failed", "interrupted")
    states = world.history("killed in turn", job_id)
    assert job["state"] == "succeeded", job
    assert job["interruptions"] == 3
    assert states == [
        *("queued", "running", "interrupted", "queued", "running", "interrupted", "queued", "running", "evaluating"),
        *("interrupted", "queued", "running", "evaluating", "succeeded"),
    ]
    assert all(images > 0 for images in resumed_at(world, job_id)), "each time from a checkpoint, never from the start"
    assert len(resumed_at(world, job_id)) == 3
    assert world.trainers() == 0
    check_models_are_whole(world.state, [1, 2])
    assert Repository(world.state / "models").get("digits", 2).manifest.job == job_id
    assert job["promoted"]
    assert not list((world.state / "jobs" / job_id).glob(".*.part"))


def test_one_that_is_killed_again_and_again_stops_after_three_times_and_can_be_resumed(world: World) -> None:
    admin = world.admin
    job_id = admin.retrain(budget={"minutes": 10}, spec={"checkpoint_every": 16})  # it is writing one most of the time
    for count in range(4):
        seen = (admin.job(job_id)["progress"] or {}).get("images", 0)
        admin.wait_for_images(job_id, seen)
        world.kill_trainer(job_id)
        until_interrupted(admin, job_id, count + 1)
    job = admin.wait(job_id, "interrupted")
    assert "killed by SIGKILL" in job["detail"]
    assert "fix the cause, then resume the job" in job["detail"]
    time.sleep(2)
    assert admin.job(job_id)["state"] == "interrupted", "it stays so"
    assert world.trainers() == 0
    assert admin.client.post(f"/admin/jobs/{job_id}/resume").status_code == 202
    admin.wait_for_images(job_id, job["progress"]["images"])
    admin.client.post(f"/admin/jobs/{job_id}/cancel")
    admin.wait(job_id, "cancelled")
    states = world.history("killed again and again", job_id)
    assert states.count("interrupted") == 4
    assert states[-4:] == ["interrupted", "queued", "running", "cancelled"]


def test_an_evaluation_whose_worker_died_before_it_wrote_down_its_number_is_still_held_against_the_champion(
    world: World,
) -> None:
    """Whom it is held against is written down before it starts: losing its handle must not make it the first of its model."""
    admin = world.admin
    job_id = admin.retrain(promote="if_better")
    admin.wait(job_id, "evaluating")
    pid_of_trainer(world.state, job_id)
    world.kill_worker()
    with contextlib.closing(sqlite3.connect(world.state / "jobs.db", isolation_level=None)) as store:
        store.execute("UPDATE jobs SET handle = NULL")
    world.start_worker()
    job = admin.wait(job_id, "succeeded", "failed", "interrupted")
    assert (job["state"], job["promoted"]) == ("succeeded", False), job
    assert "Not better" in job["gate"]["reason"]
    assert Repository(world.state / "models").aliases("digits") == {"champion": 1}


def test_a_job_that_cannot_be_understood_fails_and_the_next_has_its_turn(world: World) -> None:
    admin = world.admin
    world.kill_worker()
    wrong, right = admin.retrain(), admin.retrain(budget={"minutes": 10})
    with contextlib.closing(sqlite3.connect(world.state / "jobs.db", isolation_level=None)) as store:
        store.execute('UPDATE jobs SET spec = \'{"of": "another release"}\' WHERE id = ?', (wrong,))
    world.start_worker()
    job = admin.wait(wrong, "failed")
    assert "The supervisor failed 5 times on this job" in job["detail"]
    admin.wait_for_images(right, 0)


def test_a_service_that_is_killed_whole_goes_on_by_itself(tmp_path: Path, cache: Path) -> None:
    """`python -m app` with its embedded supervisor, as make serve starts it: service, supervisor and trainer die at once."""
    settings: dict[str, object] = {**SETTINGS, "cache": cache, "port": free_port(), "workers": 2}
    running = start(tmp_path / "state", **settings)
    admin = admin_of(running)
    try:
        job_id = admin.retrain(budget={"minutes": 10}, spec={"checkpoint_every": 320})
        waiting = admin.retrain()
        admin.wait_for_images(job_id, 1000)
        family = [running.process.pid, *(p.pid for p in psutil.Process(running.process.pid).children(recursive=True))]
        assert set(trainers_of(tmp_path / "state")) < set(family)
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        running.process.wait()
        running = start(tmp_path / "state", **settings)
        admin.wait_for_images(job_id, until_interrupted(admin, job_id, 1)["progress"]["images"])
        assert admin.job(waiting)["state"] == "queued"
        for which in (waiting, job_id):
            admin.client.post(f"/admin/jobs/{which}/cancel")
            admin.wait(which, "cancelled")
        resumed = [data["images"] for kind, _, data in admin.events(job_id) if kind == "resumed"]
        assert len(resumed) == 1
        assert resumed[0] >= 960
        check_models_are_whole(tmp_path / "state", [1])
    finally:
        running.process.terminate()
        running.process.wait(60)


def test_a_checkpoint_that_was_damaged_on_disk_falls_back_on_the_one_before(world: World) -> None:
    admin = world.admin
    job_id = admin.retrain(budget={"minutes": 10}, spec={"checkpoint_every": 320})
    admin.wait_for_images(job_id, 1000)
    world.kill_worker()
    world.kill_trainer(job_id)
    checkpoint = world.state / "jobs" / job_id / "checkpoint.pt"
    whole = checkpoint.read_bytes()
    checkpoint.unlink()  # it may be one file with the checkpoint before it, if the trainer died between two steps
    checkpoint.write_bytes(whole[:1000])
    world.start_worker()
    job = until_interrupted(admin, job_id, 1)
    admin.wait_for_images(job_id, job["progress"]["images"])
    admin.client.post(f"/admin/jobs/{job_id}/cancel")
    admin.wait(job_id, "cancelled")
    world.history("damaged checkpoint", job_id)
    warnings = [data["detail"] for kind, _, data in admin.events(job_id) if kind == "warning"]
    assert len(warnings) == 1
    assert "wrong checksum" in warnings[0]
    assert resumed_at(world, job_id)[0] >= 320


def test_a_supervisor_cut_off_as_it_started_a_trainer_finds_it_again(world: World) -> None:
    """The store knows of no process, as if the worker had been killed between starting it and writing that down."""
    admin = world.admin
    job_id = admin.retrain(budget={"minutes": 10})
    admin.wait_for_images(job_id, 0)
    trainer = pid_of_trainer(world.state, job_id)
    world.kill_worker()
    with contextlib.closing(sqlite3.connect(world.state / "jobs.db", isolation_level=None)) as store:
        store.execute("UPDATE jobs SET handle = NULL")
    world.start_worker()
    admin.wait_for_images(job_id, admin.job(job_id)["progress"]["images"])
    assert trainers_of(world.state) == [trainer]
    admin.client.post(f"/admin/jobs/{job_id}/cancel")
    job = admin.wait(job_id, "cancelled")
    assert (job["interruptions"], "stopped gracefully" in job["detail"]) == (0, True)
