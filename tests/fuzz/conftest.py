"""The service under test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz.asgi import Server, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("fuzz") / "service") as server:
        server.inner.state.retraining.require_trainer = lambda: None  # jobs are accepted although no trainer runs
        yield server
