"""Datasets over HTTP: upload, preview, import, list, show and remove. A real service with two workers."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from models.repository import Repository
from tests.app.api.pictures_of_shapes import archive
from tests.app.api.test_uploads import SETTINGS, VIEWER, administrator, append, begin, state_of
from tests.live import SHIPPED, Service, free_port, service, start
from tests.waiting import LIMIT_SECONDS, attempts
from training.datasets import PUBLISHED, DatasetRegistry


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("datasets") / "state", **SETTINGS) as running:
        yield running


@pytest.fixture
def admin(running: Service) -> Iterator[httpx.Client]:
    with administrator(running) as client:
        yield client
        for upload in client.get("/admin/uploads").json()["uploads"]:
            client.delete(f"/admin/uploads/{upload['id']}")


@pytest.fixture
def stranger(running: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, trust_env=False, verify=False, timeout=LIMIT_SECONDS) as client:
        yield client


def uploaded(admin: httpx.Client, content: bytes, filename: str = "shapes.zip") -> str:
    """Upload a file. Return the id of the upload."""
    path = begin(admin, len(content), filename)
    assert append(admin, path, 0, content).status_code == 204
    return path.rsplit("/", 1)[1]


def ended(admin: httpx.Client, response: httpx.Response) -> dict[str, Any]:
    """Wait for an import that was accepted."""
    assert response.status_code == 202, response.text
    assert response.headers["location"] == f"/admin/imports/{response.json()['id']}"
    for _ in attempts(0.1):
        found = admin.get(response.headers["location"]).json()
        if found["state"] != "running":
            return found
    raise AssertionError(found)


def test_an_upload_is_previewed_and_imported_and_can_then_be_seen(
    running: Service, admin: httpx.Client, stranger: httpx.Client
) -> None:
    upload = uploaded(admin, archive())
    preview = admin.post("/admin/datasets/preview", json={"upload": upload, "fit": "crop"})
    assert preview.status_code == 200, preview.text
    report = preview.json()["report"]
    assert (report["source"], report["found"], report["layout"]) == ("shapes.zip", 60, "folders of classes")
    sheet = Image.open(io.BytesIO(base64.b64decode(preview.json()["sheet"].partition(",")[2])))
    assert sheet.format == "PNG"
    assert [d["name"] for d in admin.get("/datasets").json()["datasets"]] == list(PUBLISHED), "nothing was stored"
    assert admin.get("/admin/imports").json()["imports"] == []

    body = {"upload": upload, "name": "shapes", "title": "Some shapes", "licence": "CC0", "fit": "crop", "test_share": 0.2}
    found = ended(admin, admin.post("/admin/datasets", json=body))
    assert (found["state"], found["done"], found["total"], found["by"]) == ("succeeded", 60, 60, "admin"), found
    reference = found["dataset"]
    assert admin.get(f"/admin/uploads/{upload}").status_code == 404, "the upload was deleted"

    listed = {d["name"]: d for d in admin.get("/datasets").json()["datasets"]}
    shapes = listed["shapes"]
    assert (shapes["title"], shapes["licence"], shapes["published"]) == ("Some shapes", "CC0", False)
    assert (shapes["classes"], shapes["reference"], shapes["reference"][:7]) == (["bars", "dots"], reference, "shapes@")
    assert sum(shapes["counts"].values()) == 60
    assert listed["mnist"]["counts"] == {"train": 60_000, "test": 10_000}
    shown = admin.get(found["links"]["dataset"]).json()
    assert (shown["report"]["fit"], shown["report"]["test_share"]) == ("crop", 0.2)
    assert (shown["versions"], shown["models"]) == ([reference[7:]], [])
    images, labels = DatasetRegistry(state_of(running) / "datasets").read(reference, "train")
    assert images.shape == (shapes["counts"]["train"], 28, 28)
    assert np.bincount(labels).tolist() == shapes["class_counts"]["train"]

    sheet = admin.get(shapes["samples"])
    assert (sheet.headers["content-type"], sheet.headers["vary"]) == ("image/png", "Authorization")
    assert Image.open(io.BytesIO(sheet.content)).size == (2 * 28, 10 * 28)
    assert admin.get(shapes["samples"], headers={"If-None-Match": sheet.headers["etag"]}).status_code == 304


def test_strangers_see_published_datasets_only_and_do_not_learn_which_others_exist(
    running: Service, admin: httpx.Client, stranger: httpx.Client
) -> None:
    ended(admin, admin.put("/admin/datasets?name=secret", content=archive()))
    assert [d["name"] for d in stranger.get("/datasets").json()["datasets"]] == list(PUBLISHED)
    responses = [stranger.get(f"/datasets/{name}{more}") for name in ("secret", "nothing") for more in ("", "/samples.png")]
    assert [response.status_code for response in responses] == [401] * 4
    assert responses[0].json()["detail"].replace("secret", "nothing") == responses[2].json()["detail"]
    assert stranger.get("/datasets/mnist").json()["classes"] == list("0123456789")
    assert Image.open(io.BytesIO(stranger.get("/datasets/mnist/samples.png").content)).size == (280, 280)
    with administrator(running, VIEWER) as viewer:
        assert viewer.get("/datasets/secret").status_code == 200
        assert viewer.get("/datasets/secret/samples.png").status_code == 200
        assert viewer.put("/admin/datasets?name=mine", content=b"").status_code == 403
        assert viewer.delete("/admin/datasets/secret").status_code == 403
    missing = admin.get("/datasets/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "dataset_unknown")
    assert ", ".join(PUBLISHED) in missing.json()["detail"]
    assert stranger.get("/datasets", headers={"Authorization": "Bearer wrong"}).status_code == 401


@pytest.mark.parametrize("way", ["form", "put", "post"])
def test_curl_alone_imports_a_file(running: Service, admin: httpx.Client, tmp_path: Path, way: str) -> None:
    file = tmp_path / "pictures.zip"
    file.write_bytes(archive(classes=()))
    url = f"{running.url}/admin/datasets"
    arguments = {
        "form": ["-F", f"file=@{file}", "-F", "name=form", "-F", "skip_broken=true", "-F", "test_share=0.25", url],
        "put": ["-T", str(file), f"{url}?name=put&filename=pictures.zip"],
        "post": ["--data-binary", f"@{file}", f"{url}?name=post&test_share=0.25"],
    }[way]
    authorization = admin.headers["Authorization"]
    curl = ["curl", "-s", "-H", f"Authorization: {authorization}", "-w", "\n%{http_code} %header{location}", *arguments]
    document, _, status = subprocess.run(curl, check=True, capture_output=True, text=True).stdout.rpartition("\n")
    assert status == f"202 /admin/imports/{json.loads(document)['id']}", document
    for _ in attempts(0.1):
        found = admin.get(json.loads(document)["links"]["self"]).json()
        if found["state"] != "running":
            break
    assert (found["state"], found["name"]) == ("succeeded", way), found
    assert found["report"]["classes"] == []
    assert found["report"]["source"] == ("pictures.zip" if way != "post" else "data")
    assert admin.get("/admin/uploads").json()["uploads"] == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("name=Not+A+Name", "query.name"),
        ("name=mnist", "published dataset"),
        ("name=mine&fit=stretch", "query.fit"),
        ("name=mine&test_share=2", "query.test_share"),
        ("fit=crop", "query.name"),
        ("name=mine&colour=red", "query.colour"),
        ("name=mine&upload=" + "0" * 32, "query.upload"),
    ],
)
def test_an_invalid_option_is_rejected_and_the_file_is_not_kept(admin: httpx.Client, query: str, message: str) -> None:
    response = admin.put(f"/admin/datasets?{query}", content=archive())
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert message in response.text
    assert admin.get("/admin/uploads").json()["uploads"] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nothing", "not of a known layout"),
        (b"", "not of a known layout"),
        (archive(1, ()), "Add pictures"),
        (archive(broken=1), "or skip them with skip_broken."),
    ],
)
def test_a_file_that_cannot_be_imported_fails_with_the_remedy_and_stays_for_another_try(
    running: Service, admin: httpx.Client, content: bytes, message: str
) -> None:
    upload = uploaded(admin, content)
    found = ended(admin, admin.post("/admin/datasets", json={"upload": upload, "name": "failed"}))
    assert (found["state"], found["dataset"]) == ("failed", None)
    assert message in found["detail"]
    assert str(state_of(running)) not in found["detail"], "no folder of the server"
    assert "failed" not in DatasetRegistry(state_of(running) / "datasets").names()
    assert admin.get(f"/admin/uploads/{upload}").json()["complete"]


def test_a_preview_of_a_file_that_cannot_be_imported_says_why(admin: httpx.Client) -> None:
    response = admin.post("/admin/datasets/preview", json={"upload": uploaded(admin, b"nothing")})
    assert (response.status_code, response.json()["code"]) == (422, "dataset_invalid")
    assert "not of a known layout" in response.json()["detail"]
    response = admin.post("/admin/datasets/preview", json={"upload": "0" * 32})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    path = begin(admin, 10)
    response = admin.post("/admin/datasets", json={"upload": path.rsplit("/", 1)[1], "name": "mine"})
    assert (response.status_code, response.json()["code"]) == (409, "upload_incomplete")


def test_a_refused_import_lists_its_broken_pictures_and_its_upload_can_be_imported_without_them(admin: httpx.Client) -> None:
    refused = ended(admin, admin.put("/admin/datasets?name=refused", content=archive(broken=2)))
    assert (refused["state"], refused["broken_count"], refused["report"]) == ("failed", 2, None)
    assert [each["file"] for each in refused["broken"]] == ["bars/broken-0.png", "bars/broken-1.png"]
    assert all(each["reason"] for each in refused["broken"])
    body = {"upload": refused["upload"], "name": "refused", "skip_broken": True}
    found = ended(admin, admin.post("/admin/datasets", json=body))
    assert (found["state"], found["report"]["broken_count"]) == ("succeeded", 2)
    assert (found["broken"], found["broken_count"]) == ([], 0)


def test_broken_pictures_can_be_skipped(admin: httpx.Client) -> None:
    found = ended(admin, admin.put("/admin/datasets?name=skipped&skip_broken=true", content=archive(broken=2)))
    assert (found["state"], found["report"]["broken_count"]) == ("succeeded", 2), found
    assert found["report"]["broken"][0]["file"] == "bars/broken-0.png"


def test_the_same_pictures_are_the_same_version_and_others_a_new_one(admin: httpx.Client) -> None:
    first, again, other = (
        ended(admin, admin.put("/admin/datasets?name=twice", content=archive(per_class)))["dataset"]
        for per_class in (30, 30, 31)
    )
    assert first == again
    assert first != other
    assert admin.get("/datasets/twice").json()["reference"] == other
    assert sorted(admin.get("/datasets/twice").json()["versions"]) == sorted([first[6:], other[6:]])
    assert admin.get(f"/datasets/{first}").json()["reference"] == first
    assert admin.delete(f"/admin/datasets/{other}").status_code == 204
    assert admin.get("/datasets/twice").json()["reference"] == first


def test_a_dataset_that_a_version_was_trained_on_is_removed_only_with_force(running: Service, admin: httpx.Client) -> None:
    ended(admin, admin.put("/admin/datasets?name=used", content=archive()))
    entry = DatasetRegistry(state_of(running) / "datasets").get("used")
    _publish_trained_on(state_of(running), entry.name, entry.digest)
    assert admin.get("/datasets/used").json()["models"] == ["used/1"]
    response = admin.delete("/admin/datasets/used")
    assert (response.status_code, response.json()["code"]) == (409, "dataset_in_use")
    assert "used/1 was trained on used" in response.json()["detail"]
    assert admin.delete("/admin/datasets/used?force=true").status_code == 204
    assert admin.get("/datasets/used").status_code == 404
    assert Repository(state_of(running) / "models").get("used", 1).manifest.dataset.sha256 == entry.digest
    response = admin.delete("/admin/datasets/mnist?force=true")
    assert (response.status_code, response.json()["code"]) == (409, "dataset_in_use")
    entries = admin.get("/admin/audit").json()["entries"]
    assert [(e["action"], e["target"], e["status"]) for e in entries[:3]] == [
        ("remove", "/admin/datasets/mnist", 409),
        ("remove", "/admin/datasets/used", 204),
        ("remove", "/admin/datasets/used", 409),
    ]


def _publish_trained_on(state: Path, dataset: str, digest: str) -> None:
    """Publish a copy of the shipped digits whose manifest says that it was trained on another dataset."""
    folder = state / "models" / dataset / "1"
    folder.mkdir(parents=True)
    shipped = Repository(SHIPPED).get("digits", 1)
    for file in shipped.path.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["name"] = dataset
    manifest["dataset"] |= {"name": dataset, "sha256": digest}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    Repository(state / "models").promote(dataset, 1)


def test_the_events_of_an_import_end_with_its_state(admin: httpx.Client) -> None:
    response = admin.put("/admin/datasets?name=followed", content=archive(200))
    with admin.stream("GET", response.json()["links"]["events"]) as stream:
        lines = list(stream.iter_lines())
    events = [line.removeprefix("event: ") for line in lines if line.startswith("event:")]
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data:")]
    assert events[-1] == "end"
    assert set(events[:-1]) <= {"progress"}
    assert (data[-1]["state"], data[-1]["dataset"].partition("@")[0]) == ("succeeded", "followed")
    assert data[-2] == {"done": 400, "total": 400}


@functools.cache
def large() -> bytes:
    """Return a zip whose import takes some seconds. Making it takes almost one, so it is not made at collection."""
    return archive(per_class=3000, side=28)


def begun(admin: httpx.Client, upload: str, name: str) -> dict[str, Any]:
    """Start an import, and wait until it has read pictures."""
    found = admin.post("/admin/datasets", json={"upload": upload, "name": name}).json()
    for _ in attempts(0.02):
        shown = admin.get(found["links"]["self"]).json()
        if shown["done"]:
            assert shown["state"] == "running"
            return shown
    raise AssertionError(shown)


def test_an_import_can_be_cancelled_and_its_upload_is_kept_meanwhile(admin: httpx.Client) -> None:
    upload = uploaded(admin, large())
    found = begun(admin, upload, "cancelled")
    twice = admin.post("/admin/datasets", json={"upload": upload, "name": "other"})
    assert (twice.status_code, twice.json()["code"]) == (409, "import_conflict")
    locked = admin.delete(f"/admin/uploads/{upload}")
    assert (locked.status_code, locked.json()["code"]) == (423, "upload_locked")
    cancelled = admin.post(f"/admin/imports/{found['id']}/cancel")
    for _ in attempts(0.1):
        shown = admin.get(found["links"]["self"]).json()
        if shown["state"] != "running":
            break
    assert (cancelled.status_code, shown["state"]) == (202, "cancelled")
    assert admin.get("/datasets/cancelled").status_code == 404
    assert admin.post(f"/admin/imports/{found['id']}/cancel").status_code == 409
    assert admin.get(f"/admin/uploads/{upload}").json()["complete"]


@pytest.mark.parametrize("victim", ["import", "all"])
def test_a_killed_import_leaves_nothing_and_says_so_after_a_restart(tmp_path: Path, victim: str) -> None:
    port = free_port()
    running = start(tmp_path / "state", port=port, **SETTINGS)
    with administrator(running) as admin:
        upload = uploaded(admin, large())
        found = begun(admin, upload, "killed")
        processes = psutil.Process(running.process.pid).children(recursive=True)
        importing = [p for p in processes if "app.datasets.process" in " ".join(p.cmdline())]
        assert len(importing) == 1
        assert not any(name.startswith("GAN_") for name in importing[0].environ()), "it has no secrets"
        for process in importing if victim == "import" else [running.process, *processes]:
            process.send_signal(signal.SIGKILL)
    if victim == "import":
        with administrator(running) as admin:
            for _ in attempts(0.1):
                shown = admin.get(found["links"]["self"]).json()
                if shown["state"] == "failed":
                    break
            assert "killed by SIGKILL" in shown["detail"]
        running.process.terminate()
    running.process.wait(LIMIT_SECONDS)
    with service(tmp_path / "state", port=port, **SETTINGS) as running, administrator(running) as admin:
        shown = admin.get(found["links"]["self"]).json()
        assert shown["state"] == ("failed" if victim == "import" else "interrupted"), shown
        assert DatasetRegistry(tmp_path / "state" / "datasets").names() == []
        assert ended(admin, admin.post("/admin/datasets", json={"upload": upload, "name": "killed"}))["state"] == "succeeded"


def test_an_import_that_the_service_does_not_outlive_is_finished_and_reported(tmp_path: Path) -> None:
    port = free_port()
    running = start(tmp_path / "state", port=port, **SETTINGS)
    with administrator(running) as admin:
        found = begun(admin, uploaded(admin, large()), "orphan")
        processes = psutil.Process(running.process.pid).children(recursive=True)
        for process in [running.process, *processes]:
            if not hasattr(process, "cmdline") or "app.datasets.process" not in " ".join(process.cmdline()):
                process.kill()
    running.process.wait(LIMIT_SECONDS)
    with service(tmp_path / "state", port=port, **SETTINGS) as running, administrator(running) as admin:
        for _ in attempts(0.1):
            shown = admin.get(found["links"]["self"]).json()
            if shown["state"] != "running":
                break
        assert (shown["state"], shown["dataset"].partition("@")[0]) == ("succeeded", "orphan")


def test_a_full_form_may_have_the_size_of_a_dataset_and_takes_no_memory(admin: httpx.Client, running: Service) -> None:
    content = os.urandom(30_000_000)
    response = admin.post("/admin/datasets", files={"file": ("noise.bin", content)}, data={"name": "noise"})
    found = ended(admin, response)
    assert (found["state"], found["filename"]) == ("failed", "noise.bin")
    stored = state_of(running) / "uploads" / found["upload"] / "data"
    assert hashlib.sha256(stored.read_bytes()).digest() == hashlib.sha256(content).digest()
    too_large = admin.post("/admin/datasets", files={"file": ("x", b"x" * 80_100_000)}, data={"name": "noise"})
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")
    assert len(admin.get("/admin/uploads").json()["uploads"]) == 1


def test_json_that_is_no_json_or_too_long_is_rejected(admin: httpx.Client) -> None:
    response = admin.post("/admin/datasets", content=b"PK..")
    assert (response.status_code, "?name=mine" in response.json()["detail"]) == (422, True)
    response = admin.post("/admin/datasets", content=b" " * 1_100_000)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert admin.post("/admin/datasets", json=[]).status_code == 422
