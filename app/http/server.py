"""The server processes: sockets, file descriptors, and workers that stop with their parent."""

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

from app.http.connections import Bounds, reserve
from app.http.forms import MAX_FRAMING
from app.http.protocol import Patience, ProtocolFactory
from app.observability.logs import log_config
from app.settings import Settings

logger = logging.getLogger("uvicorn.error")
OTHER_FILES = 256
"""File descriptors that a worker needs besides its connections: models, the job store, pipes, listening sockets."""
ACCEPTED_AT_ONCE = 32
"""Most connections that a single worker accepts in an iteration of its event loop, if the reserve of connections allows.
libuv accepts one for each listening descriptor (https://github.com/libuv/libuv/pull/3696), and an iteration takes up to 40 ms
under load. With a single descriptor, the last of 256 new connections waited for 1.4 seconds, and clients without keep-alive got
half as many responses."""

HEALTH_SECONDS = 20
"""Time for a worker to respond to a ping of its parent before it is replaced. uvicorn's default of five seconds replaced
workers that were merely slow on an overloaded machine, and starting new ones made it slower."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, in the configured number of processes."""
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
        timeout_worker_healthcheck=HEALTH_SECONDS,
        root_path=settings.root_path,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
    )
    _raise_file_limit(settings.max_connections)
    # With several workers, one that is awake would take all of a burst, and the others would stay idle.
    at_once = 1 if settings.workers > 1 else min(ACCEPTED_AT_ONCE, reserve(settings.max_connections))
    sockets = several(_listen(settings.host, settings.port), at_once)
    if settings.workers > 1:
        Multiprocess(config, sockets).run()
        return
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets)
    if not server.started:
        sys.exit(3)  # like uvicorn's command line


def bounds(settings: Settings) -> Bounds:
    """Return the limits for the connections of one worker, which gets an equal share of the memory for all workers."""
    return Bounds(
        connections=settings.max_connections,
        per_client=settings.max_connections_per_client or settings.max_connections // 2,
        body_bytes=max(settings.body_memory // settings.workers, 2 * (settings.max_upload + MAX_FRAMING)),
        unsent_bytes=settings.answer_memory // settings.workers,
        proxies=settings.trusted_proxies,
    )


def bind(host: str, port: int) -> list[socket.socket]:
    """Bind sockets for all addresses of a host, on one port. For `::`, bind a dual-stack socket.

    The sockets do not listen yet. Connections are refused, instead of waiting, until the workers are ready.

    Raises:
        OSError: an address does not belong to this machine, or the port is in use.
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


def several(sockets: list[socket.socket], count: int) -> list[socket.socket]:
    """Return a number of descriptors of each socket, the given one among them."""
    copies = [bound.dup() for bound in sockets for _ in range(count - 1)]
    for copy in copies:
        copy.set_inheritable(True)
    return [*sockets, *copies]


def _listen(host: str, port: int) -> list[socket.socket]:
    """Bind the sockets of the service. Exit if that fails."""
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
    """In a worker process, shut down gracefully when the parent process ends, even if it was killed.

    Otherwise the workers of a killed service would keep its port and go on training, and nothing could stop or restart them.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        logger.error("The parent process has ended. Stopping this worker.")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _raise_file_limit(connections: int) -> None:
    """Raise the limit of open files to what the connections need. Many shells start with 1,024."""
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
