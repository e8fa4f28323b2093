"""Retraining of a sharpener."""

from __future__ import annotations

from tests.app.retraining.jobs import admin_of, small_job
from tests.live import Service
from tests.training.conftest import SMALL

SPEC = {name: SMALL[name] for name in ("batch_size", "discriminator_widths", "log_every", "checkpoint_every")}


def test_a_sharpen_job_ends_with_a_verdict_and_its_version_sharpens(trains: Service) -> None:
    admin = admin_of(trains)
    body = {"preset": "sharpen-quick", "budget": {"images": 640}, "seed": 1, "promote": "always"}
    answer = admin.client.post(
        "/admin/retrain", json=body | {"spec": SPEC | {"generator_widths": [8, 8, 8], "metrics_every": 0}}
    )
    assert answer.status_code == 202, answer.text
    job = admin.wait(answer.json()["id"], "succeeded", "failed")
    assert job["state"] == "succeeded", admin.log(job["id"])
    assert job["model"] == "sharpen-digits"
    gate = admin.client.get(f"/models/sharpen-digits/versions/{job['version']}").json()["manifest"]["gate"]
    assert gate["promoted"]
    assert "summed Frechet distance" in gate["reason"]
    assert gate["rule"].startswith("The better sharpener is the one")
    picture = admin.client.get("/generate?seed=3").content
    answer = admin.client.post("/sharpen?seed=1", params={"version": job["version"]}, content=picture)
    assert answer.headers["x-model"] == f"sharpen-digits/{job['version']}"


def test_a_job_of_another_task_than_its_model_is_refused(trains: Service) -> None:
    admin = admin_of(trains)
    for body in ({"preset": "sharpen-quick", "model": "digits"}, {"preset": "quick", "model": "sharpen-digits"}):
        problem = admin.client.post("/admin/retrain", json=body).json()
        assert (problem["status"], problem["code"]) == (422, "task_mismatch")
        assert "Name another model" in problem["detail"]
    spec = small_job()["spec"] | {"task": "sharpen"}
    problem = admin.client.post("/admin/retrain", json={"preset": "quick", "spec": spec}).json()
    assert problem["status"] == 422
