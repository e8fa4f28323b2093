"""Responses whose headers are already encoded."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

Headers = list[tuple[bytes, bytes]]
"""Names in lower case, and values, as in the ASGI message `http.response.start`."""


class EncodedResponse(Response):
    """A response with encoded headers. Starlette's own encodes each header of each response.

    Args:
        status: the status code.
        headers: all headers but the length, which is added if there is a body.
        content: the body.
    """

    def __init__(self, status: int, headers: Headers, content: bytes = b"") -> None:
        self.status_code = status
        self.body = content
        self.background = None
        self.raw_headers = [*headers, (b"content-length", b"%d" % len(content))] if content else headers


def encode(headers: Iterable[tuple[str, str]]) -> Headers:
    """Encode names and values. Both must be Latin-1."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
