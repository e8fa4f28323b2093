"""The SQLite file, and its recovery when it is deleted or replaced while the service runs.

SQLite keeps using an open file even after it is deleted. Everything written to a deleted file is lost when the process ends,
including jobs that were accepted with 202. While a connection is open, the content still exists and can be written back.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import uuid
from pathlib import Path

from models.locking import exclusively

logger = logging.getLogger("seedling")
BUSY_SECONDS = 10
BEYOND_REPAIR = ("SQLITE_NOTADB", "SQLITE_CORRUPT")


class SqliteFile:
    """A database file, and an open connection that preserves its content. Safe to use from several threads.

    Args:
        path: path of the file. The file and its folder are created if missing.

    Raises:
        OSError, sqlite3.Error: the file can be neither opened nor created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._keeper, self._identity = self._open(create=True)

    def connect(self) -> sqlite3.Connection:
        """Open another connection. Never creates the file."""
        return sqlite3.connect(f"{self.path.as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, check_same_thread=False)

    def has_changed(self) -> bool:
        """Whether the file at the path is no longer the one that was opened. Takes some microseconds."""
        return _identity(self.path) != self._identity

    def renew(self) -> bool:
        """Write a deleted file back, or open the file that replaced it. Return whether the file had changed.

        Raises:
            OSError, sqlite3.Error, models.errors.Locked: the file cannot be written or opened.
        """
        with self._lock:
            if not self.has_changed():
                return False
            with exclusively(self.path.with_name(f".{self.path.name}.lock"), BUSY_SECONDS):
                if self.path.exists():
                    logger.error("%s was replaced while it was in use. The new file is used.", self.path)
                else:
                    self._write_back()
            before = self._keeper
            self._keeper, self._identity = self._open()
            before.close()
            return True

    def close(self) -> None:
        """Close the connection that preserves the file."""
        self._keeper.close()

    def _write_back(self) -> None:
        """Restore the content of the deleted file. If it is damaged, it is replaced by an empty file."""
        part = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}.part")
        try:
            try:
                with contextlib.closing(sqlite3.connect(part)) as copy:
                    self._keeper.backup(copy)
                logger.error("%s was deleted while it was in use. Its complete content was written back.", self.path)
            except sqlite3.DatabaseError as error:
                if not error.sqlite_errorname.startswith(BEYOND_REPAIR):
                    raise
                part.write_bytes(b"")
                logger.error("%s was damaged and then deleted (%s). It was replaced by an empty file.", self.path, error)
            for suffix in ("-wal", "-shm"):  # they belong to the deleted file and must not be used with the new one
                self.path.with_name(f"{self.path.name}{suffix}").unlink(missing_ok=True)
            part.rename(self.path)
        finally:
            part.unlink(missing_ok=True)

    def _open(self, *, create: bool = False) -> tuple[sqlite3.Connection, tuple[int, int]]:
        if create:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644))
        keeper = self.connect()
        try:
            for statement in ("PRAGMA journal_mode=WAL", "SELECT count(*) FROM sqlite_master"):
                keeper.execute(statement).fetchone()  # also opens the write-ahead log, which SQLite otherwise opens lazily
        except sqlite3.Error:
            keeper.close()
            raise
        return keeper, _identity(self.path)


def _identity(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
