"""`/interpolate`: the way from one picture to another."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Response

from app import caching, interpolation
from app.api.dependencies import WorkloadOf
from app.api.schemas import InterpolateBody
from app.errors import problem_responses
from app.imaging import MEDIA_TYPES

router = APIRouter(tags=["pictures"])
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/interpolate",
    summary="Walk from picture to picture",
    response_class=Response,
    responses={
        200: {
            "description": "The frames, in one file.",
            "headers": {"X-Frames": {"description": "How many frames.", "schema": {"type": "integer"}}},
            "content": {MEDIA_TYPES[kind]: _BINARY for kind in ("png", "gif", "apng", "webp", "npy", "zip")}
            | {"application/json": {"schema": {"$ref": "#/components/schemas/Frames"}}},
        },
        **problem_responses(400, 404, 413, 422, 503),
    },
)
async def interpolate(body: InterpolateBody, workload: WorkloadOf) -> Response:
    """The first and the last frame are exactly the pictures that `/generate` gives for those keyframes.

    gif, apng and webp show equal neighbouring frames as one that lasts longer.
    """
    walk = body.walk()
    generator = await workload.generator(body.model, body.version)
    interpolation.check(walk, generator)
    content = await workload.perform(
        partial(interpolation.render, walk, generator),
        pictures=walk.frames,
        pixels=walk.frames * (28 * walk.scale) ** 2,
    )
    manifest = generator.manifest
    headers = {
        "X-Model": f"{manifest.name}/{manifest.version}",
        "X-Frames": str(walk.frames),
        "Cache-Control": caching.REVALIDATE,
    }
    return Response(content, media_type=MEDIA_TYPES[walk.format], headers=headers)
