"""Rate limits: a token bucket per client (RFC 2697 without the second colour)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_CLIENTS = 10_000
"""Maximum number of buckets. The least recently seen client is evicted first, and later starts with a full bucket."""


class TokenBuckets:
    """A bucket per client that fills at a steady rate up to a burst. A request takes one token.

    Expensive requests can be charged more tokens afterwards. The balance may then be negative, and the client waits until the
    bucket has a token again.

    Args:
        rate: new tokens per second.
        burst: capacity of a bucket.
        clock: returns the time in seconds.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token. Return 0, or the seconds until one is available."""
        now = self._clock()
        tokens = self._tokens(client, now)
        enough = tokens >= 1
        self._keep(client, tokens - enough, now)
        return 0.0 if enough else (1 - tokens) / self.rate

    def charge(self, client: str, tokens: float) -> None:
        """Take tokens for completed work. The debt is at most a burst, so that no client is locked out for long."""
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
