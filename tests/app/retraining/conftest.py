"""What the tests of retraining share: a store, a cache of what the judge sees, a service that trains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.retraining.store import JobStore
from app.storage.database import Database
from tests.app.retraining.jobs import OPEN, SETTINGS, VIEWER, Admin, admin_of
from tests.app.retraining.world import World
from tests.live import Service, service


@pytest.fixture
def store(database: Database) -> JobStore:
    return JobStore(database)


@pytest.fixture(scope="module")
def trains(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Service]:
    """A service of one worker that trains, shared by the tests of a module."""
    state = tmp_path_factory.mktemp("trains") / "state"
    viewers = f'{{"looker": "{VIEWER}"}}'
    with service(state, cache=cache, max_queued=3, viewer_tokens=viewers, **SETTINGS) as running:
        yield running


@pytest.fixture
def admin(trains: Service) -> Admin:
    return admin_of(trains)


@pytest.fixture
def world(tmp_path: Path, cache: Path) -> Iterator[World]:
    world = World(tmp_path / "state", cache)
    yield world
    world.end()


@pytest.fixture(autouse=True)
def _close_clients() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()
