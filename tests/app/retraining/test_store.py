"""The job store: nothing is entered twice, lost, or changed by someone who no longer may."""

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

DRAFT = Draft(model="digits", request={"note": "n"}, spec={"preset": "quick"}, promote="if_better", parent=None, by="alice")


@pytest.fixture
def lease(database: Database) -> Lease:
    held = Workers(database, "alone").beat()
    assert held
    return held


def states(store: JobStore, job: Job) -> list[str]:
    return [event.data["state"] for event in store.events(job.id) if event.type == "state"]


def test_jobs_are_taken_in_the_order_in_which_they_came(store: JobStore) -> None:
    made = [store.create(DRAFT, 8) for _ in range(3)]
    assert [job.number for job in made] == [1, 2, 3]
    assert [job.id for job in store.newest()] == [job.id for job in reversed(made)]
    assert [job.id for job in store.newest(before=3, limit=1)] == [made[1].id]
    first = store.next_queued()
    assert first
    assert (first.id, first.state, first.by, first.request) == (made[0].id, "queued", "alice", {"note": "n"})
    store.cancel(made[0].id, "bob")
    assert store.next_queued() == store.get(made[1].id)
    assert [job.state for job in store.newest(state="cancelled")] == ["cancelled"]


def test_the_queue_is_bounded_for_new_and_for_resumed_jobs(store: JobStore) -> None:
    first = store.create(DRAFT, 2)
    store.create(DRAFT, 2)
    with pytest.raises(QueueFull, match="2 jobs are waiting"):
        store.create(DRAFT, 2)
    assert len(store.newest()) == 2
    store.cancel(first.id, "alice")
    store.create(DRAFT, 2)
    with pytest.raises(QueueFull):
        store.resume(first.id, "alice", 2)
    assert store.get(first.id).state == "cancelled"


def test_a_key_stands_for_one_job(store: JobStore) -> None:
    assert store.claim_key("alice", "k", {"a": 1}) is None
    with pytest.raises(IdempotencyConflict):
        store.claim_key("alice", "k", {"a": 1})
    job = store.create(DRAFT, 8, key="k")
    assert store.claim_key("alice", "k", {"a": 1}) == job.id
    store.claim_key("alice", "answered", {})
    store.create(DRAFT, 8, key="answered", answer=lambda job: {"as it was": job.state})
    assert store.claim_key("alice", "answered", {}) == {"as it was": "queued"}
    with pytest.raises(IdempotencyMismatch):
        store.claim_key("alice", "k", {"a": 2})
    assert store.claim_key("bob", "k", {"a": 2}) is None, "each token has keys of its own"


def test_a_key_whose_request_was_refused_or_died_may_be_used_again(store: JobStore, database: Database) -> None:
    assert store.claim_key("alice", "k", {}) is None
    store.release_key("alice", "k")
    assert store.claim_key("alice", "k", {}) is None
    with database.write() as connection:
        connection.execute(update(idempotency).values(created=idempotency.c.created - 61))
    assert store.claim_key("alice", "k", {}) is None
    job = store.create(DRAFT, 8, key="k")
    store.release_key("alice", "k")
    assert store.claim_key("alice", "k", {}) == job.id, "an answered key stays"
    with database.write() as connection:
        connection.execute(update(idempotency).values(created=idempotency.c.created - 86_401))
    assert store.claim_key("alice", "k", {}) is None, "a day later it is forgotten"


def test_keys_of_a_clock_that_was_set_back_are_forgotten_in_time(store: JobStore, database: Database) -> None:
    assert store.claim_key("alice", "died", {}) is None
    assert store.claim_key("alice", "answered", {}) is None
    job = store.create(DRAFT, 8, key="answered")
    with database.write() as connection:
        connection.execute(update(idempotency).values(created=idempotency.c.created + 3600))
    assert store.claim_key("alice", "died", {}) is None, "whoever sent it first is not in flight"
    assert store.claim_key("alice", "answered", {}) == job.id
    with database.write() as connection:
        connection.execute(update(idempotency).values(created=idempotency.c.created + 10 * 86_400))
    assert store.claim_key("alice", "answered", {}) is None


def test_what_the_trainer_said_is_entered_once_with_how_far_it_was_read(store: JobStore, lease: Lease) -> None:
    job = store.change(lease, store.create(DRAFT, 8), "running", "training")
    said = [
        {"event": "progress", "time": 5.0, "images": 64, "part": 0.1},
        {"event": "metrics", "time": 6.0, "images": 64, "kid": 0.5},
        {"event": "end", "time": 7.0, "reason": "budget"},
    ]
    job = store.record(lease, job, said, 123)
    assert (job.offset, job.progress, job.metrics) == (123, {"images": 64, "part": 0.1}, {"images": 64, "kid": 0.5})
    assert job.trained == {"reason": "budget"}
    found = store.events(job.id)
    assert [event.seq for event in found] == [1, 2, 3, 4, 5]
    assert [event.type for event in found] == ["state", "state", "progress", "metrics", "trained"]
    assert [event.time for event in found[2:]] == [5.0, 6.0, 7.0]
    assert [event.seq for event in store.events(job.id, after=3)] == [4, 5]
    assert store.follow(job.id, 4) == (job, found[4:])


