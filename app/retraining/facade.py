"""The application's interface to retraining: the job store and the embedded supervisor."""

from __future__ import annotations

import importlib.util
import logging
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import NoTrainer, StoreUnavailable
from app.settings import Settings
from app.storage.backends import store_location

if TYPE_CHECKING:
    from app.retraining.store import JobStore
    from app.storage.audit import AuditLog
    from app.storage.database import Database

REGISTER_SECONDS = 5.0
logger = logging.getLogger("seedling")


def can_train() -> bool:
    """Whether the trainer is installed here. It is not imported, because torch takes a second and 200 MB."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "onnx", "torchmetrics", "typer"))


class Retraining:
    """The job store and the embedded supervisor. The store is opened on first use.

    A service without administration therefore never imports the database.

    Args:
        settings: settings of the service.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.trouble: StoreUnavailable | None = None
        """Why the last attempt to open the job store failed."""

    @cached_property
    def _database(self) -> Database:
        from app.storage.database import Database

        return Database(store_location(self.settings))

    @property
    def is_open(self) -> bool:
        """Whether this process has opened the job store."""
        return "_database" in self.__dict__

    @property
    def is_used(self) -> bool:
        """Whether the job store exists, opened by this process or not."""
        location = store_location(self.settings)
        return self.is_open or not isinstance(location, Path) or location.exists()

    def database(self) -> Database:
        """Open the database of the job store, or return the open one.

        Raises:
            StoreUnavailable: it can be neither opened nor created.
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
        """The job store."""
        from app.retraining.store import JobStore

        return JobStore(self.database())

    @property
    def audit(self) -> AuditLog:
        """The audit log."""
        from app.storage.audit import AuditLog

        return AuditLog(self.database(), self.settings.audit_days, self.settings.audit_entries)

    def require_trainer(self) -> None:
        """Raise NoTrainer unless a worker can train, in this process or another."""
        from app.retraining.lease import alive

        if not alive(self.database()):
            raise NoTrainer(
                "No trainer is available. Run `make setup-train` and restart the service, or start `python -m "
                "app.retraining` in an environment with torch that shares this service's state folder."
            )

    def lost_jobs(self) -> str:
        """Return a message about jobs that have a folder but no record in the job store, or an empty string."""
        from app.retraining.job_folder import job_folders

        lost = self.store.without_a_job(job_folders(self.settings.state))
        if not lost:
            return ""
        named = ", ".join(lost[:5]) + ", ..." * (len(lost) > 5)
        return (
            f"{len(lost)} jobs have a folder but no record in the job store ({named}). The store was lost, or restored from an "
            "older backup. Stop the service and restore a newer backup, or export the trained models (python -m training "
            "export) and delete the folders of these jobs from jobs in the state folder."
        )

    def trainers(self) -> int:
        """Return the number of processes that can train."""
        from app.retraining.lease import alive

        return len(alive(self.database()))

    def start(self) -> None:
        """Start the embedded supervisor, if it is enabled and the trainer is installed."""
        if not self.settings.embedded_worker or not can_train():
            return
        from app.retraining.worker import run_worker

        registered = threading.Event()
        arguments = (self.settings, self.database, "embedded", self._closing, registered)
        self._thread = threading.Thread(target=run_worker, args=arguments, name="supervisor")
        self._thread.start()
        registered.wait(REGISTER_SECONDS)  # so that the first request finds a trainer, unless the store cannot be opened

    def begin_to_stop(self) -> None:
        """Ask the supervisor to stop its trainer. Returns immediately."""
        self._closing.set()

    @property
    def is_closing(self) -> bool:
        """Whether the service is shutting down."""
        return self._closing.is_set()

    def stop(self) -> None:
        """Stop the supervisor, wait for it, and close the database."""
        self._closing.set()
        if self._thread:
            self._thread.join()
        if self.is_open:
            self._database.close()
