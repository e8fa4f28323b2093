"""A real PostgreSQL for tests: Debian's package, a cluster of its own in a temporary folder, on a free port of the loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.live import free_port
from tests.skipping import skip

SETTINGS = {"fsync": "off", "listen_addresses": "127.0.0.1", "max_connections": "60", "shared_buffers": "32MB"}
"""A power cut is not what is tested."""


def programs() -> Path | None:
    """Where the server's programs lie; None if it is not installed."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Postgres:
    """One cluster.

    Args:
        folder: an empty one that the server may have for itself.
        bin: of the server's programs.
    """

    def __init__(self, folder: Path, bin: Path) -> None:
        self.data, self.bin, self.port = folder / "data", bin, free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        if os.geteuid() == 0:  # it refuses to run as root
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "--no-sync")
        self.start()

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        options += f" -p {self.port} -c unix_socket_directories={self.data.parent}"
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self.data.parent / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        """At once, as when its machine fails."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", "immediate", "stop")

    def make(self, name: str) -> str:
        """Make an empty database, and return its URL."""
        engine = create_engine(self.url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        engine.dispose()
        return self.url.removesuffix("postgres") + name

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.bin / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


@contextmanager
def running() -> Iterator[Postgres]:
    """A cluster while the block lasts; skips the test where PostgreSQL is not installed, unless nothing may be skipped."""
    bin = programs()
    if bin is None:
        skip("There is no PostgreSQL. Install it: apt-get install postgresql.")
    # Not below pytest's temporary folder: only the user of the tests may enter that.
    with tempfile.TemporaryDirectory(prefix="seedling-postgres-") as folder:
        server = Postgres(Path(folder), bin)
        try:
            yield server
        finally:
            server.stop()
