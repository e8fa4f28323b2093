"""All errors have the same format."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path

import httpx
import pytest

from app import errors
from app.api.direct import DirectGenerate
from app.http.problem_details import Problem
from app.main import create_app
from app.settings import Settings


def all_errors(root: type[errors.SeedlingError] = errors.SeedlingError) -> list[type[errors.SeedlingError]]:
    return [root, *(e for child in root.__subclasses__() for e in all_errors(child))]


def test_each_error_has_its_own_code_and_is_listed_in_the_module_docstring() -> None:
    found = all_errors()
    assert len({e.code for e in found}) == len(found)
    for error in found:
        assert error.__name__ in (errors.__doc__ or "")
        assert error.__doc__


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nope", 404, "not_found"),
        ("GET", "/generate/", 404, "not_found"),
        ("DELETE", "/generate", 405, "method_not_allowed"),
        ("GET", "/interpolate", 405, "method_not_allowed"),
        ("GET", "/generate?seed=-1", 422, "seed_invalid"),
        ("POST", "/generate", 422, "invalid_request"),
    ],
)
def test_every_error_is_problem_json(client: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    response = client.request(method, path)
    payload = response.json()
    assert response.status_code == payload["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert Problem.model_validate(payload).code == code
    assert payload["detail"].endswith(".")


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        (
            "/generate?seed=1&lable=7",
            "query.lable: There is no such parameter. Did you mean label?",
        ),
        (
            "/plane?x=0&y=0&colums=2",
            "query.colums: There is no such parameter. Did you mean columns?",
        ),
        ("/generate?seed=1&q9=7", "query.q9: There is no such parameter."),
        (
            "/generate?seed=1&lable=7&pis=1",
            "query.lable: There is no such parameter. Did you mean label? (1 more in `errors`).",
        ),
    ],
)
def test_the_error_about_an_unknown_parameter_names_the_one_that_resembles_it(
    client: httpx.Client, path: str, detail: str
) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert response.json()["detail"] == f"{detail} See /docs for what is accepted."


def test_an_unknown_field_of_a_body_is_an_error(client: httpx.Client) -> None:
    response = client.post("/generate", json={"seed": 1, "lable": 7})
    assert response.status_code == 422
    assert response.json()["errors"] == [{"field": "body.lable", "message": "There is no such field"}]


def test_405_lists_the_allowed_methods(client: httpx.Client) -> None:
    response = client.put("/generate")
    assert response.headers["allow"] == "HEAD, GET, POST"
    assert "Use HEAD, GET, POST." in response.json()["detail"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_a_mebibyte_is_rejected_and_the_limit_is_named(client: httpx.Client, chunked: bool) -> None:
    def parts():  # httpx sends an iterator without Content-Length
        for _ in range(17):
            yield b" " * 65_536

    for path in ("/generate", "/interpolate"):
        response = client.post(path, content=parts() if chunked else b" " * (1024 * 1024 + 1))
        assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
        assert "1,048,576 bytes" in response.json()["detail"]
    body = b'{"seed": 42}'.ljust(1024 * 1024)
    assert client.post("/generate", content=body).status_code == 200


async def _request_failing_route(tmp_path: Path) -> httpx.Response:
    app = create_app(Settings(state=tmp_path))

    @app.get("/fail")
    async def fail() -> None:
        raise RuntimeError("the secret reason")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/fail")


async def _request_failing_direct_path(tmp_path: Path) -> httpx.Response:
    app = create_app(Settings(state=tmp_path))

    async def fail(*_: object) -> None:
        raise RuntimeError("the secret reason")

    app.state.scheduler.generator = fail
    transport = httpx.ASGITransport(DirectGenerate(app))  # raises exceptions that the direct path does not handle
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/generate?seed=42")


@pytest.mark.parametrize("request_failure", [_request_failing_route, _request_failing_direct_path])
def test_an_unexpected_failure_is_a_problem_and_its_reason_is_only_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, request_failure: Callable[[Path], Coroutine[None, None, httpx.Response]]
) -> None:
    with caplog.at_level(logging.ERROR, "seedling"):
        response = asyncio.run(request_failure(tmp_path))
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret" not in response.text
    assert "the secret reason" in caplog.text
