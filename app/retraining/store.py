"""The job store. Every change of a job's state is one transaction and adds an event."""

from __future__ import annotations

import hashlib
import json
import math
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from app.errors import IdempotencyConflict, IdempotencyMismatch, JobConflict, QueueFull
from app.retraining.job import ACTIVE, ENDED, MAX_INTERRUPTIONS, RESUMABLE, AnyState, Draft, Event, Job, State
from app.retraining.job_rows import add_event, change_job, read_job, read_runs, update_job
from app.retraining.lease import Lease, check_held
from app.retraining.population_store import PopulationStore, add_runs, cancel_runs, relay, resume_runs
from app.storage.database import Database, events, idempotency, jobs

KEY_SECONDS = 24 * 3600
"""How long an idempotency key is remembered."""
IN_FLIGHT_SECONDS = 60
"""After this time without a response, the first request with a key is considered dead."""
FIGURES = ("preparing", "progress", "samples", "metrics", "two_sample", "checkpoint")
"""Events that are deleted with a job's files."""
IS_JOB = jobs.c.population.is_(None)
"""Excludes the runs of populations."""


class JobStore:
    """Jobs and their events.

    Args:
        database: stores them.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.populations = PopulationStore(database)

    # Operations of the API.

    def create(
        self,
        draft: Draft,
        max_queued: int,
        key: str | None = None,
        response: Callable[[Job, list[Job]], Any] = lambda job, _runs: job.id,
    ) -> Job:
        """Append a job to the queue. With an idempotency key, the response is stored in the same transaction.

        Args:
            draft: the validated request.
            max_queued: maximum length of the queue.
            key: an idempotency key that has been claimed.
            response: returns the response to the request as JSON, for a job and its runs. Repetitions of the request get the
                same response.

        Raises:
            QueueFull: `max_queued` jobs are already waiting.
        """
        now = time.time()
        with self.database.write() as connection:
            _check_queue(connection, max_queued)
            row = {
                **{name: getattr(draft, name) for name in ("model", "request", "spec", "promote", "parent", "by")},
                **{"id": uuid.uuid4().hex[:12], "state": "queued", "detail": "waiting for its turn", "created": now},
                "plan": draft.plan.to_json() if draft.plan else None,
            }
            connection.execute(insert(jobs).values(row))
            add_event(connection, row["id"], "state", {"state": "queued", "detail": row["detail"]}, now)
            job = read_job(connection, row["id"])
            add_runs(connection, job, draft, now)
            if key is not None:
                chosen = (idempotency.c.by == draft.by) & (idempotency.c.key == key)
                answer = response(job, read_runs(connection, job.id))
                connection.execute(update(idempotency).where(chosen).values(answer={"answer": answer}))
            return job

    def claim_key(self, by: str, key: str, body: Mapping[str, Any]) -> Any | None:  # noqa: ANN401 - JSON
        """Claim an idempotency key, or return the response to the request that used it before.

        Raises:
            IdempotencyMismatch: the key was used with a different body.
            IdempotencyConflict: the first request with the key is still in progress.
        """
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        now = time.time()
        chosen = (idempotency.c.by == by) & (idempotency.c.key == key)
        with self.database.write() as connection:
            is_old = ~idempotency.c.created.between(now - KEY_SECONDS, now + KEY_SECONDS)  # the future: a clock was set back
            connection.execute(delete(idempotency).where(is_old))
            found = connection.execute(select(idempotency).where(chosen)).first()
            if found and found.answer is None and abs(now - found.created) > IN_FLIGHT_SECONDS:
                connection.execute(delete(idempotency).where(chosen))
                found = None
            if found is None:
                connection.execute(insert(idempotency).values(by=by, key=key, digest=digest, created=now))
                return None
        if found.digest != digest:
            raise IdempotencyMismatch("This Idempotency-Key was used with a different body. Use a new key for each request.")
        if found.answer is None:
            raise IdempotencyConflict("The first request with this Idempotency-Key is still in flight. Try again in a second.")
        return found.answer["answer"]

    def release_key(self, by: str, key: str) -> None:
        """Release the key of a rejected request, so that it can be used again."""
        pending = (idempotency.c.by == by) & (idempotency.c.key == key) & idempotency.c.answer.is_(None)
        with self.database.write() as connection:
            connection.execute(delete(idempotency).where(pending))

    def get(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            NotFound: the job does not exist.
        """
        with self.database.read() as connection:
            return read_job(connection, job_id)

    def newest(self, *, state: State | None = None, limit: int = 50, before: int | None = None) -> list[Job]:
        """Return jobs, newest first. `before` restricts them to those with a smaller number."""
        query = select(jobs).where(IS_JOB).order_by(jobs.c.number.desc()).limit(limit)
        if state:
            query = query.where(jobs.c.state == state)
        if before:
            query = query.where(jobs.c.number < before)
        with self.database.read() as connection:
            return [Job.of(row._mapping) for row in connection.execute(query)]

    def events(self, job_id: str, after: int = 0, limit: int = 500) -> list[Event]:
        """Return the events of a job after event number `after`, oldest first."""
        columns = (events.c.seq, events.c.time, events.c.type, events.c.data)
        query = select(*columns).where(events.c.job == job_id, events.c.seq > after).order_by(events.c.seq).limit(limit)
        with self.database.read() as connection:
            return [Event(**row._mapping) for row in connection.execute(query)]

    def newest_event(self, job_id: str) -> int:
        """Return the number of a job's last event, or 0 if it has none."""
        with self.database.read() as connection:
            return connection.scalar(select(func.max(events.c.seq)).where(events.c.job == job_id)) or 0

    def follow(self, job_id: str, after: int, limit: int = 500) -> tuple[Job, list[Event]]:
        """Return a consistent snapshot of a job and its events after event number `after`."""
        columns = (events.c.seq, events.c.time, events.c.type, events.c.data)
        query = select(*columns).where(events.c.job == job_id, events.c.seq > after).order_by(events.c.seq).limit(limit)
        with self.database.read() as connection:
            return read_job(connection, job_id), [Event(**row._mapping) for row in connection.execute(query)]

    def unfinished(self) -> list[Job]:
        """Return the jobs that have not ended, oldest first."""
        query = select(jobs).where(IS_JOB, jobs.c.state.not_in(ENDED)).order_by(jobs.c.number)
        with self.database.read() as connection:
            return [Job.of(row._mapping) for row in connection.execute(query)]

    def cancel(self, job_id: str, by: str) -> Job:
        """Cancel a job. A queued job is cancelled immediately, a running job after its trainer has written a checkpoint.

        Raises:
            NotFound: the job does not exist.
            JobConflict: the job has ended.
        """
        with self.database.write() as connection:
            job = read_job(connection, job_id)
            _check_is_job(job, "cancel")
            if job.state in ENDED:
                raise JobConflict(f"Job {job_id} has {_has(job.state)}, so there is nothing to cancel. No action is needed.")
            cancel_runs(connection, job, by)
            if job.state == "queued":
                return change_job(connection, job, "cancelled", f"cancelled by {by} before it started", cancel=True)
            if not job.cancel:
                update_job(connection, job_id, cancel=True)
                add_event(connection, job_id, "cancel", {"by": by})
            return read_job(connection, job_id)

    def resume(self, job_id: str, by: str, max_queued: int) -> Job:
        """Queue a cancelled, failed or interrupted job again. It continues from its checkpoint.

        Raises:
            NotFound: the job does not exist.
            JobConflict: the job cannot be resumed.
            QueueFull: too many jobs are waiting.
        """
        with self.database.write() as connection:
            job = read_job(connection, job_id)
            _check_is_job(job, "resume")
            if job.state not in RESUMABLE:
                raise JobConflict(f"Job {job_id} is {job.state}. Only cancelled, failed and interrupted jobs can be resumed.")
            if job.pruned:
                raise JobConflict(f"The checkpoints of job {job_id} were deleted to save space. POST its request again.")
            _check_queue(connection, max_queued)
            resume_runs(connection, job, by)
            return change_job(connection, job, "queued", f"resumed by {by}", interruptions=0, cancel=False, ended=None)

    def count(self) -> dict[str, int]:
        """Return the number of jobs by state, without states that have no jobs."""
        query = select(jobs.c.state, func.count()).where(IS_JOB).group_by(jobs.c.state)
        with self.database.read() as connection:
            return {state: number for state, number in connection.execute(query)}

    # Operations of the supervisor. Each write requires that its lease is still held.

    def check(self, lease: Lease) -> None:
        """Raise LeaseLost unless the lease is still held."""
        with self.database.read() as connection:
            check_held(connection, lease)

    def active(self) -> list[Job]:
        """Return the running and evaluating jobs, oldest first."""
        query = select(jobs).where(IS_JOB, jobs.c.state.in_(ACTIVE)).order_by(jobs.c.number)
        with self.database.read() as connection:
            return [Job.of(row._mapping) for row in connection.execute(query)]

    def next_queued(self) -> Job | None:
        """Return the oldest queued job, or None."""
        query = select(jobs).where(IS_JOB, jobs.c.state == "queued").order_by(jobs.c.number).limit(1)
        with self.database.read() as connection:
            row = connection.execute(query).first()
        return Job.of(row._mapping) if row else None

    def change(self, lease: Lease, job: Job, state: AnyState, detail: str, **changes: object) -> Job:
        """Change the state of a job.

        Raises:
            LeaseLost: another supervisor has taken over.
            JobConflict: the job is no longer in the state of `job`.
        """
        with self.database.write() as connection:
            check_held(connection, lease)
            now = read_job(connection, job.id)
            if now.state != job.state:
                raise JobConflict(f"Job {job.id} is now {now.state}, no longer {job.state}. Read it again.")
            return change_job(connection, now, state, detail, **changes)

    def interrupt(self, lease: Lease, job: Job, detail: str, *, counts: bool) -> Job:
        """Record that a job's process ended prematurely, and queue the job again unless the limit is reached.

        Args:
            lease: the supervisor's lease.
            job: the interrupted job.
            detail: what happened.
            counts: whether this counts as one of the three interruptions. An orderly stop of the service does not.
        """
        with self.database.write() as connection:
            check_held(connection, lease)
            job = read_job(connection, job.id)
            if job.cancel:
                return change_job(connection, job, "cancelled", f"cancelled; {detail}", handle=None, stop_since=None)
            count = job.interruptions + counts
            resumes = count <= MAX_INTERRUPTIONS
            more = "" if resumes else f". This was interruption {count}: fix the cause, then resume the job"
            job = change_job(connection, job, "interrupted", detail + more, interruptions=count, handle=None, stop_since=None)
            if resumes:
                detail = f"waiting to continue from its last checkpoint ({detail})"
                job = change_job(connection, job, "queued", detail, ended=None)
            return job

    def note(self, lease: Lease, job: Job, **changes: object) -> Job:
        """Update a job without changing its state."""
        with self.database.write() as connection:
            check_held(connection, lease)
            update_job(connection, job.id, **changes)
            return read_job(connection, job.id)

    def record(self, lease: Lease, job: Job, found: Sequence[dict[str, Any]], offset: int) -> Job:
        """Store the trainer's events and the offset in their file in one transaction, so that each line is stored once."""
        changes: dict[str, object] = {"offset": offset}
        with self.database.write() as connection:
            check_held(connection, lease)
            job = read_job(connection, job.id)
            member, plan = job.member, read_job(connection, job.population).plan if job.population else None
            for line in found:
                kind, when = str(line.get("event", "unknown"))[:32].encode(errors="replace").decode(), line.get("time")
                data = {name: value for name, value in line.items() if name not in ("event", "time")}
                if kind == "end":
                    kind = "trained"  # the job itself ends later
                    changes["trained"] = data
                elif kind in ("progress", "metrics"):
                    changes[kind] = data
                at = when if isinstance(when, int | float) and 0 < when < 1e11 else None
                add_event(connection, job.id, kind, data, at)
                relay(connection, job, kind, data, at)
                if kind == "metrics" and member and plan:
                    images, kid = _number(data, "images") or 0, _number(data, "kid")
                    changes["member"] = member = member.measured(int(images), kid, plan.rungs)
            update_job(connection, job.id, **changes)
            return read_job(connection, job.id)

    def prune(self, lease: Lease, keep: int) -> list[Job]:
        """Mark as pruned all ended jobs with a run, except the last `keep` that ended, and return the newly marked ones.

        The runs of a population are pruned with it. Their records and state events are kept. The trainer's events with figures
        are deleted.
        """
        with_run = IS_JOB & jobs.c.state.in_(ENDED) & jobs.c.has_run & ~jobs.c.pruned
        query = select(jobs).where(with_run).order_by(jobs.c.ended.desc(), jobs.c.number.desc()).offset(keep).limit(1000)
        with self.database.write() as connection:
            check_held(connection, lease)
            found = [Job.of(row._mapping) for row in connection.execute(query)]
            found += [run for job in found for run in read_runs(connection, job.id)]
            for job in found:
                update_job(connection, job.id, pruned=True)
                connection.execute(delete(events).where(events.c.job == job.id, events.c.type.in_(FIGURES)))
        return found

    def without_a_job(self, ids: Iterable[str]) -> list[str]:
        """Return the sorted ids that belong to no job."""
        wanted = set(ids)
        with self.database.read() as connection:
            return sorted(wanted.difference(connection.scalars(select(jobs.c.id).where(jobs.c.id.in_(wanted)))))

    def pruned(self, ids: Iterable[str]) -> list[str]:
        """Return the sorted ids of those jobs whose files were deleted to save space."""
        with self.database.read() as connection:
            chosen = jobs.c.id.in_(set(ids)) & jobs.c.pruned
            return sorted(connection.scalars(select(jobs.c.id).where(chosen)))

    def waiting_for(self, model: str, version: int) -> Job | None:
        """Return a queued job that will start from this version's weights, or None."""
        is_waiting = (jobs.c.state == "queued") & ~jobs.c.has_run
        query = select(jobs).where(is_waiting, jobs.c.model == model, jobs.c.parent == version).order_by(jobs.c.number.desc())
        with self.database.read() as connection:
            row = connection.execute(query).first()
        return Job.of(row._mapping) if row else None


def _has(state: AnyState) -> str:
    """Return the state in the perfect tense, for use after "has"."""
    return "been cancelled" if state == "cancelled" else "been interrupted" if state == "interrupted" else state


def _number(data: Mapping[str, Any], name: str) -> float | None:
    """Return a finite number of an event, or None."""
    value = data.get(name)
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _check_queue(connection: Connection, max_queued: int) -> None:
    is_waiting = IS_JOB & (jobs.c.state == "queued")
    waiting = connection.scalar(select(func.count()).select_from(jobs).where(is_waiting)) or 0
    if waiting >= max_queued:
        raise QueueFull(f"{waiting} jobs are already waiting. Cancel one, or try again when one has ended.")


def _check_is_job(job: Job, verb: str) -> None:
    if job.population and job.member:
        raise JobConflict(f"{job.id} is run {job.member.index} of job {job.population}. Name that job to {verb} all its runs.")
