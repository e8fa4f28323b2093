"""Two hosts without a shared folder: a run that is killed on one continues on the other, bit for bit."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from app.retraining.runners import Finished
from app.retraining.runners.local import LocalRunner
from app.storage.database import Database, jobs
from models.bucket import Bucket, open_store
from models.host import RUNS_VARIABLE
from models.stored_run import StoredRun
from tests.app.retraining.jobs import SETTINGS, SMALL_SPEC, Admin, admin_of, pid_of_trainer
from tests.app.retraining.runners.conftest import wait_until_finished
from tests.app.retraining.test_supervision import trainers_of
from tests.live import Service, start
from tests.object_storage import FailingProxy, Mode, S3Server, s3_server
from tests.postgres import Postgres
from tests.training.tenth import a_tenth
from tests.waiting import wait_until
from training.loop import run as running
from training.loop.run_folder import RunFolder, read_events
from training.spec import TrainingSpec

IMAGES = 3200
SPEC = TrainingSpec.from_preset("quick", **SMALL_SPEC, images=IMAGES, seed=1, threads=1)
KEYS = ("loss_discriminator", "loss_generator", "d_real", "d_fake")
Losses = dict[int, tuple[float, ...]]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Losses:
    """The losses of the same run without an interruption."""
    folder = RunFolder(tmp_path_factory.mktemp("whole") / "run")
    running.start(folder, SPEC)
    with a_tenth():
        running.run(folder)
    return losses_of(folder)


def losses_of(folder: RunFolder) -> Losses:
    return {e["images"]: tuple(e[key] for key in KEYS) for e in read_events(folder.events) if e["event"] == "progress"}


class Hosts:
    """Services with folders of their own, on one bucket and one database."""

    def __init__(self, folder: Path, cache: Path, **settings: object) -> None:
        self.folder, self.settings = folder, {**SETTINGS, "cache": cache, "runs": "bucket", "access_log": False, **settings}
        self.services: dict[str, Service] = {}

    def state(self, name: str) -> Path:
        return self.folder / name / "state"

    def database(self) -> Database:
        return Database(str(self.settings["database_url"]).replace("postgresql:", "postgresql+psycopg:"))

    def start(self, name: str) -> Admin:
        self.state(name).parent.mkdir()
        self.services[name] = start(self.state(name), **self.settings)
        return admin_of(self.services[name])

    def kill_supervisor(self, name: str) -> None:
        process = self.services.pop(name).process
        process.kill()
        process.wait()

    def kill(self, name: str) -> None:
        """Kill a host: the supervisor first, then its trainers, as nobody is left to notice."""
        self.kill_supervisor(name)
        for pid in trainers_of(self.state(name)):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not trainers_of(self.state(name)))

    def stop(self) -> None:
        for name in list(self.services):
            self.kill(name)
        for process in self.folder.iterdir():
            for pid in trainers_of(process):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def url(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    s3.use(monkeypatch)
    return s3.url()


@pytest.fixture
def hosts(tmp_path: Path, trainers_cache: Path, postgres: Postgres, url: str) -> Iterator[Hosts]:
    database = postgres.create_database(tmp_path.name)
    hosts = Hosts(tmp_path / "hosts", trainers_cache, models_url=url, database_url=database)
    hosts.folder.mkdir()
    yield hosts
    hosts.stop()


def retrain(admin: Admin) -> str:
    wait_until(lambda: admin.client.get("/admin/jobs").json()["trainers"])
    return admin.retrain(budget={"images": IMAGES}, promote="always")


def stored_checkpoint(url: str, job_id: str, to: Path) -> bool:
    """Whether the object storage has a checkpoint of a run that has begun to train."""
    run = StoredRun(Bucket(open_store(url)), to / job_id)
    run.pull(lambda name: name == "events.jsonl")
    return any(e["event"] == "checkpoint" and e["images"] > 0 for e in read_events(run.folder / "events.jsonl"))


def resumed_at(admin: Admin, job_id: str) -> list[int]:
    return [data["images"] for kind, _, data in admin.events(job_id) if kind == "resumed"]


def losses_in_store(admin: Admin, job_id: str) -> Losses:
    events = list(admin.events(job_id))
    return {data["images"]: tuple(data[key] for key in KEYS) for kind, _, data in events if kind == "progress"}


def test_a_run_whose_host_is_killed_continues_on_another_with_the_same_losses(
    hosts: Hosts, url: str, tmp_path: Path, whole: Losses
) -> None:
    job_id = retrain(hosts.start("one"))
    wait_until(lambda: stored_checkpoint(url, job_id, tmp_path / "look"))
    two = hosts.start("two")
    assert "images/s" in two.log(job_id), "a host shows the log of what another one trains"
    assert two.client.get(f"/admin/jobs/{job_id}/samples.png").status_code == 200
    hosts.kill("one")
    job = two.wait(job_id, "succeeded", "failed", "interrupted")
    assert (job["state"], job["version"], job["promoted"]) == ("succeeded", 2, True), job
    (at,) = resumed_at(two, job_id)
    assert 0 < at < IMAGES
    assert TrainingSpec.model_validate(job["spec"]) == SPEC
    assert losses_in_store(two, job_id) == whole
    ours, theirs = RunFolder(hosts.state("two") / "jobs" / job_id), RunFolder(hosts.state("one") / "jobs" / job_id)
    assert losses_of(ours) == whole
    assert losses_of(theirs) != whole
    files = StoredRun(Bucket(open_store(url)), ours.path)._log.read()[1].files
    assert {"checkpoint.pt", "events.jsonl", "log.txt", "spec.json", "samples/000000320.png"} <= files.keys()
    assert not [name for name in files if name.startswith("candidate/")], "it is published, and needs no space here"


def test_a_candidate_whose_host_is_killed_is_published_by_another(hosts: Hosts, url: str) -> None:
    """The evaluation has ended, and nobody has published what it has made."""
    one = hosts.start("one")
    job_id = retrain(one)
    one.wait(job_id, "evaluating")
    with closing(hosts.database()) as database:
        wait_until(lambda: handle_in(database, job_id))  # so the supervisor is not killed while it starts the evaluation
    hosts.kill_supervisor("one")  # the evaluation continues, and stores what it makes
    wait_until(lambda: not trainers_of(hosts.state("one")))
    two = hosts.start("two")
    job = two.wait(job_id, "succeeded", "failed", "interrupted")
    assert (job["state"], job["version"], job["promoted"], job["interruptions"]) == ("succeeded", 2, True, 0), job
    assert resumed_at(two, job_id) == [], "nothing was trained or measured again"


def handle_in(database: Database, job_id: str) -> dict[str, Any] | None:
    with database.read() as connection:
        return connection.scalar(select(jobs.c.handle).where(jobs.c.id == job_id))


def move(database: Database, job_id: str) -> None:
    """Let the job's trainer be on a machine whose processes and folders this one does not see."""
    handle = handle_in(database, job_id)
    assert handle
    with database.write() as connection:
        moved = handle | {"place": "another-machine/1/2", "lock": "/another/machine/.lock"}
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(handle=moved))


