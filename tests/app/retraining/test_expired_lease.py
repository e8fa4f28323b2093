"""A supervisor that was stopped until its lease expired must not touch jobs that another one has taken over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from app.retraining.job import Draft, Job
from app.retraining.job_folder import JobFolder
from app.retraining.lease import Lease, LeaseLost, Workers
from app.retraining.runners import Finished
from app.retraining.store import JobStore
from app.retraining.supervisor import Supervisor
from app.settings import Settings
from app.storage.database import Database, leases
from models.host import pid_namespace
from models.repository import Repository
from models.version import copier
from training.loop.run_folder import RunFolder, alone_in
from training.spec import TrainingSpec

DRAFT = Draft(
    **{"model": "digits", "request": {}, "promote": "if_better", "parent": None, "by": "alice"},
    spec=TrainingSpec.from_preset("quick").model_dump(mode="json"),
)


class FakeRunner:
    """A runner whose trainers never exit."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.stopped: list[bool] = []
        """For each call, whether it was by force."""

    def trouble(self) -> str:
        return ""

    def start(self, arguments: Sequence[str], log: Path) -> dict[str, Any]:
        self.started.append(arguments[0])
        return {"pid": 1, "place": pid_namespace(), "started": 0.0, "lock": ""}

    def poll(self, handle: dict[str, Any]) -> Finished | None:
        return None

    def stop(self, handle: dict[str, Any], *, force: bool = False) -> None:
        self.stopped.append(force)


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner()


@pytest.fixture
def supervisor(store: JobStore, runner: FakeRunner, tmp_path: Path) -> Supervisor:
    return Supervisor(Settings(state=tmp_path, stop_seconds=30), store, Workers(store.database, "alone"), runner)


@pytest.fixture
def lease(supervisor: Supervisor) -> Lease:
    held = supervisor.workers.beat()
    assert held
    return held


@pytest.fixture
def job(store: JobStore, tmp_path: Path) -> Job:
    job = store.create(DRAFT, 8)
    JobFolder(tmp_path, job.id).candidate.mkdir(parents=True)
    return job


def take_over(database: Database) -> None:
    with database.write() as connection:
        connection.execute(update(leases).values(until=0.0))
    assert Workers(database, "alone").beat()


def running(store: JobStore, lease: Lease, job: Job) -> Job:
    handle = {"pid": 1, "place": pid_namespace(), "started": 0.0, "lock": ""}
    return store.note(lease, store.change(lease, job, "running", "training"), handle=handle)


def test_a_stale_supervisor_neither_stops_a_trainer_nor_clears_its_folder(
    supervisor: Supervisor, runner: FakeRunner, store: JobStore, lease: Lease, job: Job, tmp_path: Path
) -> None:
    """It was stopped after it had read the queued job."""
    folder = JobFolder(tmp_path, job.id)
    folder.events.write_text('{"event": "started"}')
    take_over(store.database)
    with alone_in(RunFolder(folder.path)), pytest.raises(LeaseLost):  # the trainer of the other supervisor is running
        supervisor._begin(lease, job)
    with pytest.raises(LeaseLost):
        supervisor._begin(lease, job)
    assert (runner.started, runner.stopped) == ([], [])
    assert folder.events.exists()
    assert folder.candidate.exists()


def test_a_stale_supervisor_forwards_no_cancellation_and_stops_no_trainer_at_shutdown(
    supervisor: Supervisor, runner: FakeRunner, store: JobStore, lease: Lease, job: Job
) -> None:
    job = running(store, lease, job)
    store.cancel(job.id, "bob")
    supervisor._lease = lease
    take_over(store.database)
    with pytest.raises(LeaseLost):
        supervisor._attend(lease, store.get(job.id))
    with pytest.raises(LeaseLost):
        supervisor.shut_down()
    assert runner.stopped == []
    assert store.get(job.id).state == "running"


def test_a_supervisor_that_loses_its_lease_while_it_writes_a_version_publishes_nothing(
    store: JobStore, lease: Lease, repository: Repository
) -> None:
    copy = copier(repository.get("digits", 1))

    def fill(folder: Path, number: int) -> None:
        copy(folder, number)
        take_over(store.database)

    with pytest.raises(LeaseLost):
        repository.publish("digits", fill, check=lambda: store.check(lease))
    assert repository.numbers("digits") == [1]
    assert not list((repository.root / "digits").glob(".*.part"))
    assert repository.publish("digits", copy).number == 2, "the number was not used"


def test_a_trainer_that_is_stopped_again_gets_the_full_timeout_again(
    supervisor: Supervisor, runner: FakeRunner, store: JobStore, lease: Lease, job: Job
) -> None:
    """The job was being stopped, was interrupted for another reason, and was resumed."""
    job = running(store, lease, job)
    store.cancel(job.id, "bob")
    supervisor._attend(lease, store.get(job.id))
    supervisor.trainers.stopping[job.id] -= 1000
    store.interrupt(lease, job, "it was killed", counts=True)
    store.resume(job.id, "bob", 8)
    running(store, lease, store.get(job.id))
    store.cancel(job.id, "bob")
    for _ in range(3):
        supervisor._attend(lease, store.get(job.id))
    assert runner.stopped == [False, False], "each time the trainer is stopped once and not killed"


def test_a_trainer_of_an_earlier_attempt_that_does_not_stop_is_killed(
    supervisor: Supervisor, runner: FakeRunner, store: JobStore, lease: Lease, job: Job, tmp_path: Path
) -> None:
    """Otherwise the queue would wait for it forever."""
    with alone_in(RunFolder(JobFolder(tmp_path, job.id).path)):
        supervisor._begin(lease, job)
        supervisor.trainers.stopping[job.id] -= 1000
        supervisor._begin(lease, job)
    assert (runner.started, runner.stopped) == ([], [False, True])
    supervisor._begin(lease, job)
    assert (runner.started, store.get(job.id).state) == (["train"], "running")
