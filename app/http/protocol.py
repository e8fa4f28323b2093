"""uvicorn's HTTP/1.1 protocol with limits on the time, the memory and the connections of clients.

uvicorn limits neither the size of headers, trailers and bodies nor the time that a client may take to send or read them. A few
hundred slow connections would block the service (Slowloris, R.U.D.Y., slow read), and a few large requests or responses would
fill its memory.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httptools
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.addresses import network, unmapped
from app.asgi_scope import CONNECTIONS, PROBES, STORED
from app.errors import (
    Busy,
    HeadersTooLarge,
    MalformedRequest,
    RequestLate,
    SeedlingError,
    TooManyConnections,
    TooManyPipelined,
)
from app.http.connections import Bounds, Connections
from app.http.cycle import Cycle
from app.http.problem_details import respond, title_of

MAX_HEADERS = 64 * 1024
"""Bytes of the request line and headers, and of the trailers. Data that arrives in one read with their end may exceed it."""
MAX_FIELDS = 200
"""Header lines of a request. Each takes some 150 bytes of memory, even if it is short."""
CHUNK_FRAMING = 32
"""Bytes of a chunk besides its content: the size, two line ends and a short extension."""
MAX_PIPELINED = 16
"""Requests of one connection that wait for the response to an earlier one."""
MAX_LINGERING = 4
"""How many more `read` timeouts a body gets if it is still arriving after its response."""
LEAST_RATE = 8 * 1024
"""Minimum rate of a request body, in bytes per second."""
LEAST_READ_RATE = 1024
"""Minimum rate at which a client must read a response, in bytes per second."""


@dataclass(frozen=True)
class Patience:
    """Timeouts for clients, in seconds."""

    read: float
    """For the headers of a request, and for each `read * LEAST_RATE` bytes of its body."""
    write: float
    """For each `write * LEAST_READ_RATE` bytes of a response."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol with limits. Created by `ProtocolFactory`.

    Args:
        patience: the timeouts.
        registry: the connections of this worker.
    """

    def __init__(self, *, patience: Patience, registry: Connections, **arguments: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(**arguments)
        self.limit_concurrency = None  # the registry decides
        self.patience, self.registry = patience, registry
        self.network = ""
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._expected: tuple[str, int] | None = ("headers", 0)
        """What the client still has to send, and of which message."""
        self._timed: tuple[str, int] | None = self._expected
        """For what the timer `_reading` was started."""
        self._in_headers, self._idle = True, True
        self._header_bytes, self._messages = 0, 0
        self._body_bytes, self._body_seen, self._chunks, self._framing = 0, 0, 0, 0
        self._lingering = 0
        self._just_read, self._unsent, self._paused_at = 0, 0, 0.0
        self._fault: SeedlingError | None = None
        self._held: tuple[RequestResponseCycle, ASGIApp] | None = None
        self._stored = weakref.WeakMethod(self.body_stored)  # weak, because the scope outlives the connection

    # Connections.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client:
            self.client = (unmapped(self.client[0]), self.client[1])
        self.network = network(self.client[0]) if self.client else "localhost"
        if self.registry.add(self):
            self._wait_for_headers()
            # Of connections that are accepted together, one whose request has arrived must not be closed as idle.
            self.loop.call_soon(self.loop.call_soon, self._check_arrival)
        else:
            transport.abort()

    def _check_arrival(self) -> None:
        """After the first poll of the connection: it is idle if no request has arrived."""
        if self.cycle is None:
            self.registry.await_request(self)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._reading, self._writing):
            if timer:
                timer.cancel()
        self._reading = self._writing = self._held = None
        self.registry.remove(self)
        super().connection_lost(exc)

    def close_idle(self) -> None:
        self.registry.remove(self)
        self._stop_waiting()
        self.transport.close()
        self._wait_for_reader()

    def peer(self) -> str:
        client = self.cycle.scope["client"] if self.cycle is not None else None
        return network(client[0]) if client else self.network

    # Reading.

    def data_received(self, data: bytes) -> None:
        self._just_read = len(data)
        messages, in_body, seen, was_idle = self._messages, not self._in_headers, self._body_seen, self._idle
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._expected != self._timed:  # only now, because most requests arrive at once and need no timer
            self._timed = self._expected
            if self._expected is None:
                self._stop_waiting()
            elif not self.transport.is_closing():
                self._wait(self.patience.read, self._headers_late if self._in_headers else self._check_body)
        if self.transport.is_closing():
            return
        framing = len(data) - (self._body_seen - seen)
        self._framing = self._framing + framing if in_body and messages == self._messages else 0
        if self._in_headers and self._header_bytes > MAX_HEADERS:
            detail = f"The headers are longer than {MAX_HEADERS:,} bytes. Send fewer or shorter ones, or use the body."
            self._fault = HeadersTooLarge(detail)
        elif self._framing > MAX_HEADERS + CHUNK_FRAMING * self._chunks:
            detail = f"The trailers and chunk extensions are longer than {MAX_HEADERS:,} bytes. Leave them out."
            self._fault = HeadersTooLarge(detail)
        if self._fault:
            self._refuse(self._fault)
        elif was_idle and self._idle and self._expected is None:  # line ends before a request, which the parser skips
            self._header_bytes = len(data)
            self._expected = self._timed = ("headers", self._messages + 1)
            self._wait_for_headers()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._fault or MalformedRequest(f"{msg} Send HTTP/1.1 (RFC 9112)."))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._messages += 1
        if not self._in_headers:  # another request on the connection
            self._in_headers, self._header_bytes = True, self._just_read
            self._expected = ("headers", self._messages)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_headers:
            return  # a trailer, which must not be treated as a header (RFC 9110 6.5.1)
        if len(self.headers) >= MAX_FIELDS:
            detail = f"The request has more than {MAX_FIELDS} header lines. Send fewer."
            self._fault = HeadersTooLarge(detail)
            raise ValueError(detail)  # stops the parser
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_headers, self._idle, self._body_bytes, self._chunks = False, False, 0, 0
        if len(self.pipeline) >= MAX_PIPELINED:
            detail = f"More than {MAX_PIPELINED} requests are waiting on this connection. Read the responses first."
            self._fault = TooManyPipelined(detail)
            raise ValueError(detail)
        self.registry.set_busy(self)
        self.scope[CONNECTIONS] = self.registry  # type: ignore[literal-required]
        self.scope[STORED] = self._stored  # type: ignore[literal-required]
        has_room = self.registry.has_room(self) or self.url.partition(b"?")[0] in _PROBES
        self.app = self.config.loaded_app if has_room else too_many_connections
        self._expected = ("body", self._messages)
        self._start_cycle()

    def _start_cycle(self) -> None:
        """Do what uvicorn's `on_headers_complete` does for a request without an upgrade, with our own cycle."""
        version, path = self.parser.get_http_version(), httptools.parse_url(self.url)
        name = path.path.decode("ascii")
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = version
        self.scope["path"] = self.root_path + (unquote(name) if "%" in name else name)
        self.scope["raw_path"] = self.root_path.encode("ascii") + path.path
        self.scope["query_string"] = path.query or b""
        before = self.cycle
        self.cycle = Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_chunk_header(self) -> None:
        """Count a chunk. Called by httptools."""
        self._chunks += 1

    def on_body(self, body: bytes) -> None:
        self._body_seen += len(body)
        if self.transport.is_closing():
            return
        self._body_bytes += len(body)
        if not self.cycle.response_complete:
            self.registry.hold_body(self, len(body))
        super().on_body(body)

    def body_stored(self) -> None:
        """Record that the body that has arrived is on the disk, and no longer in memory."""
        self.registry.release_body(self)

    def on_message_complete(self) -> None:
        self._expected = None
        super().on_message_complete()
        if self.cycle.response_complete and not self._is_pending():
            self._become_idle()

    def _wait_for_headers(self) -> None:
        self._wait(self.patience.read, self._headers_late)

    def _wait(self, seconds: float, then: Any) -> None:  # noqa: ANN401 - a callback
        self._stop_waiting()
        self._reading = self.loop.call_later(seconds, then)

    def _stop_waiting(self) -> None:
        if self._reading:
            self._reading.cancel()
            self._reading = None

    def _headers_late(self) -> None:
        if self._header_bytes == 0:  # nothing was sent, so no response is expected
            self.transport.close()
        else:
            self._refuse(RequestLate(f"The headers did not arrive within {self.patience.read:g} s. Send them faster."))

    def _check_body(self) -> None:
        is_complete = self.cycle.response_complete and not self._is_pending()
        self._lingering = self._lingering + 1 if is_complete else 0
        if self._lingering > MAX_LINGERING:
            self.transport.abort()
        elif self.flow.read_paused or self._body_bytes >= LEAST_RATE * self.patience.read:
            self._body_bytes = 0  # if reading is paused, the service is slow, not the client
            self._wait(self.patience.read, self._check_body)
        else:
            self._refuse(RequestLate("The body arrived too slowly. Use a faster connection, or send less."))

    def refuse_body(self) -> None:
        self._refuse(Busy("The service holds too many unfinished request bodies. Send this one again in a few seconds."))

    def _refuse(self, error: SeedlingError) -> None:
        """Send an error response and close. Abort if another response has been started."""
        self._stop_waiting()
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.abort()
            return
        response = refusal(error)
        head = b"HTTP/1.1 %d %b\r\n" % (error.status, title_of(error.status).encode())
        fields = b"".join(b"%b: %b\r\n" % field for field in response.raw_headers)
        self.transport.write(head + fields + b"\r\n" + bytes(response.body))
        self.transport.close()
        self._wait_for_reader()

    # Responses.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        """Start the next request only after the last response was read, so that a connection buffers one response at most."""
        if self.flow.write_paused:
            self._held = (cycle, app)
            self.flow.pause_reading()
        else:
            super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]

    def _is_pending(self) -> bool:
        return bool(self.pipeline) or self._held is not None

    def on_response_complete(self) -> None:
        more = bool(self.pipeline)
        super().on_response_complete()
        if more:
            return
        self.registry.release_body(self)
        if not self.cycle.more_body and not self.transport.is_closing():
            self._become_idle()

    def _become_idle(self) -> None:
        self._idle = True
        if not self.flow.write_paused:
            self.registry.set_idle(self)

    # Writing.

    def unsent(self) -> int:
        return self.transport.get_write_buffer_size()

    def pace(self) -> float:
        return (self._unsent - self.unsent()) / max(time.monotonic() - self._paused_at, 1e-3)

    def hang_up(self) -> None:
        self.loop.call_soon(self.transport.abort)  # deferred, because the connection may be writing

    def pause_writing(self) -> None:
        super().pause_writing()
        self.registry.set_busy(self)
        self._wait_for_reader()
        self.registry.hold_response(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.registry.release_response(self)
        if self._writing:
            self._writing.cancel()
            self._writing = None
        if self._held:
            cycle, app = self._held
            self._held = None
            self._start_asgi_task(cycle, app)
        elif self._idle and not self.transport.is_closing():
            self.registry.set_idle(self)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._wait_for_reader()  # closing waits until the client has read everything

    def _wait_for_reader(self) -> None:
        if self._writing is None:
            self._unsent, self._paused_at = self.unsent(), time.monotonic()
            self._writing = self.loop.call_later(self.patience.write, self._check_reader, self._unsent)

    def _check_reader(self, before: int) -> None:
        self._writing, unsent = None, self.unsent()
        if unsent and before - unsent < LEAST_READ_RATE * self.patience.write:
            self.transport.abort()
        elif unsent:
            self._writing = self.loop.call_later(self.patience.write, self._check_reader, unsent)


class ProtocolFactory:
    """Creates protocols, as uvicorn's `http` option. Each worker process gets a copy with a registry of its own.

    Args:
        patience: the timeouts.
        bounds: the limits for the connections of one worker.
    """

    def __init__(self, patience: Patience, bounds: Bounds) -> None:
        self.patience, self.bounds = patience, bounds
        self.registry = Connections(bounds)

    def __call__(self, **arguments: Any) -> BoundedProtocol:  # noqa: ANN401 - uvicorn's
        return BoundedProtocol(patience=self.patience, registry=self.registry, **arguments)

    def __reduce__(self) -> tuple[type[ProtocolFactory], tuple[Patience, Bounds]]:
        return ProtocolFactory, (self.patience, self.bounds)


def refusal(error: SeedlingError) -> Response:
    """Return the response for a connection that will be closed."""
    response = respond(error)
    response.headers["Connection"] = "close"
    return response


async def too_many_connections(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI application that rejects requests with 503 on connections beyond the limit."""
    error = TooManyConnections("Too many connections are open. Close unused ones, and try again in a second.")
    await refusal(error)(scope, receive, send)


_PROBES = frozenset(path.encode() for path in PROBES)
