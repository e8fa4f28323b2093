"""`Cycle` writes the same bytes as uvicorn's cycle, with one write for a complete response."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Message
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.http.cycle import MAX_COPIED, Cycle


class Transport:
    """Records what a cycle writes."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


def cycle(kind: type[RequestResponseCycle], transport: Transport, method: str, keep_alive: bool, done: list[bool]) -> Any:
    return kind(
        scope={"method": method, "http_version": "1.1"},  # type: ignore[typeddict-item]
        transport=transport,  # type: ignore[arg-type]
        flow=FlowControl(transport),  # type: ignore[arg-type]
        logger=logging.getLogger("test"),
        access_logger=logging.getLogger("test"),
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: done.append(True),
    )


def outcome(kind: type[RequestResponseCycle], messages: list[Message], method: str, keep_alive: bool) -> tuple[object, ...]:
    transport, done = Transport(), list[bool]()

    async def send_all() -> tuple[object, ...]:
        own, error = cycle(kind, transport, method, keep_alive, done), ""
        try:
            for message in messages:
                await own.send(message)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        flags = own.response_complete, own.keep_alive, own.message_event.is_set()
        return b"".join(transport.writes) if not error else None, transport.is_closed, done, flags, error

    return asyncio.run(send_all())


SIZES = st.sampled_from([0, 1, 40, MAX_COPIED + 1])
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"etag", b"x-a", b"bad name", b"connection", b"transfer-encoding"]),
        st.sampled_from([b"a", b"", b"close", b"chunked", b"a\r\nb: c", b"a\nb", b"a\0", b"\x7f", b"tab\t", b"\xff"]),
    ),
    max_size=3,
)


@settings(max_examples=400, deadline=None)
@given(
    status=st.sampled_from([200, 204, 304, 404, 503]),
    headers=HEADERS,
    sizes=st.lists(SIZES, min_size=1, max_size=3),
    length=st.sampled_from(["right", "wrong", "none"]),
    method=st.sampled_from(["GET", "HEAD", "POST"]),
    keep_alive=st.booleans(),
)
def test_responses_equal_uvicorns(
    status: int, headers: list[tuple[bytes, bytes]], sizes: list[int], length: str, method: str, keep_alive: bool
) -> None:
    bodies, size = [b"x" * size for size in sizes], sum(sizes) + (length == "wrong")
    sized = headers if length == "none" else [*headers, (b"content-length", str(size).encode())]
    messages: list[Message] = [{"type": "http.response.start", "status": status, "headers": sized}]
    messages += [{"type": "http.response.body", "body": body, "more_body": True} for body in bodies[:-1]]
    messages += [{"type": "http.response.body", "body": bodies[-1]}]
    assert outcome(Cycle, messages, method, keep_alive) == outcome(RequestResponseCycle, messages, method, keep_alive)


@pytest.mark.parametrize(("size", "writes"), [(0, 1), (300, 1), (MAX_COPIED, 2)])
def test_a_complete_response_is_written_at_once_and_a_large_body_is_not_copied(size: int, writes: int) -> None:
    transport = Transport()

    async def send() -> None:
        own = cycle(Cycle, transport, "GET", True, [])
        await own.send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(size).encode())]})
        assert transport.writes == []
        await own.send({"type": "http.response.body", "body": b"x" * size})

    asyncio.run(send())
    assert len(transport.writes) == writes


def test_the_start_of_a_stream_is_written_before_its_first_part() -> None:
    transport = Transport()

    async def send() -> None:
        own = cycle(Cycle, transport, "GET", True, [])
        await own.send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        assert transport.writes[0].startswith(b"HTTP/1.1 200 OK\r\n")

    asyncio.run(send())
