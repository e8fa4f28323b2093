"""A job store of an earlier release is used without losing anything."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

from app.retraining.halving import Plan
from app.retraining.job import Draft, RunDraft
from app.retraining.lease import Workers
from app.retraining.store import JobStore
from app.storage.database import Database

OLD = """CREATE TABLE jobs (
    number {serial}, id VARCHAR(32) NOT NULL, state VARCHAR(16) NOT NULL, detail TEXT NOT NULL, model VARCHAR(64) NOT NULL,
    request JSON NOT NULL, spec JSON NOT NULL, promote VARCHAR(16) NOT NULL, parent INTEGER, "by" VARCHAR(64) NOT NULL,
    created FLOAT NOT NULL, started FLOAT, ended FLOAT, has_run BOOLEAN NOT NULL, interruptions INTEGER NOT NULL,
    cancel BOOLEAN NOT NULL, stop_since FLOAT, handle JSON, "offset" INTEGER NOT NULL, trained JSON, progress JSON,
    metrics JSON, champion INTEGER, version INTEGER, promoted BOOLEAN, gate JSON, pruned BOOLEAN NOT NULL,
    PRIMARY KEY (number), UNIQUE (id)
)"""
"""The table as release 0.1 created it."""
COLUMNS = (
    'id, state, detail, model, request, spec, promote, "by", created, has_run, interruptions, cancel, "offset", pruned, '
    "progress"
)
ROWS = [
    ("0123456789ab", "running", "training", '{"images": 640, "part": 0.5}'),
    ("0123456789ac", "queued", "waiting for its turn", None),
]


def insert(job_id: str, state: str, detail: str, progress: str | None) -> str:
    seen = f"'{progress}'" if progress else "NULL"
    values = f"'digits', '{{}}', '{{\"preset\": \"quick\"}}', 'never', 'alice', 1.0, true, 1, false, 10, false, {seen}"
    return f"INSERT INTO jobs ({COLUMNS}) VALUES ('{job_id}', '{state}', '{detail}', {values})"


def execute(location: Path | str, *statements: str) -> None:
    """Run statements as another process does."""
    if isinstance(location, Path):
        with closing(sqlite3.connect(location)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        return
    with psycopg.connect(location) as server:
        for statement in statements:
            server.execute(statement)  # type: ignore[arg-type]  # psycopg wants a literal


def test_a_store_of_the_previous_release_is_extended(location: Path | str) -> None:
    serial = "INTEGER NOT NULL" if isinstance(location, Path) else "SERIAL NOT NULL"
    execute(location, OLD.format(serial=serial), "CREATE INDEX ix_jobs_state ON jobs (state)", *(insert(*row) for row in ROWS))
    with closing(Database(location)) as database, closing(Database(location)) as again:
        store = JobStore(database)
        running, queued = store.get(ROWS[0][0]), store.get(ROWS[1][0])
        assert (running.state, running.progress, running.interruptions, running.offset) == (
            *("running", json.loads(ROWS[0][3] or "")),
            *(1, 10),
        )
        assert (running.population, running.plan, running.member) == (None, None, None)
        assert store.next_queued() == queued
        lease = Workers(database, "alone").beat()
        assert lease
        runs = tuple(RunDraft({"images": 640, "seed": seed}, {"seed": seed}) for seed in (1, 2))
        draft = Draft("digits", {}, {"images": 640}, "never", None, "alice", Plan.of(2, 640, 2), runs)
        job = store.create(draft, 8)
        assert job.number == 3, "the numbers continue"
        assert [run.member and run.member.overrides for run in JobStore(again).populations.runs(job.id)] == [
            {"seed": 1},
            {"seed": 2},
        ]
        # A replica of the previous release goes on writing, without the new columns.
        execute(location, insert("0123456789ad", "queued", "waiting for its turn", None))
        assert [found.id for found in store.newest()] == ["0123456789ad", job.id, "0123456789ac", "0123456789ab"]
        assert store.change(lease, running, "failed", "as before").state == "failed"
