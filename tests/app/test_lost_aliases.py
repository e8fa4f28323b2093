"""What the service serves when a model's aliases, its folder or its champion's files are lost."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from app.errors import VersionUnusable
from app.registry import Registry
from app.storage.database import Database, aliases
from app.storage.database_aliases import DatabaseAliases
from models.manifest import MANIFEST, Gate
from models.repository import Repository
from models.version import copier
from tests import fresh
from tests.app.retraining.jobs import TOKEN
from tests.live import Service, service, start
from tests.models.test_repository import copy_of_shipped
from tests.waiting import attempts

ADMIN = {"Authorization": f"Bearer {TOKEN}"}


def verdict(*, promoted: bool) -> Gate:
    return Gate(
        **{"asked": "if_better", "promoted": promoted, "rule": "fid", "reason": "Not better.", "champion": 1},
        **{"figures": {}, "champion_figures": {}},
    )


@pytest.fixture
def retrained(repository: Repository) -> Repository:
    """A model whose versions 1 and 2 were promoted. 2 is champion, and the gate rejected 3 and 4."""
    first = repository.get("digits", 1)
    for promoted in (True, False, False):
        repository.publish("digits", copier(first, gate=verdict(promoted=promoted)))
    repository.promote("digits", 2)
    return repository


def replace_with_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:9]),
    "another type": lambda path: path.write_text("[2, 1]"),
    "no champion": lambda path: path.write_text("{}"),
    "a version that does not exist": lambda path: path.write_text('{"champion": 99, "previous": 1}'),
    "not a number": lambda path: path.write_text('{"champion": "4"}'),
    "zero": lambda path: path.write_text('{"champion": 0}'),
    "deleted": lambda path: path.unlink(),
    "a folder": replace_with_a_folder,
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_lost_aliases_never_put_an_unpromoted_version_into_service(retrained: Repository, damage) -> None:
    running = Registry(retrained, "digits", 8)
    running.refresh()
    damage(retrained.root / "digits" / "aliases.json")
    running.refresh()
    restarted = Registry(Repository(retrained.root), "digits", 8)
    restarted.refresh()
    for registry in (running, restarted):
        assert registry.generator().manifest.version == 2
        assert registry.degraded()["digits"].endswith("Promote a version to repair it.")
        assert "Version 2, which was champion before, is served." in registry.degraded()["digits"]
    again = Repository(retrained.root)
    again.publish("digits", copy_of_shipped)
    assert again.aliases("digits")["champion"] == 2, "the next writer stores exactly what is served"


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_promotion_repairs_lost_aliases(retrained: Repository, damage) -> None:
    damage(retrained.root / "digits" / "aliases.json")
    assert retrained.promote("digits", 1, instead_of=2) == {"champion": 1, "previous": 2}
    assert retrained.aliases("digits") == {"champion": 1, "previous": 2}


@pytest.mark.parametrize("record", [None, b"", b"{}", b'["2"]', b"\xff"], ids=repr)
def test_without_a_record_the_manifests_show_what_was_promoted(retrained: Repository, record: bytes | None) -> None:
    folder = retrained.root / "digits"
    (folder / "aliases.json").unlink()
    (folder / ".promotions").unlink()
    if record is not None:
        (folder / ".promotions").write_bytes(record)
    assert retrained.promoted("digits") == [2, 1]
    assert retrained.served_aliases("digits") == {"champion": 2}


def test_a_version_that_was_rolled_back_stays_out_of_service(retrained: Repository) -> None:
    retrained.promote("digits", 1)
    (retrained.root / "digits" / "aliases.json").write_text("")
    assert Repository(retrained.root).served_aliases("digits") == {"champion": 1}


def test_a_model_without_promoted_versions_serves_nothing(retrained: Repository) -> None:
    folder = retrained.root / "digits"
    for file in ("aliases.json", ".promotions"):
        (folder / file).unlink()
    for number in (1, 2):
        shutil.rmtree(folder / str(number))
    registry = Registry(retrained, "digits", 8)
    registry.refresh()
    with pytest.raises(VersionUnusable):
        registry.generator()
    assert "None of its versions was champion before. Promote one to repair it." in registry.degraded()["digits"]


def test_an_unusable_champion_falls_back_to_promoted_versions_only(retrained: Repository) -> None:
    for number in (1, 2):
        (retrained.root / "digits" / str(number) / MANIFEST).write_text("{")
    registry = Registry(retrained, "digits", 8)
    registry.refresh()
    with pytest.raises(VersionUnusable):
        registry.generator()
    assert registry.generator(None, "3").manifest.version == 3, "a request can still name it by its number"


@pytest.mark.parametrize("leave_an_empty_folder", [False, True])
def test_models_whose_folder_is_gone_are_still_served_and_recover(repository: Repository, leave_an_empty_folder: bool) -> None:
    moved = repository.root.with_name("moved")
    registry = Registry(repository, "digits", 8)
    registry.refresh()
    repository.root.rename(moved)
    if leave_an_empty_folder:
        repository.root.mkdir()
    assert registry.refresh()
    assert registry.generator().manifest.version == 1
    assert "The folder of digits is gone." in registry.degraded()["digits"]
    if leave_an_empty_folder:
        repository.root.rmdir()
    moved.rename(repository.root)
    assert registry.refresh()
    assert registry.degraded() == {}
    assert registry.generator().manifest.version == 1


def test_a_champion_whose_files_are_gone_is_still_served(retrained: Repository) -> None:
    registry = Registry(retrained, "digits", 8)
    registry.refresh()
    shutil.rmtree(retrained.root / "digits" / "2")
    registry.refresh()
    assert registry.generator().manifest.version == 2
    assert "is version 2, which does not exist" in registry.degraded()["digits"]


@pytest.mark.parametrize("damaged", [[], "1", 0, "x", {"champion": 0}, {"champion": 99}, {}], ids=repr)
def test_a_damaged_database_row_puts_no_other_version_into_service(
    retrained: Repository, database: Database, damaged: object
) -> None:
    stored = Repository(retrained.root, DatabaseAliases(lambda: database, retrained.root))
    stored.promote("digits", 1)
    stored.promote("digits", 2)
    with database.write() as connection:
        connection.execute(update(aliases).values(aliases=damaged))
    restarted = Registry(stored, "digits", 8)
    restarted.refresh()
    assert restarted.generator().manifest.version == 2
    assert restarted.degraded()["digits"].endswith("Promote a version to repair it.")
    stored.promote("digits", 1)
    assert stored.aliases("digits")["champion"] == 1


# A real service.


def wait_for_status(running: Service, condition: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    for _ in attempts(0.05):
        ready = fresh.get(f"{running.url}/readyz").json()
        if condition(ready):
            return ready
    raise AssertionError(ready)


def test_a_service_keeps_its_champion_through_damage_kill_and_restart(retrained: Repository) -> None:
    state = retrained.root.parent
    settings = {"admin_token": TOKEN, "embedded_worker": False, "poll_seconds": 0.05}
    running = start(state, **settings)
    (retrained.root / "digits" / "aliases.json").write_bytes(b"")
    ready = wait_for_status(running, lambda ready: "aliases" in ready["degraded"])
    assert ready["serving"] == "digits/2"
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    with service(state, **settings) as again, again.client() as client:
        assert client.get("/generate?seed=42").headers["x-model"] == "digits/2"
        response = client.put("/admin/models/digits/champion", json={"version": 1}, headers={**ADMIN, "If-Match": '"digits/2"'})
        assert response.status_code == 200
        assert wait_for_status(again, lambda ready: ready["serving"] == "digits/1")["degraded"].keys() <= {"training"}


def test_responses_to_strangers_contain_no_path(repository: Repository, tmp_path: Path) -> None:
    """Errors name the affected version and the remedy. Only the log has the details."""
    digits, state = repository.root / "digits", repository.root.parent
    for number in range(2, 8):
        repository.publish("digits", copy_of_shipped)
        folder = digits / str(number)
        if number == 2:
            (folder / "generator.onnx").write_bytes(b"another")
        elif number == 3:
            (folder / "generator.onnx").unlink()
        elif number == 4:
            (folder / MANIFEST).write_text("{")
        elif number == 5:
            (folder / MANIFEST).unlink()
            (folder / MANIFEST).mkdir()
        elif number == 6:
            (folder / "discriminator.onnx").write_bytes(b"another")
        else:
            manifest = json.loads((folder / MANIFEST).read_text())
            manifest["golden"]["sha256"] = "0" * 64
            (folder / MANIFEST).write_text(json.dumps(manifest))
    (digits / "aliases.json").write_text("[")
    (state / "jobs.db").write_bytes(b"this is not a database" * 100)
    with service(state, embedded_worker=False) as running, running.client() as client:
        responses = [
            client.get(path) for path in ("/readyz", "/models", "/models/digits", "/quiz?seed=1", "/quiz?model=fashion")
        ]
        for version in range(1, 8):
            for path in (f"/generate?seed=1&version={version}", f"/discriminate?seeds=1&version={version}"):
                responses.append(client.get(path))
            responses.append(client.get(f"/models/digits/versions/{version}"))
            responses.append(client.get(f"/models/digits/versions/{version}/samples.png"))
        responses += [client.get("/admin/jobs"), client.get("/admin/jobs", headers={"Authorization": "Bearer wrong"})]
    failed = [response for response in responses if response.status_code >= 400]
    assert {response.status_code for response in failed} >= {401, 404, 503}
    for response in responses:
        for secret in (str(tmp_path), str(state), "/usr/", "/root", "/home"):
            assert secret not in response.text or response.headers["content-type"] == "image/png", (
                response.url,
                response.text[:500],
            )
