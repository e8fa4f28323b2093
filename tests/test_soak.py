"""Half a minute of `make soak`: no wrong responses and no lost work while workers are killed and champions are swapped."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import psutil
import pytest

from benchmarks import soak
from tests.forked import Forked
from tests.live import environment, run_module


def forked_trainer(test: soak.Soak) -> subprocess.Popen[bytes] | Forked:
    """Start the trainer of a soak in a forked process, so that its trainings take a tenth of MNIST."""
    return run_module("app.retraining", test.state.parent / "trainer.log", environment(test.state, **test.settings))


def test_nothing_is_wrong_or_lost_while_workers_are_killed_and_champions_are_swapped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, trainers_cache: Path
) -> None:
    monkeypatch.setattr(soak.Soak, "_start_trainer", forked_trainer)
    least = {"/generate": 101, "workers killed": 2, "supervisors killed": 1, "swaps": 3}  # which takes longer on a slow machine
    # with pauses, because other tests run beside it
    status = soak.main(["--minutes", "0.5", "--pause", "0.2", "--least", json.dumps(least), "--cache", str(trainers_cache)])
    found = json.loads(capsys.readouterr().out)
    assert (status, found["wrong"], found["failed"], found["lost"]) == (0, [], [], [])
    kinds = found["by kind"]
    assert kinds["/generate"] > 100
    assert kinds["workers killed"] >= 2
    assert kinds["supervisors killed"] >= 1
    assert kinds["swaps"] >= 3
    assert found["jobs"] >= 1, kinds
    assert {"/interpolate", "/discriminate", "/plane", "/models", "/readyz"} <= kinds.keys()


def test_the_end_of_the_worker_that_is_never_killed_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Ended:
        pid = 2**22 + 1

        def memory_info(self) -> None:
            raise psutil.NoSuchProcess(self.pid)

    test = soak.Soak(tmp_path, 1)
    test.spared = Ended()  # type: ignore[assignment]
    workers: list[psutil.Process] = []
    monkeypatch.setattr(test, "_workers", lambda: workers)
    test._measure(3)
    workers.append(psutil.Process())
    test._measure(8)
    test._measure(13)
    assert [" ".join(failure.split()[-4:]) for failure in test.failed] == ["ended after 3 s", "ended after 8 s"]
    assert [seconds for seconds, _ in test.memory] == [13]
    assert test._growth() == float("inf")
