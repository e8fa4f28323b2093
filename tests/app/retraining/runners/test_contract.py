"""The contract of runners. Each one runs real processes: here, in Ray, or in pods of a small Kubernetes API server."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from app.retraining.runners import FolderInUse, holder_of, is_locked
from app.retraining.runners.lock import acquire
from tests.app.retraining.runners.conftest import MakeRunner, wait_for_output, wait_until_finished
from tests.waiting import attempts, wait_until

STOPPED = 3


def start(make_runner: MakeRunner, folder: Path, mode: str, **settings: object):
    runner = make_runner(**settings)
    return runner, runner.start([str(folder), mode], folder / "log.txt")


def pid_of_holder(folder: Path) -> int:
    """Return the process ID of the trainer that runs in a folder. Wait until it has the lock."""
    for _ in attempts(0.05):
        if holder := holder_of(folder / ".lock"):
            return holder["pid"]
    raise AssertionError("no trainer holds the lock")


def pid_in(log: str) -> int:
    return json.loads(next(line for line in reversed(log.splitlines()) if line.startswith("{")))["pid"]


def test_a_trainer_gets_its_arguments_and_threads_and_no_secrets_and_its_output_is_in_the_log(
    make_runner: MakeRunner, folder: Path
) -> None:
    runner, handle = start(make_runner, folder, "done", training_threads=2)
    assert json.loads(json.dumps(handle)) == handle
    finished = wait_until_finished(runner, handle)
    assert finished.status == 0
    log = (folder / "log.txt").read_text()
    told = json.loads(log.splitlines()[0])
    assert told == {"pid": told["pid"], "threads": "2", "secrets": [], "arguments": [str(folder), "done"]}
    assert not is_locked(folder / ".lock")


def test_a_trainer_that_fails_has_its_exit_status_and_its_error_in_the_log(make_runner: MakeRunner, folder: Path) -> None:
    runner, handle = start(make_runner, folder, "fail")
    assert wait_until_finished(runner, handle).status == 1
    assert (folder / "log.txt").read_text().endswith("Error: nothing works. Repair it.\n")


def test_a_trainer_runs_until_it_is_asked_to_stop(make_runner: MakeRunner, folder: Path) -> None:
    runner, handle = start(make_runner, folder, "wait")
    wait_for_output(folder)
    assert runner.poll(handle) is None
    runner.stop(handle)
    assert wait_until_finished(runner, handle).status in (STOPPED, None)
    assert (folder / "log.txt").read_text().endswith("wrote a checkpoint\n")
    runner.stop(handle)  # has no effect
    runner.stop(handle, force=True)


def test_a_trainer_that_does_not_stop_is_killed_by_force(make_runner: MakeRunner, folder: Path) -> None:
    runner, handle = start(make_runner, folder, "stubborn", stop_seconds=2)
    pid = pid_in(wait_for_output(folder))
    runner.stop(handle)
    runner.stop(handle, force=True)
    assert wait_until_finished(runner, handle).status in (-signal.SIGKILL, None)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert "checkpoint" not in (folder / "log.txt").read_text()


def test_another_supervisor_takes_over_a_trainer(make_runner: MakeRunner, folder: Path) -> None:
    runner, handle = start(make_runner, folder, "wait")
    wait_for_output(folder)
    other = make_runner()
    assert other.poll(handle) is None
    other.stop(handle)
    assert wait_until_finished(other, handle).status in (STOPPED, None)
    wait_until_finished(runner, handle)


def test_a_supervisor_that_lost_the_handle_finds_it_in_the_lock(make_runner: MakeRunner, folder: Path) -> None:
    runner, handle = start(make_runner, folder, "stubborn", stop_seconds=2)
    pid = pid_in(wait_for_output(folder))
    found = holder_of(folder / ".lock")
    assert found
    assert (found["pid"], found["place"], found.get("id")) == (pid, handle["place"], handle.get("id"))
    other = make_runner(stop_seconds=2)
    assert other.poll(found) is None
    other.stop(found, force=True)
    wait_until_finished(other, found)
    wait_until_finished(runner, handle)


def test_a_second_trainer_does_not_start_in_the_folder(make_runner: MakeRunner, folder: Path) -> None:
    runner, handle = start(make_runner, folder, "wait")
    wait_for_output(folder)
    with pytest.raises(FolderInUse, match="Wait until it has ended"):
        make_runner().start([str(folder), "wait"], folder / "log.txt")
    runner.stop(handle)
    wait_until_finished(runner, handle)
    assert (folder / "log.txt").read_text().count("{") == 1


def test_a_killed_trainer_has_ended_and_the_next_one_starts_in_its_folder(make_runner: MakeRunner, folder: Path) -> None:
    runner, handle = start(make_runner, folder, "wait")
    os.kill(pid_in(wait_for_output(folder)), signal.SIGKILL)
    assert wait_until_finished(runner, handle).status in (-signal.SIGKILL, None)
    handle = runner.start([str(folder), "done"], folder / "log.txt")
    assert wait_until_finished(runner, handle).status == 0
    assert (folder / "log.txt").read_text().count("{") == 2


def test_a_trainer_that_another_runner_started_is_watched_by_its_lock_and_stopped_by_a_file(
    make_runner: MakeRunner, folder: Path
) -> None:
    """As after a change of GAN_RUNNER."""
    runner = make_runner()
    held = acquire(folder / ".lock")
    foreign = {"pid": 1, "place": "another engine", "id": "1", "started": None, "lock": str(folder / ".lock")}
    assert runner.poll(foreign) is None
    runner.stop(foreign, force=True)
    assert (folder / "stop").exists()
    os.close(held)
    finished = runner.poll(foreign)
    assert finished
    assert finished.status is None


def test_there_is_no_trouble(make_runner: MakeRunner) -> None:
    assert make_runner().trouble() == ""


def test_the_folder_is_free_as_soon_as_a_trainer_has_ended(make_runner: MakeRunner, folder: Path) -> None:
    """A result is reported only when the lock is free, so that the next trainer can start at once."""
    runner, handle = start(make_runner, folder, "slow")
    wait_for_output(folder)
    runner.stop(handle)
    wait_until(lambda: runner.poll(handle))
    assert not is_locked(folder / ".lock")
    assert (folder / "log.txt").read_text().endswith("wrote a checkpoint\n")
