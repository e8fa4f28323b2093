"""`/discriminate`: score how real an uploaded picture or the pictures of seeds look."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api import conditional
from app.api.dependencies import CatalogueOf, SchedulerOf, UnambiguousQuery
from app.api.schemas.pictures import DiscriminateQuery, DiscriminateSeedsQuery
from app.api.uploaded_picture import UPLOAD, read_picture
from app.discriminator.scoring import DiscriminatorScore, ResolvedScores, SeedScores, score
from app.http import caching
from app.http.problem_details import problem_responses
from app.sampling.latents import resolve_label
from app.sampling.pictures import resolve
from app.sampling.response_cache import RenderedResponse

router = APIRouter(tags=["pictures"])


@router.get(
    "/discriminate",
    summary="Score how real the pictures of seeds look",
    response_model=SeedScores,
    responses={200: {"headers": conditional.HEADERS}, **conditional.NOT_MODIFIED, **problem_responses(404, 413, 422, 503)},
)
async def discriminate_seeds(
    request: Request, query: Annotated[DiscriminateSeedsQuery, Query()], scheduler: SchedulerOf, _: UnambiguousQuery
) -> Response:
    """Draws each picture as `/generate` does, and scores it as a picture of its class."""
    drawing = query.drawing()
    generator = await scheduler.generator(query.model, query.version)
    resolved = ResolvedScores(resolve(drawing, generator))

    async def make() -> RenderedResponse:
        steps = resolved.steps(await scheduler.discriminator(generator))
        return await scheduler.perform(request, steps, pictures=drawing.count, pixels=drawing.pixels)

    tag = caching.etag(generator.manifest.digest, resolved.cache_key())
    return await conditional.reply(
        request,
        scheduler,
        tag,
        make,
        media_type="application/json",
        location=resolved.pinned_url,
        version=query.version,
    )


@router.post(
    "/discriminate",
    summary="Score how real a picture looks",
    responses=problem_responses(404, 413, 415, 422, 503),
    openapi_extra={"requestBody": UPLOAD},
)
async def discriminate(
    request: Request,
    response: Response,
    query: Annotated[DiscriminateQuery, Query()],
    scheduler: SchedulerOf,
    catalogue: CatalogueOf,
    _: UnambiguousQuery,
) -> DiscriminatorScore:
    """Converts a PNG, JPEG, WebP, GIF, BMP or TIFF to 28x28 grey like the training data, and runs the discriminator on it.

    Returns the preprocessed picture, its logit, and the probability that it is real. Only the first frame or page of a file is
    used. Transparent pixels are background. BMP and TIFF files must be uncompressed.
    """
    content = await read_picture(request, DiscriminateQuery.model_fields)
    generator = await scheduler.generator(query.model, query.version)
    label = resolve_label(query.label, generator.classes)

    def work() -> DiscriminatorScore:
        convert = catalogue.converter(generator.manifest.dataset)
        return score(content, query.prepare, label, scheduler.registry.discriminator(generator), convert)

    found = await scheduler.score(request, work)
    response.headers.update({"Cache-Control": caching.NEVER, "X-Model": f"{found.model}/{found.version}"})
    return found
