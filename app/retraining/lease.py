"""The supervisor's lease: of all processes that can supervise, one does, as long as it renews its lease."""

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
"""How long a lease lasts. Without renewal, another process takes it over afterwards."""
RENEW_SECONDS = LEASE_SECONDS / 5
BEAT_SECONDS = 15.0
"""A worker without a heartbeat for so long counts as gone."""


class LeaseLost(Exception):
    """Another process holds the lease by now."""


@dataclass(frozen=True)
class Lease:
    """The right to supervise, for as long as it is renewed."""

    holder: str
    token: int
    """Grows whenever the lease changes hands (a fencing token): work that was begun under an earlier one is stale."""


class Workers:
    """The processes that can retrain.

    Args:
        database: where they are registered.
        kind: whether this one is part of a server worker.
    """

    def __init__(self, database: Database, kind: Kind) -> None:
        self.database, self.kind = database, kind
        self.id = f"{pid_namespace()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._started = time.time()

    def beat(self) -> Lease | None:
        """Send a heartbeat, and take or renew the lease; None if another worker holds it."""
        with self.database.write() as connection:
            now = self.database.now(connection)
            long_gone = (workers.c.beat < now - 10 * BEAT_SECONDS) | (workers.c.beat > now + 10 * BEAT_SECONDS)
            connection.execute(delete(workers).where((workers.c.id == self.id) | long_gone))
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
        """Renew the lease in a thread, during work that may take longer than it lasts."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(RENEW_SECONDS):
                try:
                    if self.beat() != lease:
                        return  # the work finds out when it checks
                except StoreUnavailable as error:
                    logger.warning("retraining: the lease was not renewed: %s", error)

        thread = threading.Thread(target=renew, name="lease")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def leave(self) -> None:
        """Give up the lease, so that another worker need not wait for its end."""
        with self.database.write() as connection:
            connection.execute(delete(workers).where(workers.c.id == self.id))
            connection.execute(delete(leases).where(leases.c.holder == self.id))


def _token(connection: Connection) -> int:
    return connection.scalar(select(fences.c.token).where(fences.c.name == NAME)) or 0


def _has_ended(holder: str, until: float, now: float) -> bool:
    """Whether a lease may be taken over. One that ends later than any that was given out now was written by a wrong clock."""
    if until > now + 2 * LEASE_SECONDS:
        logger.warning(
            "The supervisor's lease ends in %d s, later than possible: a clock was set back. Taking over.", until - now
        )
        return True
    return until < now or _is_gone(holder)


def _is_gone(holder: str) -> bool:
    """Whether the holder is a process of this host that has ended."""
    where, pid, _ = holder.rsplit(":", 2)
    return where == pid_namespace() and not psutil.pid_exists(int(pid))


def check_held(connection: Connection, lease: Lease) -> None:
    """Raise LeaseLost unless the lease is still held; in the transaction whose writes depend on it.

    One that has run out and that nobody else has taken still holds: its holder is late, but alone.
    """
    holder = connection.scalar(select(leases.c.holder).where(leases.c.name == NAME))
    if (holder, _token(connection)) != (lease.holder, lease.token):
        raise LeaseLost(f"{holder} supervises by now. This process looks on until its turn comes.")


def alive(database: Database) -> list[tuple[str, Kind]]:
    """Id and kind of each worker with a recent heartbeat."""
    with database.read() as connection:
        now = database.now(connection)
        lately = workers.c.beat.between(now - BEAT_SECONDS, now + BEAT_SECONDS)
        query = select(workers.c.id, workers.c.kind).where(lately)
        return [(row.id, row.kind) for row in connection.execute(query)]
