"""Every administrative route needs a token, and a viewer can only read."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests import fresh
from tests.app.retraining.jobs import SETTINGS, TOKEN, VIEWER, Admin, admin_of
from tests.live import Service, service

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


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] not in ("GET", "OPTIONS")])
def test_a_viewer_cannot_change_anything(training_service: Service, method: str, path: str) -> None:
    response = admin_of(training_service, VIEWER).client.request(method, path)
    assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in response.headers["www-authenticate"]


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
