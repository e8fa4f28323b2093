"""Caching headers and conditional requests (RFC 9110 section 13, RFC 9111)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response

from app.http import caching
from app.sampling.response_cache import RenderedResponse
from app.scheduler import Scheduler

HEADERS: dict[str, Any] = {
    "ETag": {"description": "Identifies these bytes; send it back in If-None-Match.", "schema": {"type": "string"}},
    "X-Model": {"description": "Model and version that drew the picture.", "schema": {"type": "string"}},
    "Content-Location": {"description": "URL that always returns these bytes.", "schema": {"type": "string"}},
    "Cache-Control": {"schema": {"type": "string"}},
}
"""OpenAPI description of the headers of a cacheable response."""
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified: the client's copy is current."}}


async def reply(
    request: Request,
    scheduler: Scheduler,
    tag: str,
    make: Callable[[], Awaitable[RenderedResponse]],
    *,
    media_type: str,
    location: Callable[[], str | None],
    version: str | None,
    fresh: bool = False,
) -> Response:
    """Respond from the cache, with the result of `make`, or with 304 if the client has the current copy.

    Args:
        request: the request, whose If-None-Match header names the client's copies.
        scheduler: owner of the response cache.
        tag: entity tag, which determines every byte of the response, see `caching.etag`.
        make: computes the response.
        media_type: media type of the response.
        location: returns the URL with the version pinned, or None. It is sent in Content-Location, unless the request itself
            pins the version.
        version: the version in the request. A response for a number never changes.
        fresh: whether the service chose the seed at random. The response is computed anew and not cached, because a repetition
            of the request gets another seed.

    Raises:
        SeedlingError: raised by `make`.
    """
    pinned = caching.is_pinned(version)
    headers = {"ETag": tag, "Cache-Control": caching.policy(pinned=pinned, fresh=fresh)}
    url = location() if fresh or not pinned else None
    if url:
        headers["Content-Location"] = request.scope.get("root_path", "") + url
    if request.method == "GET" and not fresh and caching.matches(request.headers.getlist("If-None-Match"), tag):
        return Response(status_code=304, headers=headers)
    response = await (make() if fresh else scheduler.cache.get(tag, make))
    return Response(response.content, media_type=media_type, headers={**headers, **response.headers})
