"""A supervisor that is stopped in the middle of something, while another takes its place."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time

import psutil
import pytest
from sqlalchemy import select

from app.retraining.job_folder import JobFolder
from app.retraining.lease import LeaseLost, Workers
from app.retraining.store import JobStore
from app.storage.database import Database, leases
from models.repository import Repository
from models.version import copier
from tests.app.retraining.test_supervision import trainers_of
from tests.app.retraining.world import World, check_models_are_whole
from tests.live import ROOT
from training.spec import TrainingSpec


def holder(database: Database) -> str:
    with database.read() as connection:
        return str(connection.scalar(select(leases.c.holder)))


def test_a_job_is_published_once_though_its_supervisor_is_stopped_and_goes_on(world: World) -> None:
    """SIGSTOP as the version is being written, for longer than the lease lasts: another supervises, then both do."""
    admin, models = world.admin, world.state / "models" / "digits"
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(contextlib.closing(Database(world.state / "jobs.db")))
        both = [world.worker]
        world.start_worker()  # a second one, which waits for its turn
        both.append(world.worker)
        for process in both:
            stack.callback(process.wait)
            stack.callback(process.kill)
        job_id = admin.retrain(promote="always")
        admin.wait(job_id, "evaluating")
        while not list(models.glob(".*.part")) and not (models / "2").exists():
            pass
        stopped = int(holder(database).rsplit(":", 2)[1])
        assert stopped in [process.pid for process in both]
        os.kill(stopped, signal.SIGSTOP)
        before, deadline = holder(database), time.monotonic() + 20
        while holder(database) == before and time.monotonic() < deadline:  # a process stopped in a transaction blocks the other
            time.sleep(0.1)
        time.sleep(1)  # the other one looks at the job
        os.kill(stopped, signal.SIGCONT)
        job = admin.wait(job_id, "succeeded", "failed", "interrupted")
        assert (job["state"], job["promoted"]) == ("succeeded", True), job
        time.sleep(2)  # the first one may still be about to write
        check_models_are_whole(world.state, [1, 2])
        assert Repository(world.state / "models").aliases("digits") == {"champion": 2, "previous": 1}
        assert all(psutil.pid_exists(process.pid) for process in both)


def test_a_trainer_is_started_once_though_its_supervisor_is_killed_as_it_starts_it(world: World) -> None:
    admin = world.admin
    job_id = admin.retrain()
    while not trainers_of(world.state):
        pass
    world.kill_worker()
    world.start_worker()
    job = admin.wait(job_id, "succeeded", "failed", "interrupted")
    assert (job["state"], job["interruptions"]) == ("succeeded", 0), job
    assert [kind for kind, _, _ in admin.events(job_id)].count("started") == 1


KILLED_AS_IT_STARTS = """
import os, subprocess, sys
from pathlib import Path
from app.retraining import trainer_process


class Killed(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        os.kill(os.getpid(), 9)


trainer_process.subprocess.Popen = Killed
trainer_process.LocalRunner(1, 0).start(sys.argv[2:], Path(sys.argv[1]))
"""


def test_a_trainer_whose_supervisor_was_killed_before_it_wrote_anything_down_is_the_only_one(world: World) -> None:
    """Even the number of its process is known to nobody, and it is stopped before it has come to do anything."""
    admin = world.admin
    world.kill_worker()
    log = world.state.parent / "worker.log"
    before = log.read_text().count("this process supervises")
    job_id = admin.retrain()
    folder = JobFolder(world.state, job_id)
    folder.path.mkdir(parents=True)
    spec = TrainingSpec.model_validate(admin.job(job_id)["spec"])
    folder.spec.write_text(spec.model_dump_json())
    with contextlib.closing(sqlite3.connect(world.state / "jobs.db", isolation_level=None)) as store:
        store.execute("UPDATE jobs SET state = 'running', has_run = 1")
    command = [sys.executable, "-c", KILLED_AS_IT_STARTS, folder.log]
    killed = subprocess.run([*command, "train", "--spec", folder.spec, "--out", folder.path], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    (trainer,) = trainers_of(world.state)
    os.kill(trainer, signal.SIGSTOP)  # while it imports its libraries
    world.start_worker()
    deadline = time.monotonic() + 60
    while log.read_text().count("this process supervises") == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(2)  # it looks at the job, twice a second
    assert trainers_of(world.state) == [trainer]
    os.kill(trainer, signal.SIGCONT)
    job = admin.wait(job_id, "succeeded", "failed", "interrupted")
    assert (job["state"], job["interruptions"]) == ("succeeded", 0), job
    assert [kind for kind, _, _ in admin.events(job_id)].count("started") == 1


def test_whoever_lost_the_lease_neither_publishes_nor_promotes(repository: Repository, database: Database) -> None:
    workers = Workers(database, "alone")
    lease = workers.beat()
    assert lease
    workers.leave()
    Workers(database, "alone").beat()
    store = JobStore(database)
    repository.publish("digits", copier(repository.get("digits", 1)))
    with pytest.raises(LeaseLost):
        repository.publish("digits", copier(repository.get("digits", 1)), unless=lambda: store.check(lease))
    with pytest.raises(LeaseLost):
        repository.promote("digits", 2, check=lambda: store.check(lease))
    assert repository.numbers("digits") == [1, 2]
    assert repository.aliases("digits") == {"champion": 1}
