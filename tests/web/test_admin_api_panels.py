"""The API panels of administrators: every call is run with curl, Python and the browser, and does what the page does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.app.api.pictures_of_shapes import archive
from tests.app.retraining.jobs import TOKEN, small_job
from tests.live import Service
from tests.web.conftest import new_context
from tests.web.retraining import sign_in
from tests.web.test_api_panels import CLASSES, LANGUAGES, PER_CLASS, code, result, results
from tests.web.test_datasets import upload

OF_ONE_CALL = ("id", "number", "created", "links", "upload", "state", "detail", "started", "trainers", "progress", "part")
"""Fields of a response that differ between two equal calls."""


def panel_of(page: Page, call: str) -> Locator:
    panel = page.get_by_role("region", name=f"API call: {call}", exact=True)
    expect(panel).to_be_visible()
    return panel


def without_those(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in OF_ONE_CALL}


def imported(admin: httpx.Client) -> dict[str, Any]:
    """Return the newest import, once it has ended."""
    for _ in range(600):
        newest: dict[str, Any] = admin.get("/admin/imports").json()["imports"][0]
        if newest["state"] != "running":
            assert newest["state"] == "succeeded", newest
            return newest
        time.sleep(0.1)
    raise AssertionError(newest)


def datasets(admin: httpx.Client) -> set[str]:
    return {found["name"] for found in admin.get("/datasets").json()["datasets"] if not found["published"]}


def add_dataset(admin: httpx.Client, name: str) -> dict[str, Any]:
    response = admin.put(f"/admin/datasets?name={name}&filename=pictures.zip", content=archive(PER_CLASS, CLASSES))
    assert response.status_code == 202, response.text
    return imported(admin)


@pytest.fixture
def page(browser: Browser, importing: Service) -> Any:
    with new_context(browser, importing.url, viewport={"width": 1400, "height": 1000}) as context:
        page = context.new_page()
        page.goto("/datasets")
        sign_in(page, TOKEN)
        yield page


@pytest.mark.parametrize(("path", "classes"), [("/datasets", list(CLASSES)), ("/draw?name=mine", [])])
def test_a_file_is_imported(
    page: Page, importing: Service, admin: httpx.Client, tmp_path: Path, path: str, classes: list[str]
) -> None:
    page.goto(path)
    found = results(panel_of(page, "PUT /admin/datasets"), importing, tmp_path / "put", lambda: imported(admin))
    assert found[0]["name"] == "mine"
    assert [without_those(one) for one in found] == [without_those(found[0])] * 3
    assert imported(admin)["report"]["found"] == 2 * PER_CLASS
    assert admin.get("/datasets/mine").json()["classes"] == classes
    assert datasets(admin) == {"mine"}
    admin.delete("/admin/datasets/mine")


def test_an_upload_is_previewed_and_imported(page: Page, importing: Service, admin: httpx.Client, tmp_path: Path) -> None:
    one = upload(admin, archive(PER_CLASS, CLASSES))
    page.goto(f"/datasets?upload={one}&fit=crop&name=mine&licence=CC0")
    found = results(panel_of(page, "POST /admin/datasets/preview"), importing, tmp_path / "preview")
    assert found == [found[0]] * 3
    assert found[0]["report"]["fit"] == "crop"
    for language in LANGUAGES:
        page.goto(f"/datasets?upload={one}&fit=crop&name=mine&licence=CC0")
        text = code(panel_of(page, "POST /admin/datasets"), language)
        started = result(page, importing, tmp_path / "import", language, text)
        ended = imported(admin)
        assert (ended["id"], ended["report"]["fit"], ended["filename"]) == (started["id"], "crop", "shapes.zip")
        one = upload(admin, archive(PER_CLASS, CLASSES))  # an import deletes its upload
    assert admin.get("/datasets/mine").json()["licence"] == "CC0"
    admin.delete("/admin/datasets/mine")


def test_datasets_are_listed_and_removed(page: Page, importing: Service, admin: httpx.Client, tmp_path: Path) -> None:
    add_dataset(admin, "mine")
    page.goto("/datasets")
    listed = results(panel_of(page, "GET /datasets"), importing, tmp_path / "get")
    assert listed == [listed[0]] * 3
    assert "mine" in {found["name"] for found in listed[0]["datasets"]}
    page.get_by_role("region", name="mine mine", exact=True).get_by_text("Versions, report and models").click()
    remove = panel_of(page, "DELETE /admin/datasets/mine")
    assert results(remove, importing, tmp_path / "delete", lambda: add_dataset(admin, "mine")) == [b"", b"204", b"204"]
    assert datasets(admin) == set()


@pytest.mark.parametrize("is_drawn", [False, True], ids=["Train", "Draw"])
def test_a_training_is_requested(page: Page, importing: Service, admin: httpx.Client, tmp_path: Path, is_drawn: bool) -> None:
    ended = add_dataset(admin, "mine")
    budget = "preset=quick&budget=images:640"
    page.goto(f"/draw?import={ended['id']}&{budget}" if is_drawn else f"/train?dataset={ended['dataset']}&{budget}")
    panel = panel_of(page, "POST /admin/retrain")
    expect(panel).to_contain_text('"model":"mine"')  # the page has found the model of the dataset
    found = results(panel, importing, tmp_path / "retrain", cancelled(admin))
    cancelled(admin)()
    assert len({one["spec"].pop("seed") for one in found}) == 3, "each job has a random seed"
    assert (found[0]["model"], found[0]["spec"]["dataset"], found[0]["spec"]["images"]) == ("mine", ended["dataset"], 640)
    assert [without_those(one) for one in found] == [without_those(found[0])] * 3
    admin.delete("/admin/datasets/mine?force=true")


def test_a_job_is_shown_cancelled_and_resumed(page: Page, importing: Service, admin: httpx.Client, tmp_path: Path) -> None:
    job = admin.post("/admin/retrain", json=small_job(budget={"images": 10_000_000})).json()
    path = f"/admin/jobs/{job['id']}"
    page.goto(f"/train?job={job['id']}")
    shown = results(panel_of(page, f"GET {path}"), importing, tmp_path / "get")
    assert [one["id"] for one in shown] == [job["id"]] * 3
    resume: Callable[[], object] = lambda: ended_by(admin, path) and admin.post(f"{path}/resume")  # noqa: E731
    found = results(panel_of(page, f"POST {path}/cancel"), importing, tmp_path / "cancel", resume)
    assert [one["id"] for one in found] == [job["id"]] * 3
    ended_by(admin, path)
    cancel: Callable[[], object] = lambda: admin.post(f"{path}/cancel") and ended_by(admin, path)  # noqa: E731
    found = results(panel_of(page, f"POST {path}/resume"), importing, tmp_path / "resume", cancel)
    assert [one["id"] for one in found] == [job["id"]] * 3
    cancel()


def cancelled(admin: httpx.Client) -> Callable[[], None]:
    """Return a function that cancels all jobs and waits until they have ended."""

    def cancel() -> None:
        for job in admin.get("/admin/jobs").json()["jobs"]:
            if job["links"]["cancel"]:
                admin.post(job["links"]["cancel"])
                ended_by(admin, job["links"]["self"])

    return cancel


def ended_by(admin: httpx.Client, path: str) -> bool:
    """Wait until a job is cancelled."""
    for _ in range(1200):
        if admin.get(path).json()["state"] == "cancelled":
            return True
        time.sleep(0.1)
    raise AssertionError(admin.get(path).json())
