"""What many tests share."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.sampling.generator import LoadedGenerator
from app.storage.database import Database
from models.repository import Repository
from tests.live import SHIPPED, Service, service
from tests.postgres import Postgres, running

LONGEST = (
    *("test_shipped.py", "app/retraining/test_chaos.py", "training/loop/test_run.py", "app/retraining/test_api.py"),
    *("training/test_cli.py", "app/retraining/test_fencing.py", "app/retraining/test_supervision.py", "test_soak.py"),
    *("app/retraining/test_takeover.py", "training/loop/test_learning.py", "app/retraining/test_replicas.py"),
    *("app/retraining/test_lost_store.py", "app/retraining/test_full_disk.py", "app/retraining/test_cli.py"),
    *("training/evaluation/test_battery.py", "training/loop/test_stopping.py", "training/export/test_build.py"),
    *("app/retraining/test_promotion.py", "app/api/test_openapi.py", "web/test_train.py", "web/test_frame.py"),
)
"""The files that take longest, which come first: or one process of pytest-xdist's would be left with one in the end. Those of
the pages come after all others, though: Playwright leaves an event loop running, beside which no test could run its own.
"""


def pytest_configure() -> None:
    """What tests and all that they start find in their environment, before anything heavy is loaded.

    One thread for torch and numpy: where every core has a process of pytest's, a second thread in each waits for the other's,
    turning. And bytecode is kept, whatever the machine is set to: hundreds of processes are started from the same code.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here, rank = Path(__file__).parent, {name: n for n, name in enumerate(LONGEST)}

    def turn(item: pytest.Item) -> tuple[bool, int]:
        name = item.path.relative_to(here).as_posix()
        return name.startswith("web/"), rank.get(name, len(rank))

    items.sort(key=turn)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with the shipped models and nothing else."""
    with service(tmp_path_factory.mktemp("live") / "state") as running:
        yield running


@pytest.fixture(scope="session")
def client(live: Service) -> Iterator[httpx.Client]:
    with live.client() as client:
        yield client


@pytest.fixture(scope="session")
def digits() -> LoadedGenerator:
    """The shipped digits, loaded in this process."""
    return LoadedGenerator(Repository(SHIPPED).get("digits", 1))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the judges' views of MNIST's training pictures are kept, for all tests; one for all of pytest-xdist's processes.

    They are there from the beginning: half a minute's work, which evaluations that are killed would each begin anew.
    """
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cache"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(shared.glob("*.pt")):
            from training.evaluation.figures import Battery  # torch is not for those who need no judge

            Battery("mnist", pictures=100, cache=shared)
    return shared


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository of its own with the shipped digits in it."""
    shutil.copytree(SHIPPED / "digits", tmp_path / "models" / "digits")
    return Repository(tmp_path / "models")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a job store can be opened: SQLite's file, and then an empty database of PostgreSQL's."""
    if request.param == "sqlite":
        return tmp_path / "jobs.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.make(tmp_path.name)


@pytest.fixture
def database(place: Path | str) -> Iterator[Database]:
    database = Database(place)
    yield database
    database.close()
