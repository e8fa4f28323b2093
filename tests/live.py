"""A real service for tests: `python -m app` in a process of its own, on a free port of the loopback."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from models.repository import Repository
from tests.memory import confined

ROOT = Path(__file__).resolve().parent.parent


def _one_version() -> Path:
    """A folder of shipped models that holds digits/1 and nothing else, so that tests can count on what a service takes in."""
    folder = Path(tempfile.mkdtemp(prefix="seedling-shipped-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(ROOT / "models" / "digits" / "1", folder / "digits" / "1")
    shutil.copyfile(ROOT / "models" / "digits" / "config.pbtxt", folder / "digits" / "config.pbtxt")
    Repository(folder).promote("digits", 1)
    return folder


SHIPPED = _one_version()
"""What services under test are shipped with. What is really shipped is `tests.test_shipped`'s."""


@dataclass(frozen=True)
class Service:
    """A running service."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def client(self) -> httpx.Client:
        """Without certificates, which take longer to load than most calls take."""
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False, verify=False)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def environment(state: Path, **settings: object) -> dict[str, str]:
    """What a process of the service is started with: these settings and no others."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GAN_")}
    ours = {f"GAN_{name.upper()}": str(value) for name, value in settings.items()}
    # At 19, as in service, a trainer has only what nobody else needs: beside another file of tests, next to nothing.
    ours = {"GAN_TRAINING_NICE": "0", **ours}
    return inherited | {"GAN_STATE": str(state), "GAN_SHIPPED": str(SHIPPED), "PYTHONWARNINGS": "error"} | ours


def start(state: Path, *, group: Path | None = None, **settings: object) -> Service:
    """Start the service, in a cgroup if one is given, and wait until it answers."""
    port, log = int(settings.pop("port", 0) or free_port()), state.parent / f"{state.name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            confined([sys.executable, "-m", "app"], group),
            cwd=ROOT,
            env=environment(state, port=port, **settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = Service(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait(running)
    except BaseException:
        process.kill()
        raise
    return running


@contextmanager
def service(state: Path, *, group: Path | None = None, **settings: object) -> Iterator[Service]:
    """Start the service, wait until it is ready or has ended, and stop it with SIGTERM afterwards."""
    running = start(state, group=group, **settings)
    try:
        yield running
    finally:
        running.process.terminate()
        running.process.wait(60)


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
