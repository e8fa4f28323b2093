"""Fixtures for the retraining tests: a job store and services that train."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.retraining.store import JobStore
from app.storage.database import Database
from tests.app.retraining.deployment import Deployment
from tests.app.retraining.jobs import OPEN, SETTINGS, VIEWER, Admin, admin_of
from tests.live import Service, service


@pytest.fixture
def store(database: Database) -> JobStore:
    return JobStore(database)


@pytest.fixture(scope="module")
def training_service(tmp_path_factory: pytest.TempPathFactory, trainers_cache: Path) -> Iterator[Service]:
    """A service with one worker that trains, shared by the tests of a module."""
    state = tmp_path_factory.mktemp("training") / "state"
    viewers = f'{{"viewer": "{VIEWER}"}}'
    with service(state, cache=trainers_cache, max_queued=3, viewer_tokens=viewers, **SETTINGS) as running:
        yield running


@pytest.fixture
def admin(training_service: Service) -> Admin:
    return admin_of(training_service)


@pytest.fixture
def deployment(tmp_path: Path, trainers_cache: Path) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path / "state", trainers_cache)
    yield deployment
    deployment.stop()


@pytest.fixture(autouse=True)
def _close_clients() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()
