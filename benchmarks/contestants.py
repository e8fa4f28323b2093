"""The compared servers: setting them up, starting them, sending requests and measuring CPU time and memory."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "peers"
SERVER_CORE, LOAD_CORE = 0, 1
SERVE = ROOT / ".venv" / "bin" / "python"
"""The interpreter of `make serve`, without torch. The trainer uses the environment of the benchmark itself."""
UVICORN = [str(SERVE), "-m", "uvicorn", "--no-access-log", "--log-level", "warning", "--app-dir", str(PEERS)]
UVICORN += ["--port", "{port}"]
START_LIMIT = 60


@dataclass(frozen=True)
class Load:
    """A kind of requests, shown as a row of the table."""

    name: str
    path: str
    """If it ends with `=`, the seed is appended and sent with GET. Otherwise, the seed is sent in JSON with POST."""
    kind: str = "new"
    """new: each seed once. repeated: a hundred seeds in turn. unchanged: the same with If-None-Match. upload: each seed once,
    with a picture of 14x14 pixels as the body."""

    def request(self, seed: int) -> tuple[str, str, str | None]:
        """Return the method, path and body of a request for a seed."""
        return (
            ("GET", f"{self.path}{seed}", None) if self.path.endswith("=") else ("POST", self.path, json.dumps({"seed": seed}))
        )


@dataclass(frozen=True)
class Contestant:
    """A server and the requests that it gets."""

    name: str
    command: list[str]
    """`{port}` is replaced by the port."""
    loads: tuple[Load, ...]
    environment: dict[str, str] = field(default_factory=dict)
    draws: bool = True
    """Whether it returns the picture of the seed. If so, the picture is compared with Seedling's."""


def environments() -> dict[str, Path]:
    """Return the Python interpreters of the peers. Missing environments are created."""
    interpreters = {}
    for line in (PEERS.parent / "requirements.txt").read_text().splitlines():
        requirement = line.partition("#")[0].strip()
        if not requirement:
            continue
        name = requirement.partition("==")[0]
        folder = ROOT / ".venv-bench" / requirement
        if not (folder / "ready").exists():
            print(f"setting up {requirement}", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, requirement, *_shared()], check=True)
            (folder / "ready").touch()
        interpreters[name] = folder / "bin" / "python"
    return interpreters


def _shared() -> list[str]:
    """Return the requirements that the peers share with Seedling, in the same versions."""
    ours = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    return [*(f"{name}=={ours[name]}" for name in ("onnxruntime", "numpy", "pillow")), f"uvicorn[standard]=={ours['uvicorn']}"]


def seedling(state: Path, python: Path = SERVE, **settings: object) -> Contestant:
    """Seedling as started by `make serve`, but without the access log, which is disabled for all contestants."""
    environment = {f"GAN_{name.upper()}": str(value) for name, value in settings.items()}
    loads = (
        Load("Seedling, `If-None-Match`", "/generate?seed=", "unchanged"),
        Load("Seedling, repeated seeds", "/generate?seed=", "repeated"),
        Load("Seedling, new seeds", "/generate?seed=", "new"),
        Load("Seedling, `POST /sharpen`, new seeds", "/sharpen?seed=", "upload"),
    )
    quiet = {"GAN_STATE": str(state), "GAN_PORT": "{port}", "GAN_ACCESS_LOG": "false", "GAN_LOG_LEVEL": "error"}
    return Contestant("seedling", [str(python), "-m", "app"], loads, environment=quiet | environment)


def contestants(generator: Path, picture: Path, state: Path) -> list[Contestant]:
    """Return all contestants in the order of the table, in which each row is compared with the one above."""
    peers = environments()
    env = {"BENCH_GENERATOR": str(generator), "BENCH_PICTURE": str(picture)}
    litserve = [str(peers["litserve"]), str(PEERS / "with_litserve.py"), "{port}"]
    bentoml = [str(peers["bentoml"]), "-m", "bentoml", "serve", "with_bentoml:Generator", "--port", "{port}"]
    bentoml += ["--host", "127.0.0.1", "--working-dir", str(PEERS)]
    tutorial = (Load("tutorial, `async def`", "/async?seed="), Load("tutorial, `def`", "/def?seed="))
    return [
        Contestant("bare", [*UVICORN, "bare:app"], (Load("bare ASGI reply", "/generate?seed="),), env, draws=False),
        Contestant(
            "ceiling",
            [*UVICORN, "ceiling:app"],
            (Load("FastAPI, constant: **the ceiling**", "/generate?seed="),),
            env,
            draws=False,
        ),
        seedling(state),
        Contestant("tutorial", [*UVICORN, "tutorial:app"], tutorial, env),
        Contestant("litserve", litserve, (Load("LitServe", "/predict"),), env),
        Contestant("bentoml", bentoml, (Load("BentoML", "/generate"),), env | {"BENTOML_DO_NOT_TRACK": "true"}),
    ]


class Running:
    """A running contestant that has returned its first picture.

    Args:
        contestant: the server.
        cores: where it and all its processes run.
    """

    def __init__(self, contestant: Contestant, cores: frozenset[int] = frozenset({SERVER_CORE})) -> None:
        self.contestant, self.port = contestant, free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GAN_")}
        environment = {name: value.replace("{port}", str(self.port)) for name, value in contestant.environment.items()}
        start = time.perf_counter()
        self.process = subprocess.Popen(
            [part.replace("{port}", str(self.port)) for part in contestant.command],
            cwd=ROOT,
            env=inherited | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if "GAN_ACCESS_LOG" in environment and environment["GAN_ACCESS_LOG"] == "true" else None,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
            start_new_session=True,
        )
        try:
            self.first = self._first_picture()
        except BaseException:
            self.stop()
            raise
        self.seconds_to_first = time.perf_counter() - start

    def request(
        self, method: str, path: str, body: str | None = None, timeout: float = 60
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request on a new connection, and return the status, headers and body of the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def _first_picture(self) -> bytes:
        limit = time.monotonic() + START_LIMIT
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                raise SystemExit(
                    f"{self.contestant.name} exited with {self.process.returncode} before its first picture. Run it by hand."
                )
            try:
                status, _, body = self.request(*self.contestant.loads[0].request(42))
                if status == 200:
                    return body
            except OSError:
                pass
            time.sleep(0.01)
        raise SystemExit(f"{self.contestant.name} returned no picture within {START_LIMIT} s. Run it by hand.")

    def _processes(self) -> list[psutil.Process]:
        return [parent := psutil.Process(self.process.pid), *parent.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Return the CPU time used so far by all its processes."""
        return sum(sum(process.cpu_times()[:2]) for process in self._processes())

    def megabytes(self, field: str = "VmHWM") -> float:
        """Return the memory of all its processes, peak (VmHWM) or current (VmRSS). Shared memory is counted in each process."""
        return sum(_status(process.pid, field) for process in self._processes())

    def stop(self) -> None:
        """Stop the server with all its processes."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


@contextmanager
def running(contestant: Contestant, cores: frozenset[int] = frozenset({SERVER_CORE})) -> Iterator[Running]:
    """Run a contestant on some cores for the duration of the context."""
    server = Running(contestant, cores)
    try:
        yield server
    finally:
        server.stop()


def pixels(picture: bytes) -> NDArray[np.uint8]:
    """Decode a picture file."""
    with Image.open(io.BytesIO(picture)) as image:
        return np.asarray(image)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _status(pid: int, field: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0) * 1024 / 1e6
