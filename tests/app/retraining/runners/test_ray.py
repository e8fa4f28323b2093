"""Ray Jobs on a real cluster: what Ray kills, forgets and loses. Skipped where Ray is not installed (make ray)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from app.retraining.facade import missing
from app.retraining.runners import Finished, Handle, Runner, is_locked
from app.retraining.runners.choice import open_runner
from app.retraining.runners.engine import Work
from app.retraining.runners.submission import last_submission
from app.settings import Settings
from tests.app.retraining.runners.conftest import ray_of, wait_for_output, wait_until_finished
from tests.app.retraining.runners.ray_cluster import RayCluster, ray_cluster
from tests.app.retraining.runners.stub import install, install_slow_checkpoints
from tests.app.retraining.runners.test_contract import pid_in
from tests.app.retraining.runners.test_moving_between_engines import wait_for_images
from tests.training.conftest import small_spec
from tests.waiting import wait_until
from training.checkpoint import load_checkpoint
from training.loop.run_folder import RunFolder, read_events


@pytest.fixture
def stub(tmp_path: Path) -> str:
    return install(tmp_path / "stub")


def start(runner: Runner, folder: Path, mode: str = "wait") -> Handle:
    return runner.start([str(folder), mode], folder / "log.txt")


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


# Stopping.


def test_a_trainer_that_needs_longer_than_three_seconds_to_stop_writes_its_checkpoint(
    ray: RayCluster, tmp_path: Path, folder: Path
) -> None:
    """A real trainer, whose checkpoint takes five seconds."""
    runner = ray_of(ray, tmp_path, install_slow_checkpoints(tmp_path / "slow", 5))(stop_seconds=60)
    run = RunFolder(folder)
    run.spec.write_text(small_spec(images=10**6, checkpoint_every=10**6).model_dump_json())
    handle = runner.start(["train", "--spec", str(run.spec), "--out", str(folder)], folder / "log.txt")
    wait_for_images(run, 200)
    runner.engine.stop(handle["id"], force=False)  # by the signal, not by the file
    wait_until_finished(runner, handle)
    end = read_events(run.events)[-1]
    assert (end["event"], end["reason"]) == ("end", "stopped")
    assert load_checkpoint(run.checkpoint)["seen"] == end["images"] > 200


def test_without_the_variable_ray_kills_after_three_seconds(
    ray: RayCluster, stub: str, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trap that the runtime environment avoids. If this test fails, Ray has changed, and the variable may be needless."""
    runner = ray_of(ray, tmp_path, stub)(stop_seconds=60)
    monkeypatch.setattr("app.retraining.runners.ray_jobs.STOP_WAIT", "UNUSED")
    handle = start(runner, folder, "slow")
    wait_for_output(folder)
    runner.stop(handle)
    wait_until_finished(runner, handle)
    assert "wrote a checkpoint" not in (folder / "log.txt").read_text()


def test_a_trainer_that_waits_for_resources_can_be_cancelled(ray: RayCluster, stub: str, tmp_path: Path, folder: Path) -> None:
    """Ray delivers the request to stop only when it starts the trainer."""
    runner = ray_of(ray, tmp_path, stub)(ray_resources={"what_no_node_has": 1})
    handle = start(runner, folder)
    assert runner.poll(handle) is None
    assert runner.engine.state(handle["id"]) == "active"
    runner.stop(handle)
    runner.stop(handle, force=True)
    assert runner.poll(handle) == Finished(None, "it was stopped before it started")
    free = ray_of(ray, tmp_path, stub)()
    again = start(free, folder, "done")
    assert again["id"] != handle["id"]
    assert wait_until_finished(free, again).status == 0


# Submissions.


