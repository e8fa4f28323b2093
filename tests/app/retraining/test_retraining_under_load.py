"""The whole process under load: two workers, one retraining from request to promotion, and no wrong response."""

from __future__ import annotations

import fcntl
import itertools
import shutil
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np

from app.sampling.generator import LoadedGenerator
from models.repository import Repository
from tests import fresh
from tests.app.retraining.jobs import SETTINGS, SMALL_SPEC, admin_of
from tests.live import Service, service
from tests.training.small import SMALL
from tests.training.tenth import a_tenth
from tests.waiting import LIMIT_SECONDS, wait_until
from training.export import build
from training.loop import run
from training.loop.run_folder import RunFolder
from training.spec import TrainingSpec

SEEDS = range(64)


def weak_champion(tmp_path: Path, state: Path, trainers_cache: Path) -> None:
    """Publish a barely trained champion: a small network after 64 images.

    All pytest-xdist processes share it. It is stored next to the cache of the judges' features.
    """
    shared = trainers_cache / "weak"
    with (trainers_cache / "weak.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            _train_weak_champion(tmp_path / "made", tmp_path, trainers_cache)
            (tmp_path / "made").rename(shared)
    shutil.copytree(shared, state / "models")


def _train_weak_champion(models: Path, tmp_path: Path, trainers_cache: Path) -> None:
    folder = RunFolder(tmp_path / "weak")
    run.start(folder, TrainingSpec.from_preset("quick", **SMALL | {"images": 64, "match_tones": False}))
    with a_tenth():
        run.run(folder)
        trained = build.load_trained(folder, "last")
        build.export(trained, "digits", Repository(models), pictures=200, cache=trainers_cache, thorough=False)


class Load:
    """Requests pictures continuously over several connections and records the responses."""

    def __init__(self, url: str, connections: int) -> None:
        self.url = url
        self.failed: list[str] = []
        self.responses: list[tuple[int, str, int, bytes]] = []
        """Connection, version, seed and pixels of each response."""
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send_requests, args=(n,), daemon=True) for n in range(connections)]
        for thread in self._threads:
            thread.start()

    def _send_requests(self, first: int) -> None:
        with httpx.Client(base_url=self.url, timeout=LIMIT_SECONDS, trust_env=False, verify=False) as client:
            for n in itertools.count(first * 16):
                if self._stop.is_set():
                    return
                seed = n % len(SEEDS)
                try:
                    response = client.get(f"/generate?seed={seed}&format=npy")
                except httpx.HTTPError as error:
                    self.failed.append(repr(error))
                    continue
                if response.status_code == 503 and response.json()["code"] == "overloaded":
                    # A drawing took longer than 85 ms, because other tests keep the processors busy. Retrying is the contract.
                    time.sleep(int(response.headers["retry-after"]))
                    continue
                if response.status_code != 200:
                    self.failed.append(response.text)
                    continue
                self.responses.append((first, response.headers["x-model"], seed, response.content[-784:]))
                time.sleep(0.05)  # a moderate load, because the trainer shares the cores

    def served_last(self, connection: int) -> str:
        """Return the version of the last response of a connection."""
        return next((name for n, name, _, _ in reversed(self.responses) if n == connection), "")

    def count(self, version: str) -> int:
        return sum(name == version for _, name, _, _ in self.responses)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def served_by(running: Service) -> set[str]:
    """Return the versions that serve new connections, which reach both workers."""
    return {fresh.get(f"{running.url}/generate?seed=1").headers["x-model"] for _ in range(40)}


def test_a_better_generator_is_promoted_under_load_without_a_failed_request(tmp_path: Path, trainers_cache: Path) -> None:
    state = tmp_path / "state"
    weak_champion(tmp_path, state, trainers_cache)
    settings = {"workers": 2, "forked": True, "cache": trainers_cache, "shipped": tmp_path, "access_log": False, **SETTINGS}
    with service(state, **settings) as running:  # type: ignore[arg-type]
        load = Load(running.url, connections=4)
        admin = admin_of(running)
        response = admin.client.post(
            "/admin/retrain",
            json={
                **{"preset": "quick", "seed": 0, "budget": {"images": 6400}, "promote": "if_better"},
                "spec": SMALL_SPEC | {"sample_every": 3200, "checkpoint_every": 3200, "log_every": 640},
            },
        )
        assert response.status_code == 202, response.text
        job = admin.wait(response.json()["id"], "succeeded", "failed", "interrupted")
        wait_until(lambda: served_by(running) == {"digits/2"}, 0.2)
        wait_until(lambda: all(load.served_last(n) == "digits/2" for n in range(4)) and load.count("digits/2") > 20)
        by_connection = served_by(running)
        load.stop()

    assert (job["state"], job["version"], job["promoted"]) == ("succeeded", 2, True), job
    figures, before = job["gate"]["figures"], job["gate"]["champion_figures"]
    assert figures["fid_test"]["value"] < before["fid_test"]["value"]
    assert f"{figures['fid_test']['value']:.4f} against {before['fid_test']['value']:.4f} of version 1" in job["gate"]["reason"]

    assert load.failed == []
    assert by_connection == {"digits/2"}, "new connections reach both workers, and both serve the new champion"
    drawn: dict[str, list[bytes]] = {}
    for number in (1, 2):
        generator = LoadedGenerator(Repository(state / "models").get("digits", number))
        pixels: np.ndarray = generator.draw([generator.point(seed)[0] for seed in SEEDS])
        drawn[f"digits/{number}"] = [picture.tobytes() for picture in pixels]
    wrong = [(name, seed) for _, name, seed, pixels in load.responses if drawn[name][seed] != pixels]
    assert wrong == []
    counted = Counter(name for _, name, _, _ in load.responses)
    assert counted["digits/1"] > 500
    assert counted["digits/2"] > 20
    of_connection = {connection: [name for c, name, _, _ in load.responses if c == connection] for connection in range(4)}
    for names in of_connection.values():  # each connection stays with one worker
        assert names == sorted(names), "a worker never returns to the old champion"
        assert names[-1] == "digits/2"
    print(f"\n{sum(counted.values())} responses, 0 failed: {dict(counted)}")
