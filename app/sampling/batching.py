"""Single pictures that are asked for at the same time, drawn together.

Together they take less (`benchmarks/footprint.py`), and have the same pixels: exported generators compute on an
integer grid, where the size of a batch is nothing. No picture waits for a batch to fill: what is there when the event loop
comes round is drawn.
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
"""More at a time is hardly faster, and the first answers would wait for the last."""
ROUNDS = 2
"""How often the loop comes round before a turn: requests that lie in their sockets are read in one round and asked for in the
next. So 16 callers get one batch, where each round by itself would make one of the few whose requests it found."""
TURN_SECONDS = 0.02
"""How long to draw before the loop may read, refuse and answer; longer than it takes to refuse what came meanwhile."""
MAX_WAIT_SECONDS = 0.085
"""Whoever would wait longer for its turn is told to come again. To read, encode and send takes as long again."""
QUIET_SECONDS = 1.0
"""Without a single picture for so long, none is expected."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    generator: LoadedGenerator
    point: Point
    pixels: asyncio.Future[Pixels]


class Batcher:
    """The single pictures of one event loop, drawn in it: a batch takes less than handing it to a thread would."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._waiting: deque[_Wanted] = deque()
        self._seconds_each = 0.0
        """What a picture takes at present, all that goes on beside the drawing included."""
        self._drawing_each = 0.0
        """What the drawing of one takes by itself."""
        self._busy_since = -QUIET_SECONDS
        """When the last turn ended; or, if that left none waiting, when the next was asked for."""

    def __len__(self) -> int:
        """How many wait to be drawn."""
        return len(self._waiting)

    def admit(self) -> None:
        """Let one more in.

        Who fits into the next turn always is: in a flood the loop is long away refusing, which makes each picture seem to take
        long, and to let in fewer for that would draw fewer still.

        Raises:
            Overloaded: so many are waiting that it would take too long.
        """
        waiting = len(self._waiting)
        if waiting * self._seconds_each > MAX_WAIT_SECONDS and waiting * self._drawing_each > TURN_SECONDS:
            raise Overloaded("More pictures are asked for than can be drawn. Come again in a second.")

    def has_recent_requests(self) -> bool:
        """Whether single pictures are being asked for: one was within the last second."""
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
        except Exception as error:  # whatever it is, it is for those who asked
            for wanted in group:
                wanted.pixels.set_exception(error)
        else:
            for wanted, picture in zip(group, pixels, strict=True):
                wanted.pixels.set_result(picture)
