"""The job store: every change of a job is one transaction, and leaves an event."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from app.errors import IdempotencyConflict, IdempotencyMismatch, JobConflict, NotFound, QueueFull
from app.retraining.job import ACTIVE, ENDED, MAX_INTERRUPTIONS, RESUMABLE, Draft, Event, Job, State
from app.retraining.lease import Lease, check_held
from app.storage.database import Database, events, idempotency, jobs

KEY_SECONDS = 24 * 3600
"""How long an idempotency key is remembered."""
IN_FLIGHT_SECONDS = 60
"""After so long without an answer, whoever sent the key first is taken for dead."""


class JobStore:
    """Jobs and their events.

    Args:
        database: where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    # What a caller does.

    def create(
        self, draft: Draft, max_queued: int, key: str | None = None, answer: Callable[[Job], Any] = lambda job: job.id
    ) -> Job:
        """Append a job to the queue; with an idempotency key, in one transaction with its answer.

        Args:
            draft: what was asked for.
            max_queued: how many may wait.
            key: an idempotency key that has been claimed.
            answer: what the request is answered, as JSON: it is what a repetition gets.

        Raises:
            QueueFull: `max_queued` jobs are waiting already.
        """
        now = time.time()
        with self.database.write() as connection:
            waiting = connection.scalar(select(func.count()).select_from(jobs).where(jobs.c.state == "queued")) or 0
            if waiting >= max_queued:
                raise QueueFull(f"{waiting} jobs are waiting already. Cancel one, or come again when one has ended.")
            row = {
                **{name: getattr(draft, name) for name in Draft.__dataclass_fields__},
                **{"id": uuid.uuid4().hex[:12], "state": "queued", "detail": "waiting for its turn", "created": now},
            }
            connection.execute(insert(jobs).values(row))
            _add_event(connection, row["id"], "state", {"state": "queued", "detail": row["detail"]}, now)
            job = _job(connection, row["id"])
            if key is not None:
                chosen = (idempotency.c.by == draft.by) & (idempotency.c.key == key)
                connection.execute(update(idempotency).where(chosen).values(answer={"answer": answer(job)}))
            return job

    def claim_key(self, by: str, key: str, body: Mapping[str, Any]) -> Any | None:  # noqa: ANN401 - JSON
        """Claim an idempotency key, or return the answer to the request that used it before.

        Raises:
            IdempotencyMismatch: it was used with another body.
            IdempotencyConflict: the request that used it first has not been answered yet.
        """
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        now = time.time()
        chosen = (idempotency.c.by == by) & (idempotency.c.key == key)
        with self.database.write() as connection:
            is_old = ~idempotency.c.created.between(now - KEY_SECONDS, now + KEY_SECONDS)  # or of a clock that was set back
            connection.execute(delete(idempotency).where(is_old))
            found = connection.execute(select(idempotency).where(chosen)).first()
            if found and found.answer is None and abs(now - found.created) > IN_FLIGHT_SECONDS:
                connection.execute(delete(idempotency).where(chosen))
                found = None
            if found is None:
                connection.execute(insert(idempotency).values(by=by, key=key, digest=digest, created=now))
                return None
        if found.digest != digest:
            raise IdempotencyMismatch("This Idempotency-Key was used with another body. Use a new key for another request.")
        if found.answer is None:
            raise IdempotencyConflict("The first request with this Idempotency-Key is still in flight. Ask again in a second.")
        return found.answer["answer"]

    def release_key(self, by: str, key: str) -> None:
        """Release the key of a rejected request, so that it can be used again."""
        unanswered = (idempotency.c.by == by) & (idempotency.c.key == key) & idempotency.c.answer.is_(None)
        with self.database.write() as connection:
            connection.execute(delete(idempotency).where(unanswered))

    def get(self, job_id: str) -> Job:
        """A job.

        Raises:
            NotFound: there is none of that id.
        """
        with self.database.read() as connection:
            return _job(connection, job_id)

    def newest(self, *, state: State | None = None, limit: int = 50, before: int | None = None) -> list[Job]:
        """Jobs, newest first; `before` is the number of the last one seen."""
        query = select(jobs).order_by(jobs.c.number.desc()).limit(limit)
        if state:
            query = query.where(jobs.c.state == state)
        if before:
            query = query.where(jobs.c.number < before)
        with self.database.read() as connection:
            return [Job(**row._mapping) for row in connection.execute(query)]

    def events(self, job_id: str, after: int = 0, limit: int = 500) -> list[Event]:
        """What happened to a job after event number `after`, oldest first."""
        columns = (events.c.seq, events.c.time, events.c.type, events.c.data)
        query = select(*columns).where(events.c.job == job_id, events.c.seq > after).order_by(events.c.seq).limit(limit)
        with self.database.read() as connection:
            return [Event(**row._mapping) for row in connection.execute(query)]

    def newest_event(self, job_id: str) -> int:
        """The number of the last event of a job; 0 if there is none."""
        with self.database.read() as connection:
            return connection.scalar(select(func.max(events.c.seq)).where(events.c.job == job_id)) or 0

    def follow(self, job_id: str, after: int, limit: int = 500) -> tuple[Job, list[Event]]:
        """A job and what happened to it after event number `after`, of one moment."""
        columns = (events.c.seq, events.c.time, events.c.type, events.c.data)
        query = select(*columns).where(events.c.job == job_id, events.c.seq > after).order_by(events.c.seq).limit(limit)
        with self.database.read() as connection:
            return _job(connection, job_id), [Event(**row._mapping) for row in connection.execute(query)]

    def cancel(self, job_id: str, by: str) -> Job:
        """Ask a job to stop. One that waits is cancelled at once, one that runs when its trainer has written a checkpoint.

        Raises:
            NotFound: there is no such job.
            JobConflict: it has ended.
        """
        with self.database.write() as connection:
            job = _job(connection, job_id)
            if job.state in ENDED:
                raise JobConflict(
                    f"Job {job_id} has {_said(job.state)}, so there is nothing to cancel. Resume it, or leave it."
                )
            if job.state == "queued":
                return _change(connection, job, "cancelled", f"cancelled by {by} before it began", cancel=True)
            if not job.cancel:
                connection.execute(update(jobs).where(jobs.c.id == job_id).values(cancel=True))
                _add_event(connection, job_id, "cancel", {"by": by})
            return _job(connection, job_id)

    def resume(self, job_id: str, by: str, max_queued: int) -> Job:
        """Put a job that was cancelled, failed or was interrupted back into the queue; it goes on from its checkpoint.

        Raises:
            NotFound: there is no such job.
            JobConflict: it cannot be resumed.
            QueueFull: too many are waiting.
        """
        with self.database.write() as connection:
            job = _job(connection, job_id)
            if job.state not in RESUMABLE:
                raise JobConflict(
                    f"Job {job_id} is {job.state}. Only a job that was cancelled, failed or was interrupted can be resumed."
                )
            if job.pruned:
                raise JobConflict(f"The checkpoints of job {job_id} have been cleared away. POST its request again.")
            waiting = connection.scalar(select(func.count()).select_from(jobs).where(jobs.c.state == "queued")) or 0
            if waiting >= max_queued:
                raise QueueFull(f"{waiting} jobs are waiting already. Cancel one, or come again when one has ended.")
            return _change(connection, job, "queued", f"resumed by {by}", interruptions=0, cancel=False, ended=None)

    def count(self) -> dict[str, int]:
        """How many jobs are in each state; a state that none is in is left out."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        with self.database.read() as connection:
            return {state: number for state, number in connection.execute(query)}

    # What the supervisor does. Each write holds only as long as its lease does.

    def check(self, lease: Lease) -> None:
        """Raise LeaseLost unless the lease is still held."""
        with self.database.read() as connection:
            check_held(connection, lease)

    def active(self) -> list[Job]:
        """Jobs that a supervisor has begun and not ended."""
        query = select(jobs).where(jobs.c.state.in_(ACTIVE)).order_by(jobs.c.number)
        with self.database.read() as connection:
            return [Job(**row._mapping) for row in connection.execute(query)]

    def next_queued(self) -> Job | None:
        """The job that has waited longest."""
        query = select(jobs).where(jobs.c.state == "queued").order_by(jobs.c.number).limit(1)
        with self.database.read() as connection:
            row = connection.execute(query).first()
        return Job(**row._mapping) if row else None

    def change(self, lease: Lease, job: Job, state: State, detail: str, **changes: object) -> Job:
        """Bring a job from the state it was seen in into another.

        Raises:
            LeaseLost: another supervisor is at work.
            JobConflict: the job is no longer in the state it was seen in.
        """
        with self.database.write() as connection:
            check_held(connection, lease)
            now = _job(connection, job.id)
            if now.state != job.state:
                raise JobConflict(f"Job {job.id} is {now.state} by now, no longer {job.state}. Look at it again.")
            return _change(connection, now, state, detail, **changes)

    def interrupt(self, lease: Lease, job: Job, detail: str, *, counts: bool) -> Job:
        """Note that a job's process is gone without having ended, and put it back into the queue as long as that is allowed.

        Args:
            lease: of the supervisor.
            job: as it was seen.
            detail: what happened.
            counts: whether it counts as one of the three times; an orderly stop of the service does not.
        """
        with self.database.write() as connection:
            check_held(connection, lease)
            job = _job(connection, job.id)
            if job.cancel:
                return _change(connection, job, "cancelled", f"cancelled; {detail}", handle=None, stop_since=None)
            count = job.interruptions + counts
            resumes = count <= MAX_INTERRUPTIONS
            more = "" if resumes else f". That was the {count}th time: resume it by hand when the cause is mended"
            job = _change(connection, job, "interrupted", detail + more, interruptions=count, handle=None, stop_since=None)
            if resumes:
                job = _change(connection, job, "queued", f"goes on from its last checkpoint ({detail})", ended=None)
            return job

    def note(self, lease: Lease, job: Job, **changes: object) -> Job:
        """Update a job without changing its state."""
        with self.database.write() as connection:
            check_held(connection, lease)
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**changes))
            return _job(connection, job.id)

    def record(self, lease: Lease, job: Job, found: Sequence[dict[str, Any]], offset: int) -> Job:
        """Store the trainer's events and the offset in its file in one transaction, so that each line counts once."""
        changes: dict[str, object] = {"offset": offset}
        with self.database.write() as connection:
            check_held(connection, lease)
            for line in found:
                kind, when = str(line.get("event", "unknown"))[:32].encode(errors="replace").decode(), line.get("time")
                data = {name: value for name, value in line.items() if name not in ("event", "time")}
                if kind == "end":
                    kind = "trained"  # the job's own end comes later
                    changes["trained"] = data
                elif kind in ("progress", "metrics"):
                    changes[kind] = data
                _add_event(connection, job.id, kind, data, when if isinstance(when, int | float) and 0 < when < 1e11 else None)
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(**changes))
            return _job(connection, job.id)

    def prune(self, lease: Lease, keep: int) -> list[Job]:
        """Mark as cleared away the jobs that have a run, beyond the `keep` that ended last, and return them.

        Their records and the changes of their state stay; the trainer's figures go.
        """
        with_run = jobs.c.state.in_(ENDED) & jobs.c.has_run & ~jobs.c.pruned
        query = select(jobs).where(with_run).order_by(jobs.c.ended.desc(), jobs.c.number.desc()).offset(keep).limit(1000)
        with self.database.write() as connection:
            check_held(connection, lease)
            found = [Job(**row._mapping) for row in connection.execute(query)]
            for job in found:
                connection.execute(update(jobs).where(jobs.c.id == job.id).values(pruned=True))
                figures = ("progress", "samples", "metrics", "two_sample", "checkpoint")
                of_trainer = (events.c.job == job.id) & events.c.type.in_(figures)
                connection.execute(delete(events).where(of_trainer))
        return found

    def without_a_job(self, ids: Iterable[str]) -> list[str]:
        """Those of the ids that no job has."""
        wanted = set(ids)
        with self.database.read() as connection:
            return sorted(wanted.difference(connection.scalars(select(jobs.c.id).where(jobs.c.id.in_(wanted)))))

    def waiting_for(self, model: str, version: int) -> Job | None:
        """A job that has not begun and is to start from this version's weights."""
        query = select(jobs).where(jobs.c.state == "queued", jobs.c.model == model, jobs.c.parent == version, ~jobs.c.has_run)
        with self.database.read() as connection:
            row = connection.execute(query).first()
        return Job(**row._mapping) if row else None


def _said(state: State) -> str:
    return "been cancelled" if state == "cancelled" else "been interrupted" if state == "interrupted" else state


def _job(connection: Connection, job_id: str) -> Job:
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise NotFound(f"There is no job {job_id[:40]!r}. See /admin/jobs for all.")
    return Job(**row._mapping)


def _change(connection: Connection, job: Job, state: State, detail: str, **changes: object) -> Job:
    now = time.time()
    if state == "running" and job.started is None:
        changes.setdefault("started", now)
    if state in ENDED:
        changes.setdefault("ended", now)
    connection.execute(update(jobs).where(jobs.c.id == job.id).values(state=state, detail=detail, **changes))
    _add_event(connection, job.id, "state", {"state": state, "detail": detail}, now)
    return _job(connection, job.id)


def _add_event(connection: Connection, job_id: str, kind: str, data: Mapping[str, Any], when: float | None = None) -> None:
    last = connection.scalar(select(func.max(events.c.seq)).where(events.c.job == job_id)) or 0
    row = {"job": job_id, "seq": last + 1, "time": when or time.time(), "type": kind, "data": data}
    connection.execute(insert(events).values(row))
