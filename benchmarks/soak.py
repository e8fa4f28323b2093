"""A soak test of a busy service: make soak, or .venv-dev/bin/python -m benchmarks.soak --minutes 60

Sends mixed traffic to two workers and a trainer while it promotes versions, starts jobs, kills workers and trainers, and
attacks the service (`benchmarks.attacks`). Where cgroups can be created, the service has the memory limit of compose.yaml.
Every picture is compared with the one that its version draws locally. Exits with status 1 if a picture was wrong, a request
failed for any reason other than a kill, a job was lost, a process ran out of memory, or memory grew during a run of ten minutes
or more.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import psutil

from app.sampling.generator import LoadedGenerator
from benchmarks.attacks import ATTACKS
from models.repository import Repository
from tests.app.retraining.jobs import SMALL_SPEC, TOKEN
from tests.live import ROOT, environment, start
from tests.memory import GIBIBYTE, cgroup, killed_for_memory, most_used

GRACE_SECONDS = 3.0
"""Failures within this time after the kill of a worker are attributed to the kill."""
MOST_GROWTH = 0.10
"""Maximum growth of a worker's memory from the second to the last quarter of the run."""
LEAST_MINUTES = 10
"""In shorter runs, growth is not checked, because workers are still filling caches and loading versions."""
MEMORY = GIBIBYTE
"""The memory limit of the service in compose.yaml."""
SEEDS = 512


