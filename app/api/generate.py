"""`/generate`: a seed's picture, or a sheet of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app import caching, pictures
from app.api.dependencies import BINARY, UnambiguousQuery, WorkloadOf
from app.api.schemas import GenerateBody, GenerateQuery
from app.imaging import MEDIA_TYPES
from app.problems import problem_responses
from app.workload import Workload

router = APIRouter(tags=["pictures"])

_HEADERS: dict[str, Any] = {
    "ETag": {"description": "Names these bytes; send it back in If-None-Match.", "schema": {"type": "string"}},
    "X-Seed": {"description": "The seed or seeds, percent-encoded.", "schema": {"type": "string"}},
    "X-Label": {"description": "The class, where there is one for all pictures.", "schema": {"type": "string"}},
    "X-Model": {"description": "Model and version that drew it.", "schema": {"type": "string"}},
    "Content-Location": {"description": "The URL that gives these bytes for ever.", "schema": {"type": "string"}},
    "Cache-Control": {"schema": {"type": "string"}},
}
_OK: dict[str, Any] = {
    "description": "The picture, sheet, array or archive.",
    "headers": _HEADERS,
    "content": {MEDIA_TYPES[kind]: BINARY for kind in ("png", "webp", "npy", "zip")}
    | {"application/json": {"schema": {"$ref": "#/components/schemas/Picture"}}},
}
_RESPONSES: dict[int | str, dict[str, Any]] = {200: _OK, **problem_responses(404, 413, 422, 503)}


@router.get(
    "/generate",
    summary="Draw the picture of a seed",
    response_class=Response,
    responses={304: {"description": "The caller's copy is still right."}, **_RESPONSES},
)
async def generate(
    request: Request, query: Annotated[GenerateQuery, Query()], workload: WorkloadOf, _: UnambiguousQuery
) -> Response:
    """The same seed gives the same picture, alone and in a sheet, today and elsewhere, as long as the version is the same.

    Pin one with `version=1` and it may be cached for ever. Without a seed, a fresh one is drawn and told in `X-Seed`.
    """
    return await answer(request, query, workload)


async def answer(request: Request, query: GenerateQuery, workload: Workload) -> Response:
    """What `GET /generate` answers to a query.

    Raises:
        SeedlingError: see `GenerateQuery.drawing`, `pictures.pose`, `Workload.generator` and `Workload.draw`.
    """
    drawing = query.drawing()
    posed = pictures.pose(drawing, await workload.generator(query.model, query.version))
    tag = caching.etag(posed.generator.manifest.digest, posed.cache_key())
    pinned = query.version is not None and query.version.isdecimal()
    headers = {"ETag": tag, "Cache-Control": caching.policy(pinned=pinned, fresh=drawing.is_fresh)}
    location = posed.pinned_url()
    if location and (drawing.is_fresh or not pinned):
        headers["Content-Location"] = request.scope.get("root_path", "") + location
    if not drawing.is_fresh and caching.matches(request.headers.getlist("If-None-Match"), tag):
        return Response(status_code=304, headers=headers)
    return await _reply(request, posed, workload, tag, headers)


@router.post(
    "/generate",
    summary="Draw a seed, a latent or a mixture of classes",
    response_class=Response,
    responses=_RESPONSES | problem_responses(400),
)
async def generate_from_body(request: Request, body: GenerateBody, workload: WorkloadOf) -> Response:
    """As `GET /generate`, with what a URL cannot say: an explicit latent `z`. A mixture may be a list of weights, too."""
    drawing = body.drawing()
    posed = pictures.pose(drawing, await workload.generator(body.model, body.version))
    tag = caching.etag(posed.generator.manifest.digest, posed.cache_key())
    headers = {"ETag": tag, "Cache-Control": caching.policy(pinned=False, fresh=drawing.is_fresh)}
    location = posed.pinned_url()
    if location:
        headers["Content-Location"] = request.scope.get("root_path", "") + location
    return await _reply(request, posed, workload, tag, headers)


async def _reply(request: Request, posed: pictures.Posed, workload: Workload, tag: str, headers: dict[str, str]) -> Response:
    if posed.drawing.is_fresh:  # nobody else asks for it
        drawn = await workload.draw(request, posed)
    else:
        drawn = await workload.cache.get(tag, lambda: workload.draw(request, posed))
    return Response(drawn.content, media_type=MEDIA_TYPES[posed.drawing.format], headers={**headers, **drawn.headers})
