"""Run a real service in tests: `python -m app` in its own process, on a free port of the loopback interface."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from models.repository import Repository
from tests.forked import Forked
from tests.memory import in_cgroup
from tests.training.small import TENTH
from tests.waiting import LIMIT_SECONDS, attempts

ROOT = Path(__file__).resolve().parent.parent


def _one_version() -> Path:
    """Return a folder of shipped models that contains only digits/1, so that tests know what a service adopts."""
    folder = Path(tempfile.mkdtemp(prefix="seedling-shipped-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(ROOT / "models" / "digits" / "1", folder / "digits" / "1")
    shutil.copyfile(ROOT / "models" / "digits" / "config.pbtxt", folder / "digits" / "config.pbtxt")
    Repository(folder).promote("digits", 1)
    return folder


LOG_SHOWN = 20_000
"""Characters of a service's log that a failing test prints."""
SHIPPED = _one_version()
"""The models that services under test ship with. `tests.test_shipped` tests the models that are really shipped."""


@dataclass(frozen=True)
class Service:
    """A running service."""

    url: str
    process: subprocess.Popen[bytes] | Forked
    log: Path

    def client(self) -> httpx.Client:
        """Return a client that does not load certificates, which takes longer than most requests."""
        return httpx.Client(base_url=self.url, timeout=LIMIT_SECONDS, trust_env=False, verify=False)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def environment(state: Path, **settings: object) -> dict[str, str]:
    """Return the environment of a service process. It contains these settings and no others.

    Trainers of a forked service use a tenth of MNIST. Their cache is `trainers_cache`.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GAN_")}
    ours = {f"GAN_{name.upper()}": str(value) for name, value in settings.items()}
    # With the default niceness of 19, a trainer gets almost no CPU time while other tests run.
    ours = {"GAN_TRAINING_NICE": "0", "GAN_ENCODER_IMAGES": "0", **ours}
    return inherited | {"GAN_STATE": str(state), "GAN_SHIPPED": str(SHIPPED), "PYTHONWARNINGS": "error", TENTH: "1"} | ours


def run_module(
    name: str, log: Path, env: Mapping[str, str], *, group: Path | None = None, forked: bool = True
) -> subprocess.Popen[bytes] | Forked:
    """Run `python -m` with an environment, in a forked process or in a new one, optionally in a cgroup."""
    command = [sys.executable, "-m", name]
    with log.open("ab") as output:
        if forked and not group:
            return Forked(command, cwd=ROOT, env=env, stdout=output)
        return subprocess.Popen(in_cgroup(command, group), cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT)


def start(
    state: Path, *, group: Path | None = None, forked: bool | None = None, module: str = "app", **settings: object
) -> Service:
    """Start the service, optionally in a cgroup, and wait until it responds.

    By default, the process of a service with one worker is forked. With several, it is a new one, so that they share metrics.
    """
    port, log = int(settings.pop("port", 0) or free_port()), state.parent / f"{state.name}.log"
    if forked is None:
        forked = settings.get("workers", 1) == 1
    process = run_module(module, log, environment(state, port=port, **settings), group=group, forked=forked)
    running = Service(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait(running)
    except BaseException:
        process.kill()
        raise
    return running


@contextmanager
def service(
    state: Path, *, group: Path | None = None, forked: bool | None = None, module: str = "app", **settings: object
) -> Iterator[Service]:
    """Start the service, wait until it responds, and stop it with SIGTERM at the end of the block."""
    running = start(state, group=group, forked=forked, module=module, **settings)
    try:
        yield running
    except BaseException:
        print(running.log.read_text()[-LOG_SHOWN:])  # shown by pytest if the test fails
        raise
    finally:
        running.process.terminate()
        running.process.wait(LIMIT_SECONDS)


def _wait(running: Service) -> None:
    with running.client() as client:
        for _ in attempts(0.1):
            assert running.process.poll() is None, f"the service ended: {running.log.read_text()}"
            try:
                client.get("/livez")
            except httpx.TransportError:
                continue
            return
    raise AssertionError(f"the service does not respond: {running.log.read_text()}")
