"""Long drawing in the event loop, a slice at a time, so that a single picture waits for one slice and no more.

In a thread of its own, long drawing would hold Python's lock, or the core, whenever a single picture needs them; one core
is what a worker has (`GAN_WORKERS` adds more). Only what is left when all is drawn goes to a thread: files are encoded by
libraries that let go of the lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import TypeVar

Result = TypeVar("Result")
SLICE = 16
"""Pictures in a slice: about two milliseconds."""
LONG_SLICE = 64
"""Pictures in a slice when nobody asked for a single one of late: a tenth faster, and nobody is there to wait for it."""
SLICE_PIXELS = 16 * 28 * 28
"""Pixels of small pictures that are encoded in a slice."""
ROUNDS = 6
"""How often the loop comes round between two slices: a single picture that came meanwhile is read, asked for, drawn (two
rounds later, `app.sampling.batching`) and sent in as many, and would else wait for a slice before each."""
Steps = Generator[None, int | None, Callable[[], Result]]
"""Draws a slice at each step; is told how many pictures the next may have; returns what is left to be done, in a thread."""


class Slices:
    """The long drawing of one event loop.

    Args:
        hurried: whether single pictures are being asked for.
    """

    def __init__(self, has_recent_requests: Callable[[], bool] = lambda: True) -> None:
        self._turn = asyncio.Lock()
        self._has_recent_requests = has_recent_requests

    async def run(self, steps: Steps[Result]) -> Callable[[], Result]:
        """Take all steps, in turn with other work of this kind: one slice every few rounds of the loop."""
        size: int | None = None  # what a generator has to be sent first
        while True:
            async with self._turn:
                try:
                    steps.send(size)
                except StopIteration as done:
                    rest: Callable[[], Result] = done.value
                    return rest
                for _ in range(ROUNDS):
                    await asyncio.sleep(0)
                size = SLICE if self._has_recent_requests() else LONG_SLICE
