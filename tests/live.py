"""A real service for tests: `python -m app` in a process of its own, on a free port of the loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "models"


@dataclass(frozen=True)
class Service:
    """A running service."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def service(state: Path, **settings: object) -> Iterator[Service]:
    """Start the service, wait until it is ready or has ended, and stop it with SIGTERM afterwards."""
    port, log = free_port(), state.parent / f"{state.name}.log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GAN_")}
    environment |= {"GAN_PORT": str(port), "GAN_STATE": str(state), "PYTHONWARNINGS": "error"}
    environment |= {f"GAN_{name.upper()}": str(value) for name, value in settings.items()}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app"], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        running = Service(f"http://127.0.0.1:{port}", process, log)
        _wait(running)
        yield running
    finally:
        process.terminate()
        process.wait(30)


def _wait(running: Service) -> None:
    with running.client() as client:
        for _ in range(600):
            assert running.process.poll() is None, f"the service ended: {running.log.read_text()}"
            try:
                client.get("/livez")
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
    raise AssertionError(f"the service does not answer: {running.log.read_text()}")
