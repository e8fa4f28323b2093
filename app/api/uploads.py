"""`/admin/uploads`: uploads that can be resumed, by the tus protocol 1.0 (https://tus.io/protocols/resumable-upload).

Implements the core protocol and the extensions creation, creation-with-upload, checksum, expiration and termination.
"""

from __future__ import annotations

import base64
import contextlib
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Header, Path, Request, Response
from starlette.requests import ClientDisconnect

from app.api.admin_route import admin_router
from app.api.dependencies import BINARY, IdentityOf, UploadsOf
from app.api.schemas.datasets import UploadList, UploadView
from app.asgi_scope import STORED
from app.datasets.uploads import ALGORITHMS, UPLOAD_ID, Appending, Upload, Uploads
from app.errors import ClientGone, InvalidRequest, TusVersionUnknown, UploadUnsupported
from app.http import caching
from app.http.problem_details import problem_responses
from app.http.streamed_forms import StreamedForm

router = admin_router("datasets")
VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
PART = "application/offset+octet-stream"
BLOCK = 1024 * 1024
"""Bytes that are collected before they are written, because each write is a task for a thread."""
UploadId = Annotated[str, Path(pattern=UPLOAD_ID, description="Id of the upload.")]
Tus = Annotated[
    str | None, Header(alias="Tus-Resumable", max_length=20, description="Version of tus. Only 1.0.0 is supported.")
]
Offset = Annotated[int, Header(alias="Upload-Offset", ge=0, le=10**15, description="Number of bytes that the upload has.")]
Checksum = Annotated[
    str | None,
    Header(
        alias="Upload-Checksum",
        max_length=200,
        description="Algorithm and base64 of the digest of the body, as in `sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=`.",
    ),
]
_PART: dict[str, Any] = {"requestBody": {"required": True, "content": {PART: BINARY}}}


