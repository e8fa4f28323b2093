"""Measures how retraining and promotions affect requests: .venv-dev/bin/python benchmarks/retraining.py

Starts a service with two workers. Prints the latency of GET /generate when idle and during training, in alternating turns;
the time from a promotion until all workers use the new version; and the memory of the workers before and after 500
promotions under load, each of which loads a generator again.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import psutil

from models.repository import Repository
from models.version import copier

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "benchmark-benchmark-benchmark"
PORT = 8765
URL = f"http://127.0.0.1:{PORT}"
VERSIONS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4, help="number of turns, idle and training; 0: none")
    parser.add_argument("--seconds", type=float, default=8, help="duration of each turn")
    parser.add_argument("--swaps", type=int, default=500, help="number of promotions")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        state = Path(scratch) / "state"
        repository = Repository(state / "models")
        shipped = Repository(ROOT / "models").get("digits", 1)
        for _ in range(VERSIONS):
            repository.publish("digits", copier(shipped))
        environment = os.environ | {
            **{"GAN_STATE": str(state), "GAN_PORT": str(PORT), "GAN_WORKERS": "2", "GAN_ADMIN_TOKEN": TOKEN},
            **{"GAN_ACCESS_LOG": "false", "GAN_MAX_LOADED": "1", "GAN_LOG_LEVEL": "error"},
        }
        with (Path(scratch) / "log").open("wb") as log:
            service = subprocess.Popen([sys.executable, "-m", "app"], cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_until_ready()
            figures = latencies(arguments.rounds, arguments.seconds) if arguments.rounds else {}
            figures |= swaps(service, arguments.swaps)
        finally:
            service.terminate()
            service.wait(60)
    print(json.dumps(figures, indent=2))


def wait_until_ready() -> None:
    for _ in range(200):
        try:
            if httpx.get(f"{URL}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("The service has not started within 20 seconds. Run python -m app by hand.")


def admin() -> httpx.Client:
    return httpx.Client(base_url=URL, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)


def latencies(rounds: int, seconds: float) -> dict[str, object]:
    """Measure GET /generate in ms with new seeds on one connection, when idle and during training, in turns."""
    times: dict[str, list[float]] = {"idle": [], "training": []}
    rates: list[float] = []
    with admin() as client:
        for turn in range(rounds):
            times["idle"] += sample(seconds, turn)
            job = client.post("/admin/retrain", json={"preset": "standard", "promote": "never"}).json()["id"]
            before = progress(client, job, 0)
            clock = time.monotonic()
            times["training"] += sample(seconds, turn + rounds)
            after = progress(client, job, before)
            rates.append((after - before) / (time.monotonic() - clock))
            client.post(f"/admin/jobs/{job}/cancel")
            while client.get(f"/admin/jobs/{job}").json()["state"] != "cancelled":
                time.sleep(0.1)
    shown = {name: quantiles(values) for name, values in times.items()}
    for figure in ("p50", "p99"):
        shown[f"{figure} training / idle"] = round(shown["training"][figure] / shown["idle"][figure], 2)
    return {"generate, ms": shown, "images/s of the trainer while serving": round(statistics.median(rates))}


def progress(client: httpx.Client, job: str, previous: int) -> int:
    """Wait until a job has progressed, and return its number of images."""
    while True:
        status = client.get(f"/admin/jobs/{job}").json()
        if status["state"] not in ("queued", "running"):
            raise SystemExit(status["detail"])
        images = (status["progress"] or {}).get("images", 0)
        if images > previous:
            return images
        time.sleep(0.1)


def sample(seconds: float, turn: int) -> list[float]:
    times = []
    with httpx.Client(base_url=URL) as client:
        end, seed = time.monotonic() + seconds, turn * 1_000_000
        while time.monotonic() < end:
            clock = time.perf_counter()
            client.get(f"/generate?seed={seed}").raise_for_status()
            times.append((time.perf_counter() - clock) * 1000)
            seed += 1
            time.sleep(0.002)
    return times


def quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "requests": len(ordered),
        "p50": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[int(len(ordered) * 0.99)], 2),
        "max": round(ordered[-1], 2),
    }


def swaps(service: subprocess.Popen[bytes], count: int) -> dict[str, object]:
    """Promote versions in turn under load, and measure the memory and the time until the last worker has switched."""
    stop, failed, requests = threading.Event(), [], [0]

    def load() -> None:
        with httpx.Client(base_url=URL, timeout=60) as client:
            seed = 0
            while not stop.is_set():
                try:
                    client.get(f"/generate?seed={seed}").raise_for_status()
                except httpx.HTTPError as error:
                    failed.append(repr(error))
                requests[0] += 1
                seed += 1
                time.sleep(0.005)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    follow: list[float] = []
    with admin() as client:

        def promote(number: int) -> None:
            client.put("/admin/models/digits/champion", json={"version": number}, headers={"If-Match": "*"}).raise_for_status()

        for n in range(20):  # warm-up: load every version and fill the allocators
            promote(n % VERSIONS + 1)
            time.sleep(0.6)
        before = memory(service)
        for n in range(count):
            number = n % VERSIONS + 1
            promote(number)
            if n % 50 == 0:
                follow.append(seconds_until_all_switch(f"digits/{number}"))
            else:
                time.sleep(0.6)  # longer than GAN_POLL_SECONDS, so that every worker switches every time
        after = memory(service)
    stop.set()
    for thread in threads:
        thread.join()
    return {
        "swaps": count,
        "requests during them": requests[0],
        "failed": len(failed),
        "seconds until the last worker follows": {"median": round(statistics.median(follow), 2), "max": round(max(follow), 2)},
        "RSS of each worker, MB": {"before": before, "after": after},
    }


def seconds_until_all_switch(name: str) -> float:
    """Return the seconds until 20 consecutive new connections, each to a random worker, get the new champion."""
    start = first = time.monotonic()
    matches = 0
    while matches < 20:
        model = httpx.get(f"{URL}/generate?seed=1").headers["x-model"]
        matches = matches + 1 if model == name else 0
        if matches <= 1:
            first = time.monotonic()
    return first - start


def memory(service: subprocess.Popen[bytes]) -> list[int]:
    workers = [child for child in psutil.Process(service.pid).children() if child.memory_info().rss > 50_000_000]
    return sorted(round(worker.memory_info().rss / 1e6) for worker in workers)


if __name__ == "__main__":
    main()
