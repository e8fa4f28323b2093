"""Cache of finished answers. Concurrent requests for the same answer draw it once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from app.errors import ClientGone, SeedlingError
from app.observability import metrics

OVERHEAD = 1_000
"""Bytes per entry besides the content: headers, key, bookkeeping."""
LARGEST = 8
"""Answers larger than this part of the cache are not cached, because they would evict too many others."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer."""

    content: bytes
    headers: Mapping[str, str]
    """Headers that describe the content. Cache headers depend on the request and are not among them."""


class ResponseCache:
    """An LRU cache, bounded in bytes, for one event loop.

    The key must decide the answer to the byte: it is the entity tag, made of the generator's digest, its name and version,
    and the normalised request. So an answer never belongs to another version, and a promotion does not clear the cache.

    Args:
        max_bytes: size of the cache; with 0, concurrent requests for the same answer still draw it once.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._in_flight: dict[str, asyncio.Future[Answer | None]] = {}

    def __len__(self) -> int:
        return len(self._answers)

    async def get(self, key: str, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the cached answer, wait for the one in progress, or make it.

        Raises:
            SeedlingError: raised by `make`, for all who wait. If the caller of `make` disconnects, the others try themselves.
        """
        while True:
            answer = self._answers.get(key)
            if answer is not None:
                self._answers.move_to_end(key)
                metrics.count_hit()
                return answer
            first = self._in_flight.get(key)
            if first is None:
                metrics.count_miss()
                return await self._make(key, make)
            answer = await asyncio.shield(first)  # or who hangs up would take the answer from the others
            if answer is not None:
                metrics.count_shared()
                return answer

    async def _make(self, key: str, make: Callable[[], Awaitable[Answer]]) -> Answer:
        done: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._in_flight[key] = done
        try:
            answer = await make()
        except BaseException as error:
            if isinstance(error, SeedlingError) and not isinstance(error, ClientGone):
                done.set_exception(error)
                done.exception()  # perhaps nobody waits for it
            else:
                done.set_result(None)
            raise
        finally:
            del self._in_flight[key]
        done.set_result(answer)
        self._keep(key, answer)
        return answer

    def _keep(self, key: str, answer: Answer) -> None:
        size = len(answer.content) + OVERHEAD
        if size * LARGEST > self.max_bytes:
            return
        self._answers[key] = answer
        self.bytes += size
        while self.bytes > self.max_bytes:
            _, oldest = self._answers.popitem(last=False)
            self.bytes -= len(oldest.content) + OVERHEAD
