"""What the servers are loaded with: wrk where it counts how many, a client of our own where it counts when."""

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

from benchmarks.contestants import LOAD_CORE, Load, Running

REPEATED = 100
_LUA = """
local seed = {first}
local count = 0
local etags = {etags}
function request()
  count = count + 1
  {make}
end
function done(summary, latency, requests)
  io.write(string.format('{{"requests": %d, "us": %d, "p50": %d, "p99": %d, "refused": %d, "broken": %d}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""
_JSON = '{["Content-Type"] = "application/json"}'


@dataclass(frozen=True)
class Counted:
    """What wrk saw, and what the server used meanwhile."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """Of all the server's processes, a request."""
    refused: float
    """Share of the answers that were errors."""


def wrk(server: Running, load: Load, connections: int, seconds: int, first_seed: int) -> Counted:
    """Ask as often as it answers, on so many connections; seeds count up from the first.

    Raises:
        SystemExit: more than one answer in twenty was an error, or a connection broke, or wrk is missing.
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
            preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
        )
        used = server.cpu_seconds() - before
    seen = json.loads(run.stdout.splitlines()[-1])
    if seen["refused"] > seen["requests"] * 0.5 or seen["broken"] or not seen["requests"]:
        raise SystemExit(f"{load.name} at {connections} connections: {seen}. Run the server by hand and look.")
    return Counted(
        seen["requests"] / seen["us"] * 1e6,
        seen["p50"] / 1e3,
        seen["p99"] / 1e3,
        used / seen["requests"] * 1e6,
        seen["refused"] / seen["requests"],
    )


def _script(server: Running, load: Load, first_seed: int) -> str:
    etags = "{}"
    if load.kind == "unchanged":
        tags = [server.ask(*load.request(seed))[1]["etag"] for seed in range(REPEATED)]
        etags = "{" + ", ".join(f"'{tag}'" for tag in tags) + "}"
        make = (
            f"local n = count % {REPEATED}; return wrk.format('GET', '{load.path}' .. n, {{['If-None-Match'] = etags[n + 1]}})"
        )
    elif load.kind == "repeated":
        make = f"return wrk.format('GET', '{load.path}' .. count % {REPEATED})"
    elif load.path.endswith("="):
        make = f"return wrk.format('GET', '{load.path}' .. seed + count)"
    else:
        make = f"return wrk.format('POST', '{load.path}', {_JSON}, '{{\"seed\": ' .. seed + count .. '}}')"
    return _LUA.format(first=first_seed, etags=etags, make=make)


@dataclass
class Timed:
    """Each answer by itself."""

    latencies: dict[int, list[float]] = field(default_factory=dict)
    """Status to seconds from sending to the last byte."""
    without_retry_after: int = 0
    """503s that do not say when to come again."""
    hanging: int = 0
    """Requests not answered when all should have been."""
    unsent: int = 0
    """Requests for which no connection was free in time."""

    def p99_ms(self, status: int = 200) -> float:
        """The 99th percentile of the answers with this status."""
        return float(np.percentile(self.latencies.get(status, [float("nan")]), 99)) * 1e3

    def count(self, status: int) -> int:
        """How many answers had this status."""
        return len(self.latencies.get(status, []))


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request on its way."""

    def __init__(self, timed: Timed, idle: Callable[[_Connection], None]) -> None:
        self.timed, self.idle = timed, idle
        self.sent = 0.0
        self.buffer = b""
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.idle(self)

    def ask(self, request: bytes) -> None:
        self.buffer, self.busy, self.sent = b"", True, time.perf_counter()
        self.transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        status = int(head[9:12])
        self.busy = False
        self.timed.latencies.setdefault(status, []).append(time.perf_counter() - self.sent)
        if status == 503 and b"retry-after:" not in lower:
            self.timed.without_retry_after += 1
        self.idle(self)


async def _paced(port: int, per_second: float, seconds: float, connections: int, first_seed: int) -> Timed:
    timed = Timed()
    free: deque[_Connection] = deque()
    loop = asyncio.get_running_loop()
    everyone = []
    for _ in range(connections):
        _, connection = await loop.create_connection(lambda: _Connection(timed, free.append), "127.0.0.1", port)
        everyone.append(connection)
    begun, made = time.perf_counter(), 0
    while (now := time.perf_counter() - begun) < seconds:
        due = int(now * per_second)
        while made < due:
            made += 1
            if free:
                seed = first_seed + made
                free.popleft().ask(f"GET /generate?seed={seed} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            else:
                timed.unsent += 1
        await asyncio.sleep(0.0005)
    await asyncio.sleep(0)
    limit = time.perf_counter() + 5
    while any(connection.busy for connection in everyone) and time.perf_counter() < limit:
        await asyncio.sleep(0.01)
    timed.hanging = sum(connection.busy for connection in everyone)
    for connection in everyone:
        connection.transport.close()
    return timed


def paced(server: Running, per_second: float, seconds: float, connections: int, first_seed: int) -> Timed:
    """Ask for new seeds at a fixed rate, whether or not it keeps up, on so many connections."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {LOAD_CORE})
    import uvloop

    return uvloop.run(_paced(server.port, per_second, seconds, connections, first_seed))
