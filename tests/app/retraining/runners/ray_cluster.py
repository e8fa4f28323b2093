"""A real Ray cluster on this machine: a head, and more nodes if a test wants them. Its processes are not those of the tests."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.live import free_port
from tests.skipping import skip
from tests.waiting import LIMIT_SECONDS, attempts, wait_until

STARTS = 10
ACCEPTED = 6
"""Number of requests that a head must have answered."""
PATIENT = {
    **{"RAY_USAGE_STATS_ENABLED": "0", "RAY_agent_register_timeout_ms": "300000", "RAY_health_check_timeout_ms": "60000"},
    "RAY_worker_register_timeout_seconds": "600",
}
"""Variables of `ray start`: it sends no statistics, and a slow machine does not look like a dead one."""


def require_ray() -> None:
    """Skip the test if Ray is not installed."""
    if not importlib.util.find_spec("ray"):
        skip("Ray is missing. Install it: make ray.")


class RayCluster:
    """A cluster whose head can be restarted, and whose nodes can be killed.

    Args:
        dashboard: port of the dashboard of a cluster that another process has started.
        sessions: the sessions of its processes.
        folder: its folder.
    """

    def __init__(self, dashboard: int = 0, sessions: Sequence[int] = (), folder: str = "") -> None:
        self.folder = Path(folder or tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # short, because it contains sockets
        self.port, self.dashboard = free_port(), dashboard or free_port()
        self.started: list[subprocess.Popen[bytes]] = []
        self.sessions = set(sessions)

    @property
    def address(self) -> str:
        """The address for `GAN_RAY_ADDRESS`."""
        return f"http://127.0.0.1:{self.dashboard}"

    def start_head(self) -> None:
        """Start the head and wait until it accepts jobs. On a busy machine it may end soon after its start: then try again."""
        ports = [f"--port={self.port}", f"--dashboard-port={self.dashboard}"]
        for _ in range(STARTS):
            client = f"--ray-client-server-port={free_port()}"
            session = self._start(
                "--head", "--num-cpus=4", "--include-dashboard=true", f"--temp-dir={self.folder}", *ports, client
            )
            if self._accepts_jobs():
                return
            self._kill({session})
        raise AssertionError(self.output())

    def _accepts_jobs(self) -> bool:
        """Wait until the head has accepted requests for a while, or has ended. Return whether it accepts them."""
        accepted = 0
        with httpx.Client(trust_env=False, verify=False, timeout=LIMIT_SECONDS) as client:
            for _ in attempts(0.5):
                if self.started[-1].poll() is not None:
                    return False
                with suppress(httpx.TransportError):
                    accepted += client.get(f"{self.address}/api/jobs/").status_code == 200
                if accepted >= ACCEPTED:
                    return True
        return False

    def output(self) -> str:
        """Return what `ray start` has printed."""
        return "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in sorted(self.folder.glob("output-*")))

    def start_node(self, resources: str) -> psutil.Process:
        """Start another node with a CPU and further resources, as JSON. Return its raylet, which runs everything on it."""
        session = self._start(f"--address=127.0.0.1:{self.port}", "--num-cpus=1", f"--resources={resources}")
        (raylet,) = (process for process in self._processes({session}) if process.name() == "raylet")
        return raylet

    def _start(self, *options: str) -> int:
        """Run `ray start` until it succeeds: it gives up after 30 s, which is short on a busy machine. Return its session."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GAN_", "PYTHON", "RAY_"))}
        command = [str(Path(sys.executable).with_name("ray")), "start", "--node-ip-address=127.0.0.1", "--block", *options]
        command += ["--object-store-memory=80000000", "--disable-usage-stats", "--min-worker-port=0", "--max-worker-port=0"]
        for number in range(STARTS):
            output = self.folder / f"output-{len(self.sessions)}-{number}"
            with output.open("wb") as file:
                process = subprocess.Popen(
                    [*command, f"--dashboard-agent-listen-port={free_port()}"],
                    **{"env": {**kept, **PATIENT}, "cwd": self.folder, "stdin": subprocess.DEVNULL},
                    **{"stdout": file, "stderr": subprocess.STDOUT, "start_new_session": True},
                )
            self.started.append(process)
            self.sessions.add(process.pid)
            wait_until(lambda: "Ray runtime started" in output.read_text() or process.poll() is not None)  # noqa: B023
            if process.poll() is None:
                return process.pid
            self._kill({process.pid})
        raise AssertionError(output.read_text())

    def _processes(self, sessions: Container[int]) -> list[psutil.Process]:
        """Return the processes of sessions. Trainers have sessions of their own."""
        found = []
        for process in psutil.process_iter():
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def _kill(self, sessions: Container[int]) -> None:
        for _ in attempts(0.1):
            found = self._processes(sessions)
            for process in found:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            if not found:
                return

    def kill(self) -> None:
        """Kill every process of the cluster. Trainers are killed by Ray, because their nodes have gone."""
        self._kill(self.sessions)
        for started in self.started:
            started.wait()
        self.started.clear()

    def remove(self) -> None:
        print(self.output())
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """Run a cluster with four CPUs, in about ten seconds and 500 MB."""
    require_ray()
    cluster = RayCluster()
    try:
        cluster.start_head()
        yield cluster
    finally:
        cluster.remove()


@contextmanager
def shared_cluster(folder: Path) -> Iterator[RayCluster]:
    """Use one cluster in all processes of pytest-xdist. The first one starts it, and the last one that uses it removes it.

    Args:
        folder: a folder that the processes share.
    """
    require_ray()
    with _record(folder) as record:
        cluster = RayCluster(**record["cluster"]) if record else RayCluster()
        if not record:
            STARTED.append(cluster)
            try:
                cluster.start_head()
            except BaseException:
                cluster.remove()
                raise
        where = {"dashboard": cluster.dashboard, "sessions": sorted(cluster.sessions), "folder": str(cluster.folder)}
        record.update(cluster=where, users=record.get("users", 0) + 1)
    try:
        yield cluster
    finally:
        with _record(folder) as record:
            record["users"] -= 1
            if not record["users"]:
                record.clear()
                cluster.remove()


STARTED: list[RayCluster] = []
"""Clusters that this process has started, kept because other processes may remove them."""


@contextmanager
def _record(folder: Path) -> Iterator[dict[str, Any]]:
    """Read what the processes share about their cluster, and write it after the block, without others in between."""
    with (folder / "ray.json").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        record = json.loads(file.read() or "{}")
        try:
            yield record
        finally:
            file.truncate(0)
            file.write(json.dumps(record))
