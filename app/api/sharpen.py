"""`/sharpen`: plausible sharp pictures for a shrunk or blurred one."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app.api import conditional
from app.api.dependencies import BINARY, CatalogueOf, SchedulerOf, UnambiguousQuery
from app.api.schemas.pictures import SharpenQuery
from app.api.uploaded_picture import UPLOAD, read_picture
from app.http import caching
from app.http.problem_details import problem_responses
from app.images.decoding import is_tiny
from app.images.encoding import MEDIA_TYPES
from app.sampling.response_cache import RenderedResponse
from app.sampling.sharpener import read_upload, resolve_sharpening

router = APIRouter(tags=["pictures"])
_HEADERS: dict[str, Any] = {
    "X-Seed": {"description": "The seed or seeds, percent-encoded.", "schema": {"type": "string"}},
    "X-Factor": {
        "description": "Degradation: from the request, or detected from the picture.",
        "schema": {"enum": ["2", "4", "blur"]},
    },
    "X-Input": {"description": "Hex sha256 of the uploaded file.", "schema": {"type": "string"}},
    "X-Preprocessing": {
        "description": "none, the dataset whose format the picture was converted to, fitted if that format is unknown, or "
        "resized.",
        "schema": {"type": "string"},
    },
    **conditional.HEADERS,
}
_OK: dict[str, Any] = {
    "description": "The sharpened picture, a sheet of several, an array or an archive.",
    "headers": _HEADERS,
    "content": {MEDIA_TYPES[kind]: BINARY for kind in ("png", "webp", "npy", "zip")}
    | {"application/json": {"schema": {"$ref": "#/components/schemas/Sharpened"}}},
}


@router.post(
    "/sharpen",
    summary="Sharpen a shrunk or blurred picture",
    response_class=Response,
    responses={200: _OK, **problem_responses(404, 413, 415, 422, 503)},
    openapi_extra={"requestBody": UPLOAD},
)
async def sharpen(
    request: Request,
    query: Annotated[SharpenQuery, Query()],
    scheduler: SchedulerOf,
    catalogue: CatalogueOf,
    _: UnambiguousQuery,
) -> Response:
    """Returns one of many plausible originals. The same picture, version and seed always give the same output.

    Pictures of 14x14 and 7x7 pixels are treated as shrunk: shrinking the output reproduces the input to within one grey level
    per pixel. Pictures of 28x28 pixels are treated as blurred, or as shrunk if they consist of equal blocks. Other pictures are
    first converted to 28x28 like the training data; `X-Preprocessing` reports the conversion.
    """
    drawing = query.drawing()
    content = await read_picture(request, SharpenQuery.model_fields)
    sharpener = await scheduler.sharpener(query.model, query.version)
    convert = partial(catalogue.converter, sharpener.manifest.dataset)
    read = partial(read_upload, content, query.factor, query.prepare, sharpener.manifest, convert)
    upload = read() if is_tiny(content) else await scheduler.score(request, read)  # tiny ones are then drawn in one batch
    resolved = resolve_sharpening(drawing, sharpener, upload)

    async def make() -> RenderedResponse:
        return await scheduler.draw(request, resolved)

    return await conditional.reply(
        request,
        scheduler,
        caching.etag(sharpener.manifest.digest, resolved.cache_key()),
        make,
        media_type=MEDIA_TYPES[drawing.format],
        location=resolved.pinned_url,
        version=query.version,
        fresh=drawing.is_fresh,
    )
