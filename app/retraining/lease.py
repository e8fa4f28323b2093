"""Who supervises: one of all the processes that could, however many there are, by a lease that must be renewed."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from typing import Literal

import psutil
from sqlalchemy import Connection, delete, insert, select, update

from app.retraining.database import Database, leases, workers
from models.place import place

Kind = Literal["embedded", "alone"]
NAME = "supervisor"
LEASE_SECONDS = 10.0
"""How long a supervisor that says nothing more is waited for before another takes its place."""
BEAT_SECONDS = 15.0
"""After so long without a sign of life a worker is taken for gone."""


class LeaseLost(Exception):
    """Another supervisor is at work by now: what was about to be done is no longer ours to do."""


@dataclass(frozen=True)
class Lease:
    """The right to supervise, for as long as it is renewed."""

    holder: str


class Workers:
    """The processes that can retrain.

    Args:
        database: where they are registered.
        kind: whether this one is part of a server worker.
    """

    def __init__(self, database: Database, kind: Kind) -> None:
        self.database, self.kind = database, kind
        self.id = f"{place()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._started = time.time()

    def beat(self) -> Lease | None:
        """Give a sign of life, and take or renew the lease; None if another holds it."""
        with self.database.write() as connection:
            now = self.database.now(connection)
            connection.execute(delete(workers).where((workers.c.id == self.id) | (workers.c.beat < now - 10 * BEAT_SECONDS)))
            row = {"id": self.id, "kind": self.kind, "started": self._started, "beat": now}
            connection.execute(insert(workers).values(row))
            held = connection.execute(select(leases).where(leases.c.name == NAME)).first()
            if held is None:
                connection.execute(insert(leases).values(name=NAME, holder=self.id, until=now + LEASE_SECONDS))
            elif held.holder == self.id or held.until < now or _is_gone(held.holder):
                values = {"holder": self.id, "until": now + LEASE_SECONDS}
                connection.execute(update(leases).where(leases.c.name == NAME).values(values))
            else:
                return None
        return Lease(self.id)

    def leave(self) -> None:
        """Say goodbye, so that another need not wait for the lease to run out."""
        with self.database.write() as connection:
            connection.execute(delete(workers).where(workers.c.id == self.id))
            connection.execute(delete(leases).where(leases.c.holder == self.id))


def _is_gone(holder: str) -> bool:
    """Whether a holder can be seen to be dead from here, so that nobody need wait for its lease to run out."""
    where, pid, _ = holder.rsplit(":", 2)
    return where == place() and not psutil.pid_exists(int(pid))


def check_held(connection: Connection, lease: Lease) -> None:
    """Raise LeaseLost unless the lease is still held; in the transaction whose writes depend on it.

    One that has run out and that nobody else has taken still holds: its holder is late, but alone.
    """
    holder = connection.scalar(select(leases.c.holder).where(leases.c.name == NAME))
    if holder != lease.holder:
        raise LeaseLost(f"{holder} supervises by now. This process looks on until its turn comes.")


def alive(database: Database) -> list[tuple[str, Kind]]:
    """Id and kind of each worker that has given a sign of life lately."""
    with database.read() as connection:
        query = select(workers.c.id, workers.c.kind).where(workers.c.beat > database.now(connection) - BEAT_SECONDS)
        return [(row.id, row.kind) for row in connection.execute(query)]
