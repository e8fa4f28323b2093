"""Rate limits: a token bucket per client (RFC 2697 without the second colour)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_CLIENTS = 10_000
"""The client that was seen least recently is forgotten first, and later starts with a full bucket."""


class TokenBuckets:
    """A bucket per client that fills at a steady rate up to a burst. A request takes one token.

    What turns out to have been more work than a request usually is may be charged afterwards; the client then waits until
    the bucket is above zero again.

    Args:
        rate: tokens that flow in, a second.
        burst: what a bucket holds.
        clock: seconds.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token. Return 0, or the seconds until there is one."""
        now = self._clock()
        tokens = self._tokens(client, now)
        enough = tokens >= 1
        self._keep(client, tokens - enough, now)
        return 0.0 if enough else (1 - tokens) / self.rate

    def charge(self, client: str, tokens: float) -> None:
        """Take more tokens for work that is done, at most a burst, so that no client is locked out for long."""
        now = self._clock()
        self._keep(client, max(self._tokens(client, now) - tokens, -self.burst), now)

    def _tokens(self, client: str, now: float) -> float:
        tokens, since = self._buckets.get(client, (self.burst, now))
        return min(self.burst, tokens + (now - since) * self.rate)

    def _keep(self, client: str, tokens: float, now: float) -> None:
        self._buckets[client] = (tokens, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
