"""The audit log: who did what, when, and with which result. Written to the database and to the service's log."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from app.storage.database import Database, audit

logger = logging.getLogger("seedling")
DAY = 86_400
OK = "ok"
PRUNE_EVERY = 100
"""Old entries are deleted once per this many new ones."""


@dataclass(frozen=True)
class Entry:
    """An action or an attempted action."""

    id: int
    time: float
    """Seconds since the epoch."""
    who: str | None
    """Name of the token, or None if there was no valid one."""
    client: str | None
    """Client address."""
    action: str
    """retrain, cancel, resume, promote or delete; for rejected reads, the route's own name, such as list."""
    target: str
    """Path of the request."""
    status: int
    """HTTP status of the response."""
    outcome: str
    """`ok`, or the error code."""


class AuditLog:
    """Appends and reads entries, and deletes old ones.

    Args:
        database: stores the entries.
        days: how long an entry is kept.
        entries: how many successful entries are kept, and how many rejected ones. The oldest are deleted first. The two kinds
            are counted separately, so that rejected requests cannot flush changes out of the log.
    """

    def __init__(self, database: Database, days: int = 365, entries: int = 100_000) -> None:
        self.database, self.days, self.entries = database, days, entries

    def add(self, who: str | None, client: str | None, action: str, target: str, status: int, outcome: str) -> None:
        """Append an entry, and log it.

        Raises:
            StoreUnavailable: the entry could not be written.
        """
        logger.info("audit: %s from %s: %s %s -> %s %s", who or "nobody", client, action, target, status, outcome)
        row: dict[str, object] = {"time": time.time(), "who": who, "client": client, "action": action}
        with self.database.write() as connection:
            row |= {"target": target[:256], "status": status, "outcome": outcome}
            added = connection.execute(insert(audit).values(row)).inserted_primary_key
            last = int(added[0]) if added else 0
            if last % PRUNE_EVERY == 0:
                self._prune(connection)

    def _prune(self, connection: Connection) -> None:
        connection.execute(delete(audit).where(audit.c.time < time.time() - self.days * DAY))
        for kind in (audit.c.outcome == OK, audit.c.outcome != OK):
            beyond = select(audit.c.id).where(kind).order_by(audit.c.id.desc()).offset(self.entries).limit(1).scalar_subquery()
            connection.execute(delete(audit).where(kind, audit.c.id <= beyond))

    def newest(self, limit: int = 100, before: int | None = None) -> list[Entry]:
        """Return entries, newest first. `before` restricts them to those with a smaller id."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before:
            query = query.where(audit.c.id < before)
        with self.database.read() as connection:
            return [Entry(**row._mapping) for row in connection.execute(query)]
