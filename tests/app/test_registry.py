"""How the registry resolves a requested version, and what it does with unusable versions."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from app.errors import NotFound, VersionUnusable
from app.registry import Registry
from models.manifest import DISCRIMINATOR, GENERATOR, MANIFEST, sha256_of
from models.repository import Repository
from tests.live import service
from tests.models.test_repository import copy_of_shipped, spoil_generator
from tests.waiting import attempts


def registry_of(repository: Repository, max_loaded: int = 8) -> Registry:
    registry = Registry(repository, "digits", max_loaded)
    registry.refresh()
    return registry


def rewrite(folder: Path, **fields: object) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_the_champion_is_loaded_and_warm_before_the_first_request(repository: Repository) -> None:
    registry = registry_of(repository)
    loaded = registry.in_memory()
    assert loaded is not None
    assert loaded.manifest.version == 1
    assert registry.generator("digits", "champion") is registry.generator("digits", "1") is loaded


def test_a_promotion_changes_the_alias_only(repository: Repository) -> None:
    repository.publish("digits", copy_of_shipped)
    registry = registry_of(repository)
    before = registry.generator()
    repository.promote("digits", 2)
    assert registry.generator() is before, "only refresh changes anything"
    assert registry.refresh()
    assert not registry.refresh()
    assert registry.generator().manifest.version == 2
    assert registry.generator(None, "previous").manifest.version == 1
    assert before.draw([before.point(1)[0]]).shape == (1, 28, 28), "requests in flight keep their generator"


@pytest.mark.parametrize("version", ["9", "0", "-1", "01x", "previous", "latest", "", "１"])
def test_an_unknown_version_is_not_found(repository: Repository, version: str) -> None:
    registry = registry_of(repository)
    if version == "":
        assert registry.generator(None, version).manifest.version == 1
        return
    with pytest.raises(NotFound, match="Choose one of 1, champion"):
        registry.generator(None, version)


def wrong_shapes(folder: Path) -> None:
    rewrite(folder, z_dim=99)


def other_golden_pixels(folder: Path) -> None:
    rewrite(folder, golden={"seeds": 32, "sha256": "0" * 64})


def invalid_onnx_file(folder: Path) -> None:
    (folder / GENERATOR).write_bytes(b"this is not ONNX")
    files = json.loads((folder / MANIFEST).read_text())["files"]
    rewrite(folder, files=files | {GENERATOR: sha256_of(folder / GENERATOR)})


def broken_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text("{")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_generator, "sha256"),
        (wrong_shapes, "has inputs"),
        (other_golden_pixels, "different pixels"),
        (invalid_onnx_file, "cannot be run"),
        (broken_manifest, "cannot be read"),
    ],
)
def test_an_unusable_champion_reports_why_and_the_service_serves_the_version_before(
    repository: Repository, spoil, words: str
) -> None:
    repository.publish("digits", copy_of_shipped)
    repository.promote("digits", 2)
    spoil(repository.root / "digits" / "2")
    registry = registry_of(repository)
    model = registry.model("digits")
    assert registry.generator().manifest.version == 1
    assert registry.state(model, 2) == "refused"
    assert words in (registry.refusal(model, 2) or "")
    with pytest.raises(VersionUnusable, match=words):
        registry.generator(None, "2")


def test_with_no_version_to_serve_the_error_says_so(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(VersionUnusable, match="Train and export one"):
        registry_of(Repository(tmp_path / "nowhere")).generator()
    spoil_generator(repository.root / "digits" / "1")
    with pytest.raises(VersionUnusable, match="sha256"):
        registry_of(repository).generator()


def test_every_champion_stays_loaded_regardless_of_the_number_of_models(repository: Repository) -> None:
    for index in range(6):
        other = repository.root / f"model-{index}"
        shutil.copytree(repository.root / "digits", other)
        rewrite(other / "1", name=other.name)
    registry = registry_of(repository, max_loaded=1)
    assert all(registry.in_memory(name) for name in registry.models())
    assert len(registry.models()) == 7


def test_a_repaired_version_is_served_again(repository: Repository) -> None:
    good = (repository.root / "digits" / "1" / GENERATOR).read_bytes()
    spoil_generator(repository.root / "digits" / "1")
    registry = registry_of(repository)
    with pytest.raises(VersionUnusable):
        registry.generator()
    (repository.root / "digits" / "1" / GENERATOR).write_bytes(good)
    assert registry.refresh()
    assert registry.generator().manifest.version == 1


def test_a_version_that_changed_on_disk_is_not_served_from_memory(repository: Repository) -> None:
    registry = registry_of(repository)
    before = registry.generator()
    rewrite(repository.root / "digits" / "1", created="2020-01-01T00:00:00Z")
    assert registry.refresh()
    assert registry.generator() is not before


def test_a_generator_with_other_input_types_is_rejected(repository: Repository) -> None:
    """Its sha256 and shapes are correct. Its types are checked before it runs."""
    onnx = pytest.importorskip("onnx", reason="the onnx package belongs to the training extra")
    path = repository.root / "digits" / "1" / GENERATOR
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    cast = onnx.helper.make_node("Cast", ["z"], ["z_float"], to=onnx.TensorProto.FLOAT)
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == "z":
                node.input[index] = "z_float"
    model.graph.node.insert(0, cast)
    onnx.save(model, path)
    files = json.loads((path.parent / MANIFEST).read_text())["files"]
    rewrite(path.parent, files=files | {GENERATOR: sha256_of(path)})
    with pytest.raises(VersionUnusable, match=r"tensor\(double\)"):
        registry_of(repository).generator()


def test_the_number_of_pinned_versions_in_memory_is_limited(repository: Repository) -> None:
    for _ in range(4):
        repository.publish("digits", copy_of_shipped)
    registry = registry_of(repository, max_loaded=2)
    for number in (2, 3, 4, 5, 3):
        assert registry.generator(None, str(number)).manifest.version == number
    model = registry.model("digits")
    states = {n: registry.state(model, n) for n in range(1, 6)}
    assert [n for n, state in states.items() if state == "loaded"] == [1, 3, 5]


def test_concurrent_threads_load_a_version_once(repository: Repository) -> None:
    repository.publish("digits", copy_of_shipped)
    registry = registry_of(repository)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(registry.generator(None, "2"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_a_batch_gives_the_same_pixels_as_its_pictures_one_by_one(repository: Repository) -> None:
    generator = registry_of(repository).generator()
    points = [generator.point(seed)[0] for seed in range(200)]
    together = generator.draw(points)
    assert (together == np.concatenate([generator.draw([p]) for p in points])).all()
    assert (together[:7] == generator.draw(points[:7])).all()


def test_a_running_service_reports_unusable_versions_and_serves_the_others(repository: Repository) -> None:
    repository.publish("digits", copy_of_shipped)
    repository.promote("digits", 2)
    spoil_generator(repository.root / "digits" / "2")
    with service(repository.root.parent) as running, running.client() as client:
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["serving"] == "digits/1"
        assert "sha256" in ready.json()["refused"]["digits/2"]
        assert client.get("/generate?seed=1").headers["x-model"] == "digits/1"
        response = client.get("/generate?seed=1&version=2")
        assert (response.status_code, response.json()["code"]) == (503, "version_unusable")
        (_, second) = client.get("/models/digits").json()["versions"]
        assert second["state"] == "refused"
        assert "sha256" in second["reason"]


def test_a_service_without_usable_models_is_alive_but_not_ready(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with service(tmp_path / "state", shipped=tmp_path / "none") as running, running.client() as client:
        assert client.get("/livez").status_code == 200
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, "not_ready")
        assert ready.headers["content-type"] == "application/problem+json"
        response = client.get("/generate?seed=1")
        assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")
        assert client.get("/models").json() == {"models": []}


def test_a_running_service_follows_publications_and_promotions(tmp_path: Path) -> None:
    with service(tmp_path / "state", poll_seconds=0.05) as running, running.client() as client:
        assert client.get("/generate?seed=1").headers["x-model"] == "digits/1"
        repository = Repository(tmp_path / "state" / "models")
        repository.publish("digits", copy_of_shipped)
        repository.promote("digits", 2)
        seen = {client.get("/generate?seed=1").headers["x-model"] for _ in range(2)}
        for _ in attempts():
            seen.add(client.get("/generate?seed=1").headers["x-model"])
            if "digits/2" in seen:
                break
        assert "digits/2" in seen
        assert client.get("/generate?seed=1&version=previous").headers["x-model"] == "digits/1"


def test_a_discriminator_is_loaded_once_and_unloaded_with_its_generator(repository: Repository) -> None:
    repository.publish("digits", copy_of_shipped)
    registry = Registry(repository, "digits", 8)
    registry.refresh()
    discriminator = registry.discriminator(registry.generator(None, "2"))
    assert registry.discriminator(registry.generator(None, "2")) is discriminator
    assert len(registry._discriminators) == 1
    repository.delete("digits", 2)
    registry.refresh()
    assert not registry._discriminators


def test_a_discriminator_that_does_not_match_its_manifest_is_rejected_on_first_use(repository: Repository) -> None:
    registry = Registry(repository, "digits", 8)
    registry.refresh()
    generator = registry.generator()
    path = repository.root / "digits" / "1" / DISCRIMINATOR
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(VersionUnusable, match="Restore it"):
        registry.discriminator(generator)
    path.unlink()
    with pytest.raises(VersionUnusable, match="Publish the version again"):
        registry.discriminator(generator)
