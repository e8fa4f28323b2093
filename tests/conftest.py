"""Fixtures shared by many tests, and the order in which the test files run."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import hashlib
import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.sampling.generator import LoadedGenerator
from app.storage.database import Database
from models.repository import Repository
from tests.live import ROOT, SHIPPED, Service, service
from tests.postgres import Postgres, running

LONGEST = (
    *("app/retraining/runners/test_moving_between_engines.py", "app/retraining/runners/test_ray.py"),
    *("app/retraining/test_two_hosts.py", "app/retraining/runners/test_contract.py", "app/retraining/runners/test_service.py"),
    *("test_shipped.py", "test_soak.py", "app/api/test_openapi.py", "app/retraining/test_retraining_under_load.py"),
    *("app/retraining/test_population_live.py", "app/retraining/test_population.py"),
    *("app/retraining/test_chaos.py", "app/retraining/test_api.py", "app/api/test_datasets.py", "training/test_cli.py"),
    *("app/retraining/test_replicas.py", "training/loop/test_learning.py", "app/retraining/test_fencing.py"),
    *("app/retraining/test_supervision.py", "training/evaluation/test_battery.py", "app/retraining/test_sharpening.py"),
    *("training/export/test_exact_sharpener.py", "app/retraining/test_full_disk.py", "app/retraining/test_lost_store.py"),
    *("app/api/test_uploads.py", "training/loop/test_run.py", "app/retraining/test_promotion.py"),
    *("app/http/test_connections.py", "app/http/test_middleware.py", "app/http/test_workers.py", "app/http/test_memory.py"),
    *("app/retraining/test_cli.py", "training/loop/test_cuda_graph.py", "training/loop/test_stopping.py"),
    *("training/export/test_build.py", "app/http/test_protocol.py"),
    *(
        "web/test_explore.py",
        "web/test_train.py",
        "web/test_several_runs.py",
        "web/test_every_page.py",
        "web/test_datasets.py",
        "web/test_sharpen.py",
    ),
    *("web/test_front_page.py", "web/test_layout_shift.py", "web/test_api_panels.py", "web/test_learn.py", "web/test_draw.py"),
)
"""The slowest test files, in the order in which they start. They run first, so that no pytest-xdist process is left alone with
one at the end. The page tests run after all others: Playwright leaves an event loop running, and no other test can start
another one.
"""


sys.dont_write_bytecode = False  # also where the machine disables it: each process would compile all tests in each run
gc.disable()  # until `pytest_collection_finish`: it would take a quarter of the time of importing and collecting


def pytest_collection_finish() -> None:
    """Exempt what was imported and collected from garbage collection, which would look at all of it again and again."""
    gc.freeze()
    gc.enable()


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
def real_features(pytestconfig: pytest.Config) -> Path:
    """A folder in .pytest_cache with the judges' features of real pictures, which take a minute of CPU time.

    It lasts until the code of evaluations or datasets or a library changes. It contains MNIST, and the figures that
    `tests.test_shipped` stores in it.
    """
    assert pytestconfig.cache
    folder = pytestconfig.cache.mkdir(f"real-features-{_evaluation_digest()}")
    for outdated in set(folder.parent.glob("real-features-*")) - {folder}:
        shutil.rmtree(outdated)
    return _fill(folder)


@pytest.fixture(scope="session")
def cache(real_features: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the judges' features of MNIST's training pictures, shared by all tests and all pytest-xdist processes.

    Otherwise every evaluation that a test kills would start this work again.
    """
    shared = _shared_folder(tmp_path_factory, "cache")
    with _locked(shared):
        if not list(shared.glob("*.pt")):
            for file in real_features.glob("*.pt"):
                shutil.copyfile(file, shared / file.name)
    return shared


@pytest.fixture(scope="session")
def trainers_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for a tenth of MNIST, which the trainers of forked services use."""
    from tests.training.tenth import a_tenth

    with a_tenth():
        return _fill(_shared_folder(tmp_path_factory, "trainers-cache"))


def _shared_folder(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    shared.mkdir(exist_ok=True)
    return shared


def _fill(folder: Path) -> Path:
    with _locked(folder):
        if not list(folder.glob("*.pt")):
            from training.evaluation.figures import Battery  # imported late: most tests do not need torch

            Battery("mnist", pictures=200, cache=folder)
    return folder


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _evaluation_digest() -> str:
    """Return a digest of all that determines the features, besides the judges and the pictures, which are in their names."""
    training, digest = ROOT / "training", hashlib.sha256()
    for module in sorted([*(training / "evaluation").rglob("*.py"), *(training / "datasets").rglob("*.py")]):
        digest.update(module.read_bytes())
    for library in ("numpy", "torch", "torchmetrics"):
        digest.update(importlib.metadata.version(library).encode())
    return digest.hexdigest()[:16]


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
