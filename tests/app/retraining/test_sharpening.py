"""Retraining of a sharpener."""

from __future__ import annotations

from typing import Any

from tests.app.retraining.jobs import Admin, admin_of
from tests.live import Service
from tests.training.small import SMALL

SPEC = {name: SMALL[name] for name in ("batch_size", "discriminator_widths", "log_every", "checkpoint_every")}
SPEC |= {"generator_widths": [8, 8, 8], "metrics_every": 0}


def _finished(admin: Admin, **fields: Any) -> dict[str, Any]:
    body = {"preset": "sharpen-quick", "budget": {"images": 640}, "seed": 1, "spec": SPEC, **fields}
    response = admin.client.post("/admin/retrain", json=body)
    assert response.status_code == 202, response.text
    job = admin.wait(response.json()["id"], "succeeded", "failed")
    assert job["state"] == "succeeded", admin.log(job["id"])
    return job


def _published(admin: Admin, version: int) -> dict[str, Any]:
    """Return the manifest of a version."""
    return admin.client.get(f"/models/sharpen-digits/versions/{version}").raise_for_status().json()["manifest"]


def test_a_sharpen_job_ends_with_a_verdict_and_its_version_sharpens(training_service: Service) -> None:
    admin = admin_of(training_service)
    first = _finished(admin)
    assert (first["model"], first["version"]) == ("sharpen-digits", 1)
    _published(admin, 1)
    picture = admin.client.get("/generate?seed=3").content
    response = admin.client.post("/sharpen?seed=1", content=picture)
    assert (response.status_code, response.headers["x-model"]) == (200, "sharpen-digits/1")

    second = _finished(admin)  # the same seed gives the same network, which is not better
    gate = _published(admin, second["version"])["gate"]
    assert not gate["promoted"]
    assert gate["reason"].startswith("Not better: summed Frechet distance")
    assert gate["rule"].startswith("The better sharpener is the one")
    assert gate["figures"] == gate["champion_figures"]

    for body in ({"preset": "sharpen-quick", "model": "digits"}, {"preset": "quick", "model": "sharpen-digits"}):
        problem = admin.client.post("/admin/retrain", json=body).json()
        assert (problem["status"], problem["code"]) == (422, "task_mismatch")
        assert "Name another model" in problem["detail"]


def test_a_spec_that_contradicts_its_task_is_rejected(training_service: Service) -> None:
    problem = (
        admin_of(training_service).client.post("/admin/retrain", json={"preset": "quick", "spec": {"task": "sharpen"}}).json()
    )
    assert problem["status"] == 422
    assert "Set conditional to false" in str(problem)
