"""The response cache: bounded, computes concurrent requests once, and separates versions."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from app.errors import Busy, ClientGone
from app.sampling.response_cache import LARGEST, OVERHEAD, RenderedResponse, ResponseCache
from models.repository import Repository
from models.version import copier
from tests import fresh
from tests.live import SHIPPED, service
from tests.waiting import wait_until


class CountingMaker:
    """Makes responses of a given size and counts the calls."""

    def __init__(self, size: int = 1000) -> None:
        self.size, self.made = size, 0

    async def __call__(self) -> RenderedResponse:
        self.made += 1
        await asyncio.sleep(0)
        return RenderedResponse(b"x" * self.size, {})


def test_a_cached_response_is_not_computed_again() -> None:
    async def scenario() -> None:
        cache, make = ResponseCache(100_000), CountingMaker()
        first = await cache.get("a", make)
        assert await cache.get("a", make) is first
        assert make.made == 1
        assert cache.bytes == 1000 + OVERHEAD

    asyncio.run(scenario())


def test_the_cache_is_bounded_in_bytes_and_evicts_the_least_recently_used() -> None:
    async def scenario() -> None:
        cache, make = ResponseCache(10 * (1000 + OVERHEAD)), CountingMaker()
        for key in range(10):
            await cache.get(str(key), make)
        await cache.get("0", make)  # used again
        await cache.get("10", make)
        assert (len(cache), cache.bytes) == (10, cache.max_bytes)
        assert make.made == 11
        await cache.get("0", make)
        assert make.made == 11, "1 was evicted, because 0 was used more recently"
        await cache.get("1", make)
        assert make.made == 12
        for key in range(1000):
            await cache.get(f"more {key}", make)
            assert cache.bytes <= cache.max_bytes

    asyncio.run(scenario())


def test_responses_larger_than_an_eighth_of_the_cache_are_not_cached() -> None:
    async def scenario() -> None:
        cache = ResponseCache(100_000)
        fits, too_large = CountingMaker(100_000 // LARGEST - OVERHEAD), CountingMaker(100_000 // LARGEST - OVERHEAD + 1)
        await cache.get("fits", fits)
        await cache.get("too large", too_large)
        assert len(cache) == 1
        await cache.get("too large", too_large)
        assert (fits.made, too_large.made) == (1, 2)

    asyncio.run(scenario())


@pytest.mark.parametrize("max_bytes", [0, 100_000])
def test_concurrent_requests_compute_a_response_once(max_bytes: int) -> None:
    async def scenario() -> None:
        cache, make = ResponseCache(max_bytes), CountingMaker()
        responses = await asyncio.gather(*(cache.get("a", make) for _ in range(50)))
        assert make.made == 1
        assert all(response is responses[0] for response in responses)
        assert len(cache) == (1 if max_bytes else 0)

    asyncio.run(scenario())


def test_an_error_is_raised_for_all_waiting_callers_and_not_cached() -> None:
    async def scenario() -> None:
        cache, calls = ResponseCache(100_000), 0

        async def fail() -> RenderedResponse:
            nonlocal calls
            calls += 1
            await asyncio.sleep(0)
            raise Busy("Too much. Retry later.")

        results = await asyncio.gather(*(cache.get("a", fail) for _ in range(5)), return_exceptions=True)
        assert [type(result) for result in results] == [Busy] * 5
        assert calls == 1
        make = CountingMaker()
        await cache.get("a", make)
        assert make.made == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("end", [ClientGone("Gone. Retry."), asyncio.CancelledError(), RuntimeError("failed")])
def test_waiting_callers_retry_when_the_computation_ends_early(end: BaseException) -> None:
    async def scenario() -> None:
        cache, make = ResponseCache(100_000), CountingMaker()

        async def end_early() -> RenderedResponse:
            await asyncio.sleep(0.01)
            raise end

        first = asyncio.create_task(cache.get("a", end_early))
        await asyncio.sleep(0)
        others = [asyncio.create_task(cache.get("a", make)) for _ in range(3)]
        with pytest.raises(type(end)):
            await first
        responses = await asyncio.gather(*others)
        assert make.made == 1
        assert {response.content for response in responses} == {b"x" * 1000}

    asyncio.run(scenario())


def test_a_cancelled_caller_does_not_cancel_the_others() -> None:
    async def scenario() -> None:
        cache, make = ResponseCache(100_000), CountingMaker()
        first, second, third = (asyncio.create_task(cache.get("a", make)) for _ in range(3))
        await asyncio.sleep(0)
        second.cancel()
        assert (await first) is (await third)
        assert make.made == 1

    asyncio.run(scenario())


def test_a_promotion_changes_unpinned_responses_and_keeps_pinned_ones(tmp_path: Path) -> None:
    with service(tmp_path / "state", poll_seconds=0.05) as running, running.client() as client:
        repository = Repository(tmp_path / "state" / "models")
        first = repository.get("digits", 1)
        repository.publish("digits", copier(first))

        def request(query: str) -> tuple[str, bytes, str]:
            response = client.get(f"/generate?seed=42{query}")
            assert response.status_code == 200, response.text
            return response.headers["x-model"], response.content, response.headers["etag"]

        old = request("")
        assert request("") == old
        assert request("&version=1") == old
        repository.promote("digits", 2)
        wait_until(lambda: request("")[0] != "digits/1", 0.02)
        new = request("")
        assert new[0] == "digits/2"
        assert new == request("&version=2")
        assert new[1:] != old[1:], "the text chunks name the version"
        assert request("&version=1") == old
        repository.promote("digits", 1)
        wait_until(lambda: request("")[0] != "digits/2", 0.02)
        assert request("") == old


def test_two_models_with_the_same_generator_do_not_share_responses(tmp_path: Path) -> None:
    models = tmp_path / "state" / "models"
    shutil.copytree(SHIPPED / "digits", models / "digits")
    repository = Repository(models)
    first = repository.get("digits", 1)
    repository.publish("twins", copier(first, name="twins"))
    repository.promote("twins", 1)
    with service(tmp_path / "state") as running:
        urls = ("/generate?seed=42", "/generate?seed=42&model=twins") * 2
        responses = [fresh.get(running.url + url) for url in urls]
    assert [response.headers["x-model"] for response in responses] == ["digits/1", "twins/1"] * 2
    assert responses[0].headers["etag"] != responses[1].headers["etag"]
    assert responses[0].content != responses[1].content
