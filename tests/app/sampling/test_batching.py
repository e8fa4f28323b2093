"""Micro-batching: equal to single drawing, with 503 for requests that would wait too long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from app.errors import Overloaded
from app.sampling.batching import BATCH, MAX_WAIT_SECONDS, TURN_SECONDS, Batcher
from app.sampling.generator import SIDE, LoadedGenerator, Pixels
from app.sampling.latents import Point


class Clock:
    """A manual clock, so that other processes on the machine cannot affect which requests are rejected."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class SlowGenerator:
    """A fake generator whose batches take a constant time on the clock, regardless of their size."""

    def __init__(self, clock: Clock | None = None, seconds: float = 0.0) -> None:
        self.clock, self.seconds, self.sizes = clock or Clock(), seconds, list[int]()

    def draw(self, points: Sequence[Point]) -> Pixels:
        self.clock.now += self.seconds
        self.sizes.append(len(points))
        return np.zeros((len(points), SIDE, SIDE), dtype=np.uint8)


POINT = Point(np.zeros(1, dtype=np.float32), None)


def test_batched_pictures_equal_single_pictures_for_every_batch_size(digits: LoadedGenerator) -> None:
    async def together(count: int) -> list[Pixels]:
        batcher = Batcher()
        return await asyncio.gather(*(batcher.draw(digits, digits.point(seed)[0]) for seed in range(count)))

    alone = [digits.draw([digits.point(seed)[0]])[0] for seed in range(3 * BATCH)]
    for count in [*range(1, BATCH + 2), 3 * BATCH]:
        pictures = asyncio.run(together(count))
        assert [p.tobytes() for p in pictures] == [p.tobytes() for p in alone[:count]]


def test_concurrent_requests_are_batched_per_generator() -> None:
    async def scenario() -> None:
        batcher, one, other = Batcher(), SlowGenerator(), SlowGenerator()
        both = [cast(LoadedGenerator, one), cast(LoadedGenerator, other)] * BATCH
        await asyncio.gather(*(batcher.draw(generator, POINT) for generator in both))
        assert one.sizes == other.sizes == [BATCH // 2] * 2

    asyncio.run(scenario())


def test_requests_that_would_wait_too_long_get_503_and_later_ones_are_served() -> None:
    async def scenario() -> None:
        clock = Clock()
        batcher, generator = Batcher(clock), cast(LoadedGenerator, SlowGenerator(clock, 0.005))
        for _ in range(30):
            await batcher.draw(generator, POINT)
        results = await asyncio.gather(*(batcher.draw(generator, POINT) for _ in range(200)), return_exceptions=True)
        rejected = [result for result in results if isinstance(result, Overloaded)]
        drawn = [result for result in results if isinstance(result, np.ndarray)]
        assert len(rejected) + len(drawn) == 200
        assert len(drawn) == pytest.approx(MAX_WAIT_SECONDS / 0.005, abs=2)
        assert (rejected[0].status, rejected[0].headers["Retry-After"]) == (503, "1")
        assert (await batcher.draw(generator, POINT)).shape == (SIDE, SIDE)

    asyncio.run(scenario())


def test_a_full_turn_is_accepted_after_the_event_loop_was_busy() -> None:
    """Otherwise overload feeds itself: rejections take time, pictures seem slower, and fewer requests are accepted."""

    async def scenario() -> None:
        clock = Clock()
        batcher, generator = Batcher(clock), cast(LoadedGenerator, SlowGenerator(clock, TURN_SECONDS / (4 * BATCH)))
        for _ in range(30):
            one = asyncio.ensure_future(batcher.draw(generator, POINT))
            await asyncio.sleep(0)
            clock.now += MAX_WAIT_SECONDS / 8  # other work of the loop
            await one
        drawn = await asyncio.gather(*(batcher.draw(generator, POINT) for _ in range(3 * BATCH)))
        assert len(drawn) == 3 * BATCH

    asyncio.run(scenario())


def test_a_failing_generator_fails_only_its_own_requests() -> None:
    class BrokenGenerator(SlowGenerator):
        def draw(self, points: Sequence[Point]) -> Pixels:
            raise RuntimeError("broken")

    async def scenario() -> None:
        batcher, working, broken = Batcher(), cast(LoadedGenerator, SlowGenerator()), cast(LoadedGenerator, BrokenGenerator())
        results = await asyncio.gather(
            *(batcher.draw(generator, POINT) for generator in (working, broken, working)), return_exceptions=True
        )
        assert [isinstance(result, RuntimeError) for result in results] == [False, True, False]
        with pytest.raises(RuntimeError, match="broken"):
            await batcher.draw(broken, POINT)

    asyncio.run(scenario())
