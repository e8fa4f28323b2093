"""A request and its response on a connection, with one write for a response that is complete."""

from __future__ import annotations

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

MAX_COPIED = 64 * 1024
"""Bytes. A larger body is not copied behind its headers."""
_BODILESS = (204, 304)


class Cycle(RequestResponseCycle):
    """uvicorn's cycle, which checks each header with two regular expressions, and writes the headers and the body separately.

    This one does the same for streams. If the length of a response is known from its headers, it waits for the body, and if
    that is complete, it checks and writes everything at once, in a fifth of the time.
    """

    _start: Message | None = None
    """The start of a response that has not been written yet."""

    async def send(self, message: Message) -> None:  # type: ignore[override]
        """Send an ASGI message."""
        start, self._start = self._start, None
        if start is not None:
            if self._send_whole(start, message):
                return
            await super().send(start)  # type: ignore[arg-type]
        elif message["type"] == "http.response.start" and not self.response_started and _has_known_length(message):
            self._start = message
            return
        await super().send(message)  # type: ignore[arg-type]

    def _send_whole(self, start: Message, message: Message) -> bool:
        """Write a complete response. Return False, and write nothing, if it is not complete or not ordinary."""
        body, headers = message.get("body", b""), start["headers"]
        if message["type"] != "http.response.body" or message.get("more_body") or self.flow.write_paused or self.disconnected:
            return False
        sent = dict(headers)
        if self.scope["method"] == "HEAD" or b"connection" in sent or b"transfer-encoding" in sent:
            return False
        if int(sent.get(b"content-length", b"0")) != len(body):
            return False
        lines = [*self.default_headers, *headers] if self.keep_alive else [*self.default_headers, *headers, _CLOSE]
        names, values = zip(*lines, strict=True)
        if HEADER_RE.search(b"".join(names)) or HEADER_VALUE_RE.search(b"".join(values)):
            return False  # uvicorn raises the error
        head = b"".join([STATUS_LINE[start["status"]], *[b"%b: %b\r\n" % line for line in lines], b"\r\n"])
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        if len(body) < MAX_COPIED:
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self.transport.write(body)
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True


_CLOSE = (b"connection", b"close")


def _has_known_length(start: Message) -> bool:
    return start["status"] in _BODILESS or any([name == b"content-length" for name, _ in start["headers"]])
