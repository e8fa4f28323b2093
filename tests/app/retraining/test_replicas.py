"""Two replicas and a trainer that share a volume and a PostgreSQL database. Changes at one replica apply to the other."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.sampling.generator import LoadedGenerator
from app.settings import Settings
from app.storage.database import Database
from app.storage.database_aliases import DatabaseAliases
from models.repository import Repository
from models.version import copier
from tests import fresh
from tests.app.retraining.jobs import SETTINGS, Admin, admin_of, standalone_worker
from tests.app.retraining.test_retraining_under_load import SEEDS, Load
from tests.forked import run
from tests.live import Service, environment, service
from tests.postgres import Postgres, running
from tests.waiting import wait_until


def wait_until_followed(replica: Service, model: str) -> None:
    """Wait until a replica serves a version."""
    wait_until(lambda: fresh.get(f"{replica.url}/generate?seed=1").headers.get("x-model") == model)


def promote(admin: Admin, version: int | str) -> None:
    response = admin.client.put("/admin/models/digits/champion", json={"version": version}, headers={"If-Match": "*"})
    assert response.status_code == 200, response.text


def test_a_retraining_causes_no_failed_request_at_either_replica(
    tmp_path: Path, trainers_cache: Path, postgres: Postgres
) -> None:
    state, url = tmp_path / "state", postgres.create_database("replicas")
    shared = SETTINGS | {"database_url": url, "cache": trainers_cache, "poll_seconds": 0.5}
    with ExitStack() as stack:
        one, other = (stack.enter_context(service(state, embedded_worker=False, access_log=False, **shared)) for _ in range(2))
        stack.enter_context(standalone_worker(state, **shared))
        loads = [Load(replica.url, connections=2) for replica in (one, other)]
        at_one, at_other = admin_of(one), admin_of(other)
        assert at_one.client.get("/admin/jobs").json()["jobs"] == []
        # until the service knows the trainer
        wait_until(lambda: "training" not in at_one.client.get("/readyz").json()["degraded"], 0.1)
        job_id = at_one.retrain(promote="always")
        assert at_other.job(job_id)["id"] == job_id, "a job started at one replica is visible at the other"
        job = at_other.wait(job_id, "succeeded", "failed", "interrupted")
        assert (job["state"], job["version"], job["promoted"]) == ("succeeded", 2, True), job
        for replica in (one, other):
            wait_until_followed(replica, "digits/2")
        promote(at_one, "previous")
        wait_until_followed(other, "digits/1")  # a rollback at one replica applies to the other
        promote(at_other, 2)
        wait_until_followed(one, "digits/2")
        history = at_one.client.get("/admin/models/digits/history").json()["promotions"]
        assert [(each["version"], each["how"], each["job"]) for each in history] == [
            (2, "request", None),
            (1, "request", None),
            (2, "job", job_id),
            (1, "shipped", None),
        ]
        assert at_other.client.get("/admin/models/digits/history").json()["promotions"] == history
        for load in loads:
            load.stop()
        at_one.client.close()
        at_other.client.close()

    assert [load.failed for load in loads] == [[], []]
    drawn = {}
    for number in (1, 2):
        generator = LoadedGenerator(Repository(state / "models").get("digits", number))
        pictures = generator.draw([generator.point(seed)[0] for seed in SEEDS])
        drawn[f"digits/{number}"] = [picture.tobytes() for picture in pictures]
    for load in loads:
        assert [(name, seed) for _, name, seed, pixels in load.responses if drawn[name][seed] != pixels] == []
        assert {"digits/1", "digits/2"} == set(Counter(name for _, name, _, _ in load.responses))
    assert not (state / "jobs.db").exists(), "no state is in a file that only one host can see"


def test_without_its_database_a_service_keeps_serving_and_recovers_by_itself(tmp_path: Path) -> None:
    with running() as server:
        settings = SETTINGS | {"database_url": server.create_database("stopped"), "embedded_worker": False}
        with service(tmp_path / "state", **settings) as one:
            admin = admin_of(one)
            assert admin.client.get("/admin/jobs").status_code == 200
            before = admin.client.get("/generate?seed=42")
            server.stop()
            assert admin.client.get("/generate?seed=42&format=npy").status_code == 200
            assert admin.client.get("/generate?seed=42").content == before.content
            rejected = admin.client.get("/admin/jobs")
            assert (rejected.status_code, rejected.json()["code"]) == (503, "store_unavailable")
            assert rejected.json()["detail"].endswith("then try again: nothing was changed.")
            time.sleep(0.5)  # the service has polled for promotions in this time
            ready = admin.client.get("/readyz")
            assert ready.status_code == 200
            assert "PostgreSQL" in ready.json()["degraded"]["database"]
            with service(tmp_path / "state", port=0, **settings) as late:  # started while the database is down
                unready = fresh.get(f"{late.url}/readyz")
                assert unready.status_code == 503
                assert "PostgreSQL" in unready.json()["detail"]
                server.start()
                wait_until_followed(late, "digits/1")
            assert admin.client.get("/admin/jobs").status_code == 200
            assert list(admin.client.get("/readyz").json()["degraded"]) == ["training"], "this test has no trainer"
            admin.client.close()
            assert "postgres:" not in one.log.read_text(), "the log contains neither the URL nor a password"


def test_moving_to_a_database_keeps_the_champions(database: Database, repository: Repository) -> None:
    number = repository.publish("digits", copier(repository.get("digits", 1))).number
    moved = Repository(repository.root, DatabaseAliases(lambda: database, repository.root))
    assert moved.aliases("digits") == repository.aliases("digits") == {"champion": 1}
    before = moved.stamp("digits")
    assert moved.promote("digits", number) == {"champion": number, "previous": 1}
    assert moved.stamp("digits") != before
    replica = Repository(repository.root, DatabaseAliases(lambda: database, repository.root))
    assert replica.aliases("digits") == {"champion": number, "previous": 1}
    assert repository.aliases("digits") == replica.aliases("digits"), "moving back keeps them as well"
    (repository.root / "digits" / "aliases.json").write_text('{"champion": 1}')
    assert moved.aliases("digits") == {"champion": number, "previous": 1}, "the database takes precedence over the file"


def test_a_url_of_another_database_is_rejected_and_not_printed() -> None:
    done = run("app", env=environment(Path("unused"), database_url="mysql://user:hunter2@host/db"))
    assert done.returncode == 2
    assert "begin with postgresql://" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_all_common_schemes_of_the_url_are_accepted(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = Settings(database_url=f"{scheme}://u:p@h/d").database_url
    assert url
    assert url.get_secret_value() == "postgresql+psycopg://u:p@h/d"