def test_a_job_goes_on_by_itself_three_times(store: JobStore, lease: Lease) -> None:
    job = store.create(DRAFT, 8)
    for count in (1, 2, 3):
        job = store.change(lease, job, "running", "training")
        job = store.interrupt(lease, job, "the trainer was killed by SIGKILL", counts=True)
        assert (job.state, job.interruptions, job.ended, job.handle) == ("queued", count, None, None)
    job = store.change(lease, job, "running", "training")
    job = store.interrupt(lease, job, "the service was stopped", counts=False)
    assert (job.state, job.interruptions) == ("queued", 3), "an orderly stop does not count"
    job = store.change(lease, job, "running", "training")
    job = store.interrupt(lease, job, "the trainer was killed by SIGKILL", counts=True)
    assert (job.state, job.interruptions) == ("interrupted", 4)
    assert job.ended is not None
    assert "fix the cause, then resume the job" in job.detail
    assert states(store, job) == ["queued", *["running", "interrupted", "queued"] * 4, "running", "interrupted"]
    job = store.resume(job.id, "alice", 8)
    assert (job.state, job.interruptions, job.ended) == ("queued", 0, None)


def test_one_that_was_to_be_cancelled_does_not_go_on_by_itself(store: JobStore, lease: Lease) -> None:
    seen = store.change(lease, store.create(DRAFT, 8), "running", "training")
    store.cancel(seen.id, "bob")
    job = store.interrupt(lease, seen, "the trainer was killed by SIGKILL", counts=True)
    assert (job.state, job.interruptions) == ("cancelled", 0)


def test_what_ended_last_is_kept_whatever_was_asked_for_first(store: JobStore, lease: Lease) -> None:
    first, second, third = (store.create(DRAFT, 8) for _ in range(3))
    said = [{"event": "progress", "images": 1}, {"event": "warning", "detail": "w"}]
    for job in (second, first):
        running = store.change(lease, job, "running", "training", has_run=True)
        store.record(lease, running, said, 10)
        store.change(lease, store.get(job.id), "failed", "")
    store.cancel(third.id, "alice")  # never ran, so it has nothing to be kept
    assert [job.id for job in store.prune(lease, keep=1)] == [second.id]
    assert store.prune(lease, keep=1) == []
    assert [job.pruned for job in map(store.get, (first.id, second.id, third.id))] == [False, True, False]
    assert [event.type for event in store.events(second.id)] == ["state", "state", "warning", "state"]
    assert [event.type for event in store.events(first.id)] == ["state", "state", "progress", "warning", "state"]


def test_a_version_that_a_job_waits_to_start_from_is_known(store: JobStore, lease: Lease) -> None:
    job = store.create(replace(DRAFT, parent=3), 8)
    assert store.waiting_for("digits", 3) == job
    assert store.waiting_for("digits", 2) is None
    assert store.waiting_for("fashion", 3) is None
    store.change(lease, job, "running", "training", has_run=True)
    assert store.waiting_for("digits", 3) is None


def test_only_what_has_ended_otherwise_than_well_can_be_resumed(store: JobStore, lease: Lease) -> None:
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


def test_one_that_runs_is_asked_to_stop_and_asked_once(store: JobStore, lease: Lease) -> None:
    job = store.change(lease, store.create(DRAFT, 8), "running", "training")
    for _ in range(2):
        job = store.cancel(job.id, "bob")
    assert (job.state, job.cancel) == ("running", True)
    assert [(event.type, event.data) for event in store.events(job.id)][-1] == ("cancel", {"by": "bob"})
    assert sum(event.type == "cancel" for event in store.events(job.id)) == 1


def test_a_supervisor_that_lost_its_lease_changes_nothing(
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
    store.note(lease, job, offset=1)  # late, but nobody has taken it
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
    with pytest.raises(LeaseLost):  # what was begun under the first lease stays stale
        store.check(lease)


def test_a_job_that_was_seen_in_another_state_is_not_changed(store: JobStore, lease: Lease) -> None:
    seen = store.create(DRAFT, 8)
    store.cancel(seen.id, "alice")
    with pytest.raises(JobConflict, match="is now cancelled, no longer queued"):
        store.change(lease, seen, "running", "training")
    assert store.get(seen.id).state == "cancelled"


def _hold(place: Path | str, results: multiprocessing.Queue) -> None:
    workers = Workers(Database(place), "embedded")
    results.put(sum(workers.beat() is not None for _ in range(20)))


def test_of_many_processes_that_start_at_once_one_supervises(place: Path | str) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_hold, args=(place, results)) for _ in range(4)]
    for process in processes:
        process.start()
    held = sorted(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(60)
    assert held == [0, 0, 0, 20], "the tables were made once, and the lease was one's"


def test_a_file_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    store = JobStore(Database(tmp_path / "jobs.db"))
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="set GAN_STATE"):
        Database(tmp_path / "file" / "jobs.db")
    (tmp_path / "broken.db").write_bytes(b"this is no database" * 1000)
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
    assert all(store.events(job.id) for job in store.newest(limit=200)), "each job that was entered has its event"