def test_a_trainer_that_outlives_its_supervisor_is_given_up_and_cannot_overwrite_the_run(
    hosts: Hosts, url: str, tmp_path: Path, whole: Losses
) -> None:
    """Its host has lost the connection to the database, not to the object storage."""
    job_id = retrain(hosts.start("one"))
    wait_until(lambda: stored_checkpoint(url, job_id, tmp_path / "look"))
    pid = pid_of_trainer(hosts.state("one"), job_id)
    os.kill(pid, signal.SIGSTOP)
    hosts.kill_supervisor("one")
    with closing(hosts.database()) as database:
        move(database, job_id)
    two = hosts.start("two")
    wait_until(lambda: resumed_at_now(hosts.state("two"), job_id))
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not trainers_of(hosts.state("one")))
    job = two.wait(job_id, "succeeded", "failed", "interrupted")
    assert (job["state"], job["version"], job["promoted"]) == ("succeeded", 2, True), job
    assert losses_in_store(two, job_id) == whole
    log = (hosts.state("one") / "jobs" / job_id / "log.txt").read_text()
    assert f"Error: Another trainer has continued the run {job_id}." in log
    StoredRun(Bucket(open_store(url)), tmp_path / "third" / job_id).pull(lambda _: True)
    assert losses_of(RunFolder(tmp_path / "third" / job_id)) == whole


def resumed_at_now(state: Path, job_id: str) -> bool:
    return any(e["event"] == "resumed" for e in read_events(state / "jobs" / job_id / "events.jsonl"))


# One trainer, without a service.


def begin(folder: Path, url: str) -> tuple[LocalRunner, dict[str, Any]]:
    """Take a run as the supervisor does, and start its trainer."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.json").write_text(SPEC.model_dump_json())
    StoredRun(Bucket(open_store(url)), folder).take()
    runner = LocalRunner(1, 0, {RUNS_VARIABLE: url})
    command = ["train", "--spec", str(folder / "spec.json"), "--restartable", "--out", str(folder)]
    return runner, runner.start(command, folder / "log.txt")


def has(folder: Path, kind: str, text: str = "") -> bool:
    return any(e["event"] == kind and text in e.get("detail", "") for e in read_events(folder / "events.jsonl"))


@pytest.mark.parametrize("mode", ["down", "deny"])
def test_a_failing_object_storage_does_not_stop_a_training(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Losses, mode: Mode
) -> None:
    folder, url = tmp_path / "here" / "0123456789ab", s3.url()
    with FailingProxy(s3.port) as proxy:
        s3.use(monkeypatch, proxy.port)
        runner, handle = begin(folder, url)
        wait_until(lambda: has(folder, "checkpoint"))
        proxy.mode = mode
        wait_until(lambda: has(folder, "warning", "The run cannot be stored"))
        trained = len(losses_of(RunFolder(folder)))
        wait_until(lambda: len(losses_of(RunFolder(folder))) > trained or has(folder, "end"))
        proxy.mode = "pass"
        assert wait_until_finished(runner, handle) == Finished(0)
    s3.use(monkeypatch)
    StoredRun(Bucket(open_store(url)), folder).take()  # as before the evaluation
    there = StoredRun(Bucket(open_store(url)), tmp_path / "there" / folder.name)
    there.bring()
    assert (there.folder / "checkpoint.pt").read_bytes() == (folder / "checkpoint.pt").read_bytes()
    assert len(losses_of(RunFolder(there.folder))) == len(whole)
    log = (folder / "log.txt").read_text()
    assert log.index("The run cannot be stored: ") < log.index("The run is stored again.")
