"""Promotion, rollback and removal on a real service of two workers."""

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
from tests.app.retraining.jobs import SETTINGS, Admin, admin_of
from tests.live import SHIPPED, Service, service
from tests.models.test_repository import copy_of_shipped

CHAMPION = "/admin/models/digits/champion"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state with three versions; the service's own workers made none of them."""
    return with_three_versions(tmp_path / "state")


def with_three_versions(state: Path) -> Path:
    repository = Repository(state / "models")
    for _ in range(3):
        repository.publish("digits", copy_of_shipped)
    return state


@pytest.fixture
def two(state: Path) -> Iterator[Service]:
    with service(state, workers=2, embedded_worker=False, **SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The same for all who are only refused."""
    state = with_three_versions(tmp_path_factory.mktemp("unchanged") / "state")
    with service(state, workers=2, embedded_worker=False, **SETTINGS) as running:
        yield running


def test_a_model_that_another_process_is_writing_to_is_told_as_unavailable(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise Locked("Another process has been writing to digits for 60 s. Try again later.")

    monkeypatch.setattr(Repository, "delete", locked)
    nobody_waits = SimpleNamespace(store=SimpleNamespace(waiting_for=lambda *_: None))
    with pytest.raises(StoreUnavailable, match=r"Version 2 of digits was not deleted\. .* Try again later\.$"):
        delete_version("digits", 2, SimpleNamespace(repository=repository), nobody_waits)  # type: ignore[arg-type]


def promote(admin: Admin, version: object, tag: str | None = "*") -> httpx.Response:
    return admin.client.put(CHAMPION, json={"version": version}, headers={"If-Match": tag} if tag else {})


def serving(running: Service, calls: int = 24) -> set[str]:
    """What new connections get: each may land on another worker."""
    return {httpx.get(f"{running.url}/generate?seed=42", verify=False).headers["x-model"] for _ in range(calls)}


def until_serving(running: Service, wanted: set[str]) -> float:
    """Seconds until every worker serves this."""
    start = time.monotonic()
    while time.monotonic() - start < 20:
        if serving(running) == wanted:
            return time.monotonic() - start
    raise AssertionError(f"serving {serving(running)}")


def test_promotion_names_the_champion_it_replaces(two: Service) -> None:
    admin = admin_of(two)
    shown = admin.client.get(CHAMPION)
    assert shown.headers["etag"] == '"digits/1"'
    assert shown.json()["version"] == 1
    assert shown.json()["previous"] is None
    without = promote(admin, 2, tag=None)
    assert (without.status_code, without.json()["code"]) == (428, "precondition_required")
    assert 'If-Match: "digits/1"' in without.json()["detail"]
    stale = promote(admin, 2, tag='"digits/9"')
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert serving(two) == {"digits/1"}
    done = promote(admin, 2, tag='"digits/1"')
    assert (done.status_code, done.headers["etag"]) == (200, '"digits/2"')
    assert (done.json()["version"], done.json()["previous"]) == (2, 1)
    until_serving(two, {"digits/2"})
    assert promote(admin, 3, tag='"digits/1"').status_code == 412
    back = promote(admin, "previous", tag='"digits/2"')
    assert (back.json()["version"], back.json()["previous"]) == (1, 2)
    until_serving(two, {"digits/1"})
    entries = admin.client.get("/admin/audit").json()["entries"]
    assert [(e["action"], e["status"]) for e in reversed(entries)] == [
        *[("promote", 428), ("promote", 412), ("promote", 200), ("promote", 412), ("promote", 200)]
    ]


def test_of_two_who_promote_at_once_one_is_told(two: Service) -> None:
    answers: list[int] = []

    def ask(version: int) -> None:
        answers.append(promote(admin_of(two), version, tag='"digits/1"').status_code)

    threads = [threading.Thread(target=ask, args=(version,)) for version in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 412]


@pytest.mark.parametrize(
    ("name", "version", "status", "said"),
    [
        ("digits", 99, 404, "Choose one of [1, 2, 3]"),
        ("digits", "previous", 404, "no previous champion"),
        ("unheard-of", 1, 404, "Choose one of digits"),
        ("digits", 0, 422, "greater than or equal to 1"),
        ("digits", "champion", 422, "body.version"),
        ("Digits", 1, 422, "path.name"),
    ],
)
def test_what_is_not_there_is_not_promoted(unchanged: Service, name: str, version: object, status: int, said: str) -> None:
    path = f"/admin/models/{name}/champion"
    answer = admin_of(unchanged).client.put(path, json={"version": version}, headers={"If-Match": "*"})
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


def test_a_version_that_is_not_its_manifests_is_not_promoted(two: Service, state: Path) -> None:
    damaged, dishonest = state / "models" / "digits" / "2", state / "models" / "digits" / "3"
    (damaged / GENERATOR).write_bytes((damaged / GENERATOR).read_bytes()[:-1])
    manifest = json.loads((dishonest / MANIFEST).read_text())
    manifest["golden"]["sha256"] = "0" * 64
    (dishonest / MANIFEST).write_text(json.dumps(manifest))
    admin = admin_of(two)
    for version, said in ((2, "sha256"), (3, "draws other pixels")):
        answer = promote(admin, version)
        assert (answer.status_code, answer.json()["code"]) == (409, "version_unfit")
        assert said in answer.json()["detail"]
    assert Repository(state / "models").aliases("digits") == {"champion": 1}
    assert serving(two) == {"digits/1"}


def test_what_is_not_in_service_can_be_deleted(two: Service, state: Path) -> None:
    admin = admin_of(two)
    served = admin.client.delete("/admin/models/digits/versions/1")
    assert (served.status_code, served.json()["code"]) == (409, "version_in_service")
    assert admin.client.get("/generate?seed=1&version=3").status_code == 200
    gone = admin.client.delete("/admin/models/digits/versions/3")
    assert (gone.status_code, gone.content) == (204, b"")
    assert Repository(state / "models").numbers("digits") == [1, 2]
    for _ in range(100):
        if {httpx.get(f"{two.url}/generate?seed=1&version=3", verify=False).status_code for _ in range(8)} == {404}:
            break
    assert {httpx.get(f"{two.url}/generate?seed=1&version=3", verify=False).status_code for _ in range(8)} == {404}
    assert admin.client.delete("/admin/models/digits/versions/3").status_code == 404
    promote(admin, 2)
    assert admin.client.delete("/admin/models/digits/versions/1").status_code == 204
    assert Repository(state / "models").aliases("digits") == {"champion": 2}
    assert promote(admin, "previous").status_code == 404


def versions_that_differ(repository: Repository, count: int) -> dict[str, np.ndarray]:
    """Versions that draw different pictures: the shipped one, and ones whose last layer is shifted. Name to seed 7's pixels."""
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
            made: Golden = golden(OnnxGenerator(folder / GENERATOR, 10))
            files = manifest.files | {GENERATOR: sha256_of(folder / GENERATOR)}
            changed = manifest.model_copy(update={"version": number, "files": files, "golden": made})
            (folder / MANIFEST).write_text(changed.model_dump_json())

        version = repository.publish("digits", fill)
        generator = LoadedGenerator(version)
        drawn[f"digits/{version.number}"] = generator.draw([generator.point(7)[0]])[0]
    assert len({pixels.tobytes() for pixels in drawn.values()}) == count
    return drawn


def test_every_picture_is_the_named_versions_while_champions_change(tmp_path: Path) -> None:
    """In-flight requests end on the generator they began with: pixels and name always agree."""
    state = tmp_path / "state"
    drawn = versions_that_differ(Repository(state / "models"), 3)
    stop, wrong, seen = threading.Event(), [], set()

    def load(url: str) -> None:
        with httpx.Client(base_url=url, timeout=60, trust_env=False, verify=False) as client:
            while not stop.is_set():
                single = client.get("/generate?seed=7&format=npy")
                sheet = client.get("/generate?seeds=7,7,7&format=npy")
                for answer in (single, sheet):
                    name = answer.headers.get("x-model", "")
                    seen.add(name)
                    if answer.status_code != 200 or not answer.content.endswith(drawn[name].tobytes()):
                        wrong.append((answer.status_code, name))

    with service(state, workers=2, embedded_worker=False, max_loaded=1, **SETTINGS) as running:
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