@router.options("/uploads", status_code=204, summary="Show what the upload protocol supports")
async def describe_uploads(uploads: UploadsOf) -> Response:
    """Returns the version of tus, its extensions, the maximum size of a file, and the algorithms of checksums in headers."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(uploads.most_bytes),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return Response(status_code=204, headers=_headers(headers))


@router.get("/uploads", summary="List the uploads")
def list_uploads(uploads: UploadsOf) -> UploadList:
    """Lists uploads, newest first, with the bytes that they have and when they expire."""
    return UploadList(uploads=[UploadView.of(upload) for upload in uploads.all()])


@router.post("/uploads", status_code=201, summary="Begin an upload", responses=problem_responses(412, 413, 415, 507))
async def create_upload(
    request: Request,
    uploads: UploadsOf,
    identity: IdentityOf,
    length: Annotated[int, Header(alias="Upload-Length", ge=0, le=10**15, description="Bytes of the whole file.")],
    metadata: Annotated[
        str,
        Header(
            alias="Upload-Metadata",
            max_length=4096,
            description="`filename` and the base64 of the file's name. Its extension identifies the format. Other keys are "
            "ignored.",
        ),
    ] = "",
    checksum: Checksum = None,
    tus: Tus = None,
) -> Response:
    """Begins an upload and returns its address in `Location`. The body may have the first bytes of the file."""
    _check_version(tus)
    has_content = request.headers.get("content-type") == PART
    filename = _filename(metadata)
    upload = await to_thread.run_sync(uploads.create, length, filename, identity.name)
    try:
        offset = await _append(request, uploads, upload.id, 0, checksum) if has_content else 0
    except ClientGone:
        await to_thread.run_sync(uploads.delete, upload.id)  # the client does not know its address
        raise
    location = f"{request.scope.get('root_path', '')}/admin/uploads/{upload.id}"
    return Response(status_code=201, headers=_headers({"Location": location, "Upload-Offset": str(offset)}, upload))


@router.get("/uploads/{upload_id}", summary="Show an upload", responses=problem_responses(404, 412))
def show_upload(response: Response, upload_id: UploadId, uploads: UploadsOf, tus: Tus = None) -> UploadView:
    """Returns how many bytes have arrived. `HEAD` has them in `Upload-Offset`, from where a client continues."""
    _check_version(tus)
    upload = uploads.get(upload_id)
    found = {"Upload-Offset": str(upload.offset), "Upload-Metadata": f"filename {_encoded(upload.description.filename)}"}
    if upload.description.length is not None:
        found["Upload-Length"] = str(upload.description.length)
    response.headers.update(_headers(found, upload))
    return UploadView.of(upload)


@router.patch(
    "/uploads/{upload_id}",
    status_code=204,
    summary="Continue an upload",
    responses=problem_responses(404, 409, 412, 413, 415, 423, 460, 507),
    openapi_extra=_PART,
)
async def append_upload(
    request: Request,
    upload_id: UploadId,
    uploads: UploadsOf,
    offset: Offset,
    checksum: Checksum = None,
    tus: Tus = None,
) -> Response:
    """Appends the body to the upload. The bytes received are kept if the connection breaks, unless the body has a checksum."""
    _check_version(tus)
    if request.headers.get("content-type") != PART:
        raise UploadUnsupported(f"A part of an upload must have the Content-Type {PART}. Send this header.")
    arrived = await _append(request, uploads, upload_id, offset, checksum)
    upload = await to_thread.run_sync(uploads.get, upload_id)
    return Response(status_code=204, headers=_headers({"Upload-Offset": str(arrived)}, upload))


@router.delete("/uploads/{upload_id}", status_code=204, summary="Delete an upload", responses=problem_responses(404, 412, 423))
def delete_upload(response: Response, upload_id: UploadId, uploads: UploadsOf, tus: Tus = None) -> None:
    """Deletes an upload and its bytes."""
    _check_version(tus)
    uploads.delete(upload_id)
    response.headers.update(_headers({}))


async def _append(request: Request, uploads: Uploads, upload_id: str, offset: int, checksum: str | None) -> int:
    """Append the body of a request. Return the number of bytes that the upload has then."""
    with contextlib.ExitStack() as stack:
        appending = await to_thread.run_sync(stack.enter_context, uploads.append(upload_id, offset, checksum))
        announced = request.headers.get("content-length", "")
        if announced.isdigit():
            appending.check_fits(int(announced))
        await receive(request, appending)
        return appending.offset


async def receive(request: Request, appending: Appending, form: StreamedForm | None = None) -> None:
    """Write the body of a request, or the file of a form, to an upload, in blocks.

    Raises:
        ClientGone: the client disconnected. What has arrived is on the disk.
        FormInvalid: the form is damaged or cut off.
    """
    block = bytearray()
    try:
        async for piece in request.stream():
            block += form.feed(piece) if form else piece
            if len(block) >= BLOCK:
                await write(request, appending, block)
    except ClientDisconnect as error:
        await write(request, appending, block)
        await to_thread.run_sync(lambda: appending.flush(is_whole=False))
        raise ClientGone("The client disconnected during an upload. Continue it from Upload-Offset.") from error
    if form:
        form.close()
    await write(request, appending, block)
    await to_thread.run_sync(appending.flush)


async def write(request: Request, appending: Appending, block: bytearray) -> None:
    """Write a block and clear it. The server may then receive more: its budget for bodies counts bytes in memory."""
    if block:
        await to_thread.run_sync(appending.write, bytes(block))
        block.clear()
    stored = request.scope[STORED]() if STORED in request.scope else None
    if stored:
        stored()


def _check_version(version: str | None) -> None:
    """Reject other versions of tus. Without the header, curl can be used, too."""
    if version not in (None, VERSION):
        raise TusVersionUnknown(f"This service speaks tus {VERSION}. Send Tus-Resumable: {VERSION}.")


def _headers(found: dict[str, str], upload: Upload | None = None) -> dict[str, str]:
    if upload:
        found["Upload-Expires"] = format_datetime(datetime.fromtimestamp(upload.expires, UTC), usegmt=True)
    return {"Tus-Resumable": VERSION, "Cache-Control": caching.NEVER, **found}


def _filename(metadata: str) -> str:
    """Return the name of the file from Upload-Metadata: pairs of a key and a base64 value, separated by commas."""
    for pair in metadata.split(","):
        key, _, value = pair.strip().partition(" ")
        if key == "filename":
            try:
                return base64.b64decode(value, validate=True).decode()
            except ValueError as error:
                raise InvalidRequest(
                    "The filename in Upload-Metadata is not base64-encoded UTF-8. Encode it as such."
                ) from error
    return ""


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
