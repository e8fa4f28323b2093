"""Fixtures shared by many tests, and the order in which the test files run."""

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
    *("test_shipped.py", "test_soak.py", "app/api/test_openapi.py", "app/retraining/test_takeover.py"),
    *("app/retraining/test_chaos.py", "app/retraining/test_api.py", "app/api/test_datasets.py", "training/test_cli.py"),
    *("app/retraining/test_replicas.py", "training/loop/test_learning.py", "app/retraining/test_fencing.py"),
    *("app/retraining/test_supervision.py", "training/evaluation/test_battery.py", "app/retraining/test_sharpening.py"),
    *("training/export/test_exact_sharpener.py", "app/retraining/test_full_disk.py", "app/retraining/test_lost_store.py"),
    *("app/api/test_uploads.py", "training/loop/test_run.py", "app/retraining/test_promotion.py"),
    *("app/http/test_connections.py", "app/http/test_middleware.py", "app/http/test_workers.py", "app/http/test_memory.py"),
    *("app/retraining/test_cli.py", "training/loop/test_cuda_graph.py", "training/loop/test_stopping.py"),
    *("training/export/test_build.py", "app/http/test_protocol.py"),
    *("web/test_explore.py", "web/test_train.py", "web/test_frame.py", "web/test_datasets.py", "web/test_sharpen.py"),
    *("web/test_calls.py", "web/test_stories.py", "web/test_draw.py"),
)
"""The slowest test files, in the order in which they start. They run first, so that no pytest-xdist process is left alone with
one at the end. The page tests run after all others: Playwright leaves an event loop running, and no other test can start
another one.
"""


def pytest_configure() -> None:
    """Set the environment of the tests and of all processes that they start, before heavy libraries are loaded.

    torch and numpy get one thread: pytest runs on every core, and a second thread per process would busy-wait for the others.
    Bytecode is kept, even where the machine disables it, because hundreds of processes start from the same code.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests, rank = Path(__file__).parent, {name: n for n, name in enumerate(LONGEST)}

    def order(item: pytest.Item) -> tuple[bool, int]:
        name = item.path.relative_to(tests).as_posix()
        return name.startswith("web/"), rank.get(name, len(rank))

    items.sort(key=order)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the shipped models and default settings."""
    with service(tmp_path_factory.mktemp("live") / "state", forked=False) as running:
        yield running


@pytest.fixture(scope="session")
def client(live: Service) -> Iterator[httpx.Client]:
    with live.client() as client:
        yield client


@pytest.fixture(scope="session")
def digits() -> LoadedGenerator:
    """The shipped digits generator, loaded in this process."""
    return LoadedGenerator(Repository(SHIPPED).get("digits", 1))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the judges' features of MNIST's training pictures, shared by all tests and all pytest-xdist processes.

    The fixture fills it, which takes half a minute. Otherwise every evaluation that a test kills would start this work again.
    """
    return _filled_cache(tmp_path_factory, "cache")


@pytest.fixture(scope="session")
def trainers_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for a tenth of MNIST, which the trainers of forked services use."""
    from tests.training.tenth import a_tenth

    with a_tenth():
        return _filled_cache(tmp_path_factory, "trainers-cache")


def _filled_cache(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(shared.glob("*.pt")):
            from training.evaluation.figures import Battery  # imported late: most tests do not need torch

            Battery("mnist", pictures=100, cache=shared)
    return shared


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with the shipped digits, for one test."""
    shutil.copytree(SHIPPED / "digits", tmp_path / "models" / "digits")
    return Repository(tmp_path / "models")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """The location of a database: the path of an SQLite file, or the URL of an empty PostgreSQL database."""
    if request.param == "sqlite":
        return tmp_path / "jobs.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create_database(tmp_path.name)


@pytest.fixture
def database(location: Path | str) -> Iterator[Database]:
    database = Database(location)
    yield database
    database.close()
