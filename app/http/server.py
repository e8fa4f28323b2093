"""The server processes: sockets, file descriptors, and workers that end with their parent."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import resource
import signal
import socket
import sys
import threading

import uvicorn
from uvicorn.supervisors import Multiprocess

from app.http.connections import Bounds
from app.http.protocol import Patience, ProtocolFactory
from app.observability.logs import log_config
from app.settings import Settings

logger = logging.getLogger("uvicorn.error")
OTHER_FILES = 256
"""File descriptors that a worker needs besides its connections: models, the job store, pipes."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, in as many processes as the settings say."""
    config = uvicorn.Config(
        "app.main:create_server",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=log_config(settings.log_level, settings.log_format),
        log_level=settings.log_level,
        access_log=False,  # `app.http.middleware` logs requests, with their traces
        http=ProtocolFactory(Patience(settings.read_seconds, settings.write_seconds), bounds(settings)),  # type: ignore[arg-type]
        ws="none",
        timeout_graceful_shutdown=settings.shutdown_seconds,
        root_path=settings.root_path,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
    )
    _raise_file_limit(settings.max_connections)
    sockets = _listen(settings.host, settings.port)
    if settings.workers > 1:
        Multiprocess(config, sockets).run()
        return
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets)
    if not server.started:
        sys.exit(3)  # as uvicorn's own command does


def bounds(settings: Settings) -> Bounds:
    """What the connections of one worker may take: its share of the service's memory, whatever the number of workers."""
    return Bounds(
        connections=settings.max_connections,
        per_client=settings.max_connections_per_client or settings.max_connections // 2,
        body_bytes=max(settings.body_memory // settings.workers, 2 * settings.max_upload),
        unsent_bytes=settings.answer_memory // settings.workers,
        proxies=settings.trusted_proxies,
    )


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets for all addresses of a host, on one port; for `::`, one that takes IPv4 as well.

    They are bound and do not listen yet: until the workers are ready, callers are refused and do not wait.

    Raises:
        OSError: an address is not this machine's, or the port is taken.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(found):
            bound = socket.socket(family)
            sockets.append(bound)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
            bound.bind((address[0], port or sockets[0].getsockname()[1], *address[2:]))
            bound.set_inheritable(True)
    except OSError:
        for bound in sockets:
            bound.close()
        raise
    return sockets


def _listen(host: str, port: int) -> list[socket.socket]:
    """The service's sockets. Ends the program if they cannot be had."""
    try:
        sockets = bind(host, port)
    except OSError as error:
        logger.error("%s:%d: %s. Set GAN_HOST and GAN_PORT to an address of this machine and a free port.", host, port, error)
        sys.exit(1)
    for bound in sockets:
        name = bound.getsockname()
        shown = f"[{name[0]}]" if ":" in name[0] else name[0]
        logger.info("Uvicorn running on http://%s:%d (Press CTRL+C to quit)", shown, name[1])
    return sockets


def end_with_parent() -> None:
    """In a worker process, stop in order when the parent process is gone, even if it was killed.

    Otherwise the workers of a killed service would keep its port and train on, and nobody could stop or restart them.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        logger.error("The parent process is gone. This worker stops.")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _raise_file_limit(connections: int) -> None:
    """Allow as many open files as the connections need; many shells start with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + connections // 10 + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            soft = allowed
        if soft < wanted:
            logger.warning(
                "Only %d files may be open. Raise the limit (ulimit -n %d) or lower GAN_MAX_CONNECTIONS.", soft, wanted
            )
