"""Measures how open event streams affect requests for pictures: .venv-dev/bin/python -m benchmarks.streams

Opens many event streams of a running job from one viewer. Prints how many were accepted, the latency of `GET /generate`
before, during and after, and the memory and threads of the worker.
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
    """Return the latencies in ms of sequential requests for new seeds."""
    times = []
    with httpx.Client(base_url=running.url, timeout=60, trust_env=False) as client:
        for seed in range(first, first + PICTURES):
            start = time.perf_counter()
            client.get(f"/generate?seed={seed}").raise_for_status()
            times.append((time.perf_counter() - start) * 1e3)
    return times


def figures(running: Service, first: int) -> dict[str, float]:
    """Measure the latency, memory and threads."""
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
        service(Path(folder) / "state", admin_token=TOKEN, access_log=False, forked=False) as running,
    ):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        job = httpx.post(f"{running.url}/admin/retrain", json=small_job(budget={"minutes": 10}), headers=headers).json()["id"]
        time.sleep(15)  # until the trainer has loaded its libraries and is training
        results: dict[str, object] = {"without": figures(running, 0)}
        host, port = running.url.removeprefix("http://").split(":")
        request = f"GET /admin/jobs/{job}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
        streams = []
        for _ in range(count):
            stream = socket.create_connection((host, int(port)))
            stream.sendall(request)
            streams.append(stream)
        time.sleep(5)
        results["during"] = figures(running, 10_000)
        statuses = [stream.recv(15)[9:12].decode() for stream in streams]
        results["responses"] = {status: statuses.count(status) for status in set(statuses)}
        for stream in streams:
            stream.close()
        time.sleep(5)
        results["after"] = figures(running, 20_000)
        results["tracebacks"] = running.log.read_text().count("Traceback")
        httpx.post(f"{running.url}/admin/jobs/{job}/cancel", headers=headers)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
