"""HTTP as uvicorn speaks it, with an end to everybody's patience: bounded headers, and time limits for slow callers.

uvicorn bounds neither what headers take nor how long they, a body or the reading of an answer may take; a few hundred
connections that send a byte now and then would hold the service (Slowloris, R.U.D.Y., slow read).
"""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.problems import MEDIA_TYPE, title_of

MAX_HEADERS = 64 * 1024
"""Bytes of a request's line and headers; what comes in one read with their end may exceed it."""
LEAST_RATE = 1024
"""Bytes a second, at which nobody is called slow."""


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol over httptools, with bounds. `limited` gives it the times."""

    def __init__(self, *arguments: Any, read_seconds: float, write_seconds: float, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **named)
        self.read_seconds, self.write_seconds = read_seconds, write_seconds
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._in_headers, self._header_bytes, self._body_bytes, self._began = True, 0, 0, 0.0
        self._just_read, self._unsent = 0, 0

    # Reading.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._reading, self._writing):
            if timer:
                timer.cancel()
        self._reading = self._writing = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._just_read = len(data)
        if self._in_headers:
            self._header_bytes += len(data)
        else:
            self._body_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > MAX_HEADERS and not self.transport.is_closing():
            detail = f"The headers are longer than {MAX_HEADERS:,} bytes. Send fewer or shorter ones, or put it into the body."
            self._refuse(431, "headers_too_large", detail)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._in_headers:  # another request on the connection
            self._in_headers, self._header_bytes = True, self._just_read
            self._wait_for_headers()

    def on_headers_complete(self) -> None:
        self._in_headers, self._body_bytes = False, 0
        self._wait(self.read_seconds, self._check_body)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_waiting()
        super().on_message_complete()

    def _wait_for_headers(self) -> None:
        self._wait(self.read_seconds, self._headers_late)

    def _wait(self, seconds: float, then: Any) -> None:  # noqa: ANN401 - a callback
        self._stop_waiting()
        self._began = time.monotonic()
        self._reading = self.loop.call_later(seconds, then)

    def _stop_waiting(self) -> None:
        if self._reading:
            self._reading.cancel()
            self._reading = None

    def _headers_late(self) -> None:
        if self._header_bytes == 0:  # not a word: nobody waits for an answer
            self.transport.close()
        else:
            self._refuse(408, "request_late", f"The headers did not come within {self.read_seconds:g} s. Ask again.")

    def _check_body(self) -> None:
        allowed = self.read_seconds + self._body_bytes / LEAST_RATE
        late = time.monotonic() - self._began - allowed
        if self.flow.read_paused:  # it is the service that takes its time
            self._reading = self.loop.call_later(self.read_seconds, self._check_body)
        elif late < 0:
            self._reading = self.loop.call_later(max(0.1, -late), self._check_body)
        else:
            self._refuse(408, "request_late", "The body came too slowly. Ask again, over a better line or for less.")

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Answer, if nothing was answered yet, and hang up."""
        self._stop_waiting()
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.abort()
            return
        told = {"type": "about:blank", "title": title_of(status), "status": status, "detail": detail, "code": code}
        body = json.dumps(told).encode()
        head = f"HTTP/1.1 {status} {title_of(status)}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(f"{head}connection: close\r\n\r\n".encode() + body)
        self.transport.close()
        self._wait_for_reader()

    # Writing.

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._writing:
            self._writing.cancel()
            self._writing = None

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._wait_for_reader()  # closing waits for what is not read yet

    def _wait_for_reader(self) -> None:
        if self._writing is None:
            self._unsent = self.transport.get_write_buffer_size()
            self._writing = self.loop.call_later(self.write_seconds, self._check_reader)

    def _check_reader(self) -> None:
        self._writing, unsent = None, self.transport.get_write_buffer_size()
        if unsent and unsent >= self._unsent:
            self.transport.abort()
        elif unsent:
            self._wait_for_reader()


def limited(read_seconds: float, write_seconds: float) -> type[asyncio.Protocol]:
    """What uvicorn takes as `http`: the protocol with these times, in a form that can be handed to its workers.

    Args:
        read_seconds: for a request's headers, and for its body, with a second more for each `LEAST_RATE` bytes.
        write_seconds: in which something of an answer must be taken.
    """
    made = partial(PatientProtocol, read_seconds=read_seconds, write_seconds=write_seconds)
    return cast(type[asyncio.Protocol], made)
