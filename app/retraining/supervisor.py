"""The supervisor: runs jobs through training, evaluation and the gate, one at a time.

All its state is in the job store and in the job's folder, so that another supervisor can continue at any point:

    var/jobs/<id>/              the run's folder, as `python -m training train` writes it
    var/jobs/<id>/log.txt       the trainer's output
    var/jobs/<id>/candidate/    the exported and measured version, until it is published
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from app.errors import JobConflict, SeedlingError, StoreUnavailable, VersionUnusable
from app.retraining import gate
from app.retraining.job import Job
from app.retraining.job_folder import JobFolder
from app.retraining.lease import RENEW_SECONDS, Lease, LeaseLost, Workers
from app.retraining.store import JobStore
from app.retraining.trainer_process import Finished, FolderInUse, Handle, Runner, holder_of, is_locked
from app.settings import Settings
from app.storage.audit import AuditLog
from app.storage.backends import open_repository
from models.atomic import write_atomically
from models.errors import Changed, Locked, RepositoryError
from models.host import pid_namespace
from models.manifest import WEIGHTS, Gate
from models.repository import CHAMPION, PREVIOUS
from models.version import Version
from training.datasets import DatasetError, Registry, describe
from training.spec import TRAINED, TrainingSpec

logger = logging.getLogger("seedling")
TICK_SECONDS = 0.5
STOPPED, IN_USE = 3, 4
"""Exit statuses of the trainer."""
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
        self.settings, self.store, self.workers, self.runner = settings, store, workers, runner
        self.repository = open_repository(settings, lambda: store.database)
        self._lease: Lease | None = None
        self._renew_at = 0.0
        self._failures: dict[str, int] = {}
        self._stopping: dict[str, float] = {}
        """Monotonic time at which each job's trainer was asked to stop."""

    def run(self, closing: threading.Event) -> None:
        """Supervise until `closing` is set, then stop the trainer gracefully and release the lease."""
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
                if job.handle:
                    self.store.check(lease)
                    self.runner.stop(job.handle, force=True)
                detail = f"The supervisor failed {times} times on this job ({error!r}). See the service's log, then resume it."
                self.store.change(lease, job, "failed", detail, handle=None)
        else:
            self._failures.pop(job.id, None)

    def shut_down(self) -> None:
        """Stop the trainer gracefully: it writes a checkpoint, and its job continues under the next supervisor."""
        try:
            if self._lease:
                for job in self.store.active():
                    self._suspend(self._lease, job)
        finally:
            self.workers.leave()

    def _suspend(self, lease: Lease, job: Job) -> None:
        if job.handle is None or job.handle["place"] != pid_namespace():
            return  # the next supervisor checks on this process and takes it over if it still runs
        self.store.check(lease)  # another supervisor may have taken the trainer over
        self.runner.stop(job.handle)
        finished, deadline = self.runner.poll(job.handle), time.monotonic() + self.settings.stop_seconds
        while finished is None:
            if time.monotonic() > deadline:
                self.runner.stop(job.handle, force=True)
            time.sleep(0.05)
            self._renew(lease)
            finished = self.runner.poll(job.handle)
        job = self._read_events(lease, job)
        if job.cancel:
            self._cancelled(lease, job, finished)
            return
        if job.state == "evaluating" and JobFolder(self.settings.state, job.id).candidate.exists():
            self._evaluated(lease, job, finished)
        elif job.state == "running" and (job.trained or {}).get("reason") in ("failed", "diverged"):
            self._trained(lease, job, finished)
        else:
            self.store.interrupt(lease, job, "the service was stopped", counts=False)

    def _renew(self, lease: Lease) -> None:
        if time.monotonic() >= self._renew_at:
            if self.workers.beat() != lease:
                raise LeaseLost("Another process took the lease while this one was stopping. That process continues the job.")
            self._renew_at = time.monotonic() + RENEW_SECONDS

    # From the queue to a trainer.

    def _begin(self, lease: Lease, job: Job) -> None:
        """Prepare the job's folder and start its trainer, from its last checkpoint if there is one."""
        folder = JobFolder(self.settings.state, job.id)
        self.store.check(lease)  # the next steps do not write to the store, which would check the lease
        if is_locked(folder.lock):  # by a trainer of an earlier attempt, which must stop first
            self._stop_earlier_attempt(job, holder_of(folder.lock))
            return
        try:
            job = self._read_events(lease, job)
            self._prepare_folder(folder, job)
        except RepositoryError as error:
            detail = f"The version with the initial weights is gone. POST the job's request again. {error}"
            self.store.change(lease, job, "failed", detail)
            return
        except OSError as error:
            detail = f"The job's folder cannot be created ({error}). Fix that, then resume the job."
            self.store.change(lease, job, "failed", detail)
            return
        self._stopping.pop(job.id, None)
        resumes = folder.has_checkpoint
        changes: dict[str, object] = {"handle": None, "trained": None, "stop_since": None, "ended": None}
        changes |= {"has_run": True, "pruned": False}
        if not resumes:
            changes |= {"offset": 0, "progress": None, "metrics": None}
        detail = "training continues from the last checkpoint" if resumes else "training"
        job = self.store.change(lease, job, "running", detail, **changes)
        spec, out = str(folder.spec), str(folder.path)
        self._start(lease, job, ["train", "--resume", "--out", out] if resumes else ["train", "--spec", spec, "--out", out])

    def _stop_earlier_attempt(self, job: Job, holder: Handle | None) -> None:
        since = self._stopping.setdefault(job.id, time.monotonic())
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
        if job.parent is not None and not folder.initial.exists():
            parent = self.repository.get(job.model, job.parent)
            write_atomically(folder.initial, parent.file(WEIGHTS).read_bytes())

    def _start(self, lease: Lease, job: Job, arguments: list[str]) -> None:
        """Start a process for a job, and store its handle.

        If the supervisor is killed between the two, the job has no handle. The lock in its folder then shows whether a trainer
        is running, because the trainer holds it from its start.
        """
        try:
            handle = self.runner.start(arguments, JobFolder(self.settings.state, job.id).log)
        except FolderInUse as error:
            logger.warning("retraining: job %s: %s", job.id, error)
            return
        except OSError as error:
            detail = f"The trainer cannot be started ({error}). Fix that, then resume the job."
            self.store.change(lease, job, "failed", detail)
            return
        self.store.note(lease, job, handle=handle)

    # While a process runs, and when it has ended.

    def _attend(self, lease: Lease, job: Job) -> None:
        job = self._read_events(lease, job)
        handle = job.handle or self._found(lease, job)
        if handle is None and is_locked(JobFolder(self.settings.state, job.id).lock):
            return  # a trainer has just started and has not written its process id yet
        if handle is None:
            self.store.interrupt(lease, job, "the supervisor was killed while starting the trainer", counts=True)
            return
        finished = self.runner.poll(handle)
        if finished is None:
            if job.cancel:
                self._stop(lease, job, handle)
            return
        job = self._read_events(lease, job)  # the events written just before it ended
        if finished.status == IN_USE and (found := self._found(lease, job)):
            logger.info("job %s: trainer %s is running in its folder; following that trainer", job.id, found["pid"])
        elif job.cancel:
            self._cancelled(lease, job, finished)
        elif job.state == "running":
            self._trained(lease, job, finished)
        else:
            self._evaluated(lease, job, finished)

    def _found(self, lease: Lease, job: Job) -> Handle | None:
        """Find a trainer that is running in a job's folder without a handle in the store, and store its handle."""
        handle = holder_of(JobFolder(self.settings.state, job.id).lock)
        if handle:
            self.store.note(lease, job, handle=handle)
        return handle

    def _stop(self, lease: Lease, job: Job, handle: Handle) -> None:
        self.store.check(lease)
        if job.stop_since is None:
            self._stopping[job.id] = time.monotonic()
            self.runner.stop(handle)
            self.store.note(lease, job, stop_since=time.time())
        elif time.monotonic() - self._stopping.setdefault(job.id, time.monotonic()) > self.settings.stop_seconds:
            self.runner.stop(handle, force=True)

    def _cancelled(self, lease: Lease, job: Job, finished: Finished) -> None:
        if finished.status == -signal.SIGKILL:
            how = f"the trainer was killed because it had not stopped after {self.settings.stop_seconds} s"
        else:
            how = "stopped gracefully" if (job.trained or {}).get("reason") == "stopped" else "stopped immediately"
        self._stopping.pop(job.id, None)
        self.store.change(lease, job, "cancelled", f"cancelled; {how}. Resume the job to continue from there", handle=None)
        self._prune(lease)

    def _trained(self, lease: Lease, job: Job, finished: Finished) -> None:
        reason, detail = (job.trained or {}).get("reason"), str((job.trained or {}).get("detail", ""))
        if reason in TRAINED:
            self._evaluate(lease, job)
        elif reason == "stopped" or finished.status == STOPPED:
            self.store.interrupt(lease, job, "the trainer was stopped from outside", counts=True)
        elif reason is not None or (finished.status or 0) > 0:
            error = detail or JobFolder(self.settings.state, job.id).last_error()
            self.store.change(lease, job, "failed", error, handle=None)
            self._prune(lease)
        else:
            self.store.interrupt(lease, job, f"the trainer {_how(finished)}", counts=True)

    def _evaluate(self, lease: Lease, job: Job) -> None:
        """Start the export of the candidate and its comparison with the champion."""
        folder = JobFolder(self.settings.state, job.id)
        try:
            number = self.repository.served_aliases(job.model).get(CHAMPION)
        except RepositoryError as error:
            self.store.change(lease, job, "failed", f"The champion cannot be determined. {error}", handle=None)
            return
        job = self.store.change(lease, job, "evaluating", "exporting and measuring", handle=None, champion=number)
        champion = gate.version_to_beat(self.repository, job.model, number)
        arguments = ["candidate", str(folder.path), "--name", job.model, "--to", str(folder.candidate)]
        arguments += ["--threads", str(self.settings.training_threads), "--pictures", str(self.settings.gate_pictures)]
        arguments += ["--cache", str(self.settings.cache or self.settings.state / "cache")]
        if champion and not champion.incomparable_with(TrainingSpec.model_validate(job.spec), self._classes(job)):
            arguments += ["--against", str(champion.version.path)]
        self._start(lease, job, arguments)

    def _classes(self, job: Job) -> tuple[str, ...] | None:
        try:
            return describe(job.spec["dataset"], Registry(self.settings.datasets)).classes
        except DatasetError:
            return None  # the evaluation will report it

    def _evaluated(self, lease: Lease, job: Job, finished: Finished) -> None:
        folder = JobFolder(self.settings.state, job.id)
        if folder.candidate.exists():
            try:
                with self.workers.renewing(lease):
                    self._pass_gate(lease, job, folder.candidate)
            except (StoreUnavailable, JobConflict):
                raise
            except Locked as error:
                logger.warning("retraining: job %s: %s", job.id, error)  # the next tick tries again
                return
            except (SeedlingError, RepositoryError) as error:
                self.store.change(lease, job, "failed", f"The version was not published. {error}", handle=None)
            except OSError as error:
                detail = f"The version cannot be written ({error.strerror}). Free disk space, then resume the job."
                self.store.change(lease, job, "failed", detail, handle=None)
            self._prune(lease)
        elif (finished.status or 0) > 0:
            self.store.change(lease, job, "failed", folder.last_error(), handle=None)
            self._prune(lease)
        else:
            self.store.interrupt(lease, job, f"the evaluation {_how(finished)}", counts=True)

    def _pass_gate(self, lease: Lease, job: Job, candidate: Path) -> None:
        """Decide, publish and promote. This can be interrupted anywhere and repeated with the same result."""
        made, champion_figures = gate.read_candidate(candidate)
        champion = gate.version_to_beat(self.repository, job.model, job.champion)
        spec = TrainingSpec.model_validate(job.spec)
        incomparable = champion.incomparable_with(spec, made.manifest.classes) if champion else None
        task = made.manifest.task
        verdict = gate.decide(
            job.promote,
            made.manifest.metrics,
            job.champion,
            champion_figures,
            incomparable,
            task,
            champion_copies=champion is not None and champion.copies,
        )
        gate.check_fit_to_serve(made)
        if job.champion is not None and not self.repository.numbers(job.model):
            raise VersionUnusable(f"The folder of {job.model} is gone. Restore it or its mount, then resume the job.")
        held = partial(self.store.check, lease)
        version = gate.publish(self.repository, made, job.model, job.id, job.parent, verdict, held)
        verdict = version.manifest.gate or verdict  # if it was published before a crash, the earlier verdict applies
        job = self.store.note(lease, job, version=version.number, gate=verdict.model_dump(mode="json"))
        promoted, reason = self._promote(job, version, verdict, held)
        detail = f"{job.model}/{version.number} was published{' and promoted' if promoted else ''}. {reason}"
        self.store.change(lease, job, "succeeded", detail, promoted=promoted, handle=None)
        logger.info("job %s: %s", job.id, detail)
        shutil.rmtree(candidate, ignore_errors=True)

    def _promote(self, job: Job, version: Version, verdict: Gate, held: Callable[[], None]) -> tuple[bool, str]:
        """Promote a version if the verdict says so. Return whether it is champion, and the reason."""
        aliases = self.repository.served_aliases(job.model)
        if aliases.get(CHAMPION) == version.number:
            return True, verdict.reason  # the first version of a model, or promoted before a crash
        if not verdict.promoted:
            return False, verdict.reason
        if aliases.get(PREVIOUS) == version.number:
            return False, f"{verdict.reason} But it has been rolled back since."
        if verdict.champion is None:
            return False, f"{verdict.reason} But another version became champion meanwhile. Promote this one to serve it."
        instead_of = None if verdict.asked == "always" else verdict.champion
        try:
            self.repository.promote(job.model, version.number, instead_of=instead_of, check=held)
        except Changed as changed:
            return False, f"{verdict.reason} But it was not promoted. {changed}"
        target = f"/models/{job.model}/versions/{version.number}"
        AuditLog(self.store.database, self.settings.audit_days, self.settings.audit_entries).add(
            f"job {job.id}", None, "promote", target, 200, "ok"
        )
        return True, verdict.reason

    def _read_events(self, lease: Lease, job: Job) -> Job:
        """Store the trainer's new events."""
        folder = JobFolder(self.settings.state, job.id)
        while True:
            lines, offset = folder.read_events(job.offset)
            if offset == job.offset:
                return job
            job = self.store.record(lease, job, lines, offset)

    def _prune(self, lease: Lease) -> None:
        """Delete the folders of all but the most recent jobs."""
        for job in self.store.prune(lease, self.settings.keep_jobs):
            shutil.rmtree(JobFolder(self.settings.state, job.id).path, ignore_errors=True)


def _how(finished: Finished) -> str:
    if finished.status is None:
        return "ended with unknown status"
    if finished.status < 0:
        return f"was killed by {signal.Signals(-finished.status).name}"
    return f"ended with status {finished.status}"
