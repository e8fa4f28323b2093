"""`/generate`: the picture of a seed, or a sheet of several."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.types import Scope

from app.api import conditional
from app.api.dependencies import BINARY, SchedulerOf, UnambiguousQuery
from app.api.schemas.parameters import FileFormat, SeedInPath
from app.api.schemas.pictures import GenerateBody, GeneratePathQuery, GenerateQuery
from app.api.series import Series, series_of
from app.http import caching
from app.http.problem_details import problem_responses
from app.http.responses import EncodedResponse, encode
from app.images.encoding import MEDIA_TYPES
from app.sampling import pictures
from app.sampling.latents import Seed
from app.scheduler import Scheduler, is_inline

router = APIRouter(tags=["pictures"])

_HEADERS: dict[str, Any] = {
    "X-Seed": {"description": "The seed or seeds, percent-encoded.", "schema": {"type": "string"}},
    "X-Parents": {"description": "The parents of a child, percent-encoded.", "schema": {"type": "string"}},
    "X-Child": {"description": "The number of a child.", "schema": {"type": "integer"}},
    "X-Edit": {"description": "The edit, if there is one.", "schema": {"type": "string"}},
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
    one and returns it in `X-Seed`. `parents=42,7&child=3` draws a child of two or more pictures, which is just as permanent.
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
    """The same response as `GET /generate?seed=...&format=...`, for programs that only accept addresses with an extension."""
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
    if drawing.seeds and not drawing.is_sheet and is_inline(drawing):
        return await respond_single(
            request.scope,
            series_of(resolved),
            drawing.seeds[0],
            scheduler,
            pinned=caching.is_pinned(version),
            fresh=drawing.is_fresh,
        )
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


async def respond_single(
    scope: Scope, series: Series, seed: Seed, scheduler: Scheduler, *, pinned: bool, fresh: bool
) -> Response:
    """Return the response to a request for a single picture. The direct path and the routes share it.

    Args:
        scope: the ASGI scope of the request.
        series: the request without its seed.
        seed: the seed.
        scheduler: draws the picture, unless the response is cached.
        pinned: whether the request names a version by its number.
        fresh: whether the service chose the seed at random.

    Raises:
        Overloaded: too many single pictures are requested at the same time.
    """
    tag = series.tag(seed)
    headers = series.headers(seed, tag, root=scope.get("root_path", ""), pinned=pinned, fresh=fresh)
    if fresh:
        rendered = await scheduler.draw_one(scope, series, seed)
    elif scope["method"] == "GET" and caching.matches(caching.sent_tags(scope["headers"]), tag):
        return EncodedResponse(304, headers)
    else:
        rendered = await scheduler.cache.get(tag, lambda: scheduler.draw_one(scope, series, seed))
    return EncodedResponse(200, [*headers, series.content_type, *encode(rendered.headers.items())], rendered.content)
