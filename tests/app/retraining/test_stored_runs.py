"""The supervisor's side of runs in object storage, with simulated trainers on two hosts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import update

from app.retraining.job import Draft, Job
from app.retraining.job_folder import JobFolder
from app.retraining.lease import Workers
from app.retraining.store import JobStore
from app.retraining.supervisor import Supervisor
from app.settings import Settings
from app.storage.database import Database, leases
from models.bucket import Bucket, open_store
from models.bucket_repository import BucketRepository
from models.repository import Repository
from models.stored_run import StoredRun, Superseded, stored_runs
from tests.app.retraining.simulated import Machine
from tests.live import SHIPPED
from tests.object_storage import FailingProxy, s3_server
from tests.training.datasets.pictures import contents
from training.datasets import DatasetRegistry
from training.spec import TrainingSpec

IMAGES = 60


def draft(**fields: object) -> Draft:
    spec = TrainingSpec.from_preset("quick", seed=1, images=IMAGES, metrics_every=10).model_dump(mode="json")
    values = {"model": "digits", "request": {}, "promote": "never", "parent": None, "by": "alice", "spec": spec}
    return Draft(**values | fields)


class Host:
    """A machine with a folder of its own, and a supervisor on it."""

    def __init__(self, state: Path, url: str, database: Database) -> None:
        self.state, self.url, self.database, self.store = state, url, database, JobStore(database)
        self.settings = Settings(state=state, models_url=url, runs="bucket", keep_jobs=1)
        self.machine = Machine(lambda _spec, _images: 0.1)
        self.supervise()

    def supervise(self) -> None:
        """Take the lease, as after another host was killed."""
        with self.database.write() as connection:
            connection.execute(update(leases).values(until=0.0))
        self.supervisor = Supervisor(self.settings, self.store, Workers(self.database, "alone"), self.machine)

    def folder(self, job: Job) -> JobFolder:
        return JobFolder(self.state, job.run_id)

    def step(self) -> None:
        """Let the supervisor and the trainers make a step. The trainers store it, as real ones do."""
        self.supervisor.tick()
        self.machine.work()
        for process in self.machine.processes.values():
            if process.folder.exists():
                run = StoredRun(Bucket(open_store(self.url)), process.folder)
                with suppress(Superseded):
                    run.store(run.owners[-1])

    def run_until(self, job: Job, *states: str) -> Job:
        for _ in range(100):
            self.step()
            now = self.store.get(job.id)
            if now.state in states:
                return now
        raise AssertionError(self.store.get(job.id))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "jobs.db")) as database:
        yield database


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"file://{tmp_path / 'bucket'}"
    BucketRepository(tmp_path / "publisher", url).adopt(Repository(SHIPPED))
    return url


def trained(host: Host, job: Job) -> list[int]:
    return host.machine.trained.get(host.folder(job).path, [])


def test_another_host_continues_from_the_stored_checkpoint(tmp_path: Path, url: str, database: Database) -> None:
    one = Host(tmp_path / "one", url, database)
    job = one.store.create(draft(), 8)
    for _ in range(4):
        one.step()
    reached = trained(one, job)[-1]
    assert 0 < reached < IMAGES
    two = Host(tmp_path / "two", url, database)
    two.machine.processes = dict(one.machine.processes)
    for process in one.machine.running():
        one.machine.kill(process)
    job = two.run_until(job, "succeeded", "failed")
    assert (job.state, job.version, job.interruptions) == ("succeeded", 2, 1), job.detail
    assert trained(two, job) == list(range(reached + 10, IMAGES + 10, 10)), "nothing is trained twice, and nothing is left out"


def test_another_host_adopts_the_imported_dataset_of_a_run(tmp_path: Path, url: str, database: Database) -> None:
    one = Host(tmp_path / "one", url, database)
    imported = DatasetRegistry(one.settings.datasets).add("shapes", contents(), title="Shapes", licence="CC0")
    spec = TrainingSpec.from_preset("quick", seed=1, images=IMAGES, dataset=imported.reference, metrics_every=10)
    job = one.store.create(draft(spec=spec.model_dump(mode="json")), 8)
    for _ in range(4):
        one.step()
    two = Host(tmp_path / "two", url, database)
    assert DatasetRegistry(two.settings.datasets).names() == []
    two.machine.processes = dict(one.machine.processes)
    for process in one.machine.running():
        one.machine.kill(process)
    assert two.run_until(job, "evaluating").state == "evaluating"
    assert DatasetRegistry(two.settings.datasets).get("shapes") == imported
    assert (DatasetRegistry(two.settings.datasets).read("shapes", "test")[0] == contents().test_images).all()
    done = two.run_until(job, "succeeded", "failed")
    assert done.state == "succeeded", done.detail
    names = StoredRun(Bucket(open_store(url)), two.folder(job).path)._log.read()[1].files
    assert not [name for name in names if name.startswith(("datasets/", "candidate/"))]


def test_a_dataset_that_is_gone_fails_the_job_with_the_remedy(tmp_path: Path, url: str, database: Database) -> None:
    host = Host(tmp_path / "one", url, database)
    spec = TrainingSpec.from_preset("quick", seed=1, images=IMAGES, dataset="shapes@0123456789ab", metrics_every=10)
    failed = host.run_until(host.store.create(draft(model="shapes", spec=spec.model_dump(mode="json")), 8), "failed")
    assert failed.detail.startswith(
        "The dataset cannot be stored with the run. There is no imported dataset 'shapes'. Import it"
    )


def test_objects_of_pruned_jobs_are_deleted_also_those_of_other_hosts(tmp_path: Path, url: str, database: Database) -> None:
    one, bucket = Host(tmp_path / "one", url, database), Bucket(open_store(url))
    first = one.run_until(one.store.create(draft(), 8), "succeeded")
    assert stored_runs(bucket) == [first.id]
    two = Host(tmp_path / "two", url, database)
    second = two.run_until(two.store.create(draft(), 8), "succeeded")
    assert stored_runs(bucket) == [second.id]
    assert one.folder(first).path.exists(), "a host that is down keeps its folder"
    one.supervise()
    third = one.run_until(one.store.create(draft(), 8), "succeeded")
    assert (stored_runs(bucket), one.folder(first).path.exists()) == ([third.id], False)


def test_a_job_waits_while_nobody_knows_whether_another_host_has_its_run(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server() as s3, FailingProxy(s3.port) as proxy:
        s3.use(monkeypatch, proxy.port)
        url = s3.url()
        BucketRepository(tmp_path / "publisher", url).adopt(Repository(SHIPPED))
        one = Host(tmp_path / "one", url, database)
        job = one.store.create(draft(), 8)
        proxy.mode = "down"
        for _ in range(7):  # more often than a step may fail
            one.step()
        waiting = one.store.get(job.id)
        assert waiting.state == "queued"
        assert waiting.detail.startswith("waiting, because it is unknown whether another host has continued the run: ")
        assert waiting.detail.endswith("Check GAN_MODELS_URL, its credentials and the network.")
        assert one.machine.processes == {}
        proxy.mode = "pass"
        job = one.run_until(job, "succeeded", "failed")
        assert (job.state, job.interruptions) == ("succeeded", 0), job.detail


def test_runs_in_object_storage_need_object_storage() -> None:
    with pytest.raises(ValidationError, match="Set GAN_MODELS_URL"):
        Settings(runs="bucket")
