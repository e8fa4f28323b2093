"""The outer ASGI middleware: traces, metrics, access log, rate limits, hosts, security headers.

Every request passes through these layers, including those that bypass FastAPI (`app.api.direct`). Each layer is therefore
small and works on plain ASGI messages.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.addresses import is_loopback, network
from app.asgi_scope import PICTURES, PROBES, ROUTE
from app.errors import HostInvalid, HostUnknown, TooManyRequests
from app.http import problem_details
from app.http.rate_limits import TokenBuckets
from app.http.redaction import without_secrets
from app.observability import access_log, metrics
from app.observability.access_log import AccessLog
from app.observability.tracing import CURRENT, Spans, Trace, take_over
from app.settings import Settings

Knows = Callable[[Sequence[str]], bool]
PICTURES_PER_TOKEN = 64
"""This many pictures beyond the first cost as much as another request."""
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
DOCUMENTS = {
    path: b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"worker-src blob:; frame-ancestors 'none'"
    for path in ("/docs", "/redoc")
}
"""Content-Security-Policy of FastAPI's documentation pages, which contain an inline script and no user input."""


class Observed:
    """Assigns a trace id to every request and records the request in the metrics, the access log and the spans.

    Args:
        app: the wrapped application.
        log: the access log, or None.
        spans: exporter of spans, if tracing is enabled.
    """

    def __init__(self, app: ASGIApp, *, log: AccessLog | None, spans: Spans | None = None) -> None:
        self.app, self.log, self.spans = app, log, spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, method = time.perf_counter(), str(scope["method"])
        span = None
        if self.spans:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            span, trace = self.spans.begin(method, scope["path"], headers)
        else:
            trace = take_over(next((value for name, value in scope["headers"] if name == b"traceparent"), None))
        token = CURRENT.set(trace)
        status, model = 499, ""  # if the client disconnects before the response starts

        async def recording_send(message: Message) -> None:
            nonlocal status, model
            if message["type"] == "http.response.start":
                status = message["status"]
                model = next((value.decode("latin-1") for name, value in message["headers"] if name == b"x-model"), "")
                message["headers"] = [*message["headers"], (b"x-request-id", trace.trace_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, recording_send)
        finally:
            route, seconds = _route(scope), time.perf_counter() - began
            metrics.count_request(route, method if method in _METHODS else "other", status, model, seconds)
            if PICTURES in scope:
                metrics.count_pictures(model, scope[PICTURES])
            if self.log:
                _log(self.log, scope, method, status, seconds, trace)
            if self.spans and span:
                self.spans.end(span, method, route, status, {"seedling.model": model} if model else {})
            CURRENT.reset(token)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods with a label of their own. Others share the label `other`, so that clients cannot create labels."""


def _route(scope: Scope) -> str:
    """Return the path template of the route, so that the number of labels is bounded by the number of routes."""
    named = scope.get(ROUTE)
    return str(named or getattr(scope.get("route"), "path", "other"))


def _log(log: AccessLog, scope: Scope, method: str, status: int, seconds: float, trace: Trace) -> None:
    query = without_secrets(scope["query_string"].decode("latin-1"))
    target = f"{scope['path']}?{query}" if query else scope["path"]
    log.write(scope["client"][0] if scope["client"] else "-", method, target, status, seconds, trace)


class RateLimited:
    """Limits the request rate of each client. Loopback clients and administrators under /admin are exempt.

    Args:
        app: the wrapped application.
        buckets: the token buckets, one per client.
        knows: whether Authorization headers carry a valid token. Other clients behind the same address, such as a proxy,
            must not lock an administrator out of `/admin`.
    """

    def __init__(self, app: ASGIApp, buckets: TokenBuckets, knows: Knows = lambda _: False) -> None:
        self.app, self.buckets, self.knows = app, buckets, knows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope["client"][0] if scope["type"] == "http" and scope["client"] else "localhost"
        if scope["type"] != "http" or is_loopback(client) or _path(scope) in PROBES:
            await self.app(scope, receive, send)
            return
        client = network(client)
        wait = self.buckets.take(client)
        if wait and not self._is_administration(scope):
            metrics.count_limited()
            seconds = int(wait) + 1
            error = TooManyRequests(
                f"The rate limit is {self.buckets.rate:g} requests per second. Try again in {seconds} s.", seconds
            )
            await problem_details.respond(error)(scope, receive, send)
            return
        await self.app(scope, receive, send)
        if PICTURES in scope:
            self.buckets.charge(client, max(0, scope[PICTURES] - 1) / PICTURES_PER_TOKEN)

    def _is_administration(self, scope: Scope) -> bool:
        authorization = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
        return bool(authorization) and _path(scope).startswith("/admin/") and self.knows(authorization)


class KnownHosts:
    """Rejects requests for unknown hosts, and requests without exactly one Host header (RFC 9112 3.2).

    The host check prevents DNS rebinding, where a malicious page binds its own name to the address of this service. With two
    Host headers, a proxy in front could check one and the service the other.

    Args:
        app: the wrapped application.
        hosts: host names without a port. A name that begins with a dot matches all its subdomains. An empty list allows
            every name.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self.app, self.hosts = app, [host.lower() for host in hosts]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        count = sum(name == b"host" for name, _ in scope["headers"])
        if count > 1 or (count == 0 and scope["http_version"] != "1.0"):
            invalid = HostInvalid(
                f"The request has {count or 'no'} Host headers. Send exactly one, with the name of this service."
            )
            await problem_details.respond(invalid)(scope, receive, send)
            return
        if not self.hosts or _path(scope) in PROBES or self._knows(_host(scope)):
            await self.app(scope, receive, send)
            return
        error = HostUnknown(
            "The name in the Host header is not a name of this service. Use one of its names, or add it to GAN_HOSTS."
        )
        await problem_details.respond(error)(scope, receive, send)

    def _knows(self, host: str) -> bool:
        return any(host == known or (known.startswith(".") and host.endswith(known)) for known in self.hosts)


class SecurityHeaders:
    """Adds headers that keep browsers from sniffing, framing or executing a response. The web pages set their own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                present = {name for name, _ in headers}
                headers = [*headers, *(pair for pair in HEADERS if pair[0] not in present)]
                policy = DOCUMENTS.get(_path(scope))
                if policy:
                    headers = [(n, policy if n == b"content-security-policy" else v) for n, v in headers]
                message["headers"] = headers
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _path(scope: Scope) -> str:
    return str(scope["path"]).removeprefix(str(scope.get("root_path", "")))


def _host(scope: Scope) -> str:
    value = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
    return value.partition("]")[0] + "]" if value.startswith("[") else value.partition(":")[0]


def wrap(app: ASGIApp, settings: Settings, spans: Spans | None = None, knows: Knows = lambda _: False) -> ASGIApp:
    """Wrap the application in the middleware that the settings enable. `knows` is passed to `RateLimited`."""
    if settings.cors:
        app = CORSMiddleware(
            app,
            allow_origins=settings.cors,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["*"],
            expose_headers=[
                "ETag",
                "Link",
                "Location",
                "Retry-After",
                "X-Request-Id",
                "X-Seed",
                "X-Label",
                "X-Model",
                "X-Frames",
            ],
        )
    app = KnownHosts(app, settings.known_hosts)
    rate = settings.rate
    if rate:
        app = RateLimited(app, TokenBuckets(rate, settings.rate_burst * rate), knows)
    log = AccessLog(settings.log_format) if settings.access_log and access_log.is_enabled() else None
    return Observed(SecurityHeaders(app), log=log, spans=spans)
