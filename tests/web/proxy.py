"""A proxy that mounts a service under a path, like nginx with `location /seedling/ { proxy_pass http://…/; }`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from tests.live import ROOT, service
from tests.web.conftest import STATIC


@contextmanager
def mounted(folder: Path, path: str) -> Iterator[str]:
    """Start a service and a proxy in front of it. Yields the origin of the proxy."""
    settings = {"shipped": ROOT / "models", "pages": STATIC, "root_path": path}
    with service(folder / "state", **settings) as running, running.client() as client:

        class Proxy(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if not self.path.startswith(f"{path}/"):
                    self.send_error(404)
                    return
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
                response = client.send(
                    httpx.Request("GET", f"{running.url}{self.path.removeprefix(path)}", headers=headers), stream=True
                )
                content = b"".join(response.iter_raw())
                self.send_response(response.status_code)
                for name, value in response.headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
