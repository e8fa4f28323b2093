"""`/film.webp`, `/film.gif` and `/film.apng`: an interpolation with a URL, for sites that show pictures by their URL."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from app.api import conditional
from app.api.dependencies import BINARY, SchedulerOf, UnambiguousQuery
from app.api.schemas.sharing import FilmQuery
from app.http import caching
from app.http.problem_details import problem_responses
from app.images.encoding import MEDIA_TYPES
from app.sampling.interpolation import ResolvedWalk, resolve_walk
from app.sampling.keyframes import format_keyframes
from app.sampling.latents import label_text
from app.sampling.pictures import MAX_HEADER, build_url

router = APIRouter(tags=["pictures"])
FilmFormat = Annotated[Literal["webp", "gif", "apng"], Path(description="The format, as an extension.")]
_OK: dict[str, Any] = {
    "description": "The animation.",
    "headers": {
        "X-Frames": {"description": "Number of frames.", "schema": {"type": "integer"}},
        **conditional.HEADERS,
    },
    "content": {MEDIA_TYPES[kind]: BINARY for kind in ("webp", "gif", "apng")},
}


@router.get(
    "/film.{format}",
    summary="Draw an interpolation, at an address",
    response_class=Response,
    responses={200: _OK, **conditional.NOT_MODIFIED, **problem_responses(404, 413, 422, 503)},
)
async def film(
    request: Request, format: FilmFormat, query: Annotated[FilmQuery, Query()], scheduler: SchedulerOf, _: UnambiguousQuery
) -> Response:
    """The same frames as `POST /interpolate`, with the parameters of the page Walk, so that a web page, a chat or a
    README can show the film by its address.
    """
    walk = query.walk(format)
    resolved = resolve_walk(walk, await scheduler.generator(query.model, query.version))
    return await conditional.reply(
        request,
        scheduler,
        caching.etag(resolved.generator.manifest.digest, resolved.cache_key()),
        lambda: scheduler.perform(request, resolved.steps(), pictures=walk.frames, pixels=walk.pixels),
        media_type=MEDIA_TYPES[format],
        location=lambda: _pinned_url(resolved, query),
        version=query.version,
    )


def _pinned_url(resolved: ResolvedWalk, query: FilmQuery) -> str | None:
    """Return the URL that always returns this response. None if no URL can express a class, or it would be too long."""
    classes = resolved.generator.classes
    labels = [None if keyframe.label is None else label_text(keyframe.label, classes) for keyframe in resolved.keyframes]
    if any(text is None and keyframe.label is not None for text, keyframe in zip(labels, resolved.keyframes, strict=True)):
        return None
    keyframes = format_keyframes(resolved.keyframes, labels)
    if len(keyframes) > MAX_HEADER:
        return None
    manifest = resolved.generator.manifest
    given = query.model_dump(exclude_defaults=True, exclude={"keyframes", "model", "version"})
    settings = {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}
    pinned = {"keyframes": keyframes, **settings, "model": manifest.name, "version": manifest.version}
    return build_url(f"/film.{resolved.walk.format}", pinned)
