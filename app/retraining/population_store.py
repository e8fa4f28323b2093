"""Populations in the job store. A decision and its effects on all runs are one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, func, insert, select

from app.retraining.halving import by_kid, decide
from app.retraining.job import ENDED, OUT, RESUMABLE, Draft, Job
from app.retraining.job_rows import add_event, change_job, read_job, read_runs, update_job
from app.retraining.lease import Lease, check_held
from app.storage.database import Database, jobs

RELAYED = ("started", "resumed", "progress", "samples", "metrics", "warning")
"""Types of the trainer's events that a run's population gets too."""
USAGE = ("wall_seconds", "cpu_seconds", "gpu_seconds", "cores", "peak_memory", "gpu_utilization", "gpu_peak_memory")
PROGRESS = ("images", "part", "images_per_second", *USAGE)
"""The fields of progress events that the population gets."""
RUNS_DETAIL = "waiting for room"


class PopulationStore:
    """The populations in the job store.

    Args:
        database: stores them.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def runs(self, job_id: str) -> list[Job]:
        """Return the runs of a population in the order of their numbers. A plain job has none."""
        with self.database.read() as connection:
            return read_runs(connection, job_id)

    def runs_of(self, found: Iterable[Job]) -> dict[str, list[Job]]:
        """Return the runs of all populations among some jobs, by the population's id."""
        runs: dict[str, list[Job]] = {job.id: [] for job in found if job.plan}
        if runs:
            query = select(jobs).where(jobs.c.population.in_(list(runs))).order_by(jobs.c.number)
            with self.database.read() as connection:
                for row in connection.execute(query):
                    runs[row.population].append(Job.of(row._mapping))
        return runs

    def decide(self, lease: Lease, job: Job) -> Job:
        """Decide at each rung that all remaining runs have reached, and record it before anything is stopped.

        The decision follows from the measurements in the store. It is taken once, so a supervisor that continues after a crash
        finds either the complete decision or none. Kept runs that were paused are queued again.
        """
        with self.database.write() as connection:
            check_held(connection, lease)
            job = read_job(connection, job.id)
            while _decide_next(connection, job):
                job = read_job(connection, job.id)
            return job

    def eliminate(self, lease: Lease, run: Job) -> None:
        """Record that the trainer of a run that was not kept has ended."""
        with self.database.write() as connection:
            check_held(connection, lease)
            _eliminate(connection, read_job(connection, run.id))

    def restore(self, lease: Lease, job: Job) -> bool:
        """Queue the best stopped run again, because all remaining runs have failed. Return whether there was one."""
        with self.database.write() as connection:
            check_held(connection, lease)
            job = read_job(connection, job.id)
            members = [run.member for run in read_runs(connection, job.id) if run.state == "eliminated" and run.member]
            if not members or job.plan is None:
                return False
            # Runs that were stopped later have a lower KID at a later rung.
            best = min(members, key=lambda member: (-member.rung, by_kid(member, member.kid)))
            run = next(run for run in read_runs(connection, job.id) if run.member == best)
            decided = len(job.plan.decisions)
            # Its measurements at the rungs that were decided without it do not exist, and are not needed.
            at_rungs = [*best.at_rungs, *[best.kid] * (decided - len(best.at_rungs))][:decided]
            member = replace(best, rung=decided, stopped_at=None, at_rungs=at_rungs)
            update_job(connection, job.id, plan=replace(job.plan, restored=[*job.plan.restored, best.index]))
            add_event(connection, job.id, "restored", {"run": best.index})
            change_job(connection, run, "queued", "continues because all others have failed", member=member, ended=None)
            return True


def _remaining(runs: Sequence[Job]) -> list[Job]:
    """Return the runs that were neither stopped nor have failed."""
    return [run for run in runs if run.member and run.member.stopped_at is None and run.state not in OUT]


def _decide_next(connection: Connection, job: Job) -> bool:
    """Decide at the next rung if all remaining runs have reached it. Return whether they had."""
    runs, plan = read_runs(connection, job.id), job.plan
    remaining = _remaining(runs)
    if plan is None or plan.rung is None or not remaining or not all(run.member and run.member.is_waiting for run in remaining):
        return False
    members = {run.id: run.member for run in remaining if run.member}
    failed = [run.member.index for run in runs if run.member and run.state in OUT]
    decision = decide(plan, list(members.values()), failed)
    update_job(connection, job.id, plan=replace(plan, decisions=[*plan.decisions, decision]))
    add_event(connection, job.id, "rung", {"rung": len(plan.decisions) + 1, **asdict(decision)})
    for run in remaining:
        member = members[run.id]
        if member.index in decision.kept:
            member = replace(member, rung=member.rung + 1)
            update_job(connection, run.id, member=member)
            if run.state == "paused" and not member.is_waiting:
                change_job(connection, run, "queued", f"one of the best {len(decision.kept)} after {decision.images:,} images")
            continue
        member = replace(member, stopped_at=decision.images)
        update_job(connection, run.id, member=member)
        if run.state != "running":  # the supervisor stops its trainer first
            _eliminate(connection, replace(run, member=member))
    return True


def _eliminate(connection: Connection, run: Job) -> None:
    at = run.member.stopped_at if run.member else None
    change_job(connection, run, "eliminated", f"not among the best after {at or 0:,} images", handle=None, stop_since=None)


def add_runs(connection: Connection, job: Job, draft: Draft, now: float) -> None:
    """Add the runs of a new population. Their numbers are negative, so that those of the jobs have no gaps."""
    first = min(connection.scalar(select(func.min(jobs.c.number))) or 0, 0) - len(draft.runs)
    for index, run in enumerate(draft.runs, 1):
        run_id, member = uuid.uuid4().hex[:12], {"index": index, "overrides": run.overrides}
        row = {
            **{name: getattr(draft, name) for name in ("model", "request", "parent", "by")},
            **{"number": first + index - 1, "id": run_id, "population": job.id, "member": member, "spec": run.spec},
            **{"state": "queued", "detail": RUNS_DETAIL, "created": now, "promote": "never"},
        }
        connection.execute(insert(jobs).values(row))
        add_event(connection, run_id, "state", {"state": "queued", "detail": RUNS_DETAIL}, now)


def cancel_runs(connection: Connection, job: Job, by: str) -> None:
    """Cancel the runs of a population: those without a trainer at once, the others when the supervisor has stopped it."""
    for run in read_runs(connection, job.id):
        if run.state == "running":
            update_job(connection, run.id, cancel=True)
        elif run.state not in ENDED:
            change_job(connection, run, "cancelled", f"cancelled by {by}", cancel=True)


def resume_runs(connection: Connection, job: Job, by: str) -> None:
    """Queue the runs of a population again that no decision has excluded."""
    decided = len(job.plan.decisions) if job.plan else 0
    for run in read_runs(connection, job.id):
        member = run.member
        if run.state not in RESUMABLE or member is None or member.stopped_at is not None or member.rung < decided:
            continue
        changes: dict[str, object] = {"interruptions": 0, "cancel": False, "ended": None, "stop_since": None}
        if member.is_waiting:
            change_job(connection, run, "paused", "waiting for the other runs", **changes)
        else:
            change_job(connection, run, "queued", f"resumed by {by}", **changes)


def relay(connection: Connection, job: Job, kind: str, data: dict[str, Any], when: float | None) -> None:
    """Add an event of a run's trainer to its population."""
    if job.population is None or job.member is None or kind not in RELAYED:
        return
    shown = {name: data[name] for name in PROGRESS if name in data} if kind == "progress" else data
    add_event(connection, job.population, kind, {"run": job.member.index, **shown}, when)