def test_a_submission_whose_response_was_lost_is_not_repeated(
    ray: RayCluster, stub: str, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray_jobs = pytest.importorskip("app.retraining.runners.ray_jobs")
    submitted, submit = [], ray_jobs._Client.submit_job
    info = ray_jobs._Client.get_job_info

    def losing(self: Any, **work: Any) -> str:
        submitted.append(work["submission_id"])
        submit(self, **work)
        raise requests.ConnectionError("the connection was reset")

    def unreachable(self: Any, submission_id: str) -> None:
        raise requests.ConnectionError("the connection was reset")

    monkeypatch.setattr(ray_jobs._Client, "submit_job", losing)
    monkeypatch.setattr(ray_jobs._Client, "get_job_info", unreachable)
    runner = ray_of(ray, tmp_path, stub)()
    with pytest.raises(OSError, match="Ray "):
        start(runner, folder)
    monkeypatch.setattr(ray_jobs._Client, "submit_job", submit)
    monkeypatch.setattr(ray_jobs._Client, "get_job_info", info)
    first = last_submission(folder)
    wait_until(lambda: is_locked(folder / ".lock"))
    os.kill(pid_in(wait_for_output(folder)), 0)
    assert first
    assert set(submitted) == {first.id}
    assert len(submitted) == 3

    runner.engine.submit(Work(first.id, first.arguments, {}))  # as the next supervisor does; Ray knows the id
    jobs = runner.engine._client.list_jobs()
    assert [job.submission_id for job in jobs].count(first.id) == 1
    handle = {"pid": 0, "place": runner.engine.place, "id": first.id, "lock": str(folder / ".lock")}
    runner.stop(handle)
    wait_until_finished(runner, handle)
    assert (folder / "log.txt").read_text().count("{") == 1


def test_a_trainer_that_cannot_start_says_why(ray: RayCluster, stub: str, tmp_path: Path, folder: Path) -> None:
    runner = ray_of(ray, tmp_path, stub)(ray_python="/nowhere/python")
    finished = wait_until_finished(runner, start(runner, folder))
    assert finished.status == 127
    assert "/nowhere/python" in finished.detail
    assert finished.detail.startswith("Ray: ")


def test_a_node_without_the_shared_folder_says_so(ray: RayCluster, stub: str, tmp_path: Path, folder: Path) -> None:
    """The trainer would write its results where nobody finds them. The node sees another folder at the path."""
    runner = ray_of(ray, tmp_path, stub)()
    elsewhere = tmp_path / "on-the-node" / "0123456789ab"
    elsewhere.mkdir(parents=True)
    handle = runner.start([str(elsewhere), "wait"], folder / "log.txt")
    assert wait_until_finished(runner, handle).status == 1
    assert "does not contain submission.json, so it is not the folder of the service" in (folder / "log.txt").read_text()


# What Ray loses.


@pytest.fixture
def own_cluster() -> Iterator[RayCluster]:
    """A cluster that the test damages."""
    with ray_cluster() as cluster:
        yield cluster


def test_a_restarted_head_and_a_killed_node_end_trainers_and_the_runs_continue(
    own_cluster: RayCluster, stub: str, tmp_path: Path, folder: Path
) -> None:
    cluster, make = own_cluster, ray_of(own_cluster, tmp_path, stub)
    runner = make()
    handle = start(runner, folder)
    pid = pid_in(wait_for_output(folder))
    cluster.kill()
    assert "Ray cannot be reached" in make().trouble()
    assert runner.poll(handle) is None, "it is unknown what runs"
    cluster.start_head()
    assert wait_until_finished(runner, handle).detail == "Ray does not know it any more, because its head was restarted"
    assert not is_alive(pid)

    node = cluster.start_node('{"trainer": 1}')
    runner = make(ray_resources={"trainer": 1})
    handle = start(runner, folder)
    pid = pid_in(wait_for_output(folder, times=2))
    assert any(parent.pid == node.pid for parent in psutil.Process(pid).parents()), "it runs on the second node"
    node.kill()
    finished = wait_until_finished(runner, handle)
    assert finished.status is None
    assert finished.detail.startswith("Ray: ")
    assert not is_alive(pid)

    runner = make()
    again = start(runner, folder, "done")
    assert wait_until_finished(runner, again).status == 0
    assert last_submission(folder).number == 3


# Configuration.


def test_an_unreachable_cluster_is_trouble_with_a_remedy(ray: RayCluster) -> None:
    runner = open_runner(Settings(runner="ray", ray_address="http://127.0.0.1:9"))
    assert runner.trouble() == (
        "Ray cannot be reached at http://127.0.0.1:9 (ConnectionError). Start it (ray start --head), or set GAN_RAY_ADDRESS."
    )
    assert missing(Settings(runner="ray")) == ""
