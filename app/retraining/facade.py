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
    from app.retraining.job import Job
    from app.retraining.job_folder import JobFolder
    from app.retraining.store import JobStore
    from app.retraining.stored_runs import Runs
    from app.storage.audit import AuditLog
    from app.storage.database import Database

REGISTER_SECONDS = 5.0
TRAINER = ("torch", "onnx", "torchmetrics", "typer")
"""Packages that a trainer needs."""
logger = logging.getLogger("seedling")


def missing(settings: Settings) -> str:
    """Return what is missing here to run trainers as the settings say, with the remedy, or an empty string.

    With an engine, the trainer itself need not be installed here. Nothing is imported: torch takes a second and 200 MB.
    """
    if settings.runner == "local":
        if all(importlib.util.find_spec(name) for name in TRAINER):
            return ""
        return "The trainer is not installed here. Run: make setup-train (or pip install -c constraints.txt '.[train]')."
    if not importlib.util.find_spec(settings.runner):
        return (
            f"GAN_RUNNER={settings.runner} needs the package {settings.runner}, which is not installed here. Run: pip install "
            f"-c constraints.txt '.[{settings.runner}]'."
        )
    if settings.runner == "kubernetes" and not settings.kubernetes_image:
        return "GAN_RUNNER=kubernetes needs an image for the trainers. Set GAN_KUBERNETES_IMAGE."
    return ""


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
    def _runs(self) -> Runs:
        from app.retraining.stored_runs import Runs

        return Runs(self.settings)

    def _folder(self, job_id: str) -> JobFolder:
        """Return a job's folder. If another host trains it, its log and its samples are downloaded first."""
        from app.retraining.job_folder import JobFolder

        folder = JobFolder(self.settings.state, job_id)
        self._runs.pull(folder)
        return folder

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
            if self.settings.runner != "local" and (lacking := missing(self.settings)):
                raise NoTrainer(lacking)
            raise NoTrainer(
                "No trainer is available. Run `make setup-train` and restart the service, or start `python -m "
                "app.retraining` in an environment with torch, or with GAN_RUNNER, that shares this service's state folder."
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

    def read_log(self, job: Job) -> bytes:
        """Return the end of the output of a job's trainer, or of the trainers of all its runs."""
        from app.retraining.job_folder import read_logs

        runs = self.store.populations.runs(job.id) if job.plan else []
        titled = {f"run {run.member.index} ({run.id})": self._folder(run.id) for run in runs if run.member}
        return read_logs(titled) if titled else self._folder(job.id).read_log()

    def samples(self, job: Job) -> dict[int, Path]:
        """Return the sample grids of a job, or of its best run so far, by the number of images seen."""
        from app.retraining.halving import by_kid

        members = {run.id: run.member for run in self.store.populations.runs(job.id) if run.member} if job.plan else {}
        remaining = {key: member for key, member in members.items() if member.stopped_at is None} or members
        best = min(remaining, key=lambda key: by_kid(remaining[key], remaining[key].kid), default=job.id)
        return self._folder(job.plan.winner if job.plan and job.plan.winner else best).samples()

    def trainers(self) -> int:
        """Return the number of processes that can train."""
        from app.retraining.lease import alive

        return len(alive(self.database()))

    def start(self) -> None:
        """Start the embedded supervisor, if it is enabled and can run trainers."""
        if not self.settings.embedded_worker:
            return
        if lacking := missing(self.settings):
            if self.settings.runner != "local":  # without torch, a service that only serves is normal
                logger.error("retraining: %s", lacking)
            return
        from app.retraining.runners.choice import open_runner
        from app.retraining.worker import run_worker

        try:  # in this thread, because a client's imports change the warning filters, which all threads share
            runner = open_runner(self.settings)
        except Exception:
            logger.exception("retraining: GAN_RUNNER=%s cannot be used. Install its package again.", self.settings.runner)
            return
        registered = threading.Event()
        arguments = (self.settings, self.database, "embedded", runner, self._closing, registered)
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
