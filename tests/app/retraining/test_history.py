"""The champion history over HTTP: what everybody sees, and what administrators see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from app.api.history import distance
from models.history import Cause
from models.manifest import Gate
from models.repository import Repository
from models.version import Version, copier
from tests import fresh
from tests.app.retraining.jobs import SETTINGS, VIEWER, Admin, admin_of
from tests.live import ROOT, SHIPPED, Service, service
from tests.models.test_repository import copy_of_shipped

ALICE = "a-token-of-alice-in-the-tests"
JOB = "0123456789ab"
REASON = "Better: fid_test 0.1000 against 0.2000 of version 1."


def with_a_gate(folder: Path, number: int) -> None:
    """Write a version that a job has published, and that its gate found better than version 1."""
    source = Version(SHIPPED / "digits" / "1", Repository(SHIPPED).get("digits", 1).manifest)
    figure = source.manifest.metrics["fid_test"]
    gate = Gate(
        asked="if_better",
        promoted=True,
        rule="",
        reason=REASON,
        champion=1,
        figures={"fid_test": figure.model_copy(update={"value": 0.1})},
        champion_figures={"fid_test": figure.model_copy(update={"value": 0.2})},
    )
    copier(source, job=JOB, gate=gate)(folder, number)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with three versions, the second promoted by a job, the third from the command line."""
    state = tmp_path_factory.mktemp("history") / "state"
    repository = Repository(state / "models")
    repository.publish("digits", copy_of_shipped, cause=Cause(how="shipped"))
    repository.publish("digits", with_a_gate)
    repository.promote("digits", 2, cause=Cause(how="job", by=JOB, reason=REASON))
    repository.publish("digits", copy_of_shipped)
    repository.promote("digits", 3, cause=Cause(how="command", reason="to try it"))
    return state


@pytest.fixture(scope="module")
def running(state: Path) -> Iterator[Service]:
    tokens = {"admin_tokens": json.dumps({"alice": ALICE}), "viewer_tokens": json.dumps({"eve": VIEWER})}
    with service(state, workers=2, forked=True, embedded_worker=False, **(SETTINGS | tokens)) as running:
        yield running


def public(running: Service) -> list[dict]:
    response = fresh.get(f"{running.url}/models/digits/history")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-cache")
    assert response.json()["name"] == "digits"
    return response.json()["promotions"]


def full(admin: Admin) -> list[dict]:
    response = admin.client.get("/admin/models/digits/history")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    return response.json()["promotions"]


def fields(promotions: list[dict], *names: str) -> list[tuple]:
    return [tuple(each[name] for name in names) for each in promotions]


def put(admin: Admin, **body: object) -> httpx.Response:
    return admin.client.put("/admin/models/digits/champion", json=body, headers={"If-Match": "*"})


def test_the_history_names_versions_times_and_causes_newest_first(running: Service) -> None:
    alice = admin_of(running, ALICE)
    assert put(alice, version="previous", reason="The sevens look like ones.").status_code == 200
    found = full(alice)
    assert fields(found, "version", "instead_of", "how", "by", "job") == [
        (2, 3, "request", "alice", None),
        (3, 2, "command", None, None),
        (2, 1, "job", None, JOB),
        (1, None, "shipped", None, None),
    ]
    assert [each["reason"] for each in found] == ["The sevens look like ones.", "to try it", REASON, ""]
    times = [datetime.fromisoformat(each["time"]) for each in found]
    assert times == sorted(times, reverse=True)
    assert [each["until"] for each in found] == [None, *(each["time"] for each in found[:-1])]
    assert [each["url"] for each in found] == [f"/models/digits/versions/{number}" for number in (2, 3, 2, 1)]
    assert full(admin_of(running, VIEWER)) == found


def test_only_tokens_see_names_and_what_administrators_wrote(running: Service) -> None:
    found, with_names = public(running), full(admin_of(running))
    hidden = {"by": None, "reason": ""}
    assert found == [each if each["how"] == "job" else each | hidden for each in with_names]
    assert REASON in {each["reason"] for each in found}
    text = fresh.get(f"{running.url}/models/digits/history").text
    assert "alice" not in text
    assert "to try it" not in text


def test_the_figures_are_those_of_the_gate_or_of_both_versions(running: Service) -> None:
    own = Repository(SHIPPED).get("digits", 1).manifest.metrics["fid_test"].value
    by_version = {(each["version"], each["instead_of"]): each["comparison"] for each in public(running)}
    assert by_version[2, 1] == {"figure": "fid_test", "value": 0.1, "before": 0.2, "by_gate": True}
    assert by_version[3, 2] == {"figure": "fid_test", "value": own, "before": own, "by_gate": False}
    assert by_version[1, None] == {"figure": "fid_test", "value": own, "before": None, "by_gate": False}


def test_a_deleted_version_stays_in_the_history(running: Service, state: Path) -> None:
    admin = admin_of(running)
    assert put(admin, version=2).status_code == 200
    before = public(running)
    assert admin.client.delete("/admin/models/digits/versions/3").status_code == 204
    after = public(running)
    assert fields(after, "version", "time") == fields(before, "version", "time")
    gone = next(each for each in after if each["version"] == 3)
    assert (gone["url"], gone["comparison"]) == (None, None)


def test_the_history_survives_a_restart(running: Service, state: Path) -> None:
    before = public(running)
    with service(state, forked=True, embedded_worker=False, **SETTINGS) as restarted:
        assert public(restarted) == before


def test_a_reason_that_is_too_long_is_rejected(running: Service) -> None:
    response = put(admin_of(running), version=1, reason="x" * 501)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(("path", "token"), [("/models/nothing/history", None), ("/admin/models/nothing/history", ALICE)])
def test_an_unknown_model_has_no_history(running: Service, path: str, token: str | None) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = fresh.get(running.url + path, headers=headers)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert response.json()["detail"].endswith("Choose one of digits.")


def test_the_figure_of_a_sharpener_is_the_sum_over_its_tests() -> None:
    manifest = Repository(ROOT / "models").get("sharpen-digits", 2).manifest
    names = ("fid_shrink2", "fid_shrink4", "fid_blur1", "fid_blur2")
    assert distance(manifest, manifest.metrics) == pytest.approx(sum(manifest.metrics[name].value or 0 for name in names))
    assert distance(manifest, {"fid_shrink2": manifest.metrics["fid_shrink2"]}) is None
