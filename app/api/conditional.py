"""Caching headers and conditional requests (RFC 9110 section 13, RFC 9111)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response

from app.http import caching
from app.sampling.response_cache import Answer
from app.scheduler import Scheduler

HEADERS: dict[str, Any] = {
    "ETag": {"description": "Identifies these bytes; send it back in If-None-Match.", "schema": {"type": "string"}},
    "X-Model": {"description": "Model and version that drew the picture.", "schema": {"type": "string"}},
    "Content-Location": {"description": "URL that always returns these bytes.", "schema": {"type": "string"}},
    "Cache-Control": {"schema": {"type": "string"}},
}
"""OpenAPI description of the headers of a cacheable response."""
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified: the caller's copy is current."}}


async def reply(
    request: Request,
    scheduler: Scheduler,
    tag: str,
    make: Callable[[], Awaitable[Answer]],
    *,
    media_type: str,
    location: Callable[[], str | None],
    version: str | None,
    fresh: bool = False,
) -> Response:
    """Respond from the cache, with the result of `make`, or with 304 if the caller has the current copy.

    Args:
        request: whose headers say which copies there are.
        scheduler: whose cache keeps it.
        tag: decides the answer to the byte, see `caching.etag`.
        make: makes the answer.
        media_type: what it is.
        location: gives the address that is pinned to a version, if there is one; told unless the request's own is.
        version: the version as it was asked for: a number is for ever.
        fresh: whether it is of a seed that nobody chose, so that nobody else asks for it.

    Raises:
        SeedlingError: what `make` raises.
    """
    pinned = version is not None and version.isdecimal()
    headers = {"ETag": tag, "Cache-Control": caching.policy(pinned=pinned, fresh=fresh)}
    address = location() if fresh or not pinned else None
    if address:
        headers["Content-Location"] = request.scope.get("root_path", "") + address
    if request.method == "GET" and not fresh and caching.matches(request.headers.getlist("If-None-Match"), tag):
        return Response(status_code=304, headers=headers)
    answer = await (make() if fresh else scheduler.cache.get(tag, make))
    return Response(answer.content, media_type=media_type, headers={**headers, **answer.headers})
