"""Prometheus metrics on a separate port, with the same kinds of connection limits as the service."""

from __future__ import annotations

import threading

import uvicorn
from prometheus_client import make_asgi_app
from prometheus_client.registry import Collector

from app.http.connections import Bounds
from app.http.protocol import Patience, ProtocolFactory
from app.http.server import bind
from app.observability.metrics import AllFigures

PATIENCE = Patience(read=10.0, write=30.0)
BOUNDS = Bounds(connections=50, per_client=20, body_bytes=1_000_000, unsent_bytes=16_000_000)


def serve(host: str, port: int, *others: Collector) -> None:
    """Serve /metrics on a separate port, in one thread, until the process ends.

    Raises:
        OSError: the port cannot be bound.
    """
    config = uvicorn.Config(
        make_asgi_app(AllFigures(*others)),
        http=ProtocolFactory(PATIENCE, BOUNDS),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, args=(bind(host, port),), name="metrics", daemon=True).start()
