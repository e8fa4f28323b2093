"""Long drawing gives way: what is short gets its turn between two chunks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from app.sampling.batching import QUIET_SECONDS, Batcher
from app.sampling.chunks import CHUNK, LONG_CHUNK, ChunkRunner, Steps
from app.sampling.generator import LoadedGenerator


def counting(name: str, steps: int, taken: list[str]) -> Steps[int]:
    for _ in range(steps):
        taken.append(name)
        yield
    return lambda: steps


def test_a_single_picture_waits_for_one_chunk_and_no_more(digits: LoadedGenerator) -> None:
    async def scenario() -> None:
        runner, batcher, taken = ChunkRunner(), Batcher(), list[str]()
        long = asyncio.create_task(runner.run(counting("chunk", 50, taken)))
        while not taken:
            await asyncio.sleep(0)
        began = len(taken)
        await batcher.draw(digits, digits.point(42)[0])
        assert len(taken) - began <= 1
        assert not long.done()
        assert (await long)() == 50

    asyncio.run(scenario())


def test_chunks_are_long_while_nobody_asks_for_a_single_picture(digits: LoadedGenerator) -> None:
    now, sizes = [100.0], list[int | None]()

    def asking() -> Steps[int]:
        for _ in range(3):
            sizes.append((yield))
        return lambda: 0

    async def scenario() -> None:
        batcher = Batcher(lambda: now[0])
        runner = ChunkRunner(batcher.has_recent_requests)
        await runner.run(asking())
        await batcher.draw(digits, digits.point(42)[0])
        await runner.run(asking())
        now[0] += QUIET_SECONDS
        await runner.run(asking())

    asyncio.run(scenario())
    assert sizes == [LONG_CHUNK] * 3 + [CHUNK] * 3 + [LONG_CHUNK] * 3


def test_two_long_drawings_take_turns() -> None:
    async def scenario() -> None:
        runner, taken = ChunkRunner(), list[str]()
        rests = await asyncio.gather(runner.run(counting("a", 4, taken)), runner.run(counting("b", 4, taken)))
        assert [rest() for rest in rests] == [4, 4]
        assert taken == ["a", "b"] * 4

    asyncio.run(scenario())


def test_who_fails_or_hangs_up_leaves_the_turn_to_the_others() -> None:
    def failing() -> Steps[int]:
        yield
        raise RuntimeError("no ink")

    async def scenario() -> None:
        runner, taken = ChunkRunner(), list[str]()
        gone = asyncio.create_task(runner.run(counting("gone", 1000, taken)))
        broken = asyncio.create_task(runner.run(failing()))
        while "gone" not in taken:
            await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(RuntimeError, match="no ink"):
            await broken
        rest: Callable[[], int] = await asyncio.wait_for(runner.run(counting("last", 3, taken)), 10)
        assert (rest(), taken.count("last")) == (3, 3)
        assert taken.count("gone") < 1000

    asyncio.run(scenario())
