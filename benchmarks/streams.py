"""What many open event streams cost those who ask for pictures: .venv-dev/bin/python -m benchmarks.streams

Opens as many streams of a running job as asked for, from one viewer, and prints how many were accepted, the latency of
`GET /generate` beside them and without them, and the memory and threads of the worker.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from tests.app.retraining.jobs import TOKEN, small_job
from tests.live import Service, service

PICTURES = 400


def latencies(running: Service, first: int) -> list[float]:
    """Milliseconds of some new seeds, one after another."""
    found = []
    with httpx.Client(base_url=running.url, timeout=60, trust_env=False) as client:
        for seed in range(first, first + PICTURES):
            began = time.perf_counter()
            client.get(f"/generate?seed={seed}").raise_for_status()
            found.append((time.perf_counter() - began) * 1e3)
    return found


def figures(running: Service, first: int) -> dict[str, float]:
    """Latency, memory and threads at this moment."""
    times, process = latencies(running, first), psutil.Process(running.process.pid)
    return {
        "p50 ms": round(statistics.median(times), 2),
        "p99 ms": round(statistics.quantiles(times, n=100)[-1], 2),
        "max ms": round(max(times), 1),
        "resident MB": round(process.memory_info().rss / 1e6),
        "threads": process.num_threads(),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=2000)
    count = parser.parse_args().streams
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with (
        tempfile.TemporaryDirectory(prefix="seedling-streams-") as folder,
        service(Path(folder) / "state", admin_token=TOKEN, access_log=False) as running,
    ):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        job = httpx.post(f"{running.url}/admin/retrain", json=small_job(budget={"minutes": 10}), headers=headers).json()["id"]
        time.sleep(15)  # the trainer has loaded its libraries and trains
        found: dict[str, object] = {"without": figures(running, 0)}
        host, port = running.url.removeprefix("http://").split(":")
        request = f"GET /admin/jobs/{job}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
        streams = []
        for _ in range(count):
            stream = socket.create_connection((host, int(port)))
            stream.sendall(request)
            streams.append(stream)
        time.sleep(5)
        found["beside"] = figures(running, 10_000)
        statuses = [stream.recv(15)[9:12].decode() for stream in streams]
        found["answers"] = {status: statuses.count(status) for status in set(statuses)}
        for stream in streams:
            stream.close()
        time.sleep(5)
        found["after"] = figures(running, 20_000)
        found["tracebacks"] = running.log.read_text().count("Traceback")
        httpx.post(f"{running.url}/admin/jobs/{job}/cancel", headers=headers)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
