"""A supervisor that is stopped with SIGSTOP while another one takes over."""

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
from tests.app.retraining.deployment import Deployment, check_models_are_complete
from tests.app.retraining.test_supervision import trainers_of
from tests.live import ROOT
from tests.waiting import wait_until
from training.spec import TrainingSpec


def holder(database: Database) -> str:
    with database.read() as connection:
        return str(connection.scalar(select(leases.c.holder)))


def test_a_job_is_published_once_although_its_supervisor_was_stopped_and_continued(deployment: Deployment) -> None:
    """SIGSTOP stops it while it writes the version, until its lease expires. A second one takes over, then both run."""
    admin, models = deployment.admin, deployment.state / "models" / "digits"
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(contextlib.closing(Database(deployment.state / "jobs.db")))
        both = [deployment.worker]
        deployment.start_worker()  # a second one, which waits for the lease
        both.append(deployment.worker)
        for process in both:
            stack.callback(process.wait)
            stack.callback(process.kill)
        job_id = admin.retrain(promote="always")
        admin.wait(job_id, "evaluating")
        while not list(models.glob(".*.part")) and not (models / "2").exists():
            time.sleep(0.001)
        stopped = int(holder(database).rsplit(":", 2)[1])
        assert stopped in [process.pid for process in both]
        os.kill(stopped, signal.SIGSTOP)
        before, deadline = holder(database), time.monotonic() + 20
        # a process that was stopped in a transaction blocks the other, so this may never happen
        while holder(database) == before and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)  # the other one examines the job
        os.kill(stopped, signal.SIGCONT)
        job = admin.wait(job_id, "succeeded", "failed", "interrupted")
        assert (job["state"], job["promoted"]) == ("succeeded", True), job
        time.sleep(2)  # the first one may still try to write
        check_models_are_complete(deployment.state, [1, 2])
        assert Repository(deployment.state / "models").aliases("digits") == {"champion": 2, "previous": 1}
        assert all(psutil.pid_exists(process.pid) for process in both)


def test_a_trainer_is_started_once_although_its_supervisor_is_killed_during_the_start(deployment: Deployment) -> None:
    admin = deployment.admin
    job_id = admin.retrain()
    while not trainers_of(deployment.state):
        time.sleep(0.001)
    deployment.kill_worker()
    deployment.start_worker()
    job = admin.wait(job_id, "succeeded", "failed", "interrupted")
    assert (job["state"], job["interruptions"]) == ("succeeded", 0), job
    assert [kind for kind, _, _ in admin.events(job_id)].count("started") == 1


KILLED_DURING_START = """
import os, subprocess, sys
from pathlib import Path
from app.retraining.runners import local


class Killed(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        os.kill(os.getpid(), 9)


local.subprocess.Popen = Killed
local.LocalRunner(1, 0).start(sys.argv[2:], Path(sys.argv[1]))
"""


def test_no_second_trainer_starts_if_the_supervisor_was_killed_before_it_stored_the_first(deployment: Deployment) -> None:
    """The trainer's process ID is not stored anywhere, and the trainer is stopped before it has done any work."""
    admin = deployment.admin
    deployment.kill_worker()
    log = deployment.state.parent / "worker.log"
    before = log.read_text().count("this process supervises")
    job_id = admin.retrain()
    folder = JobFolder(deployment.state, job_id)
    folder.path.mkdir(parents=True)
    spec = TrainingSpec.model_validate(admin.job(job_id)["spec"])
    folder.spec.write_text(spec.model_dump_json())
    with contextlib.closing(sqlite3.connect(deployment.state / "jobs.db", isolation_level=None)) as store:
        store.execute("UPDATE jobs SET state = 'running', has_run = 1")
    command = [sys.executable, "-c", KILLED_DURING_START, folder.log]
    killed = subprocess.run([*command, "train", "--spec", folder.spec, "--out", folder.path], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    (trainer,) = trainers_of(deployment.state)
    os.kill(trainer, signal.SIGSTOP)  # while it imports its libraries
    deployment.start_worker()
    wait_until(lambda: log.read_text().count("this process supervises") > before)
    time.sleep(2)  # the supervisor examines the job twice a second
    assert trainers_of(deployment.state) == [trainer]
    os.kill(trainer, signal.SIGCONT)
    job = admin.wait(job_id, "succeeded", "failed", "interrupted")
    assert (job["state"], job["interruptions"]) == ("succeeded", 0), job
    assert [kind for kind, _, _ in admin.events(job_id)].count("started") == 1


def test_a_supervisor_without_the_lease_neither_publishes_nor_promotes(repository: Repository, database: Database) -> None:
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
