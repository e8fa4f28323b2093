"""Finds models and versions that were published since the last poll, so that they can be requested at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from anyio import to_thread

from app.errors import NotFound, StoreUnavailable
from app.registry import Registry

logger = logging.getLogger("seedling")
Found = TypeVar("Found")
SPACING = 0.1
"""Seconds between the end of one reading and the start of the next. Bounds the load of requests for unknown names."""


class Lookup:
    """Looks names up in the registry of one server worker.

    Workers poll the repository, so a job can end before every worker knows its version. A name that is not found is therefore
    looked up again after the repository has been read. Requests that wait at the same time share one reading, so any number of
    them cost at most ten readings a second, each about as much as a poll.

    Args:
        registry: the models.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._next: asyncio.Task[None] | None = None
        """The reading that has not begun yet."""
        self._turn = asyncio.Lock()
        self._earliest = 0.0

    async def find(self, look: Callable[[], Found]) -> Found:
        """Return what `look` finds in the registry, now or after the repository has been read.

        Raises:
            NotFound: as `look`, which is called again after the reading.
        """
        try:
            return look()
        except NotFound:
            await self._read()
        return look()

    async def _read(self) -> None:
        """Wait for a reading that begins after this call, so that it sees everything that was published before."""
        if self._next is None:
            self._next = asyncio.create_task(self._read_in_turn())
        await asyncio.shield(self._next)  # a client that disconnects does not cancel the reading of the others

    async def _read_in_turn(self) -> None:
        async with self._turn:
            await asyncio.sleep(max(0.0, self._earliest - time.monotonic()))
            self._next = None
            try:
                await to_thread.run_sync(self.registry.refresh)
            except StoreUnavailable:
                pass  # reported by /readyz
            except Exception:  # loaded versions are still served
                logger.exception("cannot read the models; loaded versions are still served")
            self._earliest = time.monotonic() + SPACING
