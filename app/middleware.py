"""What holds for every request: HEAD is GET without its body, a body is JSON unless it says more, and it has a bound."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BodyTooLarge, problem

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

        await self.app({**scope, "method": "GET"}, receive, without_body)


class JsonByDefault:
    """Reads a body whose sender named no type of its own as JSON, so that a plain `curl -d '{...}'` works.

    curl calls any body a form, and no route here takes one of that kind.
    """

    _unsaid = frozenset({b"", b"application/x-www-form-urlencoded"})

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("POST", "PUT"):
            headers = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
            said = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
            if said in self._unsaid:
                scope = {**scope, "headers": [*headers, (b"content-type", b"application/json")]}
        await self.app(scope, receive, send)


class BoundedBody:
    """Refuses a body of more than 1 MiB, by its announced length or else as it comes in."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self.limit:
            await self._refuse(scope, receive, send)
            return
        received, started, refused = 0, False, False

        async def bounded_receive() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit:
                refused = True
                return {"type": "http.disconnect"}
            return message

        async def watched_send(message: Message) -> None:
            nonlocal started
            if refused and not started:
                return  # what the application has to say of a body it did not get
            started = True
            await send(message)

        try:
            await self.app(scope, bounded_receive, watched_send)
        except Exception:
            if not refused:
                raise
        if refused and not started:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"The body is larger than {self.limit:,} bytes. Send less: split the work over several calls."
        answer = problem(BodyTooLarge.status, BodyTooLarge.code, detail, headers={"Connection": "close"})
        await answer(scope, receive, send)
