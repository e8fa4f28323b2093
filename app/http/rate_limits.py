"""How much one client may ask for: a token bucket for each (RFC 2697's, without the second colour)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_CLIENTS = 10_000
"""Who has been away longest is forgotten first, and then begins with a full bucket."""


class TokenBuckets:
    """A bucket for each client: it fills at a steady rate up to a burst, and a request takes one token out.

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
        """Take a token. Return 0, or for how many seconds there will be none."""
        now = self._clock()
        tokens = self._tokens(client, now)
        enough = tokens >= 1
        self._keep(client, tokens - enough, now)
        return 0.0 if enough else (1 - tokens) / self.rate

    def charge(self, client: str, tokens: float) -> None:
        """Take out more, for work that is done; at most a burst, so that nobody is shut out for long."""
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
