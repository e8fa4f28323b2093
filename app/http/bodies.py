"""Middleware for methods and bodies: HEAD on every GET route, JSON by default, a bound on bodies."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BodyTooLarge
from app.http.problem_details import problem
from app.scope import PICTURES, ROUTE

MAX_BODY = 1024 * 1024


class HeadAsGet:
    """Answers HEAD on every GET route with the same headers and no body (RFC 9110 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        inner = {**scope, "method": "GET"}  # a copy: the server still has to know that no body is to be sent
        await self.app(inner, receive, without_body)
        scope.update((name, inner[name]) for name in (ROUTE, PICTURES, "route") if name in inner)


class JsonByDefault:
    """Treats a body without a Content-Type of its own as JSON, so that a plain `curl -d '{...}'` works.

    curl labels any body as a form, and no route takes forms. `/discriminate` reads bytes, whatever the label.
    """

    _unsaid = frozenset({b"", b"application/x-www-form-urlencoded"})

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("POST", "PUT"):
            headers = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
            said = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
            if said in self._unsaid:
                scope["headers"] = [*headers, (b"content-type", b"application/json")]
        await self.app(scope, receive, send)


class BoundedBody:
    """Rejects a body of more than 1 MiB, by its announced length or else while it arrives.

    Args:
        app: what reads the body.
        uploads: other bounds in bytes, by path.
    """

    def __init__(self, app: ASGIApp, uploads: Mapping[str, int]) -> None:
        self.app, self.uploads = app, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.uploads.get(scope["path"].removeprefix(scope.get("root_path", "")), MAX_BODY)
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and (len(announced) > 18 or int(announced) > limit):
            await self._refuse(limit, scope, receive, send)
            return
        received, started, refused = 0, False, False

        async def bounded_receive() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                refused = True
                return {"type": "http.disconnect"}
            return message

        async def watched_send(message: Message) -> None:
            nonlocal started
            if refused and not started:
                return  # the application's answer to a body that it did not receive
            started = True
            await send(message)

        try:
            await self.app(scope, bounded_receive, watched_send)
        except Exception:
            if not refused:
                raise
        if refused and not started:
            await self._refuse(limit, scope, receive, send)

    async def _refuse(self, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        remedy = "Send less: split the work over several calls." if limit == MAX_BODY else "Send a smaller file."
        detail = f"The body is larger than {limit:,} bytes. {remedy}"
        answer = problem(BodyTooLarge.status, BodyTooLarge.code, detail, headers={"Connection": "close"})
        await answer(scope, receive, send)
