"""Long drawings yield to short ones between two chunks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from app.sampling.batching import QUIET_SECONDS, Batcher
from app.sampling.chunks import CHUNK, LONG_CHUNK, ChunkRunner, Steps
from app.sampling.generator import LoadedGenerator


def counting(name: str, steps: int, steps_run: list[str]) -> Steps[int]:
    for _ in range(steps):
        steps_run.append(name)
        yield
    return lambda: steps


def test_a_single_picture_waits_for_at_most_one_chunk(digits: LoadedGenerator) -> None:
    async def scenario() -> None:
        runner, batcher, steps_run = ChunkRunner(), Batcher(), list[str]()
        long = asyncio.create_task(runner.run(counting("chunk", 50, steps_run)))
        while not steps_run:
            await asyncio.sleep(0)
        before = len(steps_run)
        await batcher.draw(digits, digits.point(42)[0])
        assert len(steps_run) - before <= 1
        assert not long.done()
        assert (await long)() == 50

    asyncio.run(scenario())


def test_chunks_are_long_while_no_single_pictures_are_requested(digits: LoadedGenerator) -> None:
    now, sizes = [100.0], list[int | None]()

    def recording() -> Steps[int]:
        for _ in range(3):
            sizes.append((yield))
        return lambda: 0

    async def scenario() -> None:
        batcher = Batcher(lambda: now[0])
        runner = ChunkRunner(batcher.has_recent_requests)
        await runner.run(recording())
        await batcher.draw(digits, digits.point(42)[0])
        await runner.run(recording())
        now[0] += QUIET_SECONDS
        await runner.run(recording())

    asyncio.run(scenario())
    assert sizes == [LONG_CHUNK] * 3 + [CHUNK] * 3 + [LONG_CHUNK] * 3


def test_two_long_drawings_alternate() -> None:
    async def scenario() -> None:
        runner, steps_run = ChunkRunner(), list[str]()
        rests = await asyncio.gather(runner.run(counting("a", 4, steps_run)), runner.run(counting("b", 4, steps_run)))
        assert [rest() for rest in rests] == [4, 4]
        assert steps_run == ["a", "b"] * 4

    asyncio.run(scenario())


def test_failed_and_cancelled_drawings_release_the_turn() -> None:
    def failing() -> Steps[int]:
        yield
        raise RuntimeError("failed")

    async def scenario() -> None:
        runner, steps_run = ChunkRunner(), list[str]()
        cancelled = asyncio.create_task(runner.run(counting("cancelled", 1000, steps_run)))
        broken = asyncio.create_task(runner.run(failing()))
        while "cancelled" not in steps_run:
            await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(RuntimeError, match="failed"):
            await broken
        rest: Callable[[], int] = await asyncio.wait_for(runner.run(counting("last", 3, steps_run)), 10)
        assert (rest(), steps_run.count("last")) == (3, 3)
        assert steps_run.count("cancelled") < 1000

    asyncio.run(scenario())
