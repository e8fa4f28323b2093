"""Micro-batching: single pictures that are requested at the same time are drawn in one batch.

A batch costs less than drawing its pictures one by one (`benchmarks/footprint.py`). The pixels are the same, because exported
generators compute on an integer grid, so the batch size does not affect the result. No request waits for a batch to fill. Each
turn draws the requests that have arrived.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from app.errors import Overloaded
from app.sampling.generator import LoadedGenerator, Pixels
from app.sampling.latents import Point

BATCH = 16
"""Pictures per batch. Larger batches are hardly faster, and their first responses would wait for the last picture."""
ROUNDS = 2
"""Iterations of the event loop before a turn. Requests that are already buffered are read in one iteration and submitted in the
next, so 16 concurrent clients share one batch."""
TURN_SECONDS = 0.02
"""Duration of a turn, after which the loop reads and responds again. Rejecting the requests that arrive meanwhile is faster."""
MAX_WAIT_SECONDS = 0.085
"""Requests that would wait longer get a 503. Reading, encoding and sending take about as long again."""
QUIET_SECONDS = 1.0
"""After this long without a request for a single picture, none is expected soon."""


Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Pending:
    generator: LoadedGenerator
    point: Point
    finish: Callable[[Pixels], Any]
    result: asyncio.Future[Any]


class Batcher:
    """Draws the single pictures of one event loop.

    It draws in the loop itself, because handing a batch to a thread takes longer than drawing it.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._waiting: deque[_Pending] = deque()
        self._seconds_each = 0.0
        """Moving average of the seconds per picture, including all other work of the loop."""
        self._drawing_each = 0.0
        """Moving average of the seconds per picture for drawing alone."""
        self._busy_since = -QUIET_SECONDS
        """When the last turn ended or, if the queue was empty then, when the next request arrived."""

    def __len__(self) -> int:
        """Number of waiting requests."""
        return len(self._waiting)

    def admit(self) -> None:
        """Check that one more request can be queued.

        A request that fits into the next turn is always accepted. Under overload, the loop spends most of its time on
        rejections, which makes each picture seem slow. Accepting fewer requests for that reason would lower throughput further.

        Raises:
            Overloaded: the queue is too long.
        """
        waiting = len(self._waiting)
        if waiting * self._seconds_each > MAX_WAIT_SECONDS and waiting * self._drawing_each > TURN_SECONDS:
            raise Overloaded("Pictures are requested faster than they can be drawn. Retry in a second.")

    def has_recent_requests(self) -> bool:
        """Whether a single picture was requested within the last second."""
        return bool(self._waiting) or self._clock() - self._busy_since < QUIET_SECONDS

    async def draw(self, generator: LoadedGenerator, point: Point) -> Pixels:
        """Draw one input. Return its pixels, (28, 28).

        Raises:
            Overloaded: see `admit`.
        """
        return await self.submit(generator, point, lambda pixels: pixels)

    def submit(self, generator: LoadedGenerator, point: Point, finish: Callable[[Pixels], Result]) -> asyncio.Future[Result]:
        """Queue one input. Return the future of what `finish` makes of its pixels, (28, 28).

        Raises:
            Overloaded: see `admit`.
        """
        self.admit()
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Result] = loop.create_future()
        if not self._waiting:
            self._busy_since = self._clock()
            loop.call_soon(self._take_turn_later, ROUNDS)
        self._waiting.append(_Pending(generator, point, finish, result))
        return result

    def _take_turn_later(self, rounds: int) -> None:
        if rounds and len(self._waiting) < BATCH:
            asyncio.get_running_loop().call_soon(self._take_turn_later, rounds - 1)
        else:
            self._take_turn()

    def _take_turn(self) -> None:
        began = self._clock()
        drawn = 0
        while self._waiting and (not drawn or self._clock() - began < TURN_SECONDS):
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            drawn += len(batch)
            _draw(batch)
        ended = self._clock()
        self._seconds_each += ((ended - self._busy_since) / drawn - self._seconds_each) / 8
        self._drawing_each += ((ended - began) / drawn - self._drawing_each) / 8
        self._busy_since = ended
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._take_turn)


def _draw(batch: Iterable[_Pending]) -> None:
    by_generator: dict[LoadedGenerator, list[_Pending]] = {}
    for pending in batch:
        if not pending.result.cancelled():
            by_generator.setdefault(pending.generator, []).append(pending)
    for generator, group in by_generator.items():
        try:
            pixels = generator.draw([pending.point for pending in group])
        except Exception as error:  # the callers handle it
            for pending in group:
                pending.result.set_exception(error)
        else:
            for pending, picture in zip(group, pixels, strict=True):
                try:
                    pending.result.set_result(pending.finish(picture))
                except Exception as error:
                    pending.result.set_exception(error)
