"""Measures the service with few and with many versions of a model: .venv-dev/bin/python -m benchmarks.versions

Starts a service with one worker for each number of versions. Prints the seconds until it is ready, the seconds of a promotion
and of a deletion, and the share of a core that it uses when idle. The versions are hard links to the shipped one, so they
need almost no disk space.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from models.manifest import MANIFEST
from models.repository import Repository
from tests.app.retraining.jobs import TOKEN
from tests.live import SHIPPED, service

IDLE_SECONDS = 10.0


def fill(root: Path, count: int) -> None:
    """Create a repository with this number of versions of digits."""
    Repository(root).adopt(Repository(SHIPPED))
    first = root / "digits" / "1"
    manifest = json.loads((first / MANIFEST).read_text())
    for number in range(2, count + 1):
        folder = root / "digits" / str(number)
        folder.mkdir()
        for file in first.iterdir():
            if file.name != MANIFEST:
                os.link(file, folder / file.name)
        (folder / MANIFEST).write_text(json.dumps(manifest | {"version": number}))
    (root / "digits" / ".highest").write_text(f"{count}\n")


def measure(count: int) -> dict[str, float]:
    """Measure a service with this number of versions."""
    with tempfile.TemporaryDirectory(prefix="seedling-versions-") as folder:
        state = Path(folder) / "state"
        fill(state / "models", count)
        headers = {"Authorization": f"Bearer {TOKEN}", "If-Match": "*"}
        clock = time.perf_counter()
        with (
            service(state, admin_token=TOKEN, embedded_worker=False, forked=False) as running,
            httpx.Client(base_url=running.url, headers=headers, timeout=60, trust_env=False) as client,
        ):
            started = time.perf_counter() - clock
            assert client.get("/readyz").json()["serving"] == "digits/1"
            promotions, deletions = [], []
            for number in range(2, 7):
                clock = time.perf_counter()
                client.put("/admin/models/digits/champion", json={"version": number}).raise_for_status()
                promotions.append(time.perf_counter() - clock)
            for number in range(1, 5):
                clock = time.perf_counter()
                client.delete(f"/admin/models/digits/versions/{number}").raise_for_status()
                deletions.append(time.perf_counter() - clock)
            time.sleep(4)  # a changed folder is polled repeatedly for two seconds
            process = psutil.Process(running.process.pid)
            before, clock = process.cpu_times(), time.perf_counter()
            time.sleep(IDLE_SECONDS)
            after, seconds = process.cpu_times(), time.perf_counter() - clock
            idle = (after.user + after.system - before.user - before.system) / seconds
            return {
                "start s": round(started, 2),
                "promotion s": round(statistics.median(promotions), 3),
                "deletion s": round(statistics.median(deletions), 3),
                "idle, share of a core": round(idle, 4),
                "resident MB": round(process.memory_info().rss / 1e6),
            }


def main() -> None:
    """Print the figures for few and for many versions, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=10)
    parser.add_argument("--many", type=int, default=2000)
    options = parser.parse_args()
    few, many = measure(options.few), measure(options.many)
    ratios = {name: round(many[name] / few[name], 2) if few[name] else None for name in few}
    print(json.dumps({f"{options.few} versions": few, f"{options.many} versions": many, "ratio": ratios}, indent=2))


if __name__ == "__main__":
    main()
