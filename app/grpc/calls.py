"""Bounds the calls of gRPC clients: how many one client has in progress, and the memory of their messages.

A connection carries many calls, so the limits that `app.http.connections` sets for each connection are set here for each call.
Limits of the connections themselves (their number, their age, silent clients) are left to options of gRPC (`options_of`).
gRPC cannot count the connections of one client.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from app.addresses import is_loopback, network
from app.http.bodies import MAX_BODY
from app.http.connections import BUSY_SHARE, CLIENT_SHARE, Bounds, is_trusted_proxy
from app.settings import Settings

MAX_MESSAGE = MAX_BODY + 64 * 1024
"""Bytes of a request, with what it contains besides its tensors."""
LEAST_PACE = 8 * 1024
"""Bytes per second at which a request must arrive."""
STREAMS = 100
"""Calls in progress on one connection. Clients wait with further ones, or open another connection."""
IDLE_SECONDS, AGE_SECONDS = 300, 1800
"""After this time, idle connections are closed, and the clients of others are asked to open a new one (GOAWAY), as they do by
themselves. A response that nobody reads ends with its connection."""


class TooManyCalls(Exception):
    """The client has too many calls in progress."""


class SlowRequest(Exception):
    """The request did not arrive in time."""


class Calls:
    """The calls of one worker.

    Args:
        bounds: the limits. A call counts as a connection.
        read_seconds: time for a request to arrive, or longer for a large one.
    """

    def __init__(self, bounds: Bounds, read_seconds: float) -> None:
        self._bounds = bounds
        self._seconds = max(read_seconds, MAX_MESSAGE / LEAST_PACE)
        self._calls = Counter[str]()
        self._requests = Counter[str]()
        """Bytes of requests in memory, or reserved for them, by client."""
        self._responses = Counter[str]()
        """Bytes of responses that have not been read, by client."""
        self._released = asyncio.Condition()

    @contextlib.contextmanager
    def admit(self, client: str) -> Any:  # noqa: ANN401 - an iterator
        """Count a call of a client as in progress.

        Raises:
            TooManyCalls: the client has as many as it may have.
        """
        name = network(client)
        if self._calls[name] >= self._bounds.per_client and not is_exempt(client, self._bounds.proxies):
            raise TooManyCalls(f"You have {self._calls[name]} calls in progress. Wait for their responses, then call again.")
        self._calls[name] += 1
        try:
            yield
        finally:
            _reduce(self._calls, name, 1)

    @contextlib.asynccontextmanager
    async def receive(self, client: str, read: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
        """Receive a request. Its memory counts until the block ends, and a client may use half of it.

        Until there is memory, the request is not read. gRPC then holds no more of it than the window of the flow control.

        Args:
            client: the address of the client.
            read: receives the request.

        Raises:
            SlowRequest: the request did not arrive in time.
        """
        name, held = network(client), MAX_MESSAGE
        budget = max(self._bounds.body_bytes, 2 * MAX_MESSAGE)

        def has_room() -> bool:
            return self._requests.total() + held <= budget and self._requests[name] + held <= budget // 2

        async with self._released:
            await self._released.wait_for(has_room)
            self._requests[name] += held
        try:
            try:
                request = await asyncio.wait_for(read(), self._seconds)
            except TimeoutError:
                raise SlowRequest(f"The request did not arrive within {self._seconds:.0f} s. Send it faster.") from None
            _reduce(self._requests, name, held - len(request))
            held = len(request)
            async with self._released:
                self._released.notify_all()
            yield request
        finally:
            _reduce(self._requests, name, held)
            async with self._released:
                self._released.notify_all()

    def has_memory(self, client: str) -> bool:
        """Return whether there is memory for another large response. The scheduler asks before it starts one."""
        budget = self._bounds.unsent_bytes
        return self._responses.total() <= budget // BUSY_SHARE and self._responses[network(client)] <= budget // CLIENT_SHARE

    def hold(self, client: str, context: Any, size: int) -> None:  # noqa: ANN401 - `app.grpc.server.Context`
        """Count a response until its call has ended."""
        name = network(client)
        self._responses[name] += size
        context.add_done_callback(lambda _: _reduce(self._responses, name, size))


def is_exempt(client: str, proxies: str) -> bool:
    """Whether a client may have any number of calls: one on this machine, or a trusted proxy."""
    return is_loopback(client) or is_trusted_proxy(client, proxies)


def _reduce(counts: Counter[str], name: str, by: int) -> None:
    counts[name] -= by
    if not counts[name]:
        del counts[name]


def options_of(settings: Settings) -> list[tuple[str, int]]:
    """Return the options of the server: limits of connections, and how long they may be silent."""
    return [
        ("grpc.max_receive_message_length", MAX_MESSAGE),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", int(settings.workers > 1)),  # all workers share the port
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        ("grpc.max_concurrent_streams", STREAMS),
        ("grpc.http2.max_deallocating_streams", STREAMS),  # else it refuses a call that follows an ended one too fast
        ("grpc.server_handshake_timeout_ms", int(1000 * settings.read_seconds)),
        ("grpc.keepalive_time_ms", int(1000 * settings.write_seconds)),
        ("grpc.keepalive_timeout_ms", int(1000 * settings.read_seconds)),
        ("grpc.max_connection_idle_ms", 1000 * IDLE_SECONDS),
        ("grpc.max_connection_age_ms", 1000 * AGE_SECONDS),
        ("grpc.max_connection_age_grace_ms", int(1000 * settings.write_seconds)),
    ]
