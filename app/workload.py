"""Where work is done: a single small picture in the event loop, everything longer on a bounded number of threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from app.catalog import Catalog
from app.generator import LoadedGenerator

Result = TypeVar("Result")
INLINE_PIXELS = 28 * 28 * 16
"""Up to four times a picture's side is drawn and encoded within a millisecond, less than a thread's round trip costs others."""


class Workload:
    """The work of one server worker.

    Args:
        catalog: the generators.
        bulk_concurrency: how many long pieces of work run at a time; the others wait, holding only their request.
    """

    def __init__(self, catalog: Catalog, bulk_concurrency: int) -> None:
        self.catalog = catalog
        self._bulk = CapacityLimiter(bulk_concurrency)

    async def generator(self, model: str | None, version: str | None) -> LoadedGenerator:
        """The generator a request means; loading one does not hold up the others.

        Raises:
            NotFound, VersionUnusable: as `Catalog.generator`.
        """
        found = self.catalog.in_memory(model, version)
        if found is not None:
            return found
        return await to_thread.run_sync(self.catalog.generator, model, version, limiter=self._bulk)

    async def perform(self, work: Callable[[], Result], *, pictures: int, pixels: int) -> Result:
        """Do a piece of work that draws so many pictures and writes so many pixels."""
        if pictures == 1 and pixels <= INLINE_PIXELS:
            return work()
        return await to_thread.run_sync(work, limiter=self._bulk)
