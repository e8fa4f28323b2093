"""`/plane`: a part of the plane of seeds, including the pictures between them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app.api import conditional
from app.api.dependencies import BINARY, SchedulerOf, UnambiguousQuery
from app.api.schemas.pictures import PlaneQuery
from app.http import caching
from app.http.problem_details import problem_responses
from app.images.encoding import MEDIA_TYPES
from app.sampling.plane import resolve_window

router = APIRouter(tags=["pictures"])
_OK: dict[str, Any] = {
    "description": "The sheet, or the array.",
    "headers": conditional.HEADERS,
    "content": {MEDIA_TYPES[kind]: BINARY for kind in ("png", "webp", "npy")},
}


@router.get(
    "/plane",
    summary="Draw a part of the plane of all seeds",
    response_class=Response,
    responses={200: _OK, **conditional.NOT_MODIFIED, **problem_responses(404, 413, 422, 503)},
)
async def plane(
    request: Request, query: Annotated[PlaneQuery, Query()], scheduler: SchedulerOf, _: UnambiguousQuery
) -> Response:
    """Every seed is an integer point with the picture that `/generate` draws: seed 42 is at (42, 0), seed 65,536 at (0, 1).

    Between seeds, the latents are interpolated bilinearly and rescaled to their usual length. The classes are mixed, unless the
    request has a label. A point has the same picture in every sheet.
    """
    window = query.window()
    resolved = resolve_window(window, await scheduler.generator(query.model, query.version))
    return await conditional.reply(
        request,
        scheduler,
        caching.etag(resolved.generator.manifest.digest, resolved.cache_key()),
        lambda: scheduler.perform(request, resolved.steps(), pictures=window.count, pixels=window.pixels),
        media_type=MEDIA_TYPES[window.format],
        location=resolved.pinned_url,
        version=query.version,
    )
