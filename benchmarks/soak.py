"""An hour in the life of a busy service: make soak, or .venv-dev/bin/python -m benchmarks.soak --minutes 60

Mixed traffic on two workers and a trainer of its own, while champions are swapped, jobs run, workers and trainers are
killed, and strangers attack (`benchmarks.attacks`). Where cgroups can be made, the service has the memory that compose.yaml
gives it. Every picture is compared with the one that its version draws here. Ends with status 1 if one was wrong, if an answer
failed that no kill explains, if a job was lost, if a process was killed for want of memory, or, after ten minutes or more, if
memory grew.
"""

from __future__ import annotations

import argparse
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
from collections.abc import Callable
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
"""What fails so shortly after a worker was killed is what it had in hand."""
MOST_GROWTH = 0.10
"""Of a worker's memory, from the second quarter of the time to the last."""
LEAST_MINUTES = 10
"""In less, a worker is still filling its caches and loading versions, and growth says nothing."""
MEMORY = GIBIBYTE
"""What compose.yaml gives the service."""
SEEDS = 512


class Soak:
    """What goes on, and what came of it.

    Args:
        folder: for the service's state.
        minutes: how long.
        cache: of what the judges see, which takes a minute to compute; by default a new one.
    """

    def __init__(self, folder: Path, minutes: float, cache: Path | None = None) -> None:
        self.seconds, self.ends = minutes * 60, 0.0
        self.settings: dict[str, object] = {
            **{"admin_token": TOKEN, "gate_pictures": 200, "cache": cache or folder / "cache", "embedded_worker": False},
            "max_loaded": 2,  # versions come and go, as they would in months
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
        """All of it. Returns the figures."""
        with cgroup(MEMORY) as group:
            return self._run(group)

    def _run(self, group: Path | None) -> dict[str, object]:
        settings = {**self.settings, "access_log": False, "shipped": ROOT / "models"}
        server = start(self.state, group=group, workers=2, **settings)
        self.url, self.parent = server.url, psutil.Process(server.process.pid)
        self.trainer = self._start_trainer()
        self.spared = self._workers()[0]
        self._wait_for_trainer()
        began = time.monotonic()
        self.ends = began + self.seconds
        shifts: list[Callable[[httpx.Client], None]] = [self.singles, self.singles, self.sheets, self.others]
        threads = [threading.Thread(target=self._shift, args=(shift,)) for shift in shifts]
        others = (self.swap, self.retrain, self.kill_workers, self.kill_trainers, self.attack)
        threads += [threading.Thread(target=work) for work in others]
        for thread in threads:
            thread.start()
        while time.monotonic() < self.ends:
            self.memory.append((time.monotonic() - began, self.spared.memory_info().rss))
            time.sleep(min(5.0, self.seconds / 40))
        for thread in threads:
            thread.join()
        lost = self._lost()
        self.trainer.terminate()
        self.trainer.wait(60)
        server.process.terminate()
        server.process.wait(60)
        return {
            **{"minutes": round((time.monotonic() - began) / 60, 1), "answers": self.counted.total()},
            **{"by kind": dict(sorted(self.counted.items())), "wrong": self.wrong, "failed": self.failed},
            **{"jobs": len(self.jobs), "lost": lost, "growth": round(self._growth(), 4)},
            "most memory MB": round(most_used(group) / 1e6) if group else None,
            "killed for memory": killed_for_memory(group) if group else None,
            "resident MB": [round(rss / 1e6) for _, rss in self.memory[:: max(1, len(self.memory) // 12)]],
        }

    # Traffic.

    def _shift(self, work: Callable[[httpx.Client], None]) -> None:
        client = httpx.Client(base_url=self.url, timeout=120, trust_env=False, verify=False)
        while time.monotonic() < self.ends:
            try:
                work(client)
            except httpx.TransportError as error:
                self._cut(f"{work.__name__}: {error!r}")
                client.close()
                client = httpx.Client(base_url=self.url, timeout=120, trust_env=False, verify=False)
        client.close()

    def _cut(self, what: str) -> None:
        if time.monotonic() - self._killed_at < GRACE_SECONDS:
            self.counted["cut off by a kill"] += 1
        else:
            self.failed.append(what)

    def _ask(self, client: httpx.Client, method: str, path: str, **body: object) -> httpx.Response | None:
        answer = client.request(method, path, **body)  # type: ignore[arg-type]
        if answer.status_code == 200:
            self.counted[path.partition("?")[0]] += 1
            return answer
        if answer.status_code == 503 and "retry-after" in answer.headers:
            self.counted["told to come again"] += 1
        else:
            self.failed.append(f"{path}: {answer.status_code} {answer.text[:200]}")
        return None

    def singles(self, client: httpx.Client) -> None:
        """One picture, and whether it is the right one."""
        seed = random.randrange(SEEDS)
        answer = self._ask(client, "GET", f"/generate?seed={seed}&format=npy")
        if answer and self._expected(answer.headers["x-model"])[seed] != answer.content[-784:]:
            self.wrong.append(f"seed {seed} of {answer.headers['x-model']}")

    def sheets(self, client: httpx.Client) -> None:
        """Many at once, each compared as well."""
        first, count = random.randrange(SEEDS - 128), random.randrange(2, 128)
        answer = self._ask(client, "GET", f"/generate?seeds={first}-{first + count - 1}&format=npy")
        if answer:
            expected = self._expected(answer.headers["x-model"])[first : first + count]
            if b"".join(expected) != answer.content[-784 * count :]:
                self.wrong.append(f"seeds {first}+{count} of {answer.headers['x-model']}")

    def others(self, client: httpx.Client) -> None:
        """What else there is to ask for."""
        seed = random.randrange(2**32)
        walk = {"keyframes": [seed, "text", {"seed": 3}], "steps": 24, "format": random.choice(["gif", "apng", "webp", "zip"])}
        self._ask(client, "POST", "/interpolate", json=walk)
        picture = self._ask(client, "GET", f"/generate?seed={seed}&scale={random.randrange(1, 9)}")
        if picture:
            self._ask(client, "POST", "/discriminate", content=picture.content)
        self._ask(client, "GET", f"/plane?x={random.randrange(65000)}&y=7&columns=8&rows=8&step=0.25")
        self._ask(client, "GET", "/models")
        self._ask(client, "GET", "/readyz")

    def _expected(self, model: str) -> list[bytes]:
        with self._lock:
            if model not in self._drawn:
                name, number = model.split("/")
                generator = LoadedGenerator(self.repository.get(name, int(number)))
                pixels = generator.draw([generator.point(seed)[0] for seed in range(SEEDS)])
                self._drawn[model] = [picture.tobytes() for picture in pixels]
            return self._drawn[model]

    # What happens to it.

    def _every(self, seconds: float, step: Callable[[httpx.Client], None]) -> None:
        """A step now and then, until the end."""
        while time.monotonic() + seconds < self.ends:
            time.sleep(seconds)
            self._once(step)

    def _once(self, step: Callable[[httpx.Client], None]) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, verify=False) as client:
            try:
                step(client)
            except httpx.TransportError as error:
                self._cut(f"{step.__name__}: {error!r}")

    def swap(self) -> None:
        def promote(client: httpx.Client) -> None:
            number = random.choice(self.repository.numbers("digits"))
            path = "/admin/models/digits/champion"
            answer = client.put(path, json={"version": number}, headers={"If-Match": "*"})
            self.counted["swaps"] += answer.status_code == 200
            if answer.status_code not in (200, 503):
                self.failed.append(f"{path}: {answer.text[:200]}")

        self._every(min(7.0, self.seconds / 10), promote)

    def retrain(self) -> None:
        def post(client: httpx.Client) -> None:
            body = {"preset": "quick", "budget": {"images": 640}, "promote": "never", "spec": SMALL_SPEC}
            answer = client.post("/admin/retrain", json=body)
            if answer.status_code == 202:
                self.jobs.append(answer.json()["id"])
            else:
                self.counted[f"jobs refused: {answer.json().get('code')}"] += 1

        while not self.jobs and time.monotonic() < self.ends:  # the first at once, however short the time
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
        return [child for child in self.parent.children() if "spawn_main" in " ".join(child.cmdline())]

    # What came of it.

    def _lost(self) -> list[str]:
        """Jobs that neither succeeded nor say why they did not, after as long as they may take."""
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
        """Of the spared worker's memory."""
        quarters = [[rss for at, rss in self.memory if lower <= at / self.seconds < lower + 0.25] for lower in (0.25, 0.75)]
        before, after = (statistics.median(quarter) for quarter in quarters)
        return after / before - 1


def main(arguments: list[str] | None = None) -> int:
    """Run, print the figures as JSON, and return the exit status."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--cache", type=Path, help="what the judges see, if it was computed before")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="seedling-soak-") as folder:
        found = Soak(Path(folder), chosen.minutes, chosen.cache).run()
    print(json.dumps(found, indent=2))
    grew = chosen.minutes >= LEAST_MINUTES and float(str(found["growth"])) > MOST_GROWTH
    return int(bool(found["wrong"] or found["failed"] or found["lost"] or found["killed for memory"] or grew))


if __name__ == "__main__":
    sys.exit(main())
