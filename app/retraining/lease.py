"""The supervisor's lease. Only the process that holds it supervises, and it must keep renewing it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import psutil
from sqlalchemy import Connection, delete, insert, select, update

from app.errors import StoreUnavailable
from app.storage.database import Database, fences, leases, workers
from models.host import pid_namespace

logger = logging.getLogger("seedling")
Kind = Literal["embedded", "alone"]
NAME = "supervisor"
LEASE_SECONDS = 10.0
"""Duration of a lease. Without renewal, another process takes it over afterwards."""
RENEW_SECONDS = LEASE_SECONDS / 5
BEAT_SECONDS = 15.0
"""A worker without a heartbeat for this long is considered dead."""


class LeaseLost(Exception):
    """Another process holds the lease now."""


@dataclass(frozen=True)
class Lease:
    """The exclusive right to supervise. It expires unless it is renewed."""

    holder: str
    token: int
    """A fencing token, incremented whenever the lease changes hands. Work begun under an earlier token is stale."""


class Workers:
    """The processes that can retrain.

    Args:
        database: where they are registered.
        kind: whether this process is part of a server worker.
    """

    def __init__(self, database: Database, kind: Kind) -> None:
        self.database, self.kind = database, kind
        self.id = f"{pid_namespace()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._started = time.time()

    def beat(self) -> Lease | None:
        """Send a heartbeat, and take or renew the lease. Return None if another worker holds it."""
        with self.database.write() as connection:
            now = self.database.now(connection)
            dead = (workers.c.beat < now - 10 * BEAT_SECONDS) | (workers.c.beat > now + 10 * BEAT_SECONDS)
            connection.execute(delete(workers).where((workers.c.id == self.id) | dead))
            row = {"id": self.id, "kind": self.kind, "started": self._started, "beat": now}
            connection.execute(insert(workers).values(row))
            held = connection.execute(select(leases).where(leases.c.name == NAME)).first()
            if held is not None and held.holder != self.id and not _has_ended(held.holder, held.until, now):
                return None
            values = {"holder": self.id, "until": now + LEASE_SECONDS}
            if held is None:
                connection.execute(insert(leases).values(name=NAME, **values))
            else:
                connection.execute(update(leases).where(leases.c.name == NAME).values(values))
            token = _token(connection)
            if held is None or held.holder != self.id:
                token += 1
                connection.execute(delete(fences).where(fences.c.name == NAME))
                connection.execute(insert(fences).values(name=NAME, token=token))
        return Lease(self.id, token)

    @contextlib.contextmanager
    def renewing(self, lease: Lease) -> Iterator[None]:
        """Renew the lease in a thread, during work that may take longer than the lease lasts."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(RENEW_SECONDS):
                try:
                    if self.beat() != lease:
                        return  # the lease is lost; the work notices at its next check
                except StoreUnavailable as error:
                    logger.warning("retraining: cannot renew the lease: %s", error)

        thread = threading.Thread(target=renew, name="lease")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def leave(self) -> None:
        """Release the lease, so that another worker can take it before it expires."""
        with self.database.write() as connection:
            connection.execute(delete(workers).where(workers.c.id == self.id))
            connection.execute(delete(leases).where(leases.c.holder == self.id))


def _token(connection: Connection) -> int:
    return connection.scalar(select(fences.c.token).where(fences.c.name == NAME)) or 0


def _has_ended(holder: str, until: float, now: float) -> bool:
    """Whether a lease may be taken over. An expiry that is later than any valid lease's was written by a wrong clock."""
    if until > now + 2 * LEASE_SECONDS:
        logger.warning(
            "retraining: the supervisor's lease expires in %d s, too far in the future: a clock was set back. Taking it over.",
            until - now,
        )
        return True
    return until < now or _is_gone(holder)


def _is_gone(holder: str) -> bool:
    """Whether the holder is a process of this host that has ended."""
    where, pid, _ = holder.rsplit(":", 2)
    return where == pid_namespace() and not psutil.pid_exists(int(pid))


def check_held(connection: Connection, lease: Lease) -> None:
    """Raise LeaseLost unless the lease is still held. Called in the transaction whose writes depend on the lease.

    An expired lease that no other process has taken is still valid, because its holder is the only supervisor.
    """
    holder = connection.scalar(select(leases.c.holder).where(leases.c.name == NAME))
    if (holder, _token(connection)) != (lease.holder, lease.token):
        raise LeaseLost(f"{holder} supervises now. This process waits until it can take the lease again.")


def alive(database: Database) -> list[tuple[str, Kind]]:
    """Return the id and kind of each worker with a recent heartbeat."""
    with database.read() as connection:
        now = database.now(connection)
        is_alive = workers.c.beat.between(now - BEAT_SECONDS, now + BEAT_SECONDS)
        query = select(workers.c.id, workers.c.kind).where(is_alive)
        return [(row.id, row.kind) for row in connection.execute(query)]
