"""The retraining API of a real service: validation, progress, samples, cancellation and the audit log."""

from __future__ import annotations

import io
import json
import signal
import sqlite3
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.app.retraining.jobs import SETTINGS, VIEWER, Admin, admin_of, small_job
from tests.live import Service, service
from tests.waiting import LIMIT_SECONDS


@pytest.fixture(scope="module")
def job(training_service: Service) -> dict:
    """A small job that has finished."""
    admin = admin_of(training_service)
    job_id = admin.retrain(note="the first")
    return admin.wait(job_id, "succeeded", "failed")


@pytest.mark.parametrize("path", ["/admin/jobs", "/admin/audit"])
def test_a_number_out_of_range_is_rejected(admin: Admin, path: str) -> None:
    assert admin.client.get(f"{path}?before={10**20}").status_code == 422


def test_a_viewer_can_read(training_service: Service, job: dict) -> None:
    viewer = admin_of(training_service, VIEWER)
    assert viewer.job(job["id"])["state"] == "succeeded"
    assert viewer.client.get("/admin/audit").status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"model": "Not A Name"}, "body.model"),
        ({"preset": "quicker"}, "'quick', 'best', 'few', 'sharpen' or 'sharpen-quick'"),
        ({"spec": {"gama": 1}}, "body.spec.gama"),
        ({"spec": {"cls": 1}}, "body.spec.cls"),
        ({"spec": {"gamma": -1}}, "body.spec.gamma: Input should be greater than or equal to 0"),
        ({"spec": {"generator_widths": [1, 2]}}, "three or four generator_widths"),
        ({"spec": {"images": 5}}, "Use budget.images"),
        ({"spec": {"threads": 64}}, "Use GAN_TRAINING_THREADS"),
        ({"spec": {"initial_weights": "0" * 64}}, "Use warm_start"),
        ({"dataset": "Not A Name"}, "body.dataset"),
        ({"seed": -1}, "body.seed"),
        ({"seed": 2**32}, "body.seed"),
        ({"budget": {}}, "either images or minutes"),
        ({"budget": {"images": 1, "minutes": 1}}, "either images or minutes"),
        ({"budget": {"minutes": 0}}, "body.budget.minutes"),
        ({"budget": {"images": 10**10}}, "body.budget.images"),
        ({"promote": "maybe"}, "'if_better', 'always' or 'never'"),
        ({"note": "x" * 501}, "body.note"),
        ({"nope": 1}, "body.nope"),
        ({"warm_start": True}, "digits/1 has no weights.pt to start from"),
        ([], "not a JSON object"),
    ],
)
def test_a_request_is_fully_validated_before_a_job_starts(admin: Admin, body, message: str) -> None:
    before = len(admin.client.get("/admin/jobs").json()["jobs"])
    response = admin.client.post("/admin/retrain", json=body)
    assert response.status_code == 422, response.text
    assert message in response.json()["detail"]
    assert len(admin.client.get("/admin/jobs").json()["jobs"]) == before


def test_a_job_reports_its_request_progress_and_result(admin: Admin, job: dict) -> None:
    assert (job["state"], job["version"], job["promoted"], job["part"]) == ("succeeded", 2, False, 1)
    assert (job["by"], job["note"], job["model"], job["parent"]) == ("admin", "the first", "digits", None)
    assert (job["spec"]["seed"], job["spec"]["threads"], job["spec"]["preset"]) == (1, 1, "quick")
    assert job["progress"]["images"] == 640
    assert job["created"] < job["started"] < job["ended"]
    assert set(job["gate"]["figures"]) == set(job["gate"]["champion_figures"])
    assert "Not better: fid_test" in job["detail"]
    manifest = admin.client.get("/models/digits/versions/2").json()["manifest"]
    assert (manifest["job"], manifest["gate"]) == (job["id"], job["gate"])
    assert admin.states(job["id"]) == ["queued", "running", "evaluating", "succeeded"]
    assert "640/640" in admin.log(job["id"])
    listed = admin.client.get("/admin/jobs?state=succeeded").json()
    assert job in listed["jobs"]
    assert listed["trainers"] == 1
    assert job["links"]["cancel"] is None
    assert job["links"]["resume"] is None
    assert admin.client.get("/admin/jobs/0123456789ab").status_code == 404
    assert admin.client.get("/admin/jobs/..%2F..%2Fetc").status_code in (404, 422)