class Soak:
    """A run of the soak test and its results.

    Args:
        folder: folder for the state of the service.
        minutes: duration.
        cache: folder with the cached features of the judges, which take a minute to compute. By default, a new one.
        pause: seconds that each connection waits between requests. 0 keeps all processors busy.
        least: what must be counted at least, such as 100 "/generate" or 2 "workers killed". A slow machine takes longer.
    """

    def __init__(
        self,
        folder: Path,
        minutes: float,
        cache: Path | None = None,
        pause: float = 0.0,
        least: Mapping[str, int] | None = None,
    ) -> None:
        self.seconds, self.ends, self.pause, self.least = minutes * 60, 0.0, pause, least or {}
        self.settings: dict[str, object] = {
            **{"admin_token": TOKEN, "gate_pictures": 200, "cache": cache or folder / "cache", "embedded_worker": False},
            "max_loaded": 2,  # so that versions are loaded and unloaded all the time
            "max_connections": 200,
        }
        self.state = folder / "state"
        self.repository = Repository(self.state / "models")
        self.counted: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.failed: list[str] = []
        self.jobs: list[str] = []
        self.memory: list[tuple[float, int]] = []
        self._killed_at = 0.0
        self._lock = threading.Lock()
        self._drawn: dict[str, list[bytes]] = {}

    def run(self) -> dict[str, object]:
        """Run the test and return the figures."""
        with cgroup(MEMORY) as group:
            return self._run(group)

    def _run(self, group: Path | None) -> dict[str, object]:
        settings = {**self.settings, "access_log": False, "shipped": ROOT / "models"}
        server = start(self.state, group=group, workers=2, **settings)
        self.url, self.parent = server.url, psutil.Process(server.process.pid)
        self.trainer = self._start_trainer()
        self.spared = self._workers()[0]
        self._wait_for_trainer()
        start_time = time.monotonic()
        self.ends = start_time + self.seconds
        traffic: list[Callable[[httpx.Client], None]] = [self.singles, self.singles, self.sheets, self.others]
        threads = [threading.Thread(target=self._repeat, args=(work,)) for work in traffic]
        events = (self.swap, self.retrain, self.kill_workers, self.kill_trainers, self.attack)
        threads += [threading.Thread(target=event) for event in events]
        for thread in threads:
            thread.start()
        while not self._over():
            self._measure(time.monotonic() - start_time)
            time.sleep(min(5.0, self.seconds / 40))
        for thread in threads:
            thread.join()
        lost = self._lost()
        self.trainer.terminate()
        self.trainer.wait(60)
        server.process.terminate()
        server.process.wait(60)
        return {
            **{"minutes": round((time.monotonic() - start_time) / 60, 1), "responses": self.counted.total()},
            **{"by kind": dict(sorted(self.counted.items())), "wrong": self.wrong, "failed": self.failed},
            **{"jobs": len(self.jobs), "lost": lost, "growth": round(self._growth(), 4)},
            "most memory MB": round(most_used(group) / 1e6) if group else None,
            "killed for memory": killed_for_memory(group) if group else None,
            "resident MB": [round(rss / 1e6) for _, rss in self.memory[:: max(1, len(self.memory) // 12)]],
        }

    def _over(self, seconds: float = 0.0) -> bool:
        """Whether the run is over this number of seconds from now."""
        return time.monotonic() + seconds >= self.ends and all(self.counted[kind] >= n for kind, n in self.least.items())

    def _measure(self, seconds: float) -> None:
        """Note the memory of the worker that is never killed. That it ended is a failure, and another one is measured."""
        try:
            self.memory.append((seconds, self.spared.memory_info().rss))
        except psutil.NoSuchProcess:
            self.failed.append(f"worker {self.spared.pid}, which is never killed, had ended after {seconds:.0f} s")
            self.spared = next((worker for worker in self._workers() if worker.pid != self.spared.pid), self.spared)

    # Traffic.

    def _repeat(self, work: Callable[[httpx.Client], None]) -> None:
        client = httpx.Client(base_url=self.url, timeout=120, trust_env=False, verify=False)
        while not self._over():
            try:
                work(client)
            except httpx.TransportError as error:
                self._connection_lost(f"{work.__name__}: {error!r}")
                client.close()
                client = httpx.Client(base_url=self.url, timeout=120, trust_env=False, verify=False)
            time.sleep(self.pause)
        client.close()

    def _connection_lost(self, what: str) -> None:
        if time.monotonic() - self._killed_at < GRACE_SECONDS:
            self.counted["lost because of a kill"] += 1
        else:
            self.failed.append(what)

    def _request(self, client: httpx.Client, method: str, path: str, **body: object) -> httpx.Response | None:
        response = client.request(method, path, **body)  # type: ignore[arg-type]
        if response.status_code == 200:
            self.counted[path.partition("?")[0]] += 1
            return response
        if response.status_code == 503 and "retry-after" in response.headers:
            self.counted["rejected with Retry-After"] += 1
        else:
            self.failed.append(f"{path}: {response.status_code} {response.text[:200]}")
        return None

    def singles(self, client: httpx.Client) -> None:
        """Request a picture and compare it."""
        seed = random.randrange(SEEDS)
        response = self._request(client, "GET", f"/generate?seed={seed}&format=npy")
        if response and self._expected(response.headers["x-model"])[seed] != response.content[-784:]:
            self.wrong.append(f"seed {seed} of {response.headers['x-model']}")

    def sheets(self, client: httpx.Client) -> None:
        """Request many pictures at once and compare them."""
        first, count = random.randrange(SEEDS - 128), random.randrange(2, 128)
        response = self._request(client, "GET", f"/generate?seeds={first}-{first + count - 1}&format=npy")
        if response:
            expected = self._expected(response.headers["x-model"])[first : first + count]
            if b"".join(expected) != response.content[-784 * count :]:
                self.wrong.append(f"seeds {first}+{count} of {response.headers['x-model']}")

    def others(self, client: httpx.Client) -> None:
        """Send the other kinds of requests."""
        seed = random.randrange(2**32)
        walk = {"keyframes": [seed, "text", {"seed": 3}], "steps": 24, "format": random.choice(["gif", "apng", "webp", "zip"])}
        self._request(client, "POST", "/interpolate", json=walk)
        picture = self._request(client, "GET", f"/generate?seed={seed}&scale={random.randrange(1, 9)}")
        if picture:
            self._request(client, "POST", "/discriminate", content=picture.content)
        self._request(client, "GET", f"/plane?x={random.randrange(65000)}&y=7&columns=8&rows=8&step=0.25")
        self._request(client, "GET", "/models")
        self._request(client, "GET", "/readyz")

    def _expected(self, model: str) -> list[bytes]:
        with self._lock:
            if model not in self._drawn:
                name, number = model.split("/")
                generator = LoadedGenerator(self.repository.get(name, int(number)))
                pixels = generator.draw([generator.point(seed)[0] for seed in range(SEEDS)])
                self._drawn[model] = [picture.tobytes() for picture in pixels]
            return self._drawn[model]

    # Events.

    def _every(self, seconds: float, step: Callable[[httpx.Client], None]) -> None:
        """Perform a step at an interval until the end."""
        while not self._over(seconds):
            time.sleep(seconds)
            self._once(step)

    def _once(self, step: Callable[[httpx.Client], None]) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, verify=False) as client:
            try:
                step(client)
            except httpx.TransportError as error:
                self._connection_lost(f"{step.__name__}: {error!r}")

    def swap(self) -> None:
        def promote(client: httpx.Client) -> None:
            number = random.choice(self.repository.numbers("digits"))
            path = "/admin/models/digits/champion"
            response = client.put(path, json={"version": number}, headers={"If-Match": "*"})
            self.counted["swaps"] += response.status_code == 200
            if response.status_code not in (200, 503):
                self.failed.append(f"{path}: {response.text[:200]}")

        self._every(min(7.0, self.seconds / 10), promote)

    def retrain(self) -> None:
        def post(client: httpx.Client) -> None:
            body = {"preset": "quick", "budget": {"images": 640}, "promote": "never", "spec": SMALL_SPEC}
            response = client.post("/admin/retrain", json=body)
            if response.status_code == 202:
                self.jobs.append(response.json()["id"])
            else:
                self.counted[f"jobs rejected: {response.json().get('code')}"] += 1

        while not self.jobs and not self._over():  # the first job starts at once, even in a short run
            self._once(post)
            time.sleep(0.5)
        self._every(min(60.0, self.seconds / 1.5), post)

    def kill_workers(self) -> None:
        def kill(_: httpx.Client) -> None:
            others = [worker for worker in self._workers() if worker.pid != self.spared.pid]
            if others:
                self._killed_at = time.monotonic()
                random.choice(others).kill()
                self.counted["workers killed"] += 1

        self._every(min(23.0, self.seconds / 5), kill)

    def kill_trainers(self) -> None:
        def kill(_: httpx.Client) -> None:
            self.trainer.kill()
            self.trainer.wait()
            self.trainer = self._start_trainer()
            self.counted["supervisors killed"] += 1
            runs = [p for p in psutil.process_iter(["cmdline"]) if str(self.state) in " ".join(p.info["cmdline"] or [])]
            if runs and random.random() < 0.3:
                os.kill(runs[0].pid, signal.SIGKILL)
                self.counted["trainers killed"] += 1

        self._every(min(97.0, self.seconds / 3), kill)

    def attack(self) -> None:
        host, port = self.url.removeprefix("http://").split(":")
        attacks = list(ATTACKS)
        random.shuffle(attacks)

        def try_next(_: httpx.Client) -> None:
            attack = attacks.pop(0)
            attacks.append(attack)
            attack(host, int(port))
            self.counted[f"attack: {attack.__name__}"] += 1

        self._every(min(5.0, self.seconds / 15), try_next)

    def _wait_for_trainer(self) -> None:
        with httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60, trust_env=False
        ) as client:
            while not client.get("/admin/jobs").json()["trainers"]:
                time.sleep(0.2)

    def _start_trainer(self) -> subprocess.Popen[bytes]:
        with (self.state.parent / "trainer.log").open("ab") as log:
            command = [sys.executable, "-m", "app.retraining"]
            return subprocess.Popen(command, cwd=ROOT, env=environment(self.state, **self.settings), stdout=log, stderr=log)

    def _workers(self) -> list[psutil.Process]:
        found = []
        for child in self.parent.children():
            with contextlib.suppress(psutil.NoSuchProcess):  # killed, and perhaps not yet reaped
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    # Results.

    def _lost(self) -> list[str]:
        """Return the jobs that have not succeeded when the time for all jobs is over."""
        headers, deadline = {"Authorization": f"Bearer {TOKEN}"}, time.monotonic() + 180 * max(1, len(self.jobs))
        with httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, verify=False) as client:
            while time.monotonic() < deadline:
                jobs = [client.get(f"/admin/jobs/{job}").json() for job in self.jobs]
                if not any(job.get("state") in ("queued", "running", "evaluating") for job in jobs):
                    break
                time.sleep(1)
        lost = [job for job in jobs if job.get("state") != "succeeded"] if self.jobs else []
        return [f"{job.get('id')}: {job.get('state', 'gone')}: {job.get('detail')}" for job in lost]

    def _growth(self) -> float:
        """Return the relative growth of the memory of the worker that is never killed."""
        quarters = [[rss for at, rss in self.memory if lower <= at / self.seconds < lower + 0.25] for lower in (0.25, 0.75)]
        if not all(quarters):
            return float("inf")  # it had ended; see `_measure`
        before, after = (statistics.median(quarter) for quarter in quarters)
        return after / before - 1


def main(arguments: list[str] | None = None) -> int:
    """Run, print the figures as JSON, and return the exit status."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--cache", type=Path, help="folder with the cached features of the judges")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds that each connection waits between requests")
    parser.add_argument("--least", type=json.loads, default={}, help='continue until so many, as JSON: {"workers killed": 2}')
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="seedling-soak-") as folder:
        figures = Soak(Path(folder), options.minutes, options.cache, options.pause, options.least).run()
    print(json.dumps(figures, indent=2))
    grew = options.minutes >= LEAST_MINUTES and float(str(figures["growth"])) > MOST_GROWTH
    return int(bool(figures["wrong"] or figures["failed"] or figures["lost"] or figures["killed for memory"] or grew))


if __name__ == "__main__":
    sys.exit(main())
