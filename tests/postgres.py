"""A real PostgreSQL server for tests: Debian's package, with a cluster in a temporary folder, on a free loopback port."""

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
"""fsync is off because no test simulates a power failure."""


def bin_folder() -> Path | None:
    """Return the folder of the server's executables, or None if PostgreSQL is not installed."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Postgres:
    """A database cluster.

    Args:
        folder: an empty folder for the server's data.
        bin: the folder of the server's executables.
    """

    def __init__(self, folder: Path, bin: Path) -> None:
        self.data, self.bin, self.port = folder / "data", bin, free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "--no-sync")
        self.start()

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        options += f" -p {self.port} -c unix_socket_directories={self.data.parent}"
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self.data.parent / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        """Stop the server without a shutdown, as if its machine failed."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", "immediate", "stop")

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
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
    """Run a cluster for the duration of the block. Skip the test if PostgreSQL is not installed, unless skips are forbidden."""
    bin = bin_folder()
    if bin is None:
        skip("PostgreSQL is not installed. Install it: apt-get install postgresql.")
    # Not in pytest's temporary folder, which only the user who runs the tests can enter.
    with tempfile.TemporaryDirectory(prefix="seedling-postgres-") as folder:
        server = Postgres(Path(folder), bin)
        try:
            yield server
        finally:
            server.stop()
