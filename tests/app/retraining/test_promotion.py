"""Promotion, rollback and deletion of versions on a real service with two workers."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest

from app.api.promotion import delete_version
from app.errors import StoreUnavailable
from app.sampling.generator import LoadedGenerator
from models.errors import Locked
from models.manifest import GENERATOR, MANIFEST
from models.repository import Repository
from tests import fresh
from tests.app.retraining.jobs import SETTINGS, Admin, admin_of
from tests.live import SHIPPED, Service, service
from tests.models.test_repository import copy_of_shipped
from tests.waiting import LIMIT_SECONDS, wait_until

CHAMPION = "/admin/models/digits/champion"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with three versions, which were published before the service started."""
    return with_three_versions(tmp_path / "state")


def with_three_versions(state: Path) -> Path:
    repository = Repository(state / "models")
    for _ in range(3):
        repository.publish("digits", copy_of_shipped)
    return state


@pytest.fixture
def running_service(state: Path) -> Iterator[Service]:
    with service(state, workers=2, forked=True, embedded_worker=False, **SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for requests that are all rejected and so change nothing."""
    state = with_three_versions(tmp_path_factory.mktemp("unchanged") / "state")
    with service(state, workers=2, forked=True, embedded_worker=False, **SETTINGS) as running:
        yield running


def test_a_model_locked_by_another_process_is_reported_as_unavailable(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise Locked("Another process has been writing to digits for 60 s. Try again later.")

    monkeypatch.setattr(Repository, "delete", locked)
    no_jobs = SimpleNamespace(store=SimpleNamespace(waiting_for=lambda *_: None))
    with pytest.raises(StoreUnavailable, match=r"Version 2 of digits was not deleted\. .* Try again later\.$"):
        delete_version("digits", 2, SimpleNamespace(repository=repository), no_jobs)  # type: ignore[arg-type]


def promote(admin: Admin, version: object, tag: str | None = "*") -> httpx.Response:
    return admin.client.put(CHAMPION, json={"version": version}, headers={"If-Match": tag} if tag else {})


def serving(running: Service, calls: int = 24) -> set[str]:
    """Return the versions that serve new connections. Each connection may reach another worker."""
    return {fresh.get(f"{running.url}/generate?seed=42").headers["x-model"] for _ in range(calls)}


def wait_until_serving(running: Service, wanted: set[str]) -> None:
    """Wait until every worker serves these versions."""
    wait_until(lambda: serving(running) == wanted)


def test_promotion_requires_the_current_champion_as_precondition(running_service: Service) -> None:
    admin = admin_of(running_service)
    current = admin.client.get(CHAMPION)
    assert current.headers["etag"] == '"digits/1"'
    assert current.json()["version"] == 1
    assert current.json()["previous"] is None
    without = promote(admin, 2, tag=None)
    assert (without.status_code, without.json()["code"]) == (428, "precondition_required")
    assert 'If-Match: "digits/1"' in without.json()["detail"]
    stale = promote(admin, 2, tag='"digits/9"')
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert serving(running_service) == {"digits/1"}
    done = promote(admin, 2, tag='"digits/1"')
    assert (done.status_code, done.headers["etag"]) == (200, '"digits/2"')
    assert (done.json()["version"], done.json()["previous"]) == (2, 1)
    wait_until_serving(running_service, {"digits/2"})
    assert promote(admin, 3, tag='"digits/1"').status_code == 412
    back = promote(admin, "previous", tag='"digits/2"')
    assert (back.json()["version"], back.json()["previous"]) == (1, 2)
    wait_until_serving(running_service, {"digits/1"})
    entries = admin.client.get("/admin/audit").json()["entries"]
    assert [(e["action"], e["status"]) for e in reversed(entries)] == [
        *[("promote", 428), ("promote", 412), ("promote", 200), ("promote", 412), ("promote", 200)]
    ]


def test_one_of_two_concurrent_promotions_is_rejected(running_service: Service) -> None:
    responses: list[int] = []

    def request(version: int) -> None:
        responses.append(promote(admin_of(running_service), version, tag='"digits/1"').status_code)

    threads = [threading.Thread(target=request, args=(version,)) for version in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(responses) == [200, 412]


@pytest.mark.parametrize(
    ("name", "version", "status", "message"),
    [
        ("digits", 99, 404, "Choose one of [1, 2, 3]"),
        ("digits", "previous", 404, "no previous champion"),
        ("unheard-of", 1, 404, "Choose one of digits"),
        ("digits", 0, 422, "greater than or equal to 1"),
        ("digits", "champion", 422, "body.version"),
        ("Digits", 1, 422, "path.name"),
    ],
)
def test_an_invalid_promotion_is_rejected(unchanged: Service, name: str, version: object, status: int, message: str) -> None:
    path = f"/admin/models/{name}/champion"
    response = admin_of(unchanged).client.put(path, json={"version": version}, headers={"If-Match": "*"})
    assert (response.status_code, message in response.json()["detail"]) == (status, True), response.text


def test_a_version_that_does_not_match_its_manifest_is_not_promoted(running_service: Service, state: Path) -> None:
    damaged, wrong_digest = state / "models" / "digits" / "2", state / "models" / "digits" / "3"
    (damaged / GENERATOR).write_bytes((damaged / GENERATOR).read_bytes()[:-1])
    manifest = json.loads((wrong_digest / MANIFEST).read_text())
    manifest["golden"]["sha256"] = "0" * 64
    (wrong_digest / MANIFEST).write_text(json.dumps(manifest))
    admin = admin_of(running_service)
    for version, message in ((2, "sha256"), (3, "draws different pixels")):
        response = promote(admin, version)
        assert (response.status_code, response.json()["code"]) == (409, "version_unfit")
        assert message in response.json()["detail"]
    assert Repository(state / "models").aliases("digits") == {"champion": 1}
    assert serving(running_service) == {"digits/1"}


def test_a_version_out_of_service_can_be_deleted(running_service: Service, state: Path) -> None:
    admin = admin_of(running_service)
    served = admin.client.delete("/admin/models/digits/versions/1")
    assert (served.status_code, served.json()["code"]) == (409, "version_in_service")
    assert admin.client.get("/generate?seed=1&version=3").status_code == 200
    deleted = admin.client.delete("/admin/models/digits/versions/3")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert Repository(state / "models").numbers("digits") == [1, 2]
    for _ in range(100):
        if {fresh.get(f"{running_service.url}/generate?seed=1&version=3").status_code for _ in range(8)} == {404}:
            break
    assert {fresh.get(f"{running_service.url}/generate?seed=1&version=3").status_code for _ in range(8)} == {404}
    assert admin.client.delete("/admin/models/digits/versions/3").status_code == 404
    promote(admin, 2)
    assert admin.client.delete("/admin/models/digits/versions/1").status_code == 204
    assert Repository(state / "models").aliases("digits") == {"champion": 2}
    assert promote(admin, "previous").status_code == 404


def publish_different_versions(repository: Repository, count: int) -> dict[str, np.ndarray]:
    """Publish versions that draw different pictures. Return the pixels of seed 7 by name.

    The last layer of the shipped generator is shifted by a different constant for each version.
    """
    import onnx
    from onnx import numpy_helper

    from models.manifest import Golden, Manifest, sha256_of
    from training.evaluation.onnx_models import OnnxGenerator
    from training.export.build import golden

    drawn: dict[str, np.ndarray] = {}
    for shift in range(count):

        def fill(folder: Path, number: int, shift: int = shift) -> None:
            for file in (SHIPPED / "digits" / "1").iterdir():
                shutil.copyfile(file, folder / file.name)
            model = onnx.load(folder / GENERATOR)
            bias = next(i for i in model.graph.initializer if i.name == "network.out.affine.bias")
            bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(8 * shift), bias.name))
            onnx.save(model, folder / GENERATOR)
            manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
            new_golden: Golden = golden(OnnxGenerator(folder / GENERATOR, 10))
            files = manifest.files | {GENERATOR: sha256_of(folder / GENERATOR)}
            changed = manifest.model_copy(update={"version": number, "files": files, "golden": new_golden})
            (folder / MANIFEST).write_text(changed.model_dump_json())

        version = repository.publish("digits", fill)
        generator = LoadedGenerator(version)
        drawn[f"digits/{version.number}"] = generator.draw([generator.point(7)[0]])[0]
    assert len({pixels.tobytes() for pixels in drawn.values()}) == count
    return drawn


def test_every_picture_matches_its_named_version_while_champions_change(tmp_path: Path) -> None:
    """Requests in flight finish with the generator that they started with, so pixels and header always agree."""
    state = tmp_path / "state"
    drawn = publish_different_versions(Repository(state / "models"), 3)
    stop, wrong, seen = threading.Event(), [], set()

    def load(url: str) -> None:
        with httpx.Client(base_url=url, timeout=LIMIT_SECONDS, trust_env=False, verify=False) as client:
            while not stop.is_set():
                single = client.get("/generate?seed=7&format=npy")
                sheet = client.get("/generate?seeds=7,7,7&format=npy")
                for response in (single, sheet):
                    name = response.headers.get("x-model", "")
                    seen.add(name)
                    if response.status_code != 200 or not response.content.endswith(drawn[name].tobytes()):
                        wrong.append((response.status_code, name))
                time.sleep(0.02)

    with service(state, workers=2, forked=True, embedded_worker=False, max_loaded=1, **SETTINGS) as running:
        threads = [threading.Thread(target=load, args=(running.url,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        admin = admin_of(running)
        for turn in range(20):
            assert promote(admin, turn % 3 + 1).status_code == 200
            time.sleep(0.15)
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert seen == set(drawn)
