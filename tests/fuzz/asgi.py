"""Call the service finished ASGI with raw bytes, without an HTTP client that would normalize the request."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httptools
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

from app import errors
from app.http.problem_details import MEDIA_TYPE, title_of
from app.main import create_server
from tests.live import SHIPPED

Headers = Sequence[tuple[bytes, bytes]]
ADMIN_TOKEN = "admin-token-for-tests"
BEARER = (b"authorization", f"Bearer {ADMIN_TOKEN}".encode())


def _codes(error_type: type[errors.SeedlingError]) -> set[str]:
    return {error_type.code}.union(*(_codes(subclass) for subclass in error_type.__subclasses__()))


CODES = _codes(errors.SeedlingError) - {"internal_error"} | {"malformed_body", "method_not_allowed"}
"""The `code` values that an error response may have."""


@dataclass(frozen=True)
class Response:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key == name), b"")

    def json(self) -> Any:
        return json.loads(self.body)


def is_valid_target(target: bytes) -> bool:
    """Whether uvicorn passes this request target to the application. It responds to others with 400 itself."""
    if not target.startswith(b"/") or re.search(rb"[\0-\x20\x7f]", target):
        return False
    try:
        parsed = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        return False
    return bool(parsed.path) and parsed.path.isascii()


class Server:
    """The application that `python -m app` runs, without sockets.

    Args:
        app: the ASGI application with all middleware.
        portal: portal to the event loop in which the application runs.
        inner: the FastAPI application inside the middleware.
    """

    def __init__(self, app: Any, portal: BlockingPortal, inner: FastAPI) -> None:
        self.app, self.portal, self.inner = app, portal, inner
        self._client_numbers = itertools.count(1)

    def request(self, method: str, target: bytes, headers: Headers = (), body: bytes = b"", chunk: int = 65_536) -> Response:
        """Send a request from a new client address, because wrong tokens slow down further requests from an address.

        Exceptions of the application propagate.
        """
        number = next(self._client_numbers)
        parsed = httptools.parse_url(target)
        path = parsed.path.decode("ascii")
        has_host = any(name == b"host" for name, _ in headers)
        sent = [*headers] if has_host else [(b"host", b"seedling.test"), *headers]
        if body and not any(name == b"content-length" for name, _ in headers):
            sent.append((b"content-length", str(len(body)).encode()))
        scope = {
            **{"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "scheme": "http"},
            **{
                "server": ("127.0.0.1", 8000),
                "client": (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 40_000),
                "root_path": "",
                "state": {},
            },
            **{"method": method, "path": unquote(path), "raw_path": parsed.path, "query_string": parsed.query or b""},
            "headers": sent,
        }
        return self.portal.call(self._call, scope, body, chunk)

    async def _call(self, scope: dict[str, Any], body: bytes, chunk: int) -> Response:
        parts = [body[start : start + chunk] for start in range(0, len(body), chunk)] or [b""]
        sent: list[dict[str, Any]] = []
        finished = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if parts:
                part = parts.pop(0)
                return {"type": "http.request", "body": part, "more_body": bool(parts)}
            await finished.wait()
            return {"type": "http.disconnect"}

        async def send(message: Mapping[str, Any]) -> None:
            sent.append(dict(message))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                finished.set()

        await self.app(scope, receive, send)
        assert sent[0]["type"] == "http.response.start"
        assert all(message["type"] == "http.response.body" for message in sent[1:])
        assert finished.is_set(), "the response is incomplete"
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return Response(sent[0]["status"], list(sent[0]["headers"]), content)

    def documented_statuses(self, method: str, template: str) -> set[int]:
        """Return the statuses that the OpenAPI document lists for an operation, except 500."""
        return {int(status) for status in self.inner.openapi()["paths"][template][method.lower()]["responses"]} - {500}


def check_response(response: Response, allowed: set[int]) -> None:
    """Check that a response is complete and has an allowed status, and that errors are problem details."""
    assert response.status in allowed, (response.status, response.body[:300])
    for name, value in response.headers:
        assert re.fullmatch(rb"[a-z0-9-]+", name)
        assert not re.search(rb"[\0\r\n]", value), "a header value contains a line break"
    assert response.header(b"x-content-type-options") == b"nosniff"
    assert re.fullmatch(rb"[0-9a-f]{32}", response.header(b"x-request-id"))
    if response.status not in (204, 304):
        assert int(response.header(b"content-length") or len(response.body)) == len(response.body)
    if response.status < 400:
        assert response.status not in (204, 304) or not response.body
        return
    assert response.header(b"content-type") == MEDIA_TYPE.encode()
    payload = response.json()
    assert set(payload) - {"errors"} == {"type", "title", "status", "detail", "code"}
    assert (payload["type"], payload["title"], payload["status"]) == ("about:blank", title_of(response.status), response.status)
    assert payload["code"] in CODES
    assert isinstance(payload["detail"], str)
    assert payload["detail"].endswith("."), payload["detail"]
    assert len(response.body) < 20_000, "an error echoes too much of the request"


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Server]:
    """Start the service with its own state folder, the shipped digits and a minimal page."""
    (folder / "pages" / "assets").mkdir(parents=True)
    (folder / "pages" / "index.html").write_text('<!doctype html><html lang="en"><base href="/" />PAGE')
    (folder / "pages" / "assets" / "a.js").write_text("let script = 1")
    settings = {"GAN_STATE": f"{folder / 'state'}", "GAN_SHIPPED": f"{SHIPPED}", "GAN_PAGES": f"{folder / 'pages'}"}
    settings |= {"GAN_ADMIN_TOKEN": ADMIN_TOKEN, "GAN_EMBEDDED_WORKER": "false", "GAN_ACCESS_LOG": "false", **environment}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        app = create_server()
    inner = app
    while not isinstance(inner, FastAPI):
        inner = inner.app
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(inner.router.lifespan_context(inner)):
        yield Server(app, portal, inner)
