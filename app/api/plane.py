"""`/plane`: a sheet of the plane of all seeds, and of what lies between them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app import caching
from app.api import conditional
from app.api.dependencies import BINARY, UnambiguousQuery, WorkloadOf
from app.api.schemas import PlaneQuery
from app.imaging import MEDIA_TYPES
from app.plane import pose_window
from app.problems import problem_responses

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
async def plane(request: Request, query: Annotated[PlaneQuery, Query()], workload: WorkloadOf, _: UnambiguousQuery) -> Response:
    """Every seed is a point of it, and has the picture of `/generate` there: seed 42 at (42, 0), seed 65,536 at (0, 1).

    Between four seeds pictures blend: latents by bilinear weights, brought back to the length of a latent, and classes as a
    mixture, unless a label is asked for. A point has the same picture in whatever sheet it is asked for.
    """
    window = query.window()
    posed = pose_window(window, await workload.generator(query.model, query.version))
    return await conditional.reply(
        request,
        workload,
        caching.etag(posed.generator.manifest.digest, posed.cache_key()),
        lambda: workload.perform(request, posed.steps(), pictures=window.count, pixels=window.pixels),
        media_type=MEDIA_TYPES[window.format],
        location=posed.pinned_url,
        version=query.version,
    )
