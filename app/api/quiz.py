"""`/quiz`: pictures to recognise as real or generated."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api import conditional
from app.api.dependencies import SchedulerOf, UnambiguousQuery
from app.api.schemas.pictures import QuizQuery
from app.discriminator.quiz import QuizSheet, ResolvedQuiz
from app.http import caching
from app.http.problem_details import problem_responses
from app.sampling.generator import SIDE
from app.sampling.latents import fresh_seed
from app.sampling.response_cache import RenderedResponse

router = APIRouter(tags=["pictures"])


@router.get(
    "/quiz",
    summary="Ask which pictures are real",
    response_model=QuizSheet,
    responses={200: {"headers": conditional.HEADERS}, **conditional.NOT_MODIFIED, **problem_responses(404, 413, 422, 503)},
)
async def quiz(request: Request, query: Annotated[QuizQuery, Query()], scheduler: SchedulerOf, _: UnambiguousQuery) -> Response:
    """Each picture is, with equal probability, a generated one or a real test picture, which is not used for training.

    Both kinds have the same distribution of classes. The same seed and version give the same questions.
    """
    generator = await scheduler.generator(query.model, query.version)
    resolved = ResolvedQuiz(generator, fresh_seed() if query.seed is None else query.seed, query.count)

    async def make() -> RenderedResponse:
        steps = resolved.steps(await scheduler.originals(generator), await scheduler.discriminator(generator))
        return await scheduler.perform(request, steps, pictures=resolved.count, pixels=resolved.count * SIDE * SIDE)

    return await conditional.reply(
        request,
        scheduler,
        caching.etag(generator.manifest.digest, resolved.cache_key()),
        make,
        media_type="application/json",
        location=resolved.pinned_url,
        version=query.version,
        fresh=query.seed is None,
    )
