"""The tables of the job store and its transactions.

SQLAlchemy Core, on SQLite in WAL mode (`var/jobs.db`) or on PostgreSQL. On both, readers never wait for writers, and writers
wait for each other. A write transaction takes its lock when it begins, so the rows it reads cannot change before it writes.
This concurrency is sufficient, because retraining writes only a few times a second.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from app.errors import StoreUnavailable
from app.storage.migration import create_tables
from app.storage.sqlite_file import SqliteFile
from models.errors import Locked

logger = logging.getLogger("seedling")
metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),  # the order of requests
    Column("id", String(32), nullable=False, unique=True),
    Column("state", String(16), nullable=False, index=True),
    Column("detail", Text, nullable=False, default=""),
    Column("model", String(64), nullable=False),
    Column("request", JSON, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("promote", String(16), nullable=False),
    Column("parent", Integer),
    Column("by", String(64), nullable=False),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("ended", Float),
    Column("has_run", Boolean, nullable=False, default=False),  # whether a trainer was ever started
    Column("interruptions", Integer, nullable=False, default=0),
    Column("cancel", Boolean, nullable=False, default=False),
    Column("stop_since", Float),  # when its trainer was asked to stop
    Column("handle", JSON(none_as_null=True)),
    Column("offset", Integer, nullable=False, default=0),  # how much of events.jsonl has been read
    Column("trained", JSON(none_as_null=True)),  # the trainer's final event
    Column("progress", JSON(none_as_null=True)),
    Column("metrics", JSON(none_as_null=True)),
    Column("champion", Integer),  # the version that the gate compares with
    Column("version", Integer),
    Column("promoted", Boolean),
    Column("gate", JSON(none_as_null=True)),
    Column("pruned", Boolean, nullable=False, default=False),
    Column("population", String(32), index=True),  # of a run: its population
    Column("plan", JSON(none_as_null=True)),  # of a population: see app.retraining.halving
    Column("member", JSON(none_as_null=True)),  # of a run
)
events = Table(
    "events",
    metadata,
    Column("job", String(32), ForeignKey("jobs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("time", Float, nullable=False),
    Column("type", String(32), nullable=False),
    Column("data", JSON, nullable=False),
)
workers = Table(
    "workers",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("started", Float, nullable=False),
    Column("beat", Float, nullable=False),
)
leases = Table(
    "leases",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", String(128), nullable=False),
    Column("until", Float, nullable=False),
)
fences = Table(
    "fences",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("token", Integer, nullable=False),  # grows whenever a lease changes hands
)
idempotency = Table(
    "idempotency",
    metadata,
    Column("by", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("created", Float, nullable=False),
    Column("answer", JSON(none_as_null=True)),  # None while the first request is in flight
)
failures = Table(
    "failures",
    metadata,
    Column("client", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last", Float, nullable=False),
    Column("locked_until", Float, nullable=False),
)
aliases = Table(
    "aliases",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("aliases", JSON, nullable=False),
)
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("time", Float, nullable=False),
    Column("who", String(64)),
    Column("client", String(64)),
    Column("action", String(32), nullable=False),
    Column("target", String(256), nullable=False),
    Column("status", Integer, nullable=False),
    Column("outcome", String(64), nullable=False),
    Index("audit_time", "time"),
)


WRITERS = 0x5EED
"""Key of the advisory lock that serializes writers on PostgreSQL."""
POSTGRES_OPTIONS = "-c lock_timeout=10000 -c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000"
"""Timeouts in milliseconds, so that nothing waits forever."""


class Database:
    """The database of the job store. Safe to use from several threads and processes, and on PostgreSQL from several hosts.

    Args:
        where: path of the SQLite file, created with its folder if missing, or the URL of a PostgreSQL database.

    Raises:
        StoreUnavailable: the database can be neither opened nor created.
    """

    def __init__(self, where: Path | str) -> None:
        self._file = _open_file(where) if isinstance(where, Path) else None
        self._engine: Engine = _on_file(self._file) if self._file else _on_server(str(where))
        self.name = str(where) if isinstance(where, Path) else self._engine.url.render_as_string(hide_password=True)
        self.is_server = isinstance(where, str)
        try:
            with self.write() as connection:
                create_tables(metadata, connection)
        except StoreUnavailable:
            self.close()
            raise

    def now(self, connection: Connection) -> float:
        """Return the seconds since the epoch. All users of the database share this clock."""
        if not self.is_server:
            return time.time()
        return float(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0)

    @contextlib.contextmanager
    def exclusively(self, what: str) -> Iterator[None]:
        """Hold a lock across all processes and hosts, for work too long for a transaction. Does nothing on SQLite.

        Raises:
            StoreUnavailable: another process held the lock for ten seconds, or the server is unreachable.
        """
        if not self.is_server:
            yield
            return
        key = {"key": zlib.crc32(what.encode())}
        with contextlib.ExitStack() as stack:
            with self._failing_clearly():
                connection = stack.enter_context(self._engine.connect())
                connection.execution_options(isolation_level="AUTOCOMMIT", locks=True)
                connection.execute(text("SELECT pg_advisory_lock(1, CAST(:key AS bigint)::bit(32)::integer)"), key)
            try:
                yield
            finally:
                with contextlib.suppress(SQLAlchemyError):  # a lost connection has released the lock
                    connection.execute(text("SELECT pg_advisory_unlock(1, CAST(:key AS bigint)::bit(32)::integer)"), key)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read-only transaction. It sees a consistent snapshot of all tables.

        Raises:
            StoreUnavailable: the database cannot be read.
        """
        self._check_file()
        with self._failing_clearly(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a write transaction. It is rolled back after an exception.

        Raises:
            StoreUnavailable: the database cannot be written, for example on a full disk.
        """
        self._check_file()
        with self._failing_clearly(), self._engine.connect() as connection:
            with connection.execution_options(writes=True).begin():
                yield connection
                if self._file and self._file.has_changed():  # writes to a deleted file are lost
                    raise StoreUnavailable("The job store's file was just deleted or replaced. Try again: nothing was changed.")

    def close(self) -> None:
        """Close all connections. If the file was deleted, it is written back first."""
        with contextlib.suppress(StoreUnavailable):
            self._check_file()
        self._engine.dispose()
        if self._file:
            self._file.close()

    def _check_file(self) -> None:
        """Restore or reopen SQLite's file if it was deleted or replaced."""
        if not self._file or not self._file.has_changed():
            return
        try:
            if self._file.renew():
                self._engine.dispose()
                with self._engine.connect() as connection, connection.execution_options(writes=True).begin():
                    create_tables(metadata, connection)
        except (OSError, sqlite3.Error, SQLAlchemyError, Locked) as error:
            raise StoreUnavailable(
                f"The job store's file is gone and cannot be written back ({_reason(error)}). {self._remedy()}."
            ) from error

    @contextlib.contextmanager
    def _failing_clearly(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            logger.error("%s: %s", self.name, reason)
            raise StoreUnavailable(
                f"The job store cannot be used ({reason}). {self._remedy()}: nothing was changed."
            ) from error

    def _remedy(self) -> str:
        if self.is_server:
            return "Check that PostgreSQL is reachable at GAN_DATABASE_URL, then try again"
        return "Free space on its disk, make it readable and writable, or restore it from a backup, then try again"


def _open_file(path: Path) -> SqliteFile:
    try:
        return SqliteFile(path)
    except (OSError, sqlite3.Error) as error:
        logger.error("%s: %s", path, error)
        raise StoreUnavailable(
            f"The job store cannot be opened ({_reason(error)}). Make the state folder writable (or set GAN_STATE), free disk "
            "space, or restore jobs.db from a backup. Opening is retried."
        ) from error


def _reason(error: Exception) -> str:
    """Return the message of an exception without the paths of this machine."""
    return str(error.strerror) if isinstance(error, OSError) else str(error)


def _on_file(file: SqliteFile) -> Engine:
    engine = create_engine("sqlite://", creator=file.connect, poolclass=QueuePool, max_overflow=50)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_server(url: str) -> Engine:
    try:
        parsed = make_url(url).set(drivername="postgresql+psycopg")
        arguments = {"connect_timeout": 5, "options": POSTGRES_OPTIONS}
        engine = create_engine(parsed, connect_args=arguments, pool_pre_ping=True, pool_timeout=10, max_overflow=10)
    except ImportError as error:
        raise StoreUnavailable(
            "PostgreSQL's driver is not installed. Run: pip install -c constraints.txt '.[postgres]'."
        ) from error
    event.listen(engine, "begin", _on_server_begin)
    return engine


def _on_connect(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # stop sqlite3 from beginning transactions itself
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _on_server_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("writes"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")
    elif not options.get("locks"):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
