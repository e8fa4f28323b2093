"""Tracing: every request has a trace id, taken from a W3C `traceparent` or new, and a span if tracing is enabled."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
"""W3C Trace Context, level 1; later versions may append fields."""
MAX_TRACEPARENT = 128


@dataclass(frozen=True, slots=True)
class Trace:
    """The ids of a request."""

    trace_id: str
    """32 hexadecimal digits, shared by all services that handle the caller's request."""
    span_id: str
    """16 hexadecimal digits: the span of this service."""


_random = random.Random()  # noqa: S311 - ids must be unique, not secret; reading the system's source takes 2 us
os.register_at_fork(after_in_child=_random.seed)
CURRENT: ContextVar[Trace | None] = ContextVar("trace", default=None)
"""The trace of the current request, in the event loop and in its worker threads."""


def take_over(traceparent: bytes | None) -> Trace:
    """Continue the caller's trace, or start one if the header is missing or invalid."""
    found = _TRACEPARENT.fullmatch(traceparent) if traceparent and len(traceparent) <= MAX_TRACEPARENT else None
    return Trace(found[1].decode() if found else f"{_random.getrandbits(128):032x}", f"{_random.getrandbits(64):016x}")


def is_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether OpenTelemetry's environment variables enable traces."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return any(environment.get(f"OTEL_{name}") for name in ("EXPORTER_OTLP_ENDPOINT", "EXPORTER_OTLP_TRACES_ENDPOINT"))


class Spans:
    """Sends a span per request over OTLP, configured by OpenTelemetry's environment variables.

    Raises:
        ImportError: the OpenTelemetry SDK is not installed. The message says how to install it.
    """

    def __init__(self) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise ImportError(
                f"OTEL_ variables enable tracing, but OpenTelemetry is not installed ({error}). Unset them, or run: pip "
                "install -c constraints.txt '.[tracing]'"
            ) from error
        named = "service.name" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "") or "OTEL_SERVICE_NAME" in os.environ
        provider = TracerProvider(resource=Resource.create({} if named else {"service.name": "seedling"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer: Tracer = provider.get_tracer("seedling")
        self.close = provider.shutdown

    def begin(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[Span, Trace]:
        """Start the span of a request, as a child of the caller's span if the headers name one."""
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        caller = TraceContextTextMapPropagator().extract(headers)
        attributes = {"http.request.method": method, "url.path": path}
        span = self._tracer.start_span(method, caller, SpanKind.SERVER, attributes)
        context = span.get_span_context()
        return span, Trace(f"{context.trace_id:032x}", f"{context.span_id:016x}")

    def end(self, span: Span, method: str, route: str, status: int, attributes: Mapping[str, Any]) -> None:
        """End a span with the result of its request."""
        from opentelemetry.trace import Status, StatusCode

        span.update_name(f"{method} {route}")
        span.set_attributes({"http.route": route, "http.response.status_code": status, **attributes})
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()
