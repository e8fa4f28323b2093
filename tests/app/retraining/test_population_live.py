"""Populations with real trainers, whose processes are killed."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.api.schemas.jobs import JobView
from app.retraining.runners import holder_of
from models.repository import Repository
from tests.app.retraining.deployment import Deployment, check_models_are_complete
from tests.app.retraining.jobs import Admin, small_job
from tests.app.retraining.test_cli import jobs as jobs_command
from tests.waiting import LIMIT_SECONDS, attempts

SEEDS = {"runs": 4, "seed": 1, "budget": {"images": 1280}, "promote": "always"}
SPEC = {"metrics_every": 320, "checkpoint_every": 80, "log_every": 64}


@pytest.fixture
def two_at_once(tmp_path: Path, trainers_cache: Path) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path / "state", trainers_cache, parallel_runs=2)
    yield deployment
    deployment.stop()


def runs_of(admin: Admin, job_id: str) -> list[dict[str, Any]]:
    return admin.job(job_id)["population"]["runs"]


def wait_for_runs(admin: Admin, job_id: str, count: int, images: int) -> list[dict[str, Any]]:
    """Poll until so many runs are training and have seen more than this number of images."""
    for _ in attempts(0.1):
        found = [run for run in runs_of(admin, job_id) if run["state"] == "running" and run["images"] > images]
        if len(found) >= count:
            return found
    raise AssertionError(admin.job(job_id))


def kids(admin: Admin, job_id: str) -> dict[tuple[int, int], set[float]]:
    """Return all KIDs that were measured, by run and number of images."""
    found: dict[tuple[int, int], set[float]] = defaultdict(set)
    for kind, _, data in admin.events(job_id):
        if kind == "metrics":
            found[data["run"], data["images"]].add(data["kid"])
    return found


def check_decisions(admin: Admin, job_id: str) -> None:
    """Check each decision against the measurements, of which every repetition must be equal to the last bit."""
    measured = kids(admin, job_id)
    assert all(len(values) == 1 for values in measured.values()), measured
    population = admin.job(job_id)["population"]
    for rung in population["rungs"]:
        lowest = {
            run: min(next(iter(kid)) for (of, images), kid in measured.items() if of == int(run) and images <= rung["images"])
            for run in rung["kid"]
        }
        assert rung["kid"] == lowest
        ranked = sorted(lowest, key=lambda run: (lowest[run], int(run)))
        assert rung["kept"] == sorted(int(run) for run in ranked[: rung["keep"]])
    events = [data for kind, _, data in admin.events(job_id) if kind == "rung"]
    assert [event["kept"] for event in events] == [rung["kept"] for rung in population["rungs"]], "each was taken once"


def test_a_population_succeeds_although_every_process_is_killed_in_turn(two_at_once: Deployment) -> None:
    deployment, admin = two_at_once, two_at_once.admin
    job_id = admin.retrain(**SEEDS | {"budget": {"images": 2560}}, spec=SPEC | {"metrics_every": 640})

    # kill the trainer of one run: the other one continues
    first, second = wait_for_runs(admin, job_id, 2, 80)[:2]
    assert deployment.trainers() == 2
    deployment.kill_trainer(first["id"])
    for _ in attempts(0.1):
        if runs_of(admin, job_id)[first["run"] - 1]["interruptions"]:
            break
    assert runs_of(admin, job_id)[second["run"] - 1]["interruptions"] == 0

    # kill the supervisor: the next one takes over both trainers
    trainers = suspend_two(deployment, job_id)
    deployment.kill_worker()
    assert [trainer.status() for trainer in trainers] == [psutil.STATUS_STOPPED] * 2
    for trainer in trainers:
        trainer.resume()
    deployment.start_worker()
    for _ in attempts(0.1):
        if admin.job(job_id)["population"]["rungs"][0]["decided"]:
            break

    # kill everything, also after a decision
    wait_for_runs(admin, job_id, 1, 640)
    deployment.kill_service()
    deployment.kill_worker()
    for process in psutil.process_iter():
        if str(deployment.state) in " ".join(_command(process)):
            process.kill()
    deployment.start_service()
    decided = [rung for rung in admin.job(job_id)["population"]["rungs"] if rung["decided"]]
    deployment.start_worker()
    job = admin.wait(job_id, "succeeded", "failed", "interrupted", "cancelled")
    assert (job["state"], job["promoted"]) == ("succeeded", True), job
    assert job["population"]["rungs"][: len(decided)] == decided, "what was decided before stays"
    check_decisions(admin, job_id)
    states = sorted(run["state"] for run in job["population"]["runs"])
    assert states == ["eliminated", "eliminated", "eliminated", "succeeded"]
    for run in job["population"]["runs"]:
        seen = [data["images"] for kind, _, data in admin.events(run["id"]) if kind == "progress"]
        assert sorted(set(seen)) == list(range(64, max(seen) + 1, 64)), "each run goes on from its checkpoint"
        assert max(seen) < 2560 or run["state"] == "succeeded"
    assert deployment.trainers() == 0
    check_models_are_complete(deployment.state, [1, 2])

    winner = job["population"]["runs"][job["population"]["winner"] - 1]
    manifest = Repository(deployment.state / "models").get("digits", 2).manifest
    assert (manifest.job, manifest.spec["seed"]) == (job_id, winner["seed"])
    assert manifest.population
    assert (manifest.population.runs, manifest.population.run) == (4, winner["run"])
    assert manifest.population.overrides == {"seed": winner["seed"]}
    assert manifest.population.stopped == 3


def suspend_two(deployment: Deployment, job_id: str) -> list[psutil.Process]:
    """Suspend the trainers of two runs, which then cannot end by themselves."""
    for _ in attempts(0.1):
        suspended = []
        with suppress(psutil.NoSuchProcess):  # it has just ended
            for run in wait_for_runs(deployment.admin, job_id, 2, 0):
                if holder := holder_of(deployment.state / "jobs" / run["id"] / ".lock"):
                    trainer = psutil.Process(holder["pid"])
                    trainer.suspend()
                    suspended.append(trainer)
        if len(suspended) == 2:
            return suspended
        for trainer in suspended:
            trainer.resume()
    raise AssertionError(deployment.admin.job(job_id))


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_cancel_resume_and_a_graceful_stop_reach_all_runs(two_at_once: Deployment) -> None:
    deployment, admin = two_at_once, two_at_once.admin
    # progress after every batch, so that it shows where a trainer stopped
    spec = SPEC | {"metrics_every": 1_000_000, "log_every": 16}
    job_id = admin.retrain(**SEEDS | {"budget": {"images": 4_000_000}}, spec=spec)
    wait_for_runs(admin, job_id, 2, 80)
    answer = admin.client.post(f"/admin/jobs/{job_id}/cancel").json()
    assert answer["cancelling"]
    job = admin.wait(job_id, "cancelled")
    assert "all runs have stopped" in job["detail"]
    assert [run["state"] for run in job["population"]["runs"]] == ["cancelled"] * 4
    assert ["stopped gracefully" in run["detail"] for run in job["population"]["runs"]] == [True, True, False, False]
    assert deployment.trainers() == 0
    stopped = [run["images"] for run in job["population"]["runs"]]

    assert admin.client.post(f"/admin/jobs/{job_id}/resume").json()["state"] == "queued"
    wait_for_runs(admin, job_id, 2, max(stopped))
    for run, images in zip(runs_of(admin, job_id)[:2], stopped, strict=False):
        assert [data["images"] for kind, _, data in read_until(admin, run["id"], "resumed") if kind == "resumed"] == [images]

    deployment.worker.send_signal(signal.SIGTERM)
    assert deployment.worker.wait(LIMIT_SECONDS) == 0
    job = admin.job(job_id)
    assert (job["state"], job["interruptions"]) == ("queued", 0)
    assert [run["state"] for run in job["population"]["runs"]] == ["queued"] * 4
    assert [run["interruptions"] for run in job["population"]["runs"]] == [0] * 4
    assert deployment.trainers() == 0
    deployment.start_worker()
    wait_for_runs(admin, job_id, 2, max(run["images"] for run in job["population"]["runs"]))
    admin.client.post(f"/admin/jobs/{job_id}/cancel")
    admin.wait(job_id, "cancelled")


def read_until(admin: Admin, job_id: str, last: str) -> list[tuple[str, int | None, dict[str, Any]]]:
    """Read the events of a job up to the first one of a type."""
    found = []
    for event in admin.events(job_id):
        found.append(event)
        if event[0] == last:
            break
    return found


def test_a_population_is_requested_followed_and_shown_in_a_terminal(two_at_once: Deployment) -> None:
    admin = two_at_once.admin
    body = small_job(runs=1, grid={"gamma": [0.25, 0.5]}, spec=SPEC | {"metrics_every": 320}, promote="never")
    headers = {"Idempotency-Key": "population"}
    first = admin.client.post("/admin/retrain", json=body, headers=headers)
    assert first.status_code == 202, first.text
    assert admin.client.post("/admin/retrain", json=body, headers=headers).json() == first.json()
    job_id = first.json()["id"]
    assert [run["overrides"] for run in first.json()["population"]["runs"]] == [{"gamma": 0.25}, {"gamma": 0.5}]
    assert [job["number"] for job in admin.client.get("/admin/jobs").json()["jobs"]] == [1]
    assert "handle" not in json.dumps(first.json())

    watched = jobs_command(two_at_once.service, "watch", job_id)
    assert watched.returncode == 0, watched.stdout + watched.stderr
    assert "run 1 running: training" in watched.stdout
    assert "after 320 images: run" in watched.stdout
    assert "✕" in watched.stdout
    job = admin.job(job_id)
    winner, loser = job["population"]["winner"], 3 - job["population"]["winner"]
    for shown in (watched.stdout, jobs_command(two_at_once.service, "show", job_id).stdout):
        assert f"{loser} gamma 0.{'25' if loser == 1 else '5'} eliminated" in " ".join(shown.replace("│", " ").split()), shown
        assert "at 320" in shown
    assert "2 runs" in jobs_command(two_at_once.service, "list").stdout

    run = job["population"]["runs"][winner - 1]
    one = JobView.model_validate(admin.job(run["id"]))
    assert one.run_of
    assert (one.run_of.job, one.run_of.run, one.number, one.state) == (job_id, winner, 1, "succeeded")
    assert (one.links.cancel, one.links.resume, one.population) == (None, None, None)
    refused = admin.client.post(f"/admin/jobs/{run['id']}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "job_conflict")
    assert admin.log(job_id).count("==> run ") == 2
    assert f"==> run 2 ({job['population']['runs'][1]['id']}) <==" in admin.log(job_id)
    assert "Wrote" in admin.log(run["id"]), "the evaluation runs in the folder of the best run"
    best, of_run = (admin.client.get(f"/admin/jobs/{each}/samples.png?images=640") for each in (job_id, run["id"]))
    assert best.status_code == 200
    assert best.content == of_run.content
    assert [kind for kind, _, _ in admin.events(run["id"])][-1] == "end"
    assert job["part"] == 1
    with closing(sqlite3.connect(two_at_once.state / "jobs.db")) as store:
        assert store.execute("SELECT count(*) FROM jobs WHERE population = ?", (job_id,)).fetchone() == (2,)
    metrics = admin.client.get("/metrics").text
    assert 'seedling_jobs{state="succeeded"} 1.0' in metrics
