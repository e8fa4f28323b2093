"""Accepting connections: many that arrive at once are accepted in the same iteration of the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import uvloop

from app.http.server import ACCEPTED_AT_ONCE, bind, several


def accepted_in_an_iteration(sockets: list[socket.socket], clients: int) -> int:
    """Connect clients before the loop runs, and return how many connections its first poll accepts."""
    accepted: list[asyncio.BaseTransport] = []

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.append(transport)

    async def listen() -> int:
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(Protocol, sock=each, backlog=2048) for each in sockets]
        with contextlib.ExitStack() as open_clients:
            for _ in range(clients):
                open_clients.enter_context(socket.create_connection(sockets[0].getsockname()))
            for _ in range(2):  # the loop polls once, and then calls the protocols
                await asyncio.sleep(0)
            found = len(accepted)
            for transport in accepted:
                transport.close()  # type: ignore[attr-defined]
            for server in servers:
                server.close()
            await asyncio.sleep(0)
        return found

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(listen())


def test_a_burst_of_connections_is_accepted_at_once() -> None:
    """libuv accepts one connection for each listening descriptor, so that the last of a burst would wait for seconds."""
    assert accepted_in_an_iteration(bind("127.0.0.1", 0), 2 * ACCEPTED_AT_ONCE) <= 2
    sockets = several(bind("127.0.0.1", 0), ACCEPTED_AT_ONCE)
    assert len(sockets) == ACCEPTED_AT_ONCE
    assert accepted_in_an_iteration(sockets, 2 * ACCEPTED_AT_ONCE) >= ACCEPTED_AT_ONCE
