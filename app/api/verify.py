"""`/verify` checks whether a saved picture is what it claims to be. `/credentials` signs it if it is."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from app.api.dependencies import BINARY, SchedulerOf, UnambiguousQuery
from app.api.uploaded_picture import read_picture
from app.errors import CredentialsDisabled, NotFound
from app.http import caching, forms
from app.http.problem_details import problem_responses
from app.lookup import Lookup
from app.sampling.generator import LoadedGenerator
from app.sampling.response_cache import RenderedResponse
from app.scheduler import Scheduler
from app.verification import claims, saved
from app.verification.claims import Claim, NoClaim, UnknownDirections
from app.verification.comparison import MAX_CHUNKS, Comparison, Verification, rendered, repeated
from app.verification.credentials import Signer
from models.version import Version

router = APIRouter(tags=["pictures"])
_UPLOAD = {
    "required": True,
    "description": "A PNG or APNG as Seedling wrote it, or a form with one file in a field of any name.",
    "content": {
        **{kind: BINARY for kind in ("image/png", "image/apng", "application/octet-stream")},
        forms.MEDIA_TYPE: {
            "schema": {
                "type": "object",
                "properties": {"file": BINARY["schema"]},
                "required": ["file"],
                "additionalProperties": False,
            },
            "encoding": {"file": {"contentType": "image/png, image/apng"}},
        },
    },
}


@router.post(
    "/verify",
    summary="Check whether a saved picture is what it claims to be",
    response_model=Verification,
    responses=problem_responses(404, 413, 415, 422, 503),
    openapi_extra={"requestBody": _UPLOAD},
)
async def verify(request: Request, scheduler: SchedulerOf, _: UnambiguousQuery) -> Response:
    """Draws the picture again from its text chunks, and compares every pixel. No key is needed, because a version draws the
    same pixels on every machine.

    The verdict is about the pixels, not about the bytes of the file: a PNG that was compressed again is equal, as long as its
    text chunks are kept. Pictures, sheets, parts of the plane, strips, animated PNGs, frames and sharpened pictures can be
    verified. Formats other than PNG have no text chunks, so they get 415.
    """
    content = await read_picture(request, ())
    async with scheduler.upload(request):
        found = await _verify(request, content, scheduler)
    return Response(found.content, media_type="application/json", headers={"Cache-Control": caching.NEVER, **found.headers})


@router.post(
    "/credentials",
    summary="Sign a picture with C2PA content credentials",
    response_class=Response,
    responses={
        200: {"description": "The PNG with a signed manifest.", "content": {"image/png": BINARY}},
        **problem_responses(404, 413, 415, 422, 503),
    },
    openapi_extra={"requestBody": _UPLOAD},
)
async def credentials(request: Request, scheduler: SchedulerOf, _: UnambiguousQuery) -> Response:
    """Verifies a picture as `POST /verify` does. If every pixel is equal, it adds a signed manifest that says which
    version generated the picture. Pixels and text chunks stay unchanged, so the signed picture can still be verified without a
    certificate.

    The operator enables this with a certificate (`GAN_C2PA_CERTIFICATES`). Without one, the response is 404.
    """
    signer: Signer | None = request.app.state.signer
    if signer is None:
        raise CredentialsDisabled(
            "This service does not sign pictures. Set GAN_C2PA_CERTIFICATES and GAN_C2PA_KEY, or use POST /verify, which "
            "needs no key."
        )
    content = await read_picture(request, ())
    async with scheduler.upload(request):
        found = Verification.model_validate_json((await _verify(request, content, scheduler)).content)
        signed = await to_thread.run_sync(signer.sign, content, found)
    return Response(signed, media_type="image/png", headers={"Cache-Control": caching.NEVER})


async def _verify(request: Request, content: bytes, scheduler: Scheduler) -> RenderedResponse:
    file = await to_thread.run_sync(saved.read_png, content)
    known = Verification(verdict="no_claim", reason="", claim=repeated(file.text))
    try:
        claim = claims.read(file.text)
        known = known.model_copy(update={"kind": claim.kind, "unverified": claim.unverified[:MAX_CHUNKS]})
        generator = await _generator(claim, scheduler)
        if generator is None:
            reason = f"No version here has the generator of {claim.name}/{claim.number} with the sha256 {claim.digest}."
            return rendered(known.model_copy(update={"verdict": "unknown_version", "reason": reason}))
        expected = await to_thread.run_sync(claim.expect, generator, file)
    except NoClaim as error:
        return rendered(known.model_copy(update={"reason": str(error)}))
    except UnknownDirections as error:
        return rendered(known.model_copy(update={"verdict": "unknown_version", "reason": str(error)}))
    manifest = generator.manifest
    known = known.model_copy(update={"model": manifest.name, "version": manifest.version, "url": expected.url})
    drawn = expected.count if expected.layouts else 0
    return await scheduler.draw_for_upload(request, Comparison(file, expected, known).steps(), pictures=drawn)


async def _generator(claim: Claim, scheduler: Scheduler) -> LoadedGenerator | None:
    """Return the generator that a claim names by its sha256. None if no version here has it."""
    try:
        version = await scheduler.lookup.find(lambda: _version(claim, scheduler.lookup))
    except NotFound:
        return None
    load = scheduler.sharpener if version.manifest.task == "sharpen" else scheduler.generator
    return await load(version.name, str(version.number))


def _version(claim: Claim, lookup: Lookup) -> Version:
    """Return a version with the claimed generator, preferably with the claimed name and number.

    Raises:
        NotFound: there is none.
    """
    views = lookup.registry.models().values()
    found = [version for view in views for version in view.versions.values() if version.manifest.digest == claim.digest]
    if not found:
        raise NotFound(f"No version has a generator with the sha256 {claim.digest}. Publish that version on this service.")
    return max(found, key=lambda version: (version.name == claim.name, version.number == claim.number))
