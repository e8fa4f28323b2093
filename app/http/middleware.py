"""The outer ASGI middleware: traces, metrics, access log, rate limits, hosts, security headers.

Every request passes through it, including those that bypass FastAPI (`app.api.direct`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.addresses import is_loopback, network
from app.asgi_scope import PICTURES, PROBES, ROUTE, path_of
from app.errors import HostInvalid, HostUnknown, SeedlingError, TooManyRequests
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
"""Headers that keep browsers from sniffing, framing or executing a response, unless it has its own."""
_DOCUMENT_POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"worker-src blob:; frame-ancestors 'none'"
)
DOCUMENTS = {path: [*HEADERS[:2], (b"content-security-policy", _DOCUMENT_POLICY)] for path in ("/docs", "/redoc")}
"""The same for FastAPI's documentation pages, which contain an inline script and no user input."""


class Middleware:
    """Everything that surrounds a request, in one layer: each further one would cost every request a few microseconds.

    A request is given a trace, refused if its client is too fast or its host is unknown, and recorded in the metrics, the
    access log and the spans. Its response gets the security headers and `X-Request-Id`.

    Args:
        app: the wrapped application.
        hosts: which host names are accepted.
        limits: the rate limit, if there is one.
        log: the access log, or None.
        spans: exporter of spans, if tracing is enabled.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: KnownHosts, limits: RateLimits | None, log: AccessLog | None, spans: Spans | None = None
    ) -> None:
        self.app, self.hosts, self.limits, self.log, self.spans = app, hosts, limits, log, spans

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

        async def send_with_headers(message: Message) -> None:
            nonlocal status, model
            if message["type"] == "http.response.start":
                headers = message["headers"]
                status, present = message["status"], dict(headers)
                model = present.get(b"x-model", b"").decode("latin-1")
                security = DOCUMENTS.get(path_of(scope), HEADERS)
                added = [pair for pair in security if pair[0] not in present]  # the web pages set their own
                message["headers"] = [*headers, *added, (b"x-request-id", trace.trace_id.encode())]
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is None:
                await self.app(scope, receive, send_with_headers)
            else:
                await problem_details.respond(refusal)(scope, receive, send_with_headers)
        finally:
            route, seconds, pictures = _route(scope), time.perf_counter() - began, scope.get(PICTURES)
            metrics.count_request(route, method if method in _METHODS else "other", status, model, seconds)
            if pictures is not None:
                metrics.count_pictures(model, pictures)
                if self.limits:
                    self.limits.charge(scope, pictures)
            if self.log:
                _log(self.log, scope, method, status, seconds, trace)
            if self.spans and span:
                self.spans.end(span, method, route, status, {"seedling.model": model} if model else {})
            CURRENT.reset(token)

    def _refusal(self, scope: Scope) -> SeedlingError | None:
        return (self.limits.refusal(scope) if self.limits else None) or self.hosts.refusal(scope)


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


class RateLimits:
    """Limits the request rate of each client. Loopback clients and administrators under /admin are exempt.

    Args:
        buckets: the token buckets, one per client.
        knows: whether Authorization headers carry a valid token. Other clients behind the same address, such as a proxy,
            must not lock an administrator out of `/admin`.
    """

    def __init__(self, buckets: TokenBuckets, knows: Knows = lambda _: False) -> None:
        self.buckets, self.knows = buckets, knows

    def refusal(self, scope: Scope) -> TooManyRequests | None:
        """Take a token for a request. Return the error if there is none."""
        if self._is_exempt(scope):
            return None
        wait = self.buckets.take(network(scope["client"][0]))
        if not wait or self._is_administration(scope):
            return None
        metrics.count_limited()
        seconds = int(wait) + 1
        return TooManyRequests(
            f"The rate limit is {self.buckets.rate:g} requests per second. Try again in {seconds} s.", seconds
        )

    def charge(self, scope: Scope, pictures: int) -> None:
        """Take the tokens for the pictures that were drawn for a request, beyond the first."""
        if not self._is_exempt(scope):
            self.buckets.charge(network(scope["client"][0]), max(0, pictures - 1) / PICTURES_PER_TOKEN)

    def _is_exempt(self, scope: Scope) -> bool:
        return not scope["client"] or is_loopback(scope["client"][0]) or path_of(scope) in PROBES

    def _is_administration(self, scope: Scope) -> bool:
        authorization = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
        return bool(authorization) and path_of(scope).startswith("/admin/") and self.knows(authorization)


class KnownHosts:
    """Refuses requests for unknown hosts, and requests without exactly one Host header (RFC 9112 3.2).

    The host check prevents DNS rebinding, where a malicious page binds its own name to the address of this service. With two
    Host headers, a proxy in front could check one and the service the other.

    Args:
        hosts: host names without a port. A name that begins with a dot matches all its subdomains. An empty list allows
            every name.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self.hosts = [host.lower() for host in hosts]

    def refusal(self, scope: Scope) -> SeedlingError | None:
        """Return the error if a request is refused."""
        count = sum([name == b"host" for name, _ in scope["headers"]])
        if count > 1 or (count == 0 and scope["http_version"] != "1.0"):
            return HostInvalid(
                f"The request has {count or 'no'} Host headers. Send exactly one, with the name of this service."
            )
        if not self.hosts or path_of(scope) in PROBES or self._knows(_host(scope)):
            return None
        return HostUnknown(
            "The name in the Host header is not a name of this service. Use one of its names, or add it to GAN_HOSTS."
        )

    def _knows(self, host: str) -> bool:
        return any(host == known or (known.startswith(".") and host.endswith(known)) for known in self.hosts)


def _host(scope: Scope) -> str:
    value = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
    return value.partition("]")[0] + "]" if value.startswith("[") else value.partition(":")[0]


def wrap(app: ASGIApp, settings: Settings, spans: Spans | None = None, knows: Knows = lambda _: False) -> ASGIApp:
    """Wrap the application in the middleware that the settings enable. `knows` is passed to `RateLimits`."""
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
    limits = RateLimits(TokenBuckets(settings.rate, settings.rate_burst * settings.rate), knows) if settings.rate else None
    log = AccessLog(settings.log_format) if settings.access_log and access_log.is_enabled() else None
    return Middleware(app, hosts=KnownHosts(settings.known_hosts), limits=limits, log=log, spans=spans)
