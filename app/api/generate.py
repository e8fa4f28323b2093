"""`/generate`: the picture of a seed, or a sheet of several."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app.api import conditional
from app.api.dependencies import BINARY, SchedulerOf, UnambiguousQuery
from app.api.schemas.parameters import FileFormat, SeedInPath
from app.api.schemas.pictures import GenerateBody, GeneratePathQuery, GenerateQuery
from app.http import caching
from app.http.problem_details import problem_responses
from app.images.encoding import MEDIA_TYPES
from app.sampling import pictures
from app.scheduler import Scheduler

router = APIRouter(tags=["pictures"])

_HEADERS: dict[str, Any] = {
    "X-Seed": {"description": "The seed or seeds, percent-encoded.", "schema": {"type": "string"}},
    "X-Label": {"description": "The class, if all pictures have the same one.", "schema": {"type": "string"}},
    **conditional.HEADERS,
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
    responses={**conditional.NOT_MODIFIED, **_RESPONSES},
)
async def generate(
    request: Request, query: Annotated[GenerateQuery, Query()], scheduler: SchedulerOf, _: UnambiguousQuery
) -> Response:
    """For a given version, the same seed always gives the same picture, alone or in a sheet, on any machine.

    With a pinned version such as `version=1`, the response can be cached forever. Without a seed, the service chooses a random
    one and returns it in `X-Seed`.
    """
    return await respond(request, query, scheduler)


@router.get(
    "/generate/{seed:path}.{format}",
    summary="Draw the picture of a seed, at an address that ends in .png",
    response_class=Response,
    responses={**conditional.NOT_MODIFIED, **_RESPONSES},
)
async def generate_file(
    request: Request,
    seed: SeedInPath,
    format: FileFormat,
    query: Annotated[GeneratePathQuery, Query()],
    scheduler: SchedulerOf,
    _: UnambiguousQuery,
) -> Response:
    """The same response as `GET /generate?seed=...&format=...`, for places that only accept addresses with an extension."""
    return await respond(request, query.complete(seed, format), scheduler)


async def respond(request: Request, query: GenerateQuery, scheduler: Scheduler) -> Response:
    """Return the response of `GET /generate` to a query.

    Raises:
        SeedlingError: see `GenerateQuery.drawing`, `pictures.resolve`, `Scheduler.generator` and `Scheduler.draw`.
    """
    return await _reply(request, query.drawing(), query, scheduler, query.version)


@router.post(
    "/generate",
    summary="Draw a seed, a latent or a mixture of classes",
    response_class=Response,
    responses=_RESPONSES | problem_responses(400),
)
async def generate_from_body(request: Request, body: GenerateBody, scheduler: SchedulerOf) -> Response:
    """Like `GET /generate`, but also accepts an explicit latent `z`, and a mixture of classes as a list of weights."""
    return await _reply(request, body.drawing(), body, scheduler, None)


async def _reply(
    request: Request, drawing: pictures.Drawing, query: GenerateQuery | GenerateBody, scheduler: Scheduler, version: str | None
) -> Response:
    resolved = pictures.resolve(drawing, await scheduler.generator(query.model, query.version))
    return await conditional.reply(
        request,
        scheduler,
        caching.etag(resolved.generator.manifest.digest, resolved.cache_key()),
        lambda: scheduler.draw(request, resolved),
        media_type=MEDIA_TYPES[drawing.format],
        location=resolved.pinned_url,
        version=version,
        fresh=drawing.is_fresh,
    )
