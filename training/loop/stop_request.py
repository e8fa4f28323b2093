"""A request to end a run early and resumably, by signal or by another part of the trainer."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(Exception):
    """A stop was requested before the first step."""


class Stop:
    """Stop request, set by SIGTERM, SIGINT or SIGHUP. The loop checks it after every step."""

    def __init__(self) -> None:
        self.requested = False

    def request(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Request a checkpoint and the end of the run."""
        self.requested = True

    def check(self) -> None:
        """Raise Stopped if a stop was requested."""
        if self.requested:
            raise Stopped

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Handle the signals inside the block, and restore the previous handlers afterwards."""
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        previous = {number: signal.signal(number, self.request) for number in numbers}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
