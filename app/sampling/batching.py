"""Micro-batching: single pictures that are requested at the same time are drawn together.

A batch costs less than its pictures one by one (`benchmarks/footprint.py`) and has the same pixels: exported generators compute
on an integer grid, where the size of a batch does not matter. No request waits for a batch to fill. Each turn draws what has
arrived.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.errors import Overloaded
from app.sampling.generator import LoadedGenerator, Pixels
from app.sampling.latents import Point

BATCH = 16
"""Larger batches are hardly faster, and their first answers would wait for the last."""
ROUNDS = 2
"""Iterations of the event loop before a turn. Requests that are already buffered are read in one iteration and submitted in the
next. So 16 concurrent clients share one batch."""
TURN_SECONDS = 0.02
"""How long a turn draws before the loop may read and answer again. Rejecting what arrives meanwhile takes less."""
MAX_WAIT_SECONDS = 0.085
"""Requests that would wait longer get 503. Reading, encoding and sending take about as long again."""
QUIET_SECONDS = 1.0
"""After so long without a request for a single picture, none is expected."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    generator: LoadedGenerator
    point: Point
    pixels: asyncio.Future[Pixels]


class Batcher:
    """Draws the single pictures of one event loop. Drawing a batch takes less time than handing it to a thread."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._waiting: deque[_Wanted] = deque()
        self._seconds_each = 0.0
        """Current seconds per picture, everything that runs beside the drawing included."""
        self._drawing_each = 0.0
        """Current seconds per picture for the drawing alone."""
        self._busy_since = -QUIET_SECONDS
        """When the last turn ended or, if the queue was empty then, when the next request came."""

    def __len__(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    def admit(self) -> None:
        """Accept one more request.

        A request that fits into the next turn is always accepted. In a flood, the loop spends most of its time on rejections,
        which makes each picture seem slow; accepting fewer because of that would draw even fewer.

        Raises:
            Overloaded: the queue is too long.
        """
        waiting = len(self._waiting)
        if waiting * self._seconds_each > MAX_WAIT_SECONDS and waiting * self._drawing_each > TURN_SECONDS:
            raise Overloaded("More pictures are asked for than can be drawn. Come again in a second.")

    def has_recent_requests(self) -> bool:
        """Whether a single picture was requested within the last second."""
        return bool(self._waiting) or self._clock() - self._busy_since < QUIET_SECONDS

    async def draw(self, generator: LoadedGenerator, point: Point) -> Pixels:
        """Pixels of one input, (28, 28).

        Raises:
            Overloaded: as `admit`.
        """
        self.admit()
        loop = asyncio.get_running_loop()
        wanted = _Wanted(generator, point, loop.create_future())
        if not self._waiting:
            self._busy_since = self._clock()
            loop.call_soon(self._take_turn_later, ROUNDS)
        self._waiting.append(wanted)
        return await wanted.pixels

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


def _draw(batch: Iterable[_Wanted]) -> None:
    by_generator: dict[LoadedGenerator, list[_Wanted]] = {}
    for wanted in batch:
        if not wanted.pixels.cancelled():
            by_generator.setdefault(wanted.generator, []).append(wanted)
    for generator, group in by_generator.items():
        try:
            pixels = generator.draw([wanted.point for wanted in group])
        except Exception as error:  # whatever it is, the callers have to handle it
            for wanted in group:
                wanted.pixels.set_exception(error)
        else:
            for wanted, picture in zip(group, pixels, strict=True):
                wanted.pixels.set_result(picture)
