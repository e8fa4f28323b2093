"""Cache of responses. Concurrent requests for the same response compute it once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from app.errors import ClientGone, SeedlingError
from app.observability import metrics

OVERHEAD = 1_000
"""Bytes per entry besides the content: headers, key and bookkeeping."""
LARGEST = 8
"""Responses larger than 1/8 of the cache are not cached, because they would evict too many others."""


@dataclass(frozen=True, slots=True)
class RenderedResponse:
    """Content and headers of a response."""

    content: bytes
    headers: Mapping[str, str]
    """Headers that describe the content. Cache headers are not included, because they depend on the request."""


class ResponseCache:
    """An LRU cache, bounded in bytes, for one event loop.

    The key must determine every byte of the response. It is the entity tag, computed from the generator's digest, its name and
    version, and the normalised request. A cached response therefore never belongs to another version, and a promotion need not
    clear the cache.

    Args:
        max_bytes: size of the cache. With 0, concurrent requests for the same response still compute it once.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._responses: OrderedDict[str, RenderedResponse] = OrderedDict()
        self._in_flight: dict[str, asyncio.Future[RenderedResponse | None] | None] = {}
        """A future for each response that is being computed, created when a second caller waits for it."""

    def __len__(self) -> int:
        return len(self._responses)

    async def get(self, key: str, make: Callable[[], Awaitable[RenderedResponse]]) -> RenderedResponse:
        """Return the cached response, wait for a computation in progress, or call `make`.

        Raises:
            SeedlingError: raised by `make`, for all waiting callers. After `ClientGone` (the client disconnected) or any other
                exception, one of the waiting callers calls its own `make` instead.
        """
        while True:
            response = self._responses.get(key)
            if response is not None:
                self._responses.move_to_end(key)
                metrics.count_hit()
                return response
            if key not in self._in_flight:
                metrics.count_miss()
                return await self._make(key, make)
            done = self._in_flight[key]
            if done is None:
                done = self._in_flight[key] = asyncio.get_running_loop().create_future()
            response = await asyncio.shield(done)  # a waiting caller's cancellation must not cancel it
            if response is not None:
                metrics.count_shared()
                return response

    async def _make(self, key: str, make: Callable[[], Awaitable[RenderedResponse]]) -> RenderedResponse:
        self._in_flight[key] = None
        try:
            response = await make()
        except BaseException as error:
            done = self._in_flight.pop(key)
            if done and isinstance(error, SeedlingError) and not isinstance(error, ClientGone):
                done.set_exception(error)
                done.exception()  # without this, asyncio warns if the waiting callers have been cancelled
            elif done:
                done.set_result(None)
            raise
        done = self._in_flight.pop(key)
        if done:
            done.set_result(response)
        self._store(key, response)
        return response

    def _store(self, key: str, response: RenderedResponse) -> None:
        size = len(response.content) + OVERHEAD
        if size * LARGEST > self.max_bytes:
            return
        self._responses[key] = response
        self.bytes += size
        while self.bytes > self.max_bytes:
            _, oldest = self._responses.popitem(last=False)
            self.bytes -= len(oldest.content) + OVERHEAD
