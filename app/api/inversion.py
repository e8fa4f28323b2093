"""`/invert` finds the latent whose picture resembles an uploaded one; `/nearest` finds the integer seeds whose pictures do."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response

from app.api.dependencies import CatalogueOf, InvertersOf, SchedulerOf, UnambiguousQuery
from app.api.schemas.inversion import InvertQuery, NearestQuery, NearestSeedQuery
from app.api.uploaded_picture import UPLOAD, read_picture
from app.asgi_scope import PICTURES
from app.discriminator.scoring import read_prepared
from app.http import caching
from app.http.problem_details import problem_responses
from app.inversion import results
from app.inversion.results import Inversion, Nearest
from app.sampling.latents import parse_label
from app.sampling.pictures import resolve

router = APIRouter(tags=["pictures"])


@router.post(
    "/invert",
    summary="Find the latent whose picture resembles a picture",
    responses=problem_responses(404, 413, 415, 422, 503),
    openapi_extra={"requestBody": UPLOAD},
)
async def invert(
    request: Request,
    response: Response,
    query: Annotated[InvertQuery, Query()],
    scheduler: SchedulerOf,
    inverters: InvertersOf,
    catalogue: CatalogueOf,
    _: UnambiguousQuery,
) -> Inversion:
    """Converts a picture to 28x28 grey like the training data, estimates its latent with an encoder, and refines the estimate.

    The same picture, version and steps give the same response on the same machine. Between machines, the latents may differ
    slightly, because encoders, unlike generators, are not quantised. The picture of a latent is the same everywhere.
    """
    content = await read_picture(request, InvertQuery.model_fields)
    generator = await scheduler.generator(query.model, query.version)
    label = None if query.label is None else parse_label(query.label, generator.classes)
    encoder = await to_thread.run_sync(inverters.encoder, generator)
    discriminator = await scheduler.discriminator(generator)

    def work() -> tuple[Inversion, int]:
        manifest = generator.manifest
        convert = catalogue.converter(manifest.dataset)
        prepared = read_prepared(content, query.prepare, manifest.dataset.name, convert)
        return results.invert(prepared, label, query.steps, generator, encoder, discriminator)

    found, drawn = await scheduler.score(request, work)
    _finish(request, response, found, drawn)
    return found


@router.post(
    "/nearest",
    summary="Find the seeds whose pictures resemble a picture",
    responses=problem_responses(404, 413, 415, 422, 503),
    openapi_extra={"requestBody": UPLOAD},
)
async def nearest(
    request: Request,
    response: Response,
    query: Annotated[NearestQuery, Query()],
    scheduler: SchedulerOf,
    inverters: InvertersOf,
    catalogue: CatalogueOf,
    _: UnambiguousQuery,
) -> Nearest:
    """Converts a picture to 28x28 grey like the training data, and searches the index of seeds for it.

    The candidates of the index are drawn and compared pixel by pixel, so that the errors are exact.
    """
    content = await read_picture(request, NearestQuery.model_fields)
    generator = await scheduler.generator(query.model, query.version)
    index = await to_thread.run_sync(inverters.index, generator)

    def work() -> tuple[Nearest, int]:
        convert = catalogue.converter(generator.manifest.dataset)
        prepared = read_prepared(content, query.prepare, generator.manifest.dataset.name, convert)
        return results.nearest(prepared.pixels, query.k, generator, index, prepared)

    found, drawn = await scheduler.score(request, work)
    _finish(request, response, found, drawn)
    return found


@router.get(
    "/nearest",
    summary="Find the seeds whose pictures resemble that of a seed",
    responses=problem_responses(404, 413, 422, 503),
)
async def nearest_to_seed(
    request: Request,
    response: Response,
    query: Annotated[NearestSeedQuery, Query()],
    scheduler: SchedulerOf,
    inverters: InvertersOf,
    _: UnambiguousQuery,
) -> Nearest:
    """Draws a picture as `/generate` does, and searches the index of seeds for it.

    If the seed is in the index, it comes first, with the error 0, unless `label`, `psi` or `edit` change its picture.
    """
    drawing = query.drawing()
    generator = await scheduler.generator(query.model, query.version)
    resolved = resolve(drawing, generator)
    index = await to_thread.run_sync(inverters.index, generator)

    def work() -> tuple[Nearest, int]:
        picture = generator.draw(resolved.points()[0])[0]
        return results.nearest(picture, query.k, generator, index)

    found, drawn = await scheduler.score(request, work)
    _finish(request, response, found, drawn)
    return found


def _finish(request: Request, response: Response, found: Inversion | Nearest, drawn: int) -> None:
    """Set the headers, and charge the drawn pictures to the client."""
    request.scope[PICTURES] = drawn
    response.headers.update({"Cache-Control": caching.NEVER, "X-Model": f"{found.model}/{found.version}"})
