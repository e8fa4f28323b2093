"""Denial-of-service attacks, each with a limited number of connections and bytes, for a limited time.

`benchmarks.soak` mixes them into its traffic. They come from their own loopback address, which the service can distinguish
from that of regular clients. None of them expects a useful response.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import time
import zlib
from collections.abc import Callable

ATTACKER = "127.0.0.66"
SECONDS = 3.0
"""How long connections are held open."""

Attack = Callable[[str, int], None]


def idle_connections(host: str, port: int) -> None:
    """Open many connections and send nothing."""
    _hold([_connect(host, port) for _ in range(600)])


def slow_headers(host: str, port: int) -> None:
    """Start many requests and send a header line from time to time (Slowloris)."""
    connections = [_connect(host, port) for _ in range(100)]
    _send(connections, b"GET /generate?seed=1 HTTP/1.1\r\nHost: x\r\n")
    for _ in range(3):
        time.sleep(SECONDS / 3)
        _send(connections, b"a: b\r\n")
    _hold(connections, seconds=0)


def withheld_uploads(host: str, port: int) -> None:
    """Send many large bodies without their last bytes."""
    connections = [_connect(host, port) for _ in range(30)]
    _send(connections, b"POST /discriminate HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
    _send(connections, b"\0" * 9_900_000)
    _hold(connections)


def unread_responses(host: str, port: int) -> None:
    """Request large responses and read none of them."""
    connections = [_connect(host, port, receive=4096) for _ in range(17)]
    for first, connection in enumerate(connections):
        seeds = b"%d-%d" % (first, first + 78)  # different seeds, because equal responses are computed only once
        _send([connection], b"GET /generate?seeds=%s&scale=32&format=npy HTTP/1.1\r\nHost: x\r\n\r\n" % seeds)
    _hold(connections)


def endless_trailers(host: str, port: int) -> None:
    """Send a body followed by endless trailers."""
    connection = _connect(host, port)
    _send([connection], b"POST /interpolate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
    for _ in range(500):
        if not _send([connection], b"a: b\r\n" * 10_000):
            break
    _hold([connection], seconds=0)


def many_header_lines(host: str, port: int) -> None:
    """Send as many header lines as allowed on many connections, without ending the header."""
    connections = [_connect(host, port) for _ in range(100)]
    _send(connections, b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"a:b\r\n" * 12_000)
    _hold(connections)


def pipelined_requests(host: str, port: int) -> None:
    """Pipeline many requests per connection and read no responses."""
    connections = [_connect(host, port, receive=4096) for _ in range(20)]
    _send(connections, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 8_000)
    _hold(connections)


def narrow_pictures(host: str, port: int) -> None:
    """Send small files that decode to very narrow pictures with many pixels."""
    content = narrow_png(1, 16_000_000)
    head = b"POST /discriminate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content)
    connections = [_connect(host, port) for _ in range(4)]
    _send(connections, head + content)
    _hold(connections)


def malformed_requests(host: str, port: int) -> None:
    """Send bytes that are not HTTP, and truncated requests."""
    connections = [_connect(host, port) for _ in range(50)]
    for connection in connections:
        _send(
            [connection],
            random.choice([b"\x16\x03\x01\x02\x00", b"GET / HTTP/9\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x", b"\r\n"]),
        )
    _hold(connections, seconds=0)


def narrow_png(width: int, height: int) -> bytes:
    """Return a small PNG file with many transparent black pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    compressor, rows = zlib.compressobj(9), bytes(1 + 4 * width) * 10_000
    data = b"".join(compressor.compress(rows) for _ in range(height // 10_000)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


ATTACKS: tuple[Attack, ...] = (
    *(idle_connections, slow_headers, withheld_uploads, unread_responses, endless_trailers, many_header_lines),
    *(pipelined_requests, narrow_pictures, malformed_requests),
)


def _connect(host: str, port: int, receive: int | None = None) -> socket.socket:
    connection = socket.socket()
    if receive:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    connection.settimeout(5)
    with contextlib.suppress(OSError):
        connection.bind((ATTACKER, 0))
        connection.connect((host, port))
    return connection


def _send(connections: list[socket.socket], content: bytes) -> int:
    """Send the content on each connection, and return the number of connections that accepted all of it."""
    complete = 0
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.sendall(content)
            complete += 1
    return complete


def _hold(connections: list[socket.socket], seconds: float = SECONDS) -> None:
    time.sleep(seconds)
    for connection in connections:
        connection.close()
