"""Event streams: one reader of the store for all followers of a job, and limits on the number of followers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.errors import StoreUnavailable, TooManyStreams
from app.retraining import feed as feeds
from app.retraining.feed import Feeds
from app.retraining.job import Draft, Event, Job
from app.retraining.lease import Workers
from app.retraining.store import JobStore
from tests import fresh
from tests.app.retraining.jobs import SETTINGS, VIEWER, admin_of, small_job
from tests.live import Service, service
from tests.waiting import attempts

DRAFT = Draft(model="digits", request={}, spec={}, promote="never", parent=None, by="alice")


class CountingStore:
    """A store that counts how often its events are read."""

    def __init__(self, store: JobStore) -> None:
        self.store, self.reads, self.fails = store, 0, False

    def follow(self, job_id: str, after: int) -> tuple[Job, list[Event]]:
        self.reads += 1
        if self.fails:
            raise StoreUnavailable("Not now. Try again.")
        return self.store.follow(job_id, after)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.fixture
def counted(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> CountingStore:
    monkeypatch.setattr(feeds, "POLL_SECONDS", 0.01)
    return CountingStore(store)


def feeds_of(counted: CountingStore, **bounds: int) -> Feeds:
    return Feeds(lambda: counted, lambda: False, bounds.get("most", 100), bounds.get("most_per_client", 100))  # type: ignore[arg-type, return-value]


def test_all_followers_get_all_events_in_order_through_one_reader(counted: CountingStore) -> None:
    store = counted.store
    lease = Workers(store.database, "alone").beat()
    assert lease
    job = store.create(DRAFT, 8)

    async def run() -> list[list[int]]:
        found = feeds_of(counted)

        async def follow(after: int) -> list[int]:
            seen = []
            async for event in found.follow(job, after):
                seen.append(event.seq if isinstance(event, Event) else -1)
            return seen

        tasks = [asyncio.create_task(follow(after)) for after in (0, 0, 0, 1, 3, 10**9)]
        now = await asyncio.to_thread(store.change, lease, job, "running", "")
        for part in range(5):
            lines = [{"event": "progress", "images": part * 300 + n} for n in range(300)]
            now = await asyncio.to_thread(store.record, lease, now, lines, part)
        tasks.append(asyncio.create_task(follow(0)))
        await asyncio.to_thread(store.change, lease, now, "cancelled", "")
        return await asyncio.gather(*tasks)

    *early, beyond, late = asyncio.run(run())
    total = 1 + 1 + 1500 + 1
    for after, seen in zip((0, 0, 0, 1, 3), early, strict=True):
        assert seen == [*range(after + 1, total + 1), -1]
    assert late == [*range(1, total + 1), -1], "this follower came when the first events were no longer buffered"
    assert beyond == [-1]
    reads_of_seven = counted.reads

    async def alone() -> None:
        async for _ in feeds_of(counted).follow(store.get(job.id), 0):
            pass

    asyncio.run(alone())
    assert counted.reads - reads_of_seven <= reads_of_seven, "one follower needs no more reads than seven"


def test_a_job_that_was_resumed_just_after_its_end_is_followed_again(counted: CountingStore) -> None:
    """The feed of its followers before the end still exists then, until its reader has paused."""
    store = counted.store
    job = store.create(DRAFT, 8)

    async def run() -> list[int]:
        found = feeds_of(counted)
        store.cancel(job.id, "alice")
        assert [event.state async for event in found.follow(job, 0) if isinstance(event, Job)] == ["cancelled"]
        resumed = store.resume(job.id, "alice", 8)
        newest, seen = store.newest_event(job.id), []

        async def follow() -> None:
            async for event in found.follow(resumed, 0):
                seen.append(event.seq if isinstance(event, Event) else -1)
                if seen[-1] == newest:
                    store.cancel(job.id, "alice")

        await asyncio.wait_for(follow(), 30)
        return seen

    seen = asyncio.run(run())
    _, events = store.follow(job.id, 0)
    assert seen == [*(event.seq for event in events), -1]
    assert events[-1].data["state"] == "cancelled"


def test_a_temporary_failure_of_the_store_does_not_end_a_stream(counted: CountingStore) -> None:
    lease = Workers(counted.store.database, "alone").beat()
    assert lease
    job = counted.store.create(DRAFT, 8)

    async def run() -> list[object]:
        found = feeds_of(counted)

        async def follow() -> list[object]:
            return [event async for event in found.follow(job, 0)]

        task = asyncio.create_task(follow())
        while counted.reads < 3:
            await asyncio.sleep(0.01)
        counted.fails = True
        reads = counted.reads
        while counted.reads < reads + 3:
            await asyncio.sleep(0.01)
        counted.fails = False
        await asyncio.to_thread(counted.store.cancel, job.id, "alice")
        return await task

    seen = asyncio.run(run())
    assert isinstance(seen[-1], Job)
    assert seen[-1].state == "cancelled"
    assert [event.data["state"] for event in seen[:-1] if isinstance(event, Event)] == ["queued", "cancelled"]


def test_the_number_of_streams_is_limited_per_client_and_in_total(counted: CountingStore) -> None:
    found = feeds_of(counted, most=3, most_per_client=2)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(found.admit("alice"))
        with pytest.raises(TooManyStreams, match="You have 2 open event streams"), found.admit("alice"):
            pass
        stack.enter_context(found.admit("bob"))
        with pytest.raises(TooManyStreams, match="3 event streams are open"), found.admit("carol"):
            pass
    assert len(found) == 0
    with found.admit("alice"):
        assert len(found) == 1


def test_a_job_without_buffered_events_is_followed_from_the_store(counted: CountingStore) -> None:
    job = replace(counted.store.create(DRAFT, 8))
    counted.store.cancel(job.id, "alice")

    async def run() -> list[object]:
        return [event async for event in feeds_of(counted).follow(job, 0)]

    assert len(asyncio.run(run())) == 3


# Tests with a real service.


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory, trainers_cache: Path) -> Iterator[Service]:
    state = tmp_path_factory.mktemp("followed") / "state"
    bounds = {"max_streams": 12, "max_streams_per_client": 8, "viewer_tokens": f'{{"viewer": "{VIEWER}"}}'}
    with service(state, cache=trainers_cache, **bounds, **SETTINGS) as running:
        yield running


def test_streams_over_the_limit_get_a_problem_and_closed_streams_make_room(followed: Service) -> None:
    admin, viewer = admin_of(followed), admin_of(followed, VIEWER)
    first = admin.retrain(budget={"minutes": 10})
    path = f"/admin/jobs/{admin.client.post('/admin/retrain', json=small_job()).json()['id']}/events"
    process = psutil.Process(followed.process.pid)
    threads = process.num_threads()
    with contextlib.ExitStack() as stack:
        for client, count in ((admin, 8), (viewer, 4)):
            for _ in range(count):
                assert stack.enter_context(client.client.stream("GET", path)).status_code == 200
        rejected = [client.client.get(path) for client in (admin, viewer)]
        assert [response.status_code for response in rejected] == [503, 503]
        assert {response.json()["code"] for response in rejected} == {"too_many_streams"}
        assert rejected[0].headers["retry-after"] == "5"
        assert "You have " in rejected[0].json()["detail"]
        assert process.num_threads() < threads + 10, "the streams share one reader"
    for _ in attempts(0.05):
        with admin.client.stream("GET", path) as response:
            if response.status_code == 200:
                break
    else:
        raise AssertionError("a closed stream did not make room")
    admin.client.post(f"/admin/jobs/{first}/cancel")


def test_followers_that_disconnect_leave_no_traceback(followed: Service) -> None:
    admin = admin_of(followed)
    job_id = admin.retrain(budget={"minutes": 10})
    host, port = followed.url.removeprefix("http://").split(":")
    request = f"GET /admin/jobs/{job_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin.token}\r\n\r\n".encode()

    def disconnect() -> None:
        for _ in range(5):
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(request)
                connection.recv(100)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closes with a reset

    followers = [threading.Thread(target=disconnect) for _ in range(8)]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join()
    admin.client.post(f"/admin/jobs/{job_id}/cancel")
    admin.wait(job_id, "cancelled")
    assert fresh.get(f"{followed.url}/livez").status_code == 200
    log = followed.log.read_text()
    assert "Traceback" not in log, log[-3000:]
