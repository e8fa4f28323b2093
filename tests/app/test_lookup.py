"""Models and versions can be requested as soon as they are published, before a worker polls."""

from __future__ import annotations

import asyncio
import json
import threading
from functools import partial
from pathlib import Path

import httpx
import pytest

from app.errors import NotFound, StoreUnavailable
from app.lookup import SPACING, Lookup
from app.registry import ModelView, Registry
from models.manifest import MANIFEST
from models.repository import Repository
from tests.live import service
from tests.models.test_repository import copy_of_shipped


def as_mine(folder: Path, number: int) -> None:
    copy_of_shipped(folder, number)
    manifest = json.loads((folder / MANIFEST).read_text()) | {"name": "mine"}
    (folder / MANIFEST).write_text(json.dumps(manifest))


class CountedRegistry(Registry):
    """A registry that counts its readings, can be held up in one, and can fail."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(repository, "digits", 8)
        super().refresh()
        self.readings = 0
        self.error: Exception | None = None
        self.has_begun, self.may_end = threading.Event(), threading.Event()
        self.may_end.set()

    def refresh(self) -> bool:
        self.readings += 1
        if self.error:
            raise self.error
        has_changed = super().refresh()
        self.has_begun.set()
        self.may_end.wait()
        return has_changed


@pytest.fixture
def registry(repository: Repository) -> CountedRegistry:
    return CountedRegistry(repository)


async def view_of(lookup: Lookup, name: str) -> ModelView:
    return await lookup.find(partial(lookup.registry.model, name))


def test_a_model_is_found_as_soon_as_it_is_published(repository: Repository, registry: CountedRegistry) -> None:
    async def scenario() -> None:
        lookup = Lookup(registry)
        with pytest.raises(NotFound, match="Choose one of digits"):
            await view_of(lookup, "mine")
        repository.publish("mine", as_mine)
        assert (await view_of(lookup, "mine")).aliases == {"champion": 1}
        assert (await view_of(lookup, "digits")).name == "digits"

    asyncio.run(scenario())
    assert registry.readings == 2, "names that are known cost no reading"


def test_requests_at_the_same_time_share_a_reading(registry: CountedRegistry) -> None:
    async def scenario() -> None:
        lookup = Lookup(registry)
        found = await asyncio.gather(*(view_of(lookup, f"unknown-{n}") for n in range(500)), return_exceptions=True)
        assert all(isinstance(error, NotFound) for error in found)

    asyncio.run(scenario())
    assert registry.readings == 1


def test_two_readings_are_apart(registry: CountedRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def scenario() -> None:
        lookup = Lookup(registry)
        for _ in range(3):
            with pytest.raises(NotFound):
                await view_of(lookup, "unknown")

    monkeypatch.setattr("app.lookup.asyncio.sleep", sleep)
    monkeypatch.setattr("app.lookup.time.monotonic", lambda: 1000.0)
    asyncio.run(scenario())
    assert slept == [0.0, pytest.approx(SPACING), pytest.approx(SPACING)]


def test_a_model_published_during_a_reading_is_found_by_the_next(repository: Repository, registry: CountedRegistry) -> None:
    async def scenario() -> None:
        lookup = Lookup(registry)
        registry.may_end.clear()
        early = asyncio.create_task(view_of(lookup, "mine"))
        await asyncio.to_thread(registry.has_begun.wait)
        repository.publish("mine", as_mine)  # the reading has listed the models already
        late = asyncio.create_task(view_of(lookup, "mine"))
        await asyncio.sleep(0)
        registry.may_end.set()
        with pytest.raises(NotFound):
            await early
        assert (await late).name == "mine"

    asyncio.run(scenario())
    assert registry.readings == 2


def test_a_request_that_is_cancelled_does_not_end_the_reading_of_the_others(
    repository: Repository, registry: CountedRegistry
) -> None:
    async def scenario() -> None:
        lookup = Lookup(registry)
        repository.publish("mine", as_mine)
        first, second = (asyncio.create_task(view_of(lookup, "mine")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).name == "mine"

    asyncio.run(scenario())


@pytest.mark.parametrize("error", [StoreUnavailable("The database is gone. Start it."), OSError("no disk")])
def test_a_name_stays_unknown_if_the_repository_cannot_be_read(registry: CountedRegistry, error: Exception) -> None:
    async def scenario() -> None:
        lookup = Lookup(registry)
        registry.error = error
        with pytest.raises(NotFound, match="Choose one of digits"):
            await view_of(lookup, "mine")

    asyncio.run(scenario())


def test_every_worker_serves_a_new_model_before_it_polls(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with service(state, workers=2, forked=True, poll_seconds=60, embedded_worker=False) as running:
        repository = Repository(state / "models")
        repository.publish("mine", as_mine)
        repository.publish("digits", copy_of_shipped)
        paths = ["/generate?model=mine&seed=42", "/models/mine", "/models/digits/versions/2/card", "/plane?x=0&y=0&version=2"]
        paths += ["/generate/42.png?model=mine", "/discriminate?seeds=1&model=mine"]
        for path in paths:  # each connection may reach another worker
            found = {httpx.get(f"{running.url}{path}", verify=False).status_code for _ in range(8)}
            assert found == {200}, path
        assert httpx.get(f"{running.url}/generate?model=yours", verify=False).json()["code"] == "not_found"
