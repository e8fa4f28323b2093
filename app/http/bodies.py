"""Middleware for methods and bodies: HEAD on every GET route, JSON by default, and a size limit."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.asgi_scope import PICTURES, ROUTE
from app.errors import BodyTooLarge
from app.http import forms
from app.http.problem_details import problem

MAX_BODY = 1024 * 1024
"""Bytes of a request body, unless the path accepts uploads."""
PIECE = 64 * 1024
"""Bytes. A body that arrives in smaller pieces is passed on in pieces of at least this size. The routes collect all pieces, and
each takes 40 bytes of memory besides its content."""


class HeadAsGet:
    """Serves HEAD on every GET route with the same headers and no body (RFC 9110 9.3.2)."""

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

    curl sends every body as a form by default, and no route accepts forms of this type. Routes that take a picture, such as
    `/discriminate`, ignore the type.
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
        uploads: the maximum size of a file in bytes, for paths that accept one. The file is the body, or part of a form. A
            path that ends with a slash stands for all paths one level below it.
    """

    def __init__(self, app: ASGIApp, uploads: Mapping[str, int]) -> None:
        self.app, self.uploads = app, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit, detail = self._limit(scope)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and (len(length) > 18 or int(length) > limit):
            await _reject(detail, scope, receive, send)
            return
        received, started, rejected = 0, False, False

        async def bounded_receive() -> Message:
            nonlocal received, rejected
            piece, more = bytearray(), True
            while more and len(piece) < PIECE:
                message = await receive()
                if message["type"] != "http.request":
                    return message
                piece += message.get("body", b"")
                more = message.get("more_body", False)
            received += len(piece)
            if received > limit:
                rejected = True
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": bytes(piece), "more_body": more}

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
            await _reject(detail, scope, receive, send)

    def _limit(self, scope: Scope) -> tuple[int, str]:
        """Return the maximum size of a request's body, and the error for a larger one."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        upload = self.uploads.get(path) or self.uploads.get(path.rpartition("/")[0] + "/")
        if upload is None:
            return MAX_BODY, f"The body is larger than {MAX_BODY:,} bytes. Split the work over several requests."
        if not forms.is_form(scope):
            return upload, f"The body is larger than {upload:,} bytes. Send a smaller file."
        limit = upload + forms.MAX_FRAMING
        return limit, f"The form is larger than {limit:,} bytes; its file may have {upload:,}. Send a smaller file."


async def _reject(detail: str, scope: Scope, receive: Receive, send: Send) -> None:
    response = problem(BodyTooLarge.status, BodyTooLarge.code, detail, headers={"Connection": "close"})
    await response(scope, receive, send)
