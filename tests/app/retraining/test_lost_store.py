"""A job store that is damaged or deleted, or that was written with a clock ahead of the present one."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from app.errors import StoreUnavailable
from app.retraining import lease as leases
from app.retraining.job import Draft
from app.retraining.lease import Workers, alive
from app.retraining.store import JobStore
from app.storage import audit as audits
from app.storage.audit import AuditLog
from app.storage.database import Database, audit, jobs, workers
from app.storage.database import leases as table
from tests.app.retraining.deployment import Deployment
from tests.app.retraining.jobs import SETTINGS, admin_of, small_job, standalone_worker
from tests.live import service
from tests.waiting import attempts, wait_until

DRAFT = Draft(model="digits", request={}, spec={}, promote="never", parent=None, by="alice")


def delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def test_a_deleted_file_is_restored_completely(tmp_path: Path) -> None:
    database = Database(tmp_path / "jobs.db")
    another = Database(tmp_path / "jobs.db")
    first = JobStore(database).create(DRAFT, 8)
    delete(tmp_path / "jobs.db")
    second = JobStore(another).create(DRAFT, 8)
    assert [job.id for job in JobStore(database).newest()] == [second.id, first.id]
    database.close()
    another.close()
    reopened = Database(tmp_path / "jobs.db")
    assert [job.id for job in JobStore(reopened).newest()] == [second.id, first.id]
    reopened.close()
    assert {path.name for path in tmp_path.iterdir()} <= {"jobs.db", ".jobs.db.lock"}


def test_deleting_only_the_main_file_mixes_no_old_data_into_the_restored_one(tmp_path: Path) -> None:
    database = Database(tmp_path / "jobs.db")
    found = [JobStore(database).create(DRAFT, 80).id for _ in range(20)]
    (tmp_path / "jobs.db").unlink()
    found.append(JobStore(database).create(DRAFT, 80).id)
    with contextlib.closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert [row[0] for row in connection.execute("SELECT id FROM jobs ORDER BY number")] == found
    database.close()


def test_a_replaced_file_is_used(tmp_path: Path) -> None:
    backup = Database(tmp_path / "backup.db")
    kept = JobStore(backup).create(DRAFT, 8)
    backup.close()
    database = Database(tmp_path / "jobs.db")
    JobStore(database).create(DRAFT, 8)
    delete(tmp_path / "jobs.db")
    (tmp_path / "backup.db").rename(tmp_path / "jobs.db")
    assert [job.id for job in JobStore(database).newest()] == [kept.id]
    database.close()


def test_a_damaged_file_that_is_deleted_is_replaced_by_an_empty_one(tmp_path: Path) -> None:
    """This is how an operator repairs it. The service does not have to restart."""
    database = Database(tmp_path / "jobs.db")
    JobStore(database).create(DRAFT, 8)
    with contextlib.closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / "jobs.db").open("r+b") as file:
        file.write(b"this is not a database" * 1000)
    with pytest.raises(StoreUnavailable, match="not a database"):
        JobStore(database).newest()
    delete(tmp_path / "jobs.db")
    created = JobStore(database).create(DRAFT, 8)
    assert [job.id for job in JobStore(database).newest()] == [created.id]
    database.close()


def test_a_transaction_during_which_the_file_is_deleted_fails(tmp_path: Path) -> None:
    """Another process may have restored the file without this transaction's changes."""
    database = Database(tmp_path / "jobs.db")
    store = JobStore(database)
    first = store.create(DRAFT, 8)

    def change() -> None:
        with database.write() as connection:
            connection.execute(update(jobs).values(model="fashion"))
            delete(tmp_path / "jobs.db")

    with pytest.raises(StoreUnavailable, match="Try again: nothing was changed"):
        change()
    assert [(job.id, job.model) for job in store.newest()] == [(first.id, "digits")]
    database.close()


def test_a_file_that_is_deleted_is_restored_when_the_service_stops(tmp_path: Path) -> None:
    database = Database(tmp_path / "jobs.db")
    created = JobStore(database).create(DRAFT, 8)
    delete(tmp_path / "jobs.db")
    database.close()
    reopened = Database(tmp_path / "jobs.db")
    assert [job.id for job in JobStore(reopened).newest()] == [created.id]
    reopened.close()


def test_job_folders_without_a_record_in_the_store_are_reported(tmp_path: Path, trainers_cache: Path) -> None:
    """This is the case after the file was deleted while nothing ran."""
    state = tmp_path / "state"
    for name in ("0123456789ab", "not-a-job"):
        (state / "jobs" / name).mkdir(parents=True)
    with service(state, cache=trainers_cache, **SETTINGS) as running:
        admin = admin_of(running)
        degraded = admin.client.get("/readyz").json()["degraded"]
        assert list(degraded) == ["jobs"]
        assert degraded["jobs"].startswith("1 jobs have a folder but no record in the job store (0123456789ab).")
        (state / "jobs" / "0123456789ab").rmdir()
        assert admin.client.get("/readyz").json()["degraded"] == {}


