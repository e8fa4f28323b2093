"""Retraining as the application sees it: the job store and the embedded supervisor."""

from __future__ import annotations

import importlib.util
import logging
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import NoTrainer, StoreUnavailable
from app.settings import Settings
from app.storage.opening import store_location

if TYPE_CHECKING:
    from app.retraining.store import JobStore
    from app.storage.audit import AuditLog
    from app.storage.database import Database

REGISTER_SECONDS = 5.0
logger = logging.getLogger("seedling")


def can_train() -> bool:
    """Whether the trainer is installed here. It is not imported: torch takes a second and 200 MB."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "onnx", "torchmetrics", "typer"))


class Retraining:
    """Retraining as the application sees it. Opened on first use: a service without administration loads no database.

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
        from app.storage.database import Database

        return Database(store_location(self.settings))

    @property
    def is_open(self) -> bool:
        """Whether the job store has been needed yet."""
        return "_database" in self.__dict__

    @property
    def is_used(self) -> bool:
        """Whether there is a job store to ask, opened here or elsewhere."""
        place = store_location(self.settings)
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

    @property
    def store(self) -> JobStore:
        """The jobs."""
        from app.retraining.store import JobStore

        return JobStore(self.database())

    @property
    def audit(self) -> AuditLog:
        """The audit log."""
        from app.storage.audit import AuditLog

        return AuditLog(self.database(), self.settings.audit_days, self.settings.audit_entries)

    def require_trainer(self) -> None:
        """Raise NoTrainer unless some worker, here or elsewhere, can train."""
        from app.retraining.lease import alive

        if not alive(self.database()):
            raise NoTrainer(
                "No trainer is at hand. Run `make setup-train` and start the service again, or start `python -m "
                "app.retraining` in an environment with torch that shares this service's state folder."
            )

    def lost_jobs(self) -> str:
        """Which jobs have a folder and no record in the job store, and what to do about it; empty if there are none."""
        from app.retraining.folder import job_folders

        lost = self.store.without_a_job(job_folders(self.settings.state))
        if not lost:
            return ""
        named = ", ".join(lost[:5]) + ", ..." * (len(lost) > 5)
        return (
            f"{len(lost)} jobs have run that the job store does not know ({named}). It was lost, or restored from an "
            "older backup. Stop the service and restore a newer one; or export what they trained (python -m training export), "
            "and remove their folders from jobs in the state folder."
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
