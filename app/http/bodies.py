"""Middleware for methods and bodies: HEAD on every GET route, JSON by default, and a size limit."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.asgi_scope import PICTURES, ROUTE
from app.errors import BodyTooLarge
from app.http.problem_details import problem

MAX_BODY = 1024 * 1024
"""Bytes of a request body, unless the path has a limit of its own."""


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

        inner = {**scope, "method": "GET"}  # a copy, because the server still needs to see HEAD
        await self.app(inner, receive, without_body)
        scope.update((name, inner[name]) for name in (ROUTE, PICTURES, "route") if name in inner)


class JsonByDefault:
    """Treats a body without an explicit Content-Type as JSON, so that a plain `curl -d '{...}'` works.

    curl sends every body as a form by default, and no route accepts forms. `/discriminate` reads bytes of any type.
    """

    _unspecified = frozenset({b"", b"application/x-www-form-urlencoded"})

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("POST", "PUT"):
            headers = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
            content_type = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
            if content_type in self._unspecified:
                scope["headers"] = [*headers, (b"content-type", b"application/json")]
        await self.app(scope, receive, send)


class BoundedBody:
    """Rejects bodies of more than 1 MiB, by Content-Length or else while the body arrives.

    Args:
        app: the wrapped application.
        uploads: other limits in bytes, by path.
    """

    def __init__(self, app: ASGIApp, uploads: Mapping[str, int]) -> None:
        self.app, self.uploads = app, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.uploads.get(scope["path"].removeprefix(scope.get("root_path", "")), MAX_BODY)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and (len(length) > 18 or int(length) > limit):
            await self._reject(limit, scope, receive, send)
            return
        received, started, rejected = 0, False, False

        async def bounded_receive() -> Message:
            nonlocal received, rejected
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                rejected = True
                return {"type": "http.disconnect"}
            return message

        async def watched_send(message: Message) -> None:
            nonlocal started
            if rejected and not started:
                return  # drop the application's response to an incomplete body
            started = True
            await send(message)

        try:
            await self.app(scope, bounded_receive, watched_send)
        except Exception:
            if not rejected:
                raise
        if rejected and not started:
            await self._reject(limit, scope, receive, send)

    async def _reject(self, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        remedy = "Split the work over several requests." if limit == MAX_BODY else "Send a smaller file."
        detail = f"The body is larger than {limit:,} bytes. {remedy}"
        response = problem(BodyTooLarge.status, BodyTooLarge.code, detail, headers={"Connection": "close"})
        await response(scope, receive, send)