def test_accepted_jobs_survive_the_deletion_of_the_file_and_a_kill(deployment: Deployment) -> None:
    admin = deployment.admin
    deployment.kill_worker()
    before = admin.retrain()
    delete(deployment.state / "jobs.db")
    after = admin.retrain()
    deployment.kill_service()
    deployment.start_service()
    deployment.start_worker()
    for job_id in (before, after):
        assert admin.wait(job_id, "succeeded", "failed", "interrupted")["state"] == "succeeded"


def test_a_store_that_is_unusable_at_the_start_is_reported_and_retried(tmp_path: Path, trainers_cache: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "jobs.db").write_bytes(b"this is not a database" * 1000)
    with service(state, cache=trainers_cache, **SETTINGS) as running:
        admin = admin_of(running)
        ready = admin.client.get("/readyz")
        assert ready.status_code == 200
        assert "cannot be opened" in ready.json()["degraded"]["database"]
        assert admin.client.get("/admin/jobs").status_code == 503
        delete(state / "jobs.db")
        for _ in attempts(0.1):
            if admin.client.post("/admin/retrain", json=small_job(promote="never")).status_code == 202:
                break
        else:
            raise AssertionError("the service still cannot train")
        assert admin.client.get("/readyz").json()["degraded"] == {}


def test_a_standalone_worker_waits_for_a_store_that_it_cannot_open(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "jobs.db").write_bytes(b"this is not a database" * 1000)
    with standalone_worker(state, **SETTINGS) as worker:
        log = tmp_path / "worker.log"
        wait_until(lambda: "The job store cannot be opened" in log.read_text())
        assert worker.poll() is None
        delete(state / "jobs.db")
        wait_until(lambda: "this process supervises" in log.read_text())
        database = Database(state / "jobs.db")
        assert [kind for _, kind in alive(database)] == ["alone"]
        database.close()
    assert worker.returncode == 0
    (state / "jobs.db").write_bytes(b"this is not a database" * 1000)
    with standalone_worker(state, **SETTINGS) as worker:
        wait_until(lambda: log.read_text().count("The job store cannot be opened") == 2)
    assert worker.returncode == 0, "a waiting worker can be stopped"


@pytest.mark.parametrize("ahead", [3600, 86_400])
def test_a_lease_that_expires_too_far_in_the_future_is_taken_over(database: Database, ahead: float) -> None:
    """Such a lease remains after a clock was set back."""
    stopped, present = Workers(database, "alone"), Workers(database, "alone")
    old = stopped.beat()
    assert old
    with database.write() as connection:
        later = database.now(connection) + ahead
        connection.execute(update(table).values(until=later))
        connection.execute(update(workers).values(beat=later))
    new = present.beat()
    assert new
    assert new.token > old.token
    assert [worker for worker, _ in alive(database)] == [present.id], "a heartbeat with a time in the future is ignored"


def test_the_lease_is_renewed_during_long_work(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.01)
    worker = Workers(database, "alone")
    lease = worker.beat()
    assert lease

    def expiry() -> float:
        with database.read() as connection:
            return float(connection.scalar(select(table.c.until)) or 0)

    before = expiry()
    with worker.renewing(lease):
        for _ in attempts(0.01):
            if expiry() > before:
                break
    assert expiry() > before


def test_the_audit_log_forgets_old_and_excess_entries(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "PRUNE_EVERY", 10)
    log = AuditLog(database, days=30, entries=100)
    old = {"who": None, "client": None, "action": "list", "target": "/admin/jobs", "status": 401, "outcome": "token_invalid"}
    with database.write() as connection:
        connection.execute(insert(audit), [old | {"time": time.time() - 31 * 86_400} for _ in range(5)])
    for _ in range(5):
        log.add("alice", "::1", "promote", "/", 200, "ok")
    assert [entry.who for entry in log.newest()] == ["alice"] * 5
    for _ in range(210):
        log.add("bob", "::1", "promote", "/", 200, "ok")
    found = log.newest(1000)
    assert len(found) == 100
    assert {entry.who for entry in found} == {"bob"}


def test_rejected_requests_never_push_changes_out_of_the_audit_log(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "PRUNE_EVERY", 10)
    log = AuditLog(database, entries=100)
    log.add("alice", "::1", "promote", "/", 200, "ok")
    for _ in range(120):
        log.add(None, "192.0.2.1", "list", "/", 401, "token_invalid")
        log.add("viewer", "::1", "retrain", "/", 403, "insufficient_scope")
    log.add("alice", "::1", "delete", "/", 204, "ok")
    found = log.newest(1000)
    assert [(entry.who, entry.action) for entry in found if entry.outcome == "ok"] == [
        ("alice", "delete"),
        ("alice", "promote"),
    ]
    assert 100 <= len(found) - 2 <= 110
