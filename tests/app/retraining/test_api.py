"""The retraining API of a real service: authorization, validation, progress and cancellation."""

from __future__ import annotations

import io
import json
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from models import encoder
from models.manifest import WEIGHTS
from models.repository import Repository
from models.version import copier
from tests import fresh
from tests.app.retraining.jobs import SETTINGS, TOKEN, VIEWER, Admin, admin_of, small_job
from tests.live import ROOT, Service, service
from tests.waiting import LIMIT_SECONDS, attempts

ROUTES = [
    ("POST", "/admin/retrain"),
    ("GET", "/admin/jobs"),
    ("GET", "/admin/jobs/0123456789ab"),
    ("GET", "/admin/jobs/0123456789ab/events"),
    ("GET", "/admin/jobs/0123456789ab/log"),
    ("GET", "/admin/jobs/0123456789ab/samples.png"),
    ("GET", "/admin/jobs/0123456789ab/samples.webp"),
    ("POST", "/admin/jobs/0123456789ab/cancel"),
    ("POST", "/admin/jobs/0123456789ab/resume"),
    ("GET", "/admin/audit"),
    ("GET", "/admin/models/digits/champion"),
    ("PUT", "/admin/models/digits/champion"),
    ("GET", "/admin/models/digits/history"),
    ("DELETE", "/admin/models/digits/versions/1"),
    ("POST", "/admin/datasets/preview"),
    ("POST", "/admin/datasets"),
    ("PUT", "/admin/datasets"),
    ("DELETE", "/admin/datasets/digits"),
    ("GET", "/admin/imports"),
    ("GET", f"/admin/imports/{'a' * 12}"),
    ("GET", f"/admin/imports/{'a' * 12}/events"),
    ("POST", f"/admin/imports/{'a' * 12}/cancel"),
    ("OPTIONS", "/admin/uploads"),
    ("GET", "/admin/uploads"),
    ("POST", "/admin/uploads"),
    ("GET", f"/admin/uploads/{'0' * 32}"),
    ("PATCH", f"/admin/uploads/{'0' * 32}"),
    ("DELETE", f"/admin/uploads/{'0' * 32}"),
]


@pytest.fixture(scope="module")
def job(training_service: Service) -> dict:
    """A small job that has finished."""
    admin = admin_of(training_service)
    job_id = admin.retrain(note="the first")
    return admin.wait(job_id, "succeeded", "failed")


def test_the_list_of_admin_routes_is_complete(client: httpx.Client) -> None:
    """A new route that is missing from ROUTES would not be tested for authentication."""
    listed = client.get("/openapi.json").json()["paths"]
    admin = {(method.upper(), path) for path, methods in listed.items() for method in methods if path.startswith("/admin")}
    assert {(method, _template(path)) for method, path in ROUTES} == admin


def _template(path: str) -> str:
    for part, name in (
        ("0123456789ab", "job_id"),
        ("digits", "name"),
        ("1", "version"),
        ("0" * 32, "upload_id"),
        ("a" * 12, "import_id"),
    ):
        path = "/".join(f"{{{name}}}" if p == part else p for p in path.split("/"))
    path = path.replace("samples.webp", "samples.{format}")
    return path


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_checks_the_token_before_anything_else(admin: Admin, method: str, path: str) -> None:
    for headers, status, code in (
        ({}, 401, "token_missing"),
        ({"Authorization": "Basic YTpi"}, 401, "token_missing"),
        ({"Authorization": "Bearer two words"}, 400, "invalid_credentials"),
    ):
        content = b"{" if method in ("POST", "PUT") else None
        response = fresh.request(method, admin.url + path, headers=headers, content=content)
        assert (response.status_code, response.json()["code"]) == (status, code), response.text
        assert response.headers["www-authenticate"].startswith('Bearer realm="seedling"')
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] == "GET"])
def test_head_and_options_need_a_token_as_well(admin: Admin, method: str, path: str) -> None:
    assert fresh.head(admin.url + path).status_code == 401
    options = 401 if ("OPTIONS", path) in ROUTES else 405
    assert fresh.request("OPTIONS", admin.url + path).status_code == options


@pytest.mark.parametrize("path", ["/admin/jobs", "/admin/audit"])
def test_a_number_out_of_range_is_rejected(admin: Admin, path: str) -> None:
    assert admin.client.get(f"{path}?before={10**20}").status_code == 422


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] not in ("GET", "OPTIONS")])
def test_a_viewer_cannot_change_anything(training_service: Service, method: str, path: str) -> None:
    response = admin_of(training_service, VIEWER).client.request(method, path)
    assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in response.headers["www-authenticate"]


def test_a_viewer_can_read(training_service: Service, job: dict) -> None:
    viewer = admin_of(training_service, VIEWER)
    assert viewer.job(job["id"])["state"] == "succeeded"
    assert viewer.client.get("/admin/audit").status_code == 200


