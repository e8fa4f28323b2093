"""The service as its server sees it: requests in bytes, and nobody in between who would make them proper."""

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
TOKEN = "a-token-of-the-tests-own"
BEARER = (b"authorization", f"Bearer {TOKEN}".encode())


def _codes(kind: type[errors.SeedlingError]) -> set[str]:
    return {kind.code}.union(*(_codes(below) for below in kind.__subclasses__()))


CODES = _codes(errors.SeedlingError) - {"internal_error"} | {"malformed_body", "method_not_allowed"}
"""What an error may be called."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key == name), b"")

    def json(self) -> Any:
        return json.loads(self.body)


def is_target(target: bytes) -> bool:
    """Whether the server would read this as the target of a request; if not, it answers 400 by itself."""
    if not target.startswith(b"/") or re.search(rb"[\0-\x20\x7f]", target):
        return False
    try:
        parsed = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        return False
    return bool(parsed.path) and parsed.path.isascii()


class Server:
    """What `python -m app` runs, without its sockets.

    Args:
        app: the ASGI application.
        portal: to the event loop it runs in.
    """

    def __init__(self, app: Any, portal: BlockingPortal, inner: FastAPI) -> None:
        self.app, self.portal, self.inner = app, portal, inner
        self._callers = itertools.count(1)

    def ask(self, method: str, target: bytes, headers: Headers = (), body: bytes = b"", chunk: int = 65_536) -> Answer:
        """Send a request, from an address nobody has asked from yet, for who sends wrong tokens has to wait.

        Whatever exception leaves the application leaves this too.
        """
        number = next(self._callers)
        parsed = httptools.parse_url(target)
        path = parsed.path.decode("ascii")
        named = any(name == b"host" for name, _ in headers)
        sent = [*headers] if named else [(b"host", b"seedling.test"), *headers]
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

    async def _call(self, scope: dict[str, Any], body: bytes, chunk: int) -> Answer:
        parts = [body[start : start + chunk] for start in range(0, len(body), chunk)] or [b""]
        sent: list[dict[str, Any]] = []
        over = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if parts:
                part = parts.pop(0)
                return {"type": "http.request", "body": part, "more_body": bool(parts)}
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Mapping[str, Any]) -> None:
            sent.append(dict(message))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                over.set()

        await self.app(scope, receive, send)
        assert sent[0]["type"] == "http.response.start"
        assert all(message["type"] == "http.response.body" for message in sent[1:])
        assert over.is_set(), "the answer has no end"
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], list(sent[0]["headers"]), content)

    def statuses(self, method: str, template: str) -> set[int]:
        """What the OpenAPI document says a call may answer, other than a fault of the service's own."""
        return {int(status) for status in self.inner.openapi()["paths"][template][method.lower()]["responses"]} - {500}


def check(answer: Answer, allowed: set[int]) -> None:
    """A response is complete and documented, and an error has the one shape of errors."""
    assert answer.status in allowed, (answer.status, answer.body[:300])
    for name, value in answer.headers:
        assert re.fullmatch(rb"[a-z0-9-]+", name)
        assert not re.search(rb"[\0\r\n]", value), "a header that begins another"
    assert answer.header(b"x-content-type-options") == b"nosniff"
    assert re.fullmatch(rb"[0-9a-f]{32}", answer.header(b"x-request-id"))
    if answer.status not in (204, 304):
        assert int(answer.header(b"content-length") or len(answer.body)) == len(answer.body)
    if answer.status < 400:
        assert answer.status not in (204, 304) or not answer.body
        return
    assert answer.header(b"content-type") == MEDIA_TYPE.encode()
    payload = answer.json()
    assert set(payload) - {"errors"} == {"type", "title", "status", "detail", "code"}
    assert (payload["type"], payload["title"], payload["status"]) == ("about:blank", title_of(answer.status), answer.status)
    assert payload["code"] in CODES
    assert isinstance(payload["detail"], str)
    assert payload["detail"].endswith("."), payload["detail"]
    assert len(answer.body) < 20_000, "what was sent does not come back at its full length"


@contextmanager
def running(folder: Path, **more: str) -> Iterator[Server]:
    """The service over a state folder of its own, with the shipped digits and a page of its own."""
    (folder / "pages" / "assets").mkdir(parents=True)
    (folder / "pages" / "index.html").write_text('<!doctype html><html lang="en"><base href="/" />PAGE')
    (folder / "pages" / "assets" / "a.js").write_text("let script = 1")
    settings = {"GAN_STATE": f"{folder / 'state'}", "GAN_SHIPPED": f"{SHIPPED}", "GAN_PAGES": f"{folder / 'pages'}"}
    settings |= {"GAN_ADMIN_TOKEN": TOKEN, "GAN_EMBEDDED_WORKER": "false", "GAN_ACCESS_LOG": "false", **more}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        app = create_server()
    inner = app
    while not isinstance(inner, FastAPI):
        inner = inner.app
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(inner.router.lifespan_context(inner)):
        yield Server(app, portal, inner)
