"""`/interpolate`: interpolation between pictures."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.api.dependencies import BINARY, SchedulerOf
from app.api.schemas.pictures import InterpolateBody
from app.http import caching
from app.http.problem_details import problem_responses
from app.images.encoding import MEDIA_TYPES
from app.sampling.interpolation import resolve_walk

router = APIRouter(tags=["pictures"])


@router.post(
    "/interpolate",
    summary="Interpolate between pictures",
    response_class=Response,
    responses={
        200: {
            "description": "The frames, in one file.",
            "headers": {
                "ETag": {"description": "Identifies these bytes.", "schema": {"type": "string"}},
                "X-Model": {"description": "Model and version that drew the frames.", "schema": {"type": "string"}},
                "X-Frames": {"description": "Number of frames.", "schema": {"type": "integer"}},
            },
            "content": {MEDIA_TYPES[kind]: BINARY for kind in ("png", "gif", "apng", "webp", "npy", "zip")}
            | {"application/json": {"schema": {"$ref": "#/components/schemas/Frames"}}},
        },
        **problem_responses(400, 404, 413, 422, 503),
    },
)
async def interpolate(request: Request, body: InterpolateBody, scheduler: SchedulerOf) -> Response:
    """Every keyframe is exactly the picture that `/generate` draws.

    Animations contain every frame, even equal consecutive ones. The frames of a zip contain the parameters of
    `/generate` that reproduce them, in their text chunks.
    """
    walk = body.walk()
    resolved = resolve_walk(walk, await scheduler.generator(body.model, body.version))
    tag = caching.etag(resolved.generator.manifest.digest, resolved.cache_key())
    response = await scheduler.cache.get(
        tag, lambda: scheduler.perform(request, resolved.steps(), pictures=walk.frames, pixels=walk.pixels)
    )
    headers = {"ETag": tag, "Cache-Control": caching.REVALIDATE, **response.headers}
    return Response(response.content, media_type=MEDIA_TYPES[walk.format], headers=headers)
