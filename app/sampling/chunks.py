"""Cooperative scheduling of long drawings in the event loop: a single picture waits for at most one chunk.

A thread would hold the GIL, or the core, when a single picture needs it. A worker has one core; `GAN_WORKERS` adds more. Only
the encoding of the finished pixels runs in a thread, because its libraries release the GIL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import TypeVar

Result = TypeVar("Result")
CHUNK = 16
"""Pictures per chunk. A chunk takes about two milliseconds."""
LONG_CHUNK = 64
"""Pictures per chunk while nobody requests single pictures. It is a tenth faster, and no request waits for it."""
CHUNK_PIXELS = 16 * 28 * 28
"""Pixels of small pictures that are encoded per chunk."""
ROUNDS = 6
"""Iterations of the event loop between two chunks. Reading, submitting, drawing (two iterations later, see
`app.sampling.batching`) and sending a single picture takes this many. With fewer, it would wait for several chunks."""
Steps = Generator[None, int | None, Callable[[], Result]]
"""A Python generator that draws one chunk per step. It is sent the size of the next chunk. It returns a function that does the
rest of the work in a thread."""


class ChunkRunner:
    """Runs the long drawings of one event loop.

    Args:
        has_recent_requests: whether single pictures were requested recently.
    """

    def __init__(self, has_recent_requests: Callable[[], bool] = lambda: True) -> None:
        self._turn = asyncio.Lock()
        self._has_recent_requests = has_recent_requests

    async def run(self, steps: Steps[Result]) -> Callable[[], Result]:
        """Run all steps, one chunk every few iterations of the loop, alternating with other long drawings."""
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
