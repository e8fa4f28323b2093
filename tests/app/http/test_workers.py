"""Worker processes: several workers, load, shutdown and restart."""

from __future__ import annotations

import gc
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from app.main import create_server
from tests import fresh
from tests.live import service
from tests.waiting import LIMIT_SECONDS


def test_two_workers_return_the_same_bytes(tmp_path: Path) -> None:
    with service(tmp_path / "state", workers=2) as running:

        def request(seed: int) -> tuple[int, bytes]:
            # a new connection for each request, so that both workers get some
            response = fresh.get(f"{running.url}/generate?seed={seed % 4}")
            assert response.status_code == 200, response.text
            return seed % 4, response.content

        with ThreadPoolExecutor(8) as pool:
            responses = list(pool.map(request, range(160)))
        for seed in range(4):
            assert len({content for s, content in responses if s == seed}) == 1
        log = running.log.read_text()
        assert log.count("Started server process") == 2
        assert "ERROR" not in log


def test_a_worker_that_does_not_run_for_seconds_is_not_replaced(tmp_path: Path) -> None:
    """As on an overloaded machine. uvicorn would replace it after five seconds."""
    with service(tmp_path / "state", workers=2) as running:
        before = {child.pid for child in psutil.Process(running.process.pid).children() if "spawn_main" in str(child.cmdline())}
        assert len(before) == 2
        for pid in before:
            os.kill(pid, signal.SIGSTOP)
        threading.Event().wait(8)
        for pid in before:
            os.kill(pid, signal.SIGCONT)
        assert fresh.get(f"{running.url}/generate?seed=1").status_code == 200
        assert before <= {child.pid for child in psutil.Process(running.process.pid).children()}


def test_bulk_work_does_not_delay_single_pictures(tmp_path: Path) -> None:
    order: list[str] = []

    with service(tmp_path / "state") as running, running.client() as client:

        def bulk() -> None:
            response = fresh.get(f"{running.url}/generate?seeds=0-4095&scale=4&format=zip")
            order.append(f"bulk {response.status_code}")

        threads = [threading.Thread(target=bulk) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            assert client.get("/generate?seed=1").status_code == 200
            order.append("single")
        for thread in threads:
            thread.join()
    assert order[:20] == ["single"] * 20, "single pictures are drawn while the bulk work is in progress"
    assert order[20:] == ["bulk 200"] * 3


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_service_after_the_requests_in_flight(tmp_path: Path, stop: signal.Signals) -> None:
    with service(tmp_path / "state") as running:
        with ThreadPoolExecutor(1) as pool:
            started = threading.Event()

            def bulk() -> int:
                started.set()
                return fresh.get(f"{running.url}/generate?seeds=0-2000&format=npy").status_code

            pending = pool.submit(bulk)
            started.wait()
            threading.Event().wait(0.3)
            running.process.send_signal(stop)
            assert pending.result() == 200
        assert running.process.wait(LIMIT_SECONDS) in (0, -stop)
        assert "Application shutdown complete" in running.log.read_text()


def test_the_service_starts_after_it_was_killed(tmp_path: Path) -> None:
    with service(tmp_path / "state") as running:
        running.process.kill()
        running.process.wait()
    with service(tmp_path / "state") as running, running.client() as client:
        assert client.get("/readyz").status_code == 200
        assert client.get("/models/digits").json()["aliases"] == {"champion": 1}


def test_objects_that_exist_at_the_start_are_excluded_from_garbage_collection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAN_STATE", str(tmp_path))
    try:
        create_server()
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
