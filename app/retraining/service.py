"""Retraining as the application holds it: the store, who may use it, and the embedded supervisor."""

from __future__ import annotations

import importlib.util
import logging
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from app.access import Access
from app.errors import NoTrainer, StoreUnavailable
from app.settings import Settings
from models.repository import Repository

if TYPE_CHECKING:
    from app.audit import AuditLog
    from app.retraining.database import Database
    from app.retraining.store import JobStore

REGISTER_SECONDS = 5.0
logger = logging.getLogger("seedling")


def can_train() -> bool:
    """Whether the trainer is installed here. It is not imported: torch takes a second and 200 MB."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "onnx", "torchmetrics", "typer"))


def store_place(settings: Settings) -> Path | str:
    """Where jobs are kept: SQLite's file, or PostgreSQL's URL."""
    return settings.database_url.get_secret_value() if settings.database_url else settings.state / "jobs.db"


def open_repository(settings: Settings, database: Callable[[], Database]) -> Repository:
    """The service's versions; their aliases are in its database if that is shared, else beside them."""
    root = settings.state / "models"
    if not settings.database_url:
        return Repository(root)
    from app.retraining.aliases import StoredAliases

    return Repository(root, StoredAliases(database, root))


class Retraining:
    """Opened when it is first asked for: a service that nobody administers never loads a database.

    Args:
        settings: of the service.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.trouble: StoreUnavailable | None = None
        """Why the job store could not be opened the last time."""

    @cached_property
    def _database(self) -> Database:
        from app.retraining.database import Database

        return Database(store_place(self.settings))

    @property
    def is_open(self) -> bool:
        """Whether the job store has been needed yet."""
        return "_database" in self.__dict__

    @property
    def is_used(self) -> bool:
        """Whether there is a job store to ask, opened here or elsewhere."""
        place = store_place(self.settings)
        return self.is_open or not isinstance(place, Path) or place.exists()

    def database(self) -> Database:
        """The tables.

        Raises:
            StoreUnavailable: they can be neither opened nor made.
        """
        with self._lock:
            try:
                found = self._database
            except StoreUnavailable as error:
                self.trouble = error
                raise
            self.trouble = None
            return found

    @cached_property
    def _access(self) -> Access:
        return Access(self.settings, self.database)

    @property
    def access(self) -> Access:
        """Who may.

        Raises:
            StoreUnavailable: the service has no token and cannot make one.
        """
        with self._lock:
            try:
                return self._access
            except OSError as error:
                raise StoreUnavailable(
                    f"There is no admin token, and none can be made ({error.strerror}). Set GAN_ADMIN_TOKEN, or make "
                    "the state folder writable."
                ) from error

    @property
    def store(self) -> JobStore:
        """The jobs."""
        from app.retraining.store import JobStore

        return JobStore(self.database())

    @property
    def audit(self) -> AuditLog:
        """The audit log."""
        from app.audit import AuditLog

        return AuditLog(self.database(), self.settings.audit_days, self.settings.audit_entries)

    def require_trainer(self) -> None:
        """Raise NoTrainer unless some worker, here or elsewhere, can train."""
        from app.retraining.lease import alive

        if not alive(self.database()):
            raise NoTrainer(
                "No trainer is at hand. Run `make setup-train` and start the service again, or start `python -m "
                "app.retraining` in an environment with torch that shares this service's state folder."
            )

    def trainers(self) -> int:
        """How many processes could train."""
        from app.retraining.lease import alive

        return len(alive(self.database()))

    def start(self) -> None:
        """Start the embedded supervisor, if it is wanted here and can train."""
        if not self.settings.embedded_worker or not can_train():
            return
        from app.retraining.supervision import supervise

        registered = threading.Event()
        arguments = (self.settings, self.database, "embedded", self._closing, registered)
        self._thread = threading.Thread(target=supervise, args=arguments, name="supervisor")
        self._thread.start()
        registered.wait(REGISTER_SECONDS)  # known before the first request comes, unless the store cannot be opened

    def begin_to_stop(self) -> None:
        """Tell the supervisor to stop its trainer; returns at once."""
        self._closing.set()

    @property
    def is_closing(self) -> bool:
        """Whether the service is about to end."""
        return self._closing.is_set()

    def stop(self) -> None:
        """Wait until the supervisor has stopped."""
        self._closing.set()
        if self._thread:
            self._thread.join()
        if self.is_open:
            self._database.close()
