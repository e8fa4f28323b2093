"""The access log: one line per request, in the format of the other logs, written in batches.

`logging` takes 22 us per line, which cost 10 % of the throughput: it creates a record, applies filters, and formats and writes
each line separately. Here a line is one formatted string. Lines are written together, at the latest after
`FLUSH_SECONDS`, or earlier if `FLUSH_BYTES` have been collected. Measured by `python -m benchmarks.access_log`.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

from app.observability.tracing import Trace

NAME = "seedling.access"
FLUSH_SECONDS = 0.1
FLUSH_BYTES = 4_000
"""A write to a pipe of up to 4,096 bytes is atomic, so the lines of several workers do not mix."""


class AccessLog:
    """Writes the access log of one worker to stderr.

    Args:
        shape: text or json.
    """

    def __init__(self, shape: Literal["text", "json"]) -> None:
        self._format = _json if shape == "json" else _text
        self._lines: list[str] = []
        self._size = 0
        atexit.register(self.flush)

    def write(self, client: str, method: str, target: str, status: int, seconds: float, trace: Trace) -> None:
        """Log a request. Must be called in the event loop.

        Args:
            client: address of the client.
            method: HTTP method.
            target: path and query.
            status: status code of the response.
            seconds: duration of the request.
            trace: ids of the request.
        """
        line = self._format(client, method, target, status, seconds, trace)
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        elif self._size + len(line) > FLUSH_BYTES:
            self.flush()
        self._lines.append(line)
        self._size += len(line)

    def flush(self) -> None:
        """Write all lines that have been collected."""
        lines, self._lines, self._size = self._lines, [], 0
        if lines:
            sys.stderr.write("".join(lines))
            sys.stderr.flush()


def is_enabled() -> bool:
    """Whether the log level includes the access log."""
    return logging.getLogger(NAME).isEnabledFor(logging.INFO)


def _text(client: str, method: str, target: str, status: int, seconds: float, trace: Trace) -> str:
    return f"INFO:     {_message(client, method, target, status, seconds)}\n"


def _json(client: str, method: str, target: str, status: int, seconds: float, trace: Trace) -> str:
    fields = {
        "level": "INFO",
        "logger": NAME,
        "message": _message(client, method, target, status, seconds),
        "client": client,
        "method": method,
        "target": target,
        "status": status,
        "seconds": round(seconds, 6),
        "trace_id": trace.trace_id,
        "span_id": trace.span_id,
        "time": datetime.now(UTC).isoformat(),
    }
    return f"{json.dumps(fields, ensure_ascii=False)}\n"


def _message(client: str, method: str, target: str, status: int, seconds: float) -> str:
    return f'{client} "{method} {printable(target)}" {status} {seconds * 1e3:.1f} ms'


def printable(text: str) -> str:
    """Escape a decoded path, because a line break in it must not start a new log line."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()
