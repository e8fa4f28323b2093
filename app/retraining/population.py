"""Supervises populations: trains the runs side by side, stops the losers at the rungs, and has the best one evaluated.

Everything is decided from the job store. Each run is a job with a folder of its own, so a supervisor continues the runs of its
predecessor as it continues plain jobs: it takes over running trainers, and resumes killed ones from their checkpoints.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from app.retraining.halving import Plan, by_kid
from app.retraining.job import ENDED, OUT, Job
from app.retraining.lease import Lease
from app.retraining.publication import Publication
from app.retraining.runners import Finished
from app.retraining.store import JobStore
from app.retraining.trainers import STOPPED, Trainers, how
from app.settings import Settings
from training.spec import TRAINED

logger = logging.getLogger("seedling")
Carefully = Callable[[Callable[[Lease, Job], None], Lease, Job], None]


class Populations:
    """The part of the supervisor that advances populations.

    Args:
        settings: settings of the service.
        store: the job store.
        trainers: the processes of the runs.
        publication: evaluates the best run.
        carefully: runs a step of a job, and ends a job that fails repeatedly.
    """

    def __init__(
        self, settings: Settings, store: JobStore, trainers: Trainers, publication: Publication, carefully: Carefully
    ) -> None:
        self.settings, self.store, self.trainers, self.publication = settings, store, trainers, publication
        self.carefully = carefully

    def begin(self, lease: Lease, job: Job) -> None:
        """Take a population from the queue."""
        runs = [run for run in self.store.populations.runs(job.id) if run.state not in ENDED]
        detail = f"training {len(runs)} runs, {self.settings.parallel_runs} at a time" if runs else "choosing the best run"
        changes: dict[str, object] = {"handle": None, "stop_since": None, "ended": None, "has_run": True, "pruned": False}
        self.store.change(lease, job, "running", detail, **changes)

    def attend(self, lease: Lease, job: Job) -> None:
        """Advance a running population by one step."""
        for run in self._active(job):
            self.carefully(self._read_events, lease, run)
        if not job.cancel:
            job = self.store.populations.decide(lease, job)
        for run in self._active(job):
            self.carefully(self._attend_run, lease, run)
        runs = self.store.populations.runs(job.id)
        job = self._note_progress(lease, job, runs)
        if job.cancel:
            if not any(run.state == "running" for run in runs):
                detail = "cancelled; all runs have stopped. Resume the job to continue from their checkpoints"
                self.store.change(lease, job, "cancelled", detail)
                self.trainers.prune(lease)
        else:
            self._advance(lease, job, runs)

    def _read_events(self, lease: Lease, run: Job) -> None:
        self.trainers.read_events(lease, run)

    def _active(self, job: Job) -> list[Job]:
        return [run for run in self.store.populations.runs(job.id) if run.state == "running"]

    def _advance(self, lease: Lease, job: Job, runs: Sequence[Job]) -> None:
        """Start queued runs while there is room, or end the training of the population."""
        remaining = [run for run in runs if run.member and run.member.stopped_at is None and run.state not in OUT]
        running = sum(run.state == "running" for run in runs)
        if running and all(run.state == "succeeded" for run in remaining):
            return  # a trainer that was stopped is about to end
        if not remaining:
            if not self.store.populations.restore(lease, job):
                self._fail(lease, job, runs)
        elif all(run.state == "succeeded" for run in remaining):
            self._evaluate_best(lease, job, remaining)
        else:
            startable = [run for run in remaining if run.state == "queued" and run.member and not run.member.is_waiting]
            for run in startable[: max(self.settings.parallel_runs - running, 0)]:
                self.carefully(self.trainers.begin, lease, run)

    def _evaluate_best(self, lease: Lease, job: Job, runs: Sequence[Job]) -> None:
        best = min(runs, key=lambda run: by_kid(run.member, run.member.kid) if run.member else (True, 0.0, 0))
        if job.plan is None or best.member is None:
            raise ValueError(f"{job.id} is not a population. Restore the job store from a backup.")
        kid = "no KID" if best.member.kid is None else f"the lowest KID, {best.member.kid:.4f}"
        detail = f"run {best.member.index} has {kid}; exporting and measuring it"
        chosen = {"plan": replace(job.plan, winner=best.id), "spec": best.spec, "metrics": best.metrics}
        self.publication.evaluate(lease, job, detail, **chosen)

    def _fail(self, lease: Lease, job: Job, runs: Sequence[Job]) -> None:
        details = {run.detail for run in runs if run.state in OUT}
        why = min(details, key=len) if details else "See their logs, then resume the job."
        self.store.change(lease, job, "failed", f"All {len(runs)} runs failed. {why}")
        self.trainers.prune(lease)

    # One run.

    def _attend_run(self, lease: Lease, run: Job) -> None:
        run, finished = self.trainers.follow(lease, run)
        if finished:
            self._ended(lease, run, finished, counts=run.stop_since is None)

    def _ended(self, lease: Lease, run: Job, finished: Finished, *, counts: bool) -> None:
        """Record that the trainer of a run has ended.

        Args:
            lease: the supervisor's lease.
            run: a running run.
            finished: how its trainer ended.
            counts: whether it counts as an interruption if it has neither completed nor failed.
        """
        member, plan = run.member, self._plan(run)
        if member is None:
            raise ValueError(f"{run.id} is not a run of a population. Restore the job store from a backup.")
        reason, detail = (run.trained or {}).get("reason"), str((run.trained or {}).get("detail", ""))
        if member.stopped_at is not None:
            self.trainers.stopping.pop(run.id, None)
            self.store.populations.eliminate(lease, run)
        elif run.cancel:
            self.trainers.cancelled(lease, run, finished)
        elif reason in TRAINED:
            kid = "not measured" if member.kid is None else f"{member.kid:.4f}"
            detail = f"training is complete ({reason}); lowest KID {kid}"
            self.store.change(lease, run, "succeeded", detail, handle=None, member=member.ended(plan.rungs))
        elif reason in ("failed", "diverged") or ((finished.status or 0) > 0 and finished.status != STOPPED):
            error = detail or self.trainers.folder(run).last_error(finished.detail)
            self.store.change(lease, run, "failed", error, handle=None)
        elif member.is_waiting:
            at = plan.rungs[member.rung]
            self.trainers.stopping.pop(run.id, None)
            self.store.change(
                lease, run, "paused", f"at {at:,} images, waiting for the other runs", handle=None, stop_since=None
            )
        elif counts:
            self.store.interrupt(lease, run, f"the trainer {how(finished)}", counts=True)
        else:  # it was kept while its trainer stopped, or the service stops
            self.trainers.stopping.pop(run.id, None)
            self.store.change(lease, run, "queued", "waiting to continue from its checkpoint", handle=None, stop_since=None)

    def _plan(self, run: Job) -> Plan:
        plan = self.store.get(run.population or "").plan
        if plan is None:
            raise ValueError(f"{run.population} is not a population. Restore the job store from a backup.")
        return plan

    def _note_progress(self, lease: Lease, job: Job, runs: Sequence[Job]) -> Job:
        progress = progress_of(job, runs)
        return self.store.note(lease, job, progress=progress) if progress != job.progress else job

    # The end of the supervisor, or of a population that it cannot advance.

    def suspend(self, lease: Lease, job: Job, renew: Callable[[Lease], None]) -> None:
        """Stop the trainers of all runs gracefully and queue the population again."""
        here = [run for run in self._active(job) if self.trainers.is_here(run)]
        for run in here:
            self.trainers.ask_to_stop(lease, run)
        for asked in here:
            run, finished = self.trainers.wait(lease, asked, renew)
            self._ended(lease, run, finished, counts=False)
        if not self._active(job):  # otherwise the next supervisor takes over what runs elsewhere
            self.store.interrupt(lease, job, "the service was stopped", counts=False)

    def abandon(self, lease: Lease, job: Job) -> None:
        """End the runs of a population that cannot be advanced, so that it can be resumed. Does nothing for other jobs."""
        for run in self.store.populations.runs(job.id):
            if run.state not in ENDED:
                with contextlib.suppress(OSError):
                    self.trainers.kill(lease, run)
                self.store.change(lease, run, "interrupted", "the population was ended", handle=None)


def progress_of(job: Job, runs: Sequence[Job]) -> dict[str, Any]:
    """Return the progress of a population: images that all runs have seen, and the completed part of the whole."""
    plan, whole = job.plan, int(job.spec.get("images") or 0)
    if plan is None:
        return {}
    images = {run.id: int((run.progress or {}).get("images") or 0) for run in runs}
    rates = [float((run.progress or {}).get("images_per_second") or 0) for run in runs if run.state == "running"]
    done = 0
    for run in runs:
        at = plan.rungs[run.member.rung] if run.member and run.member.rung < len(plan.rungs) else whole
        done += at if run.state == "succeeded" else min(images[run.id], at)
    of = max(plan.images_of(whole), 1)
    return {
        "images": sum(images.values()),
        "of": of,
        "part": round(min(done / of, 1.0), 4),
        "images_per_second": round(sum(rates), 1),
    }
