"""Load generators: wrk measures throughput, and our own client sends requests at a fixed rate."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from app.images.encoding import png
from benchmarks.contestants import LOAD_CORE, Load, Running

REPEATED = 100
QUEUED, MOST_REJECTED = 16, 0.9
"""With more connections than a server queues, it rejects requests, and wrk immediately sends the next ones in their place."""
_LUA = """
local seed = {first}
local count = 0
local etags = {etags}
function request()
  count = count + 1
  {make}
end
function done(summary, latency, requests)
  io.write(string.format('{{"requests": %d, "us": %d, "p50": %d, "p99": %d, "errors": %d, "broken": %d}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""
_JSON = '{["Content-Type"] = "application/json"}'


@dataclass(frozen=True)
class Throughput:
    """The results of wrk, and the CPU time of the server."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """CPU time of all server processes per request."""
    errors: float
    """Share of the responses that were errors."""


def wrk(
    server: Running,
    load: Load,
    connections: int,
    seconds: int,
    first_seed: int,
    cores: frozenset[int] = frozenset({LOAD_CORE}),
) -> Throughput:
    """Send requests with wrk, each as soon as the response to the previous one on its connection has arrived.

    Args:
        server: the server.
        load: the kind of requests.
        connections: number of connections.
        seconds: duration.
        first_seed: the seeds of new requests count up from here.
        cores: where wrk runs.

    Raises:
        SystemExit: wrk is missing, a connection failed, or more than half of the responses were errors; with more than
            `QUEUED` connections, more than `MOST_REJECTED`.
    """
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing. apt-get install -y wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_script(server, load, first_seed))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script.name]
        before = server.cpu_seconds()
        run = subprocess.run(
            [*command, f"http://127.0.0.1:{server.port}"],
            capture_output=True,
            text=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        used = server.cpu_seconds() - before
    result = json.loads(run.stdout.splitlines()[-1])
    tolerated = MOST_REJECTED if connections > QUEUED else 0.5
    if result["errors"] > result["requests"] * tolerated or result["broken"] or not result["requests"]:
        raise SystemExit(f"{load.name} failed at {connections} connections: {result}. Run the server by hand.")
    return Throughput(
        result["requests"] / result["us"] * 1e6,
        result["p50"] / 1e3,
        result["p99"] / 1e3,
        used / result["requests"] * 1e6,
        result["errors"] / result["requests"],
    )


def _script(server: Running, load: Load, first_seed: int) -> str:
    etags = "{}"
    if load.kind == "unchanged":
        tags = [server.request(*load.request(seed))[1]["etag"] for seed in range(REPEATED)]
        etags = "{" + ", ".join(f"'{tag}'" for tag in tags) + "}"
        make = (
            f"local n = count % {REPEATED}; return wrk.format('GET', '{load.path}' .. n, {{['If-None-Match'] = etags[n + 1]}})"
        )
    elif load.kind == "repeated":
        make = f"return wrk.format('GET', '{load.path}' .. count % {REPEATED})"
    elif load.kind == "upload":
        picture = np.add.outer(np.arange(14), np.arange(14)).astype(np.uint8) * 9
        body = "".join(f"\\{byte:03d}" for byte in png(picture))
        make = f"return wrk.format('POST', '{load.path}' .. seed + count, {{}}, '{body}')"
    elif load.path.endswith("="):
        make = f"return wrk.format('GET', '{load.path}' .. seed + count)"
    else:
        make = f"return wrk.format('POST', '{load.path}', {_JSON}, '{{\"seed\": ' .. seed + count .. '}}')"
    return _LUA.format(first=first_seed, etags=etags, make=make)


@dataclass
class Latencies:
    """The latencies of all requests at a fixed rate."""

    latencies: dict[int, list[float]] = field(default_factory=dict)
    """Seconds from sending the request to the last byte of the response, by status."""
    without_retry_after: int = 0
    """Number of 503 responses without Retry-After."""
    hanging: int = 0
    """Requests without a response five seconds after the end."""
    unsent: int = 0
    """Requests that were not sent because no connection was free."""

    def p99_ms(self, status: int = 200) -> float:
        """Return the 99th percentile of the latencies with this status."""
        return float(np.percentile(self.latencies.get(status, [float("nan")]), 99)) * 1e3

    def count(self, status: int) -> int:
        """Return the number of responses with this status."""
        return len(self.latencies.get(status, []))


class _Connection(asyncio.Protocol):
    """A keep-alive connection with at most one request in flight."""

    def __init__(self, results: Latencies, idle: Callable[[_Connection], None]) -> None:
        self.results, self.idle = results, idle
        self.sent = 0.0
        self.buffer = b""
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.idle(self)

    def send(self, request: bytes) -> None:
        self.buffer, self.busy, self.sent = b"", True, time.perf_counter()
        self.transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        status = int(head[9:12])
        self.busy = False
        self.results.latencies.setdefault(status, []).append(time.perf_counter() - self.sent)
        if status == 503 and b"retry-after:" not in lower:
            self.results.without_retry_after += 1
        self.idle(self)


async def _paced(port: int, per_second: float, seconds: float, connections: int, first_seed: int) -> Latencies:
    results = Latencies()
    free: deque[_Connection] = deque()
    loop = asyncio.get_running_loop()
    all_connections = []
    for _ in range(connections):
        _, connection = await loop.create_connection(lambda: _Connection(results, free.append), "127.0.0.1", port)
        all_connections.append(connection)
    start, count = time.perf_counter(), 0
    while (now := time.perf_counter() - start) < seconds:
        due = int(now * per_second)
        while count < due:
            count += 1
            if free:
                seed = first_seed + count
                free.popleft().send(f"GET /generate?seed={seed} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            else:
                results.unsent += 1
        await asyncio.sleep(0.0005)
    await asyncio.sleep(0)
    limit = time.perf_counter() + 5
    while any(connection.busy for connection in all_connections) and time.perf_counter() < limit:
        await asyncio.sleep(0.01)
    results.hanging = sum(connection.busy for connection in all_connections)
    for connection in all_connections:
        connection.transport.close()
    return results


def paced(server: Running, per_second: float, seconds: float, connections: int, first_seed: int) -> Latencies:
    """Request new seeds at a fixed rate, regardless of how fast the server responds."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {LOAD_CORE})
    import uvloop

    return uvloop.run(_paced(server.port, per_second, seconds, connections, first_seed))
