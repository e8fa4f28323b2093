"""Starts, follows and stops the process of a job: its trainer, or the evaluation of what it trained."""

from __future__ import annotations

import logging
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.retraining import run_datasets
from app.retraining.job import Job
from app.retraining.job_folder import JobFolder, job_folders
from app.retraining.lease import Lease, Workers
from app.retraining.runners import EngineUnavailable, Finished, FolderInUse, Handle, Runner, holder_of, is_locked
from app.retraining.runners.lock import in_use
from app.retraining.store import JobStore
from app.retraining.stored_runs import Runs
from app.settings import Settings
from models.atomic import write_atomically
from models.errors import Damaged, Locked, RepositoryError, Unreachable
from models.host import pid_namespace
from models.manifest import WEIGHTS
from models.repository import Repository
from models.stored_run import Superseded
from training.datasets import DatasetError, DatasetRegistry
from training.spec import TrainingSpec

logger = logging.getLogger("seedling")
STOPPED, IN_USE = 3, 4
"""Exit statuses of the trainer."""
UNKNOWN = "waiting, because it is unknown whether another host has continued the run:"


class Trainers:
    """The processes of jobs. Each change of a job requires the lease.

    Args:
        settings: settings of the service.
        store: the job store.
        workers: renews the lease while an engine is asked.
        runner: runs the processes.
        repository: the published versions, for warm starts.
    """

    def __init__(self, settings: Settings, store: JobStore, workers: Workers, runner: Runner, repository: Repository) -> None:
        self.settings, self.store, self.workers, self.runner, self.repository = settings, store, workers, runner, repository
        self.runs, self.datasets = Runs(settings), DatasetRegistry(settings.datasets)
        self.stopping: dict[str, float] = {}
        """Monotonic time at which each job's process was asked to stop."""

    def folder(self, job: Job) -> JobFolder:
        """Return the folder in which a job's process runs."""
        return JobFolder(self.settings.state, job.run_id)

    # From the queue to a trainer.

    def begin(self, lease: Lease, job: Job) -> None:
        """Prepare the job's folder and start its trainer, from its last checkpoint if there is one."""
        folder = self.folder(job)
        if trouble := self.runner.trouble():
            detail = f"waiting, because no trainer can start: {trouble}"
            if job.detail != detail:
                self.store.note(lease, job, detail=detail)
            return
        self.store.check(lease)  # the next steps do not write to the store, which would check the lease
        if is_locked(folder.lock):  # by a trainer of an earlier attempt, which must stop first
            self._stop_earlier_attempt(job, holder_of(folder.lock))
            return
        if not self._bring(lease, job):
            return
        try:
            job = self.read_events(lease, job)
            self._prepare_folder(folder, job)
        except DatasetError as error:
            self.store.change(lease, job, "failed", f"The dataset cannot be stored with the run. {error}")
            return
        except RepositoryError as error:
            detail = f"The version with the initial weights is gone. POST the job's request again. {error}"
            self.store.change(lease, job, "failed", detail)
            return
        except OSError as error:
            detail = f"The job's folder cannot be created ({error}). Fix that, then resume the job."
            self.store.change(lease, job, "failed", detail)
            return
        self.stopping.pop(job.id, None)
        resumes = folder.has_checkpoint
        changes: dict[str, object] = {"handle": None, "trained": None, "stop_since": None, "ended": None}
        changes |= {"has_run": True, "pruned": False}
        if not resumes:
            changes |= {"offset": 0, "progress": None, "metrics": None}
            if job.member:  # what has been decided stays
                changes["member"] = replace(job.member, kid=None, at_rungs=job.member.at_rungs[: job.member.rung])
        detail = "training continues from the last checkpoint" if resumes else "training"
        job = self.store.change(lease, job, "running", detail, **changes)
        spec, out = str(folder.spec), str(folder.path)
        begin = ["--resume"] if resumes else ["--spec", spec, "--restartable"]
        self.start(lease, job, ["train", *begin, "--out", out])

    def _bring(self, lease: Lease, job: Job) -> bool:
        """Make the job's folder the newest one. Return False if it cannot be determined at present."""
        if not self.runs.is_used:
            return True
        try:
            with self.workers.renewing(lease):
                self.runs.bring(self.folder(job))
        except (Unreachable, Superseded, Locked) as error:
            if not job.detail.startswith(UNKNOWN):  # the message contains times
                logger.warning("retraining: job %s: %s %s", job.id, UNKNOWN, error)
                self.store.note(lease, job, detail=f"{UNKNOWN} {error}")
            return False
        except Damaged as error:
            self.store.change(lease, job, "failed", f"The run cannot be continued. {error}", handle=None)
            return False
        try:
            run_datasets.adopt(self.folder(job), self.datasets)
        except DatasetError as error:
            self.store.change(lease, job, "failed", f"The run cannot be continued on this host. {error}", handle=None)
            return False
        return True

    def _stop_earlier_attempt(self, job: Job, holder: Handle | None) -> None:
        since = self.stopping.setdefault(job.id, time.monotonic())
        if holder:
            self.runner.stop(holder, force=time.monotonic() - since > self.settings.stop_seconds)

    def _prepare_folder(self, folder: JobFolder, job: Job) -> None:
        folder.path.mkdir(parents=True, exist_ok=True)
        if not folder.has_checkpoint:
            folder.events.unlink(missing_ok=True)
        shutil.rmtree(folder.candidate, ignore_errors=True)
        if not folder.spec.exists():
            spec = TrainingSpec.model_validate(job.spec)
            write_atomically(folder.spec, f"{spec.model_dump_json(indent=2)}\n".encode())
        if self.runs.is_used:
            run_datasets.include(folder, job.spec["dataset"], self.datasets)
        if job.parent is not None and not folder.initial.exists():
            parent = self.repository.get(job.model, job.parent)
            write_atomically(folder.initial, parent.file(WEIGHTS).read_bytes())

    def start(self, lease: Lease, job: Job, arguments: Sequence[str]) -> None:
        """Start a process for a job, and store its handle.

        If the supervisor is killed between the two, the job has no handle. The lock in its folder then shows whether a trainer
        is running, because the trainer holds it from its start.
        """
        folder = self.folder(job)
        owner = None
        try:
            with self.workers.renewing(lease):
                if self.runs.is_used:
                    if is_locked(folder.lock):  # its trainer would be superseded
                        raise in_use(folder.lock)
                    owner = self.runs.take(folder)
                handle = self.runner.start(arguments, folder.log, **({"owner": owner} if owner else {}))
        except RepositoryError as error:
            self.store.interrupt(lease, job, str(error), counts=False)
            return
        except FolderInUse as error:
            logger.warning("retraining: job %s: %s", job.id, error)
            return
        except EngineUnavailable as error:
            self.store.interrupt(lease, job, str(error), counts=True)
            return
        except OSError as error:
            detail = f"The trainer cannot be started ({error}). Fix that, then resume the job."
            self.store.change(lease, job, "failed", detail)
            return
        self.store.note(lease, job, handle=handle)

    # While a process runs, and when it has ended.

    def follow(self, lease: Lease, job: Job) -> tuple[Job, Finished | None]:
        """Store the new events of a job's process, and stop it if it must stop. Return how it has ended, or None.

        A job whose process was never recorded and is not running is interrupted.
        """
        job = self.read_events(lease, job)
        handle = job.handle or self._found(lease, job)
        if handle is None and is_locked(self.folder(job).lock):
            return job, None  # a trainer has just started and has not written its process id yet
        if handle is None:
            return self.store.interrupt(lease, job, "the supervisor was killed while starting the trainer", counts=True), None
        finished = self.runner.poll(handle)
        if finished is None:
            if job.must_stop:
                self._stop(lease, job, handle)
            return job, None
        is_elsewhere = finished.status is None or self.runs.are_distant
        if is_elsewhere and not self._bring(lease, job):
            return job, None
        job = self.read_events(lease, job)  # the events written just before it ended
        if finished.status == IN_USE and (found := self._found(lease, job)):
            which = found.get("id", found["pid"])
            logger.info("job %s: trainer %s is running in its folder; following that trainer", job.id, which)
            return job, None
        return job, finished

    def _found(self, lease: Lease, job: Job) -> Handle | None:
        """Find a trainer that is running in a job's folder without a handle in the store, and store its handle."""
        handle = holder_of(self.folder(job).lock)
        if handle:
            self.store.note(lease, job, handle=handle)
        return handle

    def _stop(self, lease: Lease, job: Job, handle: Handle) -> None:
        self.store.check(lease)
        if job.stop_since is None:
            self.stopping[job.id] = time.monotonic()
            self.runner.stop(handle)
            self.store.note(lease, job, stop_since=time.time())
        elif time.monotonic() - self.stopping.setdefault(job.id, time.monotonic()) > self.settings.stop_seconds:
            self.runner.stop(handle, force=True)

    def is_here(self, job: Job) -> bool:
        """Whether a job has a process that this supervisor can wait for. Others are left to the next supervisor."""
        return job.handle is not None and job.handle["place"] == pid_namespace()

    def ask_to_stop(self, lease: Lease, job: Job) -> None:
        """Ask a job's process to write a checkpoint and exit."""
        self.store.check(lease)  # another supervisor may have taken the trainer over
        self.stopping[job.id] = time.monotonic()
        if job.handle:
            self.runner.stop(job.handle)

    def wait(self, lease: Lease, job: Job, renew: Callable[[Lease], None]) -> tuple[Job, Finished]:
        """Wait until a process that was asked to stop has ended, and kill it `stop_seconds` after it was asked."""
        handle: Handle = job.handle or {}
        deadline = self.stopping.pop(job.id, time.monotonic()) + self.settings.stop_seconds
        finished = self.runner.poll(handle)
        while finished is None:
            if time.monotonic() > deadline:
                self.runner.stop(handle, force=True)
            time.sleep(0.05)
            renew(lease)
            finished = self.runner.poll(handle)
        return self.read_events(lease, job), finished

    def kill(self, lease: Lease, job: Job) -> None:
        """Kill a job's process, if it has one."""
        if job.handle:
            self.store.check(lease)
            self.runner.stop(job.handle, force=True)

    def read_events(self, lease: Lease, job: Job) -> Job:
        """Store the trainer's new events."""
        folder = self.folder(job)
        if folder.job_id != job.id:
            return job  # a population, whose best run has been read
        if self.runs.are_distant:
            with self.workers.renewing(lease):
                self.runs.follow(folder)
        while True:
            lines, offset = folder.read_events(job.offset)
            if offset == job.offset:
                return job
            job = self.store.record(lease, job, lines, offset)

    def cancelled(self, lease: Lease, job: Job, finished: Finished) -> None:
        """Record that a cancelled job's process has ended."""
        if finished.status == -signal.SIGKILL:
            how = f"the trainer was killed because it had not stopped after {self.settings.stop_seconds} s"
        else:
            how = "stopped gracefully" if (job.trained or {}).get("reason") == "stopped" else "stopped immediately"
        self.stopping.pop(job.id, None)
        self.store.change(lease, job, "cancelled", f"cancelled; {how}. Resume the job to continue from there", handle=None)

    def prune(self, lease: Lease) -> None:
        """Delete the folders of all but the most recent jobs."""
        for job in self.store.prune(lease, self.settings.keep_jobs):
            shutil.rmtree(JobFolder(self.settings.state, job.id).path, ignore_errors=True)
        if self.runs.is_used:
            try:
                with self.workers.renewing(lease):
                    self._prune_stored(lease)
            except RepositoryError as error:
                logger.warning("retraining: old runs cannot be deleted: %s They are deleted after the next job.", error)

    def _prune_stored(self, lease: Lease) -> None:
        """Delete what other hosts, and earlier attempts, have left of pruned jobs."""
        here, stored = job_folders(self.settings.state), self.runs.stored()
        pruned = self.store.pruned([*here, *stored])
        self.store.check(lease)
        for job_id in pruned:
            shutil.rmtree(JobFolder(self.settings.state, job_id).path, ignore_errors=True)
            if job_id in stored:
                self.runs.delete(JobFolder(self.settings.state, job_id))


def how(finished: Finished) -> str:
    """Describe the end of a process, for use after its name."""
    reported = f" ({finished.detail})" if finished.detail else ""
    if finished.status is None:
        return f"ended with unknown status{reported}"
    if finished.status < 0:
        return f"was killed by {signal.Signals(-finished.status).name}{reported}"
    return f"ended with status {finished.status}{reported}"
