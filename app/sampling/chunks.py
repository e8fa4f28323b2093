"""Cooperative scheduling of long drawing in the event loop: a single picture waits for one chunk and no more.

A thread would hold the GIL, or the core, just when a single picture needs it; a worker has one core (`GAN_WORKERS` adds
more). Only the encoding of the finished pixels runs in a thread, because its libraries release the GIL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import TypeVar

Result = TypeVar("Result")
CHUNK = 16
"""Pictures in a chunk: about two milliseconds."""
LONG_CHUNK = 64
"""Pictures in a chunk while nobody requests single pictures: a tenth faster, and nobody waits for it."""
CHUNK_PIXELS = 16 * 28 * 28
"""Pixels of small pictures that are encoded in a chunk."""
ROUNDS = 6
"""Iterations of the event loop between two chunks. A single picture takes as many to be read, submitted, drawn (two iterations
later, see `app.sampling.batching`) and sent, and would otherwise wait for a chunk before each."""
Steps = Generator[None, int | None, Callable[[], Result]]
"""A generator that draws one chunk per step. It receives the size of the next chunk, and returns the rest of the work, which
runs in a thread."""


class ChunkRunner:
    """The long drawing of one event loop.

    Args:
        has_recent_requests: whether single pictures were requested recently.
    """

    def __init__(self, has_recent_requests: Callable[[], bool] = lambda: True) -> None:
        self._turn = asyncio.Lock()
        self._has_recent_requests = has_recent_requests

    async def run(self, steps: Steps[Result]) -> Callable[[], Result]:
        """Run all steps, alternating with other work of this kind: one chunk every few iterations of the loop."""
        size: int | None = None  # a generator must first be sent None
        while True:
            async with self._turn:
                try:
                    steps.send(size)
                except StopIteration as done:
                    rest: Callable[[], Result] = done.value
                    return rest
                for _ in range(ROUNDS):
                    await asyncio.sleep(0)
                size = CHUNK if self._has_recent_requests() else LONG_CHUNK
