"""Polls of tests, with a time limit that is not reached on a machine that is ten times slower."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

LIMIT_SECONDS = 900.0
"""Only ends tests that would otherwise wait forever."""


def attempts(every: float = 0.05) -> Iterator[None]:
    """Yield at an interval in seconds until the time limit, for loops that end when a condition is met."""
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end:
        yield
        time.sleep(every)


def wait_until(condition: Callable[[], object], every: float = 0.05) -> None:
    """Wait until a condition is met.

    Raises:
        AssertionError: it is not met within the time limit.
    """
    for _ in attempts(every):
        if condition():
            return
    raise AssertionError("the condition was not met")
