"""Bodies that arrive in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from app.http.bodies import MAX_BODY, PIECE, BoundedBody


def received_pieces(messages: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages that an application receives behind `BoundedBody`."""
    received: list[dict[str, Any]] = []

    async def app(scope: dict, receive, send) -> None:
        while not received or received[-1].get("more_body"):
            received.append(await receive())

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: dict[str, Any]) -> None:
        pass

    scope = {"type": "http", "method": "POST", "path": "/a", "headers": []}
    anyio.run(BoundedBody(app, {}), scope, receive, send)
    return received


def piece(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_small_pieces_of_a_body_are_joined() -> None:
    received = received_pieces(iter([piece(b"ab")] * 100_000 + [piece(b"c", more=False)]))
    assert b"".join(message["body"] for message in received) == b"ab" * 100_000 + b"c"
    assert [len(message["body"]) for message in received] == [PIECE, PIECE, PIECE, 200_001 - 3 * PIECE]
    assert [message["more_body"] for message in received] == [True, True, True, False]


@pytest.mark.parametrize("body", [b"", b"ab", bytes(MAX_BODY)])
def test_a_body_in_one_piece_is_passed_on(body: bytes) -> None:
    assert received_pieces(iter([piece(body, more=False)])) == [piece(body, more=False)]


def test_a_client_that_disconnects_is_noticed_between_small_pieces() -> None:
    assert received_pieces(iter([piece(b"ab"), {"type": "http.disconnect"}])) == [{"type": "http.disconnect"}]


def test_too_many_small_pieces_are_cut_off() -> None:
    sent = 0

    def endless() -> Iterator[dict[str, Any]]:
        nonlocal sent
        while True:
            sent += 100
            yield piece(bytes(100))

    received = received_pieces(endless())
    assert received[-1] == {"type": "http.disconnect"}
    assert sent < MAX_BODY + PIECE + 200