def test_the_sample_grid_of_each_step_is_available(admin: Admin, job: dict) -> None:
    steps = [data["images"] for kind, _, data in admin.events(job["id"]) if kind == "samples"]
    assert steps == [0, 320, 640]
    grids = []
    for images in steps:
        response = admin.client.get(f"/admin/jobs/{job['id']}/samples.png?images={images}")
        assert response.headers["x-images"] == str(images)
        with Image.open(io.BytesIO(response.content)) as sheet:
            assert sheet.size == (280, 224)
        grids.append(response.content)
    assert len(set(grids)) == 3
    assert admin.client.get(job["links"]["samples"]).content == grids[-1]
    missing = admin.client.get(f"/admin/jobs/{job['id']}/samples.png?images=7")
    assert missing.status_code == 404
    assert "Choose one of 0, 320, 640" in missing.json()["detail"]


def test_a_film_shows_the_sample_grids_in_order_and_the_last_one_for_two_seconds(admin: Admin, job: dict) -> None:
    url = f"/admin/jobs/{job['id']}/samples"
    grids = [pixels_of(admin.client.get(f"{url}.png?images={images}").content) for images in (0, 320, 640)]
    wanted = [*grids[:2], *[grids[2]] * 8]
    for kind in ("webp", "gif", "apng"):
        response = admin.client.get(f"{url}.{kind}")
        assert response.headers["content-type"] == f"image/{kind}"
        assert response.headers["x-frames"] == "10"
        frames, milliseconds = frames_of(response.content)
        assert np.array_equal(frames, wanted), kind
        assert (milliseconds[:2], sum(milliseconds[2:])) == ([250, 250], 2000), kind
        again = admin.client.get(f"{url}.{kind}")
        assert (again.content, again.headers["etag"]) == (response.content, response.headers["etag"])
        known = admin.client.get(f"{url}.{kind}", headers={"If-None-Match": response.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
    slow = admin.client.get(f"{url}.webp?fps=2")
    assert slow.headers["etag"] != response.headers["etag"]
    assert frames_of(slow.content)[1] == [500] * 6


def test_a_film_has_a_bounded_speed_and_needs_a_job(admin: Admin, job: dict) -> None:
    for fps in ("0", "31", "nan", "fast"):
        assert admin.client.get(f"/admin/jobs/{job['id']}/samples.gif?fps={fps}").status_code == 422
    assert admin.client.get(f"/admin/jobs/{job['id']}/samples.mp4").status_code == 422
    assert admin.client.get("/admin/jobs/0123456789ab/samples.gif").status_code == 404


def pixels_of(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("L"))


def frames_of(content: bytes) -> tuple[list[np.ndarray], list[int]]:
    """Return the frames of an animation, and how many milliseconds each is shown."""
    frames, milliseconds = [], []
    with Image.open(io.BytesIO(content)) as film:
        for index in range(film.n_frames):
            film.seek(index)
            film.load()
            frames.append(np.asarray(film.convert("L")))
            milliseconds.append(round(film.info["duration"]))
    return frames, milliseconds


def test_the_event_stream_resumes_after_the_last_received_event(admin: Admin, job: dict) -> None:
    all_events = list(admin.events(job["id"]))
    assert [number for _, number, _ in all_events[:-1]] == list(range(1, len(all_events)))
    kind, number, data = all_events[-1]
    assert (kind, number, data["state"]) == ("end", None, "succeeded")
    progress = [data["images"] for kind, _, data in all_events if kind == "progress"]
    assert progress == list(range(16, 641, 16)), "every line of the trainer appears once"
    assert list(admin.events(job["id"], after=len(all_events) - 3)) == all_events[-3:]
    assert admin.client.get(f"/admin/jobs/{job['id']}/events", headers={"Last-Event-ID": "x"}).status_code == 422


def test_the_same_idempotency_key_and_body_give_the_same_job(admin: Admin, training_service: Service) -> None:
    body, headers = small_job(note="keyed"), {"Idempotency-Key": "key-1"}
    first = admin.client.post("/admin/retrain", json=body, headers=headers)
    again = admin.client.post("/admin/retrain", json=body, headers=headers)
    assert first.status_code == again.status_code == 202
    assert again.headers["location"] == first.headers["location"] == f"/admin/jobs/{first.json()['id']}"
    assert again.json() == first.json(), "the first response is repeated, even if the job has changed"
    other = admin.client.post("/admin/retrain", json=body | {"note": "another"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    admin.client.post(f"/admin/jobs/{first.json()['id']}/cancel")
    with sqlite3.connect(training_service.log.parent / "state" / "jobs.db") as store:  # as if the first request were in flight
        store.execute("UPDATE idempotency SET answer = NULL WHERE key = 'key-1'")
    in_flight = admin.client.post("/admin/retrain", json=body, headers=headers)
    assert (in_flight.status_code, in_flight.json()["code"]) == (409, "idempotency_in_flight")
    assert in_flight.headers["retry-after"] == "1"
    rejected = admin.client.post("/admin/retrain", json={"nope": 1}, headers={"Idempotency-Key": "key-2"})
    assert rejected.status_code == 422
    accepted = admin.client.post("/admin/retrain", json=body, headers={"Idempotency-Key": "key-2"})
    assert accepted.status_code == 202, "a rejected request does not use up its key"
    admin.client.post(f"/admin/jobs/{accepted.json()['id']}/cancel")
    for job_id in (first.json()["id"], accepted.json()["id"]):
        admin.wait(job_id, "cancelled")


def test_concurrent_requests_with_the_same_key_create_one_job(admin: Admin, training_service: Service) -> None:
    responses: list[httpx.Response] = []

    def request() -> None:
        headers = {"Idempotency-Key": "at-once"}
        responses.append(
            admin_of(training_service).client.post("/admin/retrain", json=small_job(note="at once"), headers=headers)
        )

    threads = [threading.Thread(target=request) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {response.status_code for response in responses} <= {202, 409}
    created = {response.json()["id"] for response in responses if response.status_code == 202}
    assert len(created) == 1
    assert len([job for job in admin.client.get("/admin/jobs").json()["jobs"] if job["note"] == "at once"]) == 1
    admin.client.post(f"/admin/jobs/{created.pop()}/cancel")


def test_a_short_run_reports_often_enough_to_be_watched(admin: Admin) -> None:
    running = admin.retrain(budget={"minutes": 10})
    admin.wait_for_images(running, 0)
    requests: list[tuple[dict, dict, tuple[int, int]]] = [
        ({"images": 8_000}, {}, (400, 1_000)),
        ({"images": 640}, {"log_every": 10_000}, (10_000, 80)),
        ({"images": 10**7}, {"batch_size": 2_048}, (2_048, 12_500)),
    ]
    for budget, spec, intervals in requests:
        body = {"preset": "quick", "budget": budget, "spec": spec}
        spec = admin.client.post("/admin/retrain", json=body).json()["spec"]
        assert (spec["log_every"], spec["sample_every"]) == intervals
    for job in admin.client.get("/admin/jobs").json()["jobs"]:
        if job["state"] in ("queued", "running"):
            admin.client.post(f"/admin/jobs/{job['id']}/cancel")
    admin.wait(running, "cancelled")


def test_the_queue_is_bounded_and_queued_jobs_are_cancelled_at_once(admin: Admin) -> None:
    running = admin.retrain(budget={"minutes": 10})
    admin.wait_for_images(running, 0)
    waiting = [admin.retrain() for _ in range(3)]
    full = admin.client.post("/admin/retrain", json=small_job())
    assert (full.status_code, full.json()["code"]) == (429, "queue_full")
    assert int(full.headers["retry-after"]) > 0
    for job_id in waiting:
        response = admin.client.post(f"/admin/jobs/{job_id}/cancel")
        assert (response.status_code, response.json()["state"]) == (202, "cancelled")
        assert admin.states(job_id) == ["queued", "cancelled"]
    again = admin.client.post(f"/admin/jobs/{waiting[0]}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "job_conflict")
    admin.client.post(f"/admin/jobs/{running}/cancel")
    assert "Resume the job" in admin.wait(running, "cancelled")["detail"]


def test_a_cancelled_job_resumes_from_its_checkpoint(admin: Admin) -> None:
    job_id = admin.retrain(budget={"images": 4000}, spec={"checkpoint_every": 10**6, "log_every": 16}, promote="never")
    admin.wait_for_images(job_id, 500)
    response = admin.client.post(f"/admin/jobs/{job_id}/cancel").json()
    assert response["cancelling"]
    cancelled = admin.wait(job_id, "cancelled")
    assert "stopped gracefully" in cancelled["detail"]
    stopped_at = cancelled["progress"]["images"]
    assert 500 < stopped_at < 4000
    assert admin.client.post(f"/admin/jobs/{job_id}/resume").status_code == 202
    assert admin.client.post(f"/admin/jobs/{job_id}/resume").json()["code"] == "job_conflict"
    resumed = admin.wait(job_id, "succeeded", "failed")
    assert resumed["state"] == "succeeded", resumed
    assert resumed["progress"]["images"] == 4000
    events = list(admin.events(job_id))
    resumed_at = [data["images"] for kind, _, data in events if kind == "resumed"]
    assert resumed_at == [stopped_at], "SIGTERM wrote a checkpoint, and no image was trained on twice"
    assert [data["images"] for kind, _, data in events if kind == "progress"] == list(range(16, 4001, 16))
    assert "Promotion was not requested" in resumed["detail"]


def test_a_stopping_service_closes_its_streams_and_stops_the_trainer_gracefully(tmp_path: Path, trainers_cache: Path) -> None:
    with service(tmp_path / "state", cache=trainers_cache, **SETTINGS) as running:
        admin = admin_of(running)
        job_id = admin.retrain(budget={"minutes": 10})
        admin.wait_for_images(job_id, 0)
        events: list[tuple] = []
        follower = threading.Thread(target=lambda: events.extend(admin.events(job_id)))
        follower.start()
        while not any(kind == "progress" for kind, _, _ in events) and follower.is_alive() and len(events) < 1:
            time.sleep(0.05)
        running.process.terminate()
        assert running.process.wait(LIMIT_SECONDS) in (0, -signal.SIGTERM), "uvicorn exits with the signal that it received"
        follower.join(30)
        assert not follower.is_alive()
        assert events[-1][0] != "end", "the job has not ended"
    assert "Cancel" not in running.log.read_text()
    with sqlite3.connect(tmp_path / "state" / "jobs.db") as store:
        row = store.execute("SELECT state, interruptions, trained FROM jobs").fetchone()
    assert row[:2] == ("queued", 0), "the job resumes with the service, and this does not count as an interruption"
    assert json.loads(row[2])["reason"] == "stopped"


def test_without_a_trainer_a_request_gets_an_error_with_a_remedy(tmp_path: Path) -> None:
    with service(tmp_path / "state", embedded_worker=False, **SETTINGS) as running:
        admin = admin_of(running)
        response = admin.client.post("/admin/retrain", json=small_job())
        assert (response.status_code, response.json()["code"]) == (501, "no_trainer")
        assert "make setup-train" in response.json()["detail"]
        assert admin.client.get("/admin/jobs").json() == {"jobs": [], "trainers": 0, "next": None}
        assert admin.client.get("/generate?seed=42").status_code == 200


def test_every_change_is_in_the_audit_log(admin: Admin, training_service: Service, job: dict) -> None:
    admin.client.post("/admin/jobs/0123456789ab/cancel")
    admin.client.post("/admin/retrain", json={"nope": 1})
    admin_of(training_service, VIEWER).client.post("/admin/retrain", json={})
    entries = admin.client.get("/admin/audit?limit=3").json()["entries"]
    assert [(e["who"], e["action"], e["target"], e["status"], e["outcome"]) for e in reversed(entries)] == [
        ("admin", "cancel", "/admin/jobs/0123456789ab/cancel", 404, "not_found"),
        ("admin", "retrain", "/admin/retrain", 422, "invalid_request"),
        ("viewer", "retrain", "/admin/retrain", 403, "insufficient_scope"),
    ]
    assert all(e["client"] == "127.0.0.1" for e in entries)
    older = admin.client.get(f"/admin/audit?before={entries[-1]['id']}&limit=200").json()["entries"]
    assert ("admin", "retrain", 202, "ok") in [(e["who"], e["action"], e["status"], e["outcome"]) for e in older]
