"""Finished answers: kept within bounds, made once, never another version's."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import httpx
import pytest

from app.errors import Busy, ClientGone
from app.sampling.response_cache import LARGEST, OVERHEAD, Answer, ResponseCache
from models.repository import Repository
from models.version import copier
from tests.live import SHIPPED, service


class Maker:
    """Makes answers of so many bytes, and counts how often."""

    def __init__(self, size: int = 1000) -> None:
        self.size, self.made = size, 0

    async def __call__(self) -> Answer:
        self.made += 1
        await asyncio.sleep(0)
        return Answer(b"x" * self.size, {})


def test_what_is_kept_is_not_made_again() -> None:
    async def scenario() -> None:
        cache, make = ResponseCache(100_000), Maker()
        first = await cache.get("a", make)
        assert await cache.get("a", make) is first
        assert make.made == 1
        assert cache.bytes == 1000 + OVERHEAD

    asyncio.run(scenario())


def test_the_cache_is_bounded_in_bytes_and_what_was_used_last_stays() -> None:
    async def scenario() -> None:
        cache, make = ResponseCache(10 * (1000 + OVERHEAD)), Maker()
        for key in range(10):
            await cache.get(str(key), make)
        await cache.get("0", make)  # used again
        await cache.get("10", make)
        assert (len(cache), cache.bytes) == (10, cache.max_bytes)
        assert make.made == 11
        await cache.get("0", make)
        assert make.made == 11, "0 was used after 1, so 1 had to go"
        await cache.get("1", make)
        assert make.made == 12
        for key in range(1000):
            await cache.get(f"more {key}", make)
            assert cache.bytes <= cache.max_bytes

    asyncio.run(scenario())


def test_an_answer_that_would_drive_out_many_is_not_kept() -> None:
    async def scenario() -> None:
        cache = ResponseCache(100_000)
        fits, too_large = Maker(100_000 // LARGEST - OVERHEAD), Maker(100_000 // LARGEST - OVERHEAD + 1)
        await cache.get("fits", fits)
        await cache.get("too large", too_large)
        assert len(cache) == 1
        await cache.get("too large", too_large)
        assert (fits.made, too_large.made) == (1, 2)

    asyncio.run(scenario())


@pytest.mark.parametrize("max_bytes", [0, 100_000])
def test_what_many_ask_for_at_a_time_is_made_once(max_bytes: int) -> None:
    async def scenario() -> None:
        cache, make = ResponseCache(max_bytes), Maker()
        answers = await asyncio.gather(*(cache.get("a", make) for _ in range(50)))
        assert make.made == 1
        assert all(answer is answers[0] for answer in answers)
        assert len(cache) == (1 if max_bytes else 0)

    asyncio.run(scenario())


def test_an_error_goes_to_all_who_wait_and_is_not_kept() -> None:
    async def scenario() -> None:
        cache, calls = ResponseCache(100_000), 0

        async def refuse() -> Answer:
            nonlocal calls
            calls += 1
            await asyncio.sleep(0)
            raise Busy("Too much. Come again.")

        results = await asyncio.gather(*(cache.get("a", refuse) for _ in range(5)), return_exceptions=True)
        assert [type(result) for result in results] == [Busy] * 5
        assert calls == 1
        make = Maker()
        await cache.get("a", make)
        assert make.made == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("end", [ClientGone("Gone. Ask again."), asyncio.CancelledError(), RuntimeError("a fault")])
def test_who_waits_for_one_that_ends_early_tries_for_itself(end: BaseException) -> None:
    async def scenario() -> None:
        cache, make = ResponseCache(100_000), Maker()

        async def leave() -> Answer:
            await asyncio.sleep(0.01)
            raise end

        first = asyncio.create_task(cache.get("a", leave))
        await asyncio.sleep(0)
        others = [asyncio.create_task(cache.get("a", make)) for _ in range(3)]
        with pytest.raises(type(end)):
            await first
        answers = await asyncio.gather(*others)
        assert make.made == 1
        assert {answer.content for answer in answers} == {b"x" * 1000}

    asyncio.run(scenario())


def test_one_who_hangs_up_does_not_take_the_answer_from_the_others() -> None:
    async def scenario() -> None:
        cache, make = ResponseCache(100_000), Maker()
        first, second, third = (asyncio.create_task(cache.get("a", make)) for _ in range(3))
        await asyncio.sleep(0)
        second.cancel()
        assert (await first) is (await third)
        assert make.made == 1

    asyncio.run(scenario())


def test_right_after_a_promotion_the_champion_is_the_new_one_and_a_pinned_answer_stays(tmp_path: Path) -> None:
    with service(tmp_path / "state", poll_seconds=0.05) as running, running.client() as client:
        repository = Repository(tmp_path / "state" / "models")
        first = repository.get("digits", 1)
        repository.publish("digits", copier(first))

        def ask(query: str) -> tuple[str, bytes, str]:
            answer = client.get(f"/generate?seed=42{query}")
            assert answer.status_code == 200, answer.text
            return answer.headers["x-model"], answer.content, answer.headers["etag"]

        old = ask("")
        assert ask("") == old
        assert ask("&version=1") == old
        repository.promote("digits", 2)
        deadline = time.monotonic() + 30
        while ask("")[0] == "digits/1" and time.monotonic() < deadline:
            time.sleep(0.02)
        new = ask("")
        assert new[0] == "digits/2"
        assert new == ask("&version=2")
        assert new[1:] != old[1:], "the text chunks name the version"
        assert ask("&version=1") == old
        repository.promote("digits", 1)
        while ask("")[0] == "digits/2" and time.monotonic() < deadline:
            time.sleep(0.02)
        assert ask("") == old


def test_two_models_with_the_same_generator_do_not_share_answers(tmp_path: Path) -> None:
    models = tmp_path / "state" / "models"
    shutil.copytree(SHIPPED / "digits", models / "digits")
    repository = Repository(models)
    first = repository.get("digits", 1)
    repository.publish("twins", copier(first, name="twins"))
    repository.promote("twins", 1)
    with service(tmp_path / "state") as running:
        urls = ("/generate?seed=42", "/generate?seed=42&model=twins") * 2
        answers = [httpx.get(running.url + url, trust_env=False) for url in urls]
    assert [answer.headers["x-model"] for answer in answers] == ["digits/1", "twins/1"] * 2
    assert answers[0].headers["etag"] != answers[1].headers["etag"]
    assert answers[0].content != answers[1].content
