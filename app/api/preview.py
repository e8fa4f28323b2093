"""`/preview.png`: the picture that chats and social networks show for the address of a page."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app.api import conditional
from app.api.dependencies import BINARY, SchedulerOf
from app.api.schemas.sharing import PreviewQuery
from app.errors import InvalidRequest, NotFound, VersionUnusable
from app.http import caching
from app.http.problem_details import problem_responses
from app.sampling.preview import HEIGHT, WIDTH, Preview, State, preview_of
from app.scheduler import Scheduler

router = APIRouter(tags=["pictures"])
_OK: dict[str, Any] = {
    "description": f"A picture of {WIDTH}x{HEIGHT} pixels.",
    "headers": conditional.HEADERS,
    "content": {"image/png": BINARY},
}


@router.get(
    "/preview.png",
    summary="Draw the preview of a page",
    response_class=Response,
    responses={200: _OK, **conditional.NOT_MODIFIED, **problem_responses(422, 503)},
)
async def preview(request: Request, query: Annotated[PreviewQuery, Query()], scheduler: SchedulerOf) -> Response:
    """The parameters are those of the page's address. The pages name this picture in their Open Graph tags.

    Invalid or unknown parameters never cause an error: the response is then the preview of the start page. With a version
    number, the response can be cached forever.
    """
    found, state, version = await _found(query, scheduler)
    return await conditional.reply(
        request,
        scheduler,
        caching.etag(found.generator.manifest.digest, ["preview", state, found.generator.title]),
        lambda: scheduler.perform(request, found.steps(), pictures=found.count, pixels=WIDTH * HEIGHT),
        media_type="image/png",
        location=lambda: None,
        version=version,
    )


async def _found(query: PreviewQuery, scheduler: Scheduler) -> tuple[Preview, State, str | None]:
    """Return the preview with its state and version. If any of them is invalid, return that of the start page."""
    try:
        generator = await scheduler.generator(query.model, query.version)
        return preview_of(query.state(), generator), query.state(), query.version
    except (InvalidRequest, NotFound, VersionUnusable):
        generator = await scheduler.generator(None, None)
        return preview_of(State(), generator), State(), None
