"""The supervisor: runs jobs through training, evaluation and the gate, one at a time.

All its state is in the job store and in the job's folder, so that another supervisor can continue at any point:

    var/jobs/<id>/              the run's folder, as `python -m training train` writes it
    var/jobs/<id>/log.txt       the trainer's output
    var/jobs/<id>/candidate/    the exported and measured version, until it is published
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from app.errors import JobConflict, StoreUnavailable
from app.retraining.job import Job
from app.retraining.lease import RENEW_SECONDS, Lease, LeaseLost, Workers
from app.retraining.population import Populations
from app.retraining.publication import Publication
from app.retraining.runners import Finished, Runner
from app.retraining.store import JobStore
from app.retraining.trainers import STOPPED, Trainers, how
from app.settings import Settings
from app.storage.backends import open_repository
from models.errors import RepositoryError
from training.spec import TRAINED

logger = logging.getLogger("seedling")
TICK_SECONDS = 0.5
MOST_FAILURES = 5


class Supervisor:
    """Supervises while this process holds the lease.

    Args:
        settings: settings of the service.
        store: the job store.
        workers: registers this process and takes the lease.
        runner: runs the trainers.
    """

    def __init__(self, settings: Settings, store: JobStore, workers: Workers, runner: Runner) -> None:
        self.settings, self.store, self.workers = settings, store, workers
        self.repository = open_repository(settings, lambda: store.database)
        self.trainers = Trainers(settings, store, workers, runner, self.repository)
        self.publication = Publication(settings, store, workers, self.trainers, self.repository)
        self.populations = Populations(settings, store, self.trainers, self.publication, self._carefully)
        self._lease: Lease | None = None
        self._renew_at = 0.0
        self._failures: dict[str, int] = {}

    def run(self, closing: threading.Event) -> None:
        """Supervise until `closing` is set, then stop the trainers gracefully and release the lease."""
        while not closing.wait(TICK_SECONDS):
            self._survive(self.tick)
        self._survive(self.shut_down)

    def _survive(self, step: Callable[[], None]) -> None:
        """Run a step and log its failure. Later steps may succeed, once the disk has space or the store is available again."""
        try:
            step()
        except LeaseLost as lost:
            logger.warning("%s", lost)
            self._lease = None
        except (JobConflict, StoreUnavailable) as error:
            logger.warning("retraining: %s", error)
        except Exception:
            logger.exception("retraining: a step failed; trying again")

    def tick(self) -> None:
        """Renew the lease and advance each job by one step."""
        if time.monotonic() >= self._renew_at:
            had, self._lease = self._lease, None
            self._lease = self.workers.beat()
            self._renew_at = time.monotonic() + RENEW_SECONDS
            if self._lease and not had:
                logger.info("retraining: this process supervises")
        if self._lease is None:
            return
        active = self.store.active()
        if active:
            with contextlib.suppress(RepositoryError):  # publishing reports it
                self.repository.refresh()
        for job in active:
            self._carefully(self._attend, self._lease, job)
        waiting = None if active else self.store.next_queued()
        if waiting:
            self._carefully(self._begin, self._lease, waiting)

    def _carefully(self, step: Callable[[Lease, Job], None], lease: Lease, job: Job) -> None:
        """Run a step of a job. A job that fails repeatedly is ended, so that it does not block the others."""
        try:
            step(lease, job)
        except (LeaseLost, StoreUnavailable, JobConflict):
            raise
        except Exception as error:
            times = self._failures[job.id] = self._failures.get(job.id, 0) + 1
            logger.exception("retraining: job %s failed %s times in a row", job.id, times)
            if times >= MOST_FAILURES:
                self.trainers.kill(lease, job)
                self.populations.abandon(lease, job)
                detail = f"The supervisor failed {times} times on this job ({error!r}). See the service's log, then resume it."
                self.store.change(lease, job, "failed", detail, handle=None)
        else:
            self._failures.pop(job.id, None)

    def shut_down(self) -> None:
        """Stop the trainers gracefully: they write checkpoints, and their jobs continue under the next supervisor."""
        try:
            if self._lease:
                for job in self.store.active():
                    self._suspend(self._lease, job)
        finally:
            self.workers.leave()

    def _suspend(self, lease: Lease, job: Job) -> None:
        if job.plan and job.state == "running":
            self.populations.suspend(lease, job, self._renew)
            return
        if not self.trainers.is_here(job):
            return  # the next supervisor checks on this process and takes it over if it still runs
        self.trainers.ask_to_stop(lease, job)
        job, finished = self.trainers.wait(lease, job, self._renew)
        if job.cancel:
            self._cancelled(lease, job, finished)
        elif job.state == "evaluating" and self.trainers.folder(job).candidate.exists():
            self.publication.finish(lease, job, finished)
        elif job.state == "running" and (job.trained or {}).get("reason") in ("failed", "diverged"):
            self._trained(lease, job, finished)
        else:
            self.store.interrupt(lease, job, "the service was stopped", counts=False)

    def _renew(self, lease: Lease) -> None:
        if time.monotonic() >= self._renew_at:
            if self.workers.beat() != lease:
                raise LeaseLost("Another process took the lease while this one was stopping. That process continues the job.")
            self._renew_at = time.monotonic() + RENEW_SECONDS

    def _begin(self, lease: Lease, job: Job) -> None:
        if job.plan:
            self.populations.begin(lease, job)
        else:
            self.trainers.begin(lease, job)

    def _attend(self, lease: Lease, job: Job) -> None:
        if job.plan and job.state == "running":
            self.populations.attend(lease, job)
            return
        job, finished = self.trainers.follow(lease, job)
        if finished is None:
            return
        if job.cancel:
            self._cancelled(lease, job, finished)
        elif job.state == "running":
            self._trained(lease, job, finished)
        else:
            self.publication.finish(lease, job, finished)

    def _cancelled(self, lease: Lease, job: Job, finished: Finished) -> None:
        self.trainers.cancelled(lease, job, finished)
        self.trainers.prune(lease)

    def _trained(self, lease: Lease, job: Job, finished: Finished) -> None:
        reason, detail = (job.trained or {}).get("reason"), str((job.trained or {}).get("detail", ""))
        if reason in TRAINED:
            self.publication.evaluate(lease, job)
        elif reason == "stopped" or finished.status == STOPPED:
            self.store.interrupt(lease, job, "the trainer was stopped from outside", counts=True)
        elif reason is not None or (finished.status or 0) > 0:
            error = detail or self.trainers.folder(job).last_error(finished.detail)
            self.store.change(lease, job, "failed", error, handle=None)
            self.trainers.prune(lease)
        else:
            self.store.interrupt(lease, job, f"the trainer {how(finished)}", counts=True)
