"""The whole of it: two workers under constant load, a retraining from request to promotion, and not one wrong answer."""

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
from tests.app.retraining.jobs import SETTINGS, SMALL_SPEC, admin_of
from tests.live import service
from tests.training.conftest import SMALL
from training.export import build
from training.loop import run
from training.loop.run_folder import RunFolder
from training.spec import TrainingSpec

SEEDS = range(64)


def weak_champion(tmp_path: Path, state: Path, cache: Path) -> None:
    """Publish a champion that is hardly trained: a small network after 64 images. It is made once for all processes of
    pytest-xdist, next to the cache of the judges' features.
    """
    made = cache / "weak"
    with (cache / "weak.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make_weak(tmp_path / "made", tmp_path, cache)
            (tmp_path / "made").rename(made)
    shutil.copytree(made, state / "models")


def _make_weak(models: Path, tmp_path: Path, cache: Path) -> None:
    folder = RunFolder(tmp_path / "weak")
    run.start(folder, TrainingSpec.from_preset("quick", **SMALL | {"images": 64, "match_tones": False}))
    run.run(folder)
    trained = build.load_trained(folder, "last")
    build.export(trained, "digits", Repository(models), pictures=200, cache=cache, thorough=False)


class Load:
    """Asks for pictures without pause, from several connections, and keeps what came."""

    def __init__(self, url: str, connections: int) -> None:
        self.url = url
        self.failed: list[str] = []
        self.answers: list[tuple[int, str, int, bytes]] = []
        """On which connection, by which version, for which seed, its pixels."""
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,), daemon=True) for n in range(connections)]
        for thread in self._threads:
            thread.start()

    def _ask(self, first: int) -> None:
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False, verify=False) as client:
            for n in itertools.count(first * 16):
                if self._stop.is_set():
                    return
                seed = n % len(SEEDS)
                try:
                    answer = client.get(f"/generate?seed={seed}&format=npy")
                except httpx.HTTPError as error:
                    self.failed.append(repr(error))
                    continue
                if answer.status_code != 200:
                    self.failed.append(answer.text)
                    continue
                self.answers.append((first, answer.headers["x-model"], seed, answer.content[-784:]))
                time.sleep(0.05)  # a load, not a siege: the trainer shares these cores

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_a_better_generator_takes_over_under_load_without_one_failed_request(tmp_path: Path, cache: Path) -> None:
    state = tmp_path / "state"
    weak_champion(tmp_path, state, cache)
    with service(state, workers=2, cache=cache, shipped=tmp_path, access_log=False, **SETTINGS) as running:
        load = Load(running.url, connections=4)
        admin = admin_of(running)
        answer = admin.client.post(
            "/admin/retrain",
            json={
                **{"preset": "quick", "seed": 0, "budget": {"images": 6400}, "promote": "if_better"},
                "spec": SMALL_SPEC | {"sample_every": 3200, "checkpoint_every": 3200, "log_every": 640},
            },
        )
        assert answer.status_code == 202, answer.text
        job = admin.wait(answer.json()["id"], "succeeded", "failed", "interrupted")
        time.sleep(1)  # within which all workers follow
        by_connection = {httpx.get(f"{running.url}/generate?seed=1", verify=False).headers["x-model"] for _ in range(40)}
        load.stop()

    assert (job["state"], job["version"], job["promoted"]) == ("succeeded", 2, True), job
    figures, before = job["gate"]["figures"], job["gate"]["champion_figures"]
    assert figures["fid_test"]["value"] < before["fid_test"]["value"]
    assert f"{figures['fid_test']['value']:.4f} against {before['fid_test']['value']:.4f} of version 1" in job["gate"]["reason"]

    assert load.failed == []
    assert by_connection == {"digits/2"}, "each of the connections may have met either worker: both are on the new champion"
    drawn: dict[str, list[bytes]] = {}
    for number in (1, 2):
        generator = LoadedGenerator(Repository(state / "models").get("digits", number))
        pixels: np.ndarray = generator.draw([generator.point(seed)[0] for seed in SEEDS])
        drawn[f"digits/{number}"] = [picture.tobytes() for picture in pixels]
    wrong = [(name, seed) for _, name, seed, pixels in load.answers if drawn[name][seed] != pixels]
    assert wrong == []
    counted = Counter(name for _, name, _, _ in load.answers)
    assert counted["digits/1"] > 500
    assert counted["digits/2"] > 20
    of_connection = {connection: [name for c, name, _, _ in load.answers if c == connection] for connection in range(4)}
    for names in of_connection.values():  # each stays with one worker
        assert names == sorted(names), "once a worker has followed, it does not go back"
        assert names[-1] == "digits/2"
    print(f"\n{sum(counted.values())} answers, 0 failed: {dict(counted)}")