def test_guesses_are_delayed_and_the_token_is_never_disclosed(tmp_path: Path, trainers_cache: Path) -> None:
    with service(tmp_path / "state", workers=2, forked=True, cache=trainers_cache, log_level="debug", **SETTINGS) as running:

        def guess() -> httpx.Response:
            return fresh.get(f"{running.url}/admin/jobs", headers={"Authorization": "Bearer a-guess"})

        wrong = [guess() for _ in range(5)]
        assert [response.status_code for response in wrong] == [401] * 5
        assert wrong[0].headers["www-authenticate"] == 'Bearer realm="seedling", error="invalid_token"'
        while (rejected := guess()).status_code == 401:  # the wait of a second was over: this machine is slow
            wrong.append(rejected)
        assert (rejected.status_code, rejected.json()["code"]) == (429, "too_many_attempts")
        assert 1 <= int(rejected.headers["retry-after"]) <= 2 ** (len(wrong) - 4)
        admin = admin_of(running)
        assert admin.client.get("/admin/jobs").status_code == 200
        entries = admin.client.get("/admin/audit").json()["entries"]
        assert [(e["who"], e["action"], e["status"], e["outcome"]) for e in entries] == [
            (None, "list", 401, "token_invalid")
        ] * len(wrong)
        bad = admin.client.post("/admin/retrain", json={"note": 1})
        assert TOKEN not in bad.text + "".join(str(response.content) for response in wrong)
    log = running.log.read_text()
    assert "audit: nobody from 127.0.0.1: list /admin/jobs -> 401 token_invalid" in log
    assert TOKEN not in log
    assert "a-guess" not in log
    for path in (tmp_path / "state").rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


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


def test_a_warm_start_needs_a_champion(admin: Admin) -> None:
    response = admin.client.post("/admin/retrain", json={"model": "unheard-of", "warm_start": True})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


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


@pytest.fixture
def warm(tmp_path: Path, trainers_cache: Path) -> Iterator[Admin]:
    """An administrator of a service whose champion has weights: digits/1 is the shipped champion under another number."""
    repository, shipped = Repository(ROOT / "models"), Repository(tmp_path / "shipped")
    champion = repository.get("digits", repository.aliases("digits")["champion"])
    shipped.publish("digits", copier(champion))
    for file in (encoder.NETWORK, encoder.FILE):
        shipped.add_companion("digits", champion.manifest.digest, file, champion.companion(file).read_bytes())
    settings = {"cache": trainers_cache, "shipped": shipped.root, "encoder_images": 1_000}
    with service(tmp_path / "state", **settings, **SETTINGS) as running:
        yield admin_of(running)


def test_a_job_can_be_limited_in_minutes_and_a_warm_start_begins_with_the_champion(warm: Admin, tmp_path: Path) -> None:
    """Two seconds at a negligible learning rate, so that the result draws the same pictures as the shipped digits."""
    admin = warm
    frozen = {"learning_rate": 1e-12, "final_learning_rate": 1e-12, "ema_images": 0, "log_every": 64}
    frozen |= {"metrics_every": 0, "patience": 0}
    body = {"budget": {"minutes": 1 / 30}, "warm_start": True, "spec": frozen, "promote": "never"}
    response = admin.client.post("/admin/retrain", json=body)
    assert response.status_code == 202, response.text
    started = response.json()
    shipped = Repository(tmp_path / "shipped").get("digits", 1).manifest
    assert started["spec"]["initial_weights"] == shipped.files[WEIGHTS]
    assert started["spec"]["images"] == 10**9
    assert started["spec"]["generator_widths"] == shipped.spec["generator_widths"]
    done = admin.wait(started["id"], "succeeded", "failed")
    assert done["state"] == "succeeded", done
    assert (done["parent"], done["promoted"]) == (1, False)
    print(done["gate"])
    trained = next(data for kind, _, data in admin.events(started["id"]) if kind == "trained")
    assert trained["reason"] == "budget"
    assert trained["seconds"] >= 2
    for _ in attempts(0.05):  # the catalogue is updated within a second
        if admin.client.get(f"/models/digits/versions/{done['version']}").status_code == 200:
            break
    responses = [admin.client.get(f"/generate?seeds=0-99&format=npy&version={v}") for v in (1, done["version"])]
    before, after = (np.load(io.BytesIO(response.content)).astype(int) for response in responses)
    assert np.abs(after - before).mean() < 1  # two exports may differ by this much
    assert admin.client.get(f"/models/digits/versions/{done['version']}").json()["manifest"]["parent"] == 1

    own = Repository(tmp_path / "state" / "models").get("digits", done["version"])
    versions = Repository(tmp_path / "shipped").get("digits", 1), own
    first, second = (encoder.read(each.companion(encoder.FILE), each.manifest.digest) for each in versions)
    assert first is not None
    assert second is not None, admin.log(started["id"])
    assert (second.initial, second.images) == (first.sha256, 1_024)
    assert second.quality.test < 1.2 * first.quality.test, "the encoder continues that of the parent"
    picture = admin.client.get(f"/generate?seed=42&version={done['version']}").content
    found = admin.client.post(f"/invert?version={done['version']}", content=picture)
    assert found.status_code == 200, found.text
    assert "## Inversion" in admin.client.get(f"/models/digits/versions/{done['version']}/card").text


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
