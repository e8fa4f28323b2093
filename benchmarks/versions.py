"""What it costs to have many versions: .venv-dev/bin/python -m benchmarks.versions

Starts the service over a model of few and then of many versions, with one worker, and prints for each: seconds from the
start until it is ready, seconds of a promotion and of a deletion, and the share of a core that it takes while nobody asks.
The versions are hard links to the shipped one, so they take no room.
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


def many(root: Path, count: int) -> None:
    """Fill a repository with so many versions of the digits."""
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
    """The figures of one service."""
    with tempfile.TemporaryDirectory(prefix="seedling-versions-") as folder:
        state = Path(folder) / "state"
        many(state / "models", count)
        headers = {"Authorization": f"Bearer {TOKEN}", "If-Match": "*"}
        began = time.perf_counter()
        with (
            service(state, admin_token=TOKEN, embedded_worker=False) as running,
            httpx.Client(base_url=running.url, headers=headers, timeout=60, trust_env=False) as client,
        ):
            started = time.perf_counter() - began
            assert client.get("/readyz").json()["serving"] == "digits/1"
            promotions, deletions = [], []
            for number in range(2, 7):
                began = time.perf_counter()
                client.put("/admin/models/digits/champion", json={"version": number}).raise_for_status()
                promotions.append(time.perf_counter() - began)
            for number in range(1, 5):
                began = time.perf_counter()
                client.delete(f"/admin/models/digits/versions/{number}").raise_for_status()
                deletions.append(time.perf_counter() - began)
            time.sleep(4)  # a folder that changed just now is looked at again and again for two seconds
            process = psutil.Process(running.process.pid)
            before, began = process.cpu_times(), time.perf_counter()
            time.sleep(IDLE_SECONDS)
            after, seconds = process.cpu_times(), time.perf_counter() - began
            idle = (after.user + after.system - before.user - before.system) / seconds
            return {
                "start s": round(started, 2),
                "promotion s": round(statistics.median(promotions), 3),
                "deletion s": round(statistics.median(deletions), 3),
                "idle, share of a core": round(idle, 4),
                "resident MB": round(process.memory_info().rss / 1e6),
            }


def main() -> None:
    """Print the figures of few and of many versions, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=10)
    parser.add_argument("--many", type=int, default=2000)
    chosen = parser.parse_args()
    few, lots = measure(chosen.few), measure(chosen.many)
    ratios = {name: round(lots[name] / few[name], 2) if few[name] else None for name in few}
    print(json.dumps({f"{chosen.few} versions": few, f"{chosen.many} versions": lots, "ratio": ratios}, indent=2))


if __name__ == "__main__":
    main()
