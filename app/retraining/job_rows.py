"""The rows of jobs and events, inside a transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from app.errors import NotFound
from app.retraining.halving import Member, Plan
from app.retraining.job import ENDED, AnyState, Job
from app.storage.database import events, jobs


def read_job(connection: Connection, job_id: str) -> Job:
    """Return a job.

    Raises:
        NotFound: the job does not exist.
    """
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise NotFound(f"There is no job {job_id[:40]!r}. See /admin/jobs for all.")
    return Job.of(row._mapping)


def read_runs(connection: Connection, job_id: str) -> list[Job]:
    """Return the runs of a population in the order of their numbers."""
    query = select(jobs).where(jobs.c.population == job_id).order_by(jobs.c.number)
    return [Job.of(row._mapping) for row in connection.execute(query)]


def change_job(connection: Connection, job: Job, state: AnyState, detail: str, **changes: object) -> Job:
    """Change the state of a job, with an event. If it is a run, its population gets an event too."""
    now = time.time()
    if state == "running" and job.started is None:
        changes.setdefault("started", now)
    if state in ENDED:
        changes.setdefault("ended", now)
    update_job(connection, job.id, state=state, detail=detail, **changes)
    add_event(connection, job.id, "state", {"state": state, "detail": detail}, now)
    if job.population and job.member:
        data = {"run": job.member.index, "id": job.id, "state": state, "detail": detail}
        add_event(connection, job.population, "run", data, now)
    return read_job(connection, job.id)


def update_job(connection: Connection, job_id: str, **changes: object) -> None:
    """Update the columns of a job."""
    values = {name: value.to_json() if isinstance(value, Plan | Member) else value for name, value in changes.items()}
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))


def add_event(connection: Connection, job_id: str, kind: str, data: Mapping[str, Any], when: float | None = None) -> None:
    """Append an event to a job."""
    last = connection.scalar(select(func.max(events.c.seq)).where(events.c.job == job_id)) or 0
    row = {"job": job_id, "seq": last + 1, "time": when or time.time(), "type": kind, "data": dict(data)}
    connection.execute(insert(events).values(row))
