"""The job store: no job is stored twice, lost, or changed by a supervisor without the lease."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from app.errors import IdempotencyConflict, IdempotencyMismatch, JobConflict, NotFound, QueueFull, StoreUnavailable
from app.retraining import lease as leases
from app.retraining.job import Draft, Job
from app.retraining.lease import Lease, LeaseLost, Workers, alive
from app.retraining.store import JobStore
from app.storage.database import Database, idempotency
from tests.waiting import LIMIT_SECONDS

DRAFT = Draft(model="digits", request={"note": "n"}, spec={"preset": "quick"}, promote="if_better", parent=None, by="alice")


@pytest.fixture
def lease(database: Database) -> Lease:
    held = Workers(database, "alone").beat()
    assert held
    return held


def states(store: JobStore, job: Job) -> list[str]:
    return [event.data["state"] for event in store.events(job.id) if event.type == "state"]


def test_jobs_are_taken_in_the_order_of_their_creation(store: JobStore) -> None:
    created = [store.create(DRAFT, 8) for _ in range(3)]
    assert [job.number for job in created] == [1, 2, 3]
    assert [job.id for job in store.newest()] == [job.id for job in reversed(created)]
    assert [job.id for job in store.newest(before=3, limit=1)] == [created[1].id]
    first = store.next_queued()
    assert first
    assert (first.id, first.state, first.by, first.request) == (created[0].id, "queued", "alice", {"note": "n"})
    store.cancel(created[0].id, "bob")
    assert store.next_queued() == store.get(created[1].id)
    assert [job.state for job in store.newest(state="cancelled")] == ["cancelled"]


def test_the_queue_is_bounded_for_new_and_resumed_jobs(store: JobStore) -> None:
    first = store.create(DRAFT, 2)
    store.create(DRAFT, 2)
    with pytest.raises(QueueFull, match="2 jobs are already waiting"):
        store.create(DRAFT, 2)
    assert len(store.newest()) == 2
    store.cancel(first.id, "alice")
    store.create(DRAFT, 2)
    with pytest.raises(QueueFull):
        store.resume(first.id, "alice", 2)
    assert store.get(first.id).state == "cancelled"


def test_an_idempotency_key_stands_for_one_job(store: JobStore) -> None:
    assert store.claim_key("alice", "k", {"a": 1}) is None
    with pytest.raises(IdempotencyConflict):
        store.claim_key("alice", "k", {"a": 1})
    job = store.create(DRAFT, 8, key="k")
    assert store.claim_key("alice", "k", {"a": 1}) == job.id
    store.claim_key("alice", "completed", {})
    store.create(DRAFT, 8, key="completed", response=lambda job, _runs: {"state": job.state})
    assert store.claim_key("alice", "completed", {}) == {"state": "queued"}
    with pytest.raises(IdempotencyMismatch):
        store.claim_key("alice", "k", {"a": 2})
    assert store.claim_key("bob", "k", {"a": 2}) is None, "keys belong to a token"


def test_a_key_whose_request_was_rejected_or_got_no_response_can_be_reused(store: JobStore, database: Database) -> None:
    assert store.claim_key("alice", "k", {}) is None
    store.release_key("alice", "k")
    assert store.claim_key("alice", "k", {}) is None
    with database.write() as connection:
        connection.execute(update(idempotency).values(created=idempotency.c.created - 61))
    assert store.claim_key("alice", "k", {}) is None
    job = store.create(DRAFT, 8, key="k")
    store.release_key("alice", "k")
    assert store.claim_key("alice", "k", {}) == job.id, "a key with a response stays"
    with database.write() as connection:
        connection.execute(update(idempotency).values(created=idempotency.c.created - 86_401))
    assert store.claim_key("alice", "k", {}) is None, "a key expires after a day"


def test_keys_from_the_future_expire_after_a_clock_was_set_back(store: JobStore, database: Database) -> None:
    assert store.claim_key("alice", "pending", {}) is None
    assert store.claim_key("alice", "completed", {}) is None
    job = store.create(DRAFT, 8, key="completed")
    with database.write() as connection:
        connection.execute(update(idempotency).values(created=idempotency.c.created + 3600))
    assert store.claim_key("alice", "pending", {}) is None, "the first request is not in flight"
    assert store.claim_key("alice", "completed", {}) == job.id
    with database.write() as connection:
        connection.execute(update(idempotency).values(created=idempotency.c.created + 10 * 86_400))
    assert store.claim_key("alice", "completed", {}) is None


def test_the_trainers_events_are_stored_once_with_the_offset_of_its_log(store: JobStore, lease: Lease) -> None:
    job = store.change(lease, store.create(DRAFT, 8), "running", "training")
    events = [
        {"event": "progress", "time": 5.0, "images": 64, "part": 0.1},
        {"event": "metrics", "time": 6.0, "images": 64, "kid": 0.5},
        {"event": "end", "time": 7.0, "reason": "budget"},
    ]
    job = store.record(lease, job, events, 123)
    assert (job.offset, job.progress, job.metrics) == (123, {"images": 64, "part": 0.1}, {"images": 64, "kid": 0.5})
    assert job.trained == {"reason": "budget"}
    found = store.events(job.id)
    assert [event.seq for event in found] == [1, 2, 3, 4, 5]
    assert [event.type for event in found] == ["state", "state", "progress", "metrics", "trained"]
    assert [event.time for event in found[2:]] == [5.0, 6.0, 7.0]
    assert [event.seq for event in store.events(job.id, after=3)] == [4, 5]
    assert store.follow(job.id, 4) == (job, found[4:])


def test_a_job_restarts_automatically_three_times(store: JobStore, lease: Lease) -> None:
    job = store.create(DRAFT, 8)
    for count in (1, 2, 3):
        job = store.change(lease, job, "running", "training")
        job = store.interrupt(lease, job, "the trainer was killed by SIGKILL", counts=True)
        assert (job.state, job.interruptions, job.ended, job.handle) == ("queued", count, None, None)
    job = store.change(lease, job, "running", "training")
    job = store.interrupt(lease, job, "the service was stopped", counts=False)
    assert (job.state, job.interruptions) == ("queued", 3), "a graceful stop does not count"
    job = store.change(lease, job, "running", "training")
    job = store.interrupt(lease, job, "the trainer was killed by SIGKILL", counts=True)
    assert (job.state, job.interruptions) == ("interrupted", 4)
    assert job.ended is not None
    assert "fix the cause, then resume the job" in job.detail
    assert states(store, job) == ["queued", *["running", "interrupted", "queued"] * 4, "running", "interrupted"]
    job = store.resume(job.id, "alice", 8)
    assert (job.state, job.interruptions, job.ended) == ("queued", 0, None)


def test_an_interrupted_job_with_a_requested_cancellation_does_not_restart(store: JobStore, lease: Lease) -> None:
    seen = store.change(lease, store.create(DRAFT, 8), "running", "training")
    store.cancel(seen.id, "bob")
    job = store.interrupt(lease, seen, "the trainer was killed by SIGKILL", counts=True)
    assert (job.state, job.interruptions) == ("cancelled", 0)


def test_the_most_recently_finished_jobs_are_kept_regardless_of_creation_order(store: JobStore, lease: Lease) -> None:
    first, second, third = (store.create(DRAFT, 8) for _ in range(3))
    events = [{"event": "progress", "images": 1}, {"event": "warning", "detail": "w"}]
    for job in (second, first):
        running = store.change(lease, job, "running", "training", has_run=True)
        store.record(lease, running, events, 10)
        store.change(lease, store.get(job.id), "failed", "")
    store.cancel(third.id, "alice")  # never ran, so it has no files
    assert [job.id for job in store.prune(lease, keep=1)] == [second.id]
    assert store.prune(lease, keep=1) == []
    assert [job.pruned for job in map(store.get, (first.id, second.id, third.id))] == [False, True, False]
    assert [event.type for event in store.events(second.id)] == ["state", "state", "warning", "state"]
    assert [event.type for event in store.events(first.id)] == ["state", "state", "progress", "warning", "state"]


def test_a_queued_job_reserves_the_version_that_it_starts_from(store: JobStore, lease: Lease) -> None:
    job = store.create(replace(DRAFT, parent=3), 8)
    assert store.waiting_for("digits", 3) == job
    assert store.waiting_for("digits", 2) is None
    assert store.waiting_for("fashion", 3) is None
    store.change(lease, job, "running", "training", has_run=True)
    assert store.waiting_for("digits", 3) is None


def test_only_cancelled_failed_and_interrupted_jobs_can_be_resumed(store: JobStore, lease: Lease) -> None:
    job = store.create(DRAFT, 8)
    for state in ("queued", "running", "evaluating", "succeeded"):
        if state != "queued":
            job = store.change(lease, job, state, "")
        with pytest.raises(JobConflict, match="Only cancelled, failed and interrupted jobs"):
            store.resume(job.id, "alice", 8)
    with pytest.raises(JobConflict, match="nothing to cancel"):
        store.cancel(job.id, "alice")
    failed = store.change(lease, store.create(DRAFT, 8), "failed", "")
    store.note(lease, failed, pruned=True)
    with pytest.raises(JobConflict, match="were deleted to save space"):
        store.resume(failed.id, "alice", 8)
    with pytest.raises(NotFound):
        store.get("nope")


def test_a_running_job_is_asked_to_stop_only_once(store: JobStore, lease: Lease) -> None:
    job = store.change(lease, store.create(DRAFT, 8), "running", "training")
    for _ in range(2):
        job = store.cancel(job.id, "bob")
    assert (job.state, job.cancel) == ("running", True)
    assert [(event.type, event.data) for event in store.events(job.id)][-1] == ("cancel", {"by": "bob"})
    assert sum(event.type == "cancel" for event in store.events(job.id)) == 1


def test_a_supervisor_without_its_lease_changes_nothing(
    store: JobStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = Workers(database, "embedded"), Workers(database, "embedded")
    lease = slow.beat()
    assert lease
    assert quick.beat() is None
    assert {worker for worker, _ in alive(database)} == {slow.id, quick.id}
    job = store.create(DRAFT, 8)
    late = time.time() + leases.LEASE_SECONDS + 1
    monkeypatch.setattr(Database, "now", lambda self, connection: late)
    store.note(lease, job, offset=1)  # expired, but not taken over
    newer = quick.beat()
    assert newer
    for change in (
        lambda: store.change(lease, job, "running", ""),
        lambda: store.note(lease, job, offset=2),
        lambda: store.record(lease, job, [{"event": "progress"}], 3),
        lambda: store.interrupt(lease, job, "", counts=True),
    ):
        with pytest.raises(LeaseLost):
            change()
    assert store.get(job.id).offset == 1
    assert slow.beat() is None
    assert store.change(newer, job, "running", "").state == "running"
    quick.leave()
    again = slow.beat()
    assert again
    assert again.holder == lease.holder
    assert again.token > newer.token > lease.token
    with pytest.raises(LeaseLost):  # the first lease stays invalid
        store.check(lease)


def test_a_job_whose_state_has_changed_since_it_was_read_is_not_changed(store: JobStore, lease: Lease) -> None:
    seen = store.create(DRAFT, 8)
    store.cancel(seen.id, "alice")
    with pytest.raises(JobConflict, match="is now cancelled, no longer queued"):
        store.change(lease, seen, "running", "training")
    assert store.get(seen.id).state == "cancelled"


def _take_lease(location: Path | str, results: multiprocessing.Queue) -> None:
    workers = Workers(Database(location), "embedded")
    results.put(sum(workers.beat() is not None for _ in range(20)))


def test_one_of_several_concurrently_started_processes_supervises(location: Path | str) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_take_lease, args=(location, results)) for _ in range(4)]
    for process in processes:
        process.start()
    held = sorted(results.get(timeout=LIMIT_SECONDS) for _ in processes)
    for process in processes:
        process.join(60)
    assert held == [0, 0, 0, 20], "the tables were created once, and one process holds the lease"


def test_an_unusable_file_is_reported(tmp_path: Path) -> None:
    store = JobStore(Database(tmp_path / "jobs.db"))
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="set GAN_STATE"):
        Database(tmp_path / "file" / "jobs.db")
    (tmp_path / "broken.db").write_bytes(b"this is not a database" * 1000)
    with pytest.raises(StoreUnavailable, match="not a database"):
        Database(tmp_path / "broken.db")
    with store.database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        for _ in range(100):
            store.create(DRAFT, 1000)

    with pytest.raises(StoreUnavailable, match="full"):
        fill()
    assert all(store.events(job.id) for job in store.newest(limit=200)), "every stored job has its event"
