"""A picture in a request: the body itself, or the file of a form."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import Request
from starlette.requests import ClientDisconnect

from app.api.dependencies import BINARY
from app.errors import ClientGone
from app.http import forms
from app.images.decoding import FORMATS

_FORM = {
    "schema": {
        "type": "object",
        "properties": {"file": BINARY["schema"]},
        "required": ["file"],
        "additionalProperties": False,
    },
    "encoding": {"file": {"contentType": ", ".join(FORMATS.values())}},
}
UPLOAD = {
    "required": True,
    "description": "The file itself, or a form with one file in a field of any name. The format is detected from the content; "
    "the Content-Type of the file is ignored.",
    "content": {kind: BINARY for kind in (*FORMATS.values(), "application/octet-stream")} | {forms.MEDIA_TYPE: _FORM},
}


async def read_picture(request: Request, parameters: Collection[str]) -> bytes:
    """Return the uploaded file: the body, or the file of a form.

    Args:
        request: the request.
        parameters: the query parameters of the route, which errors about text fields name.

    Raises:
        ClientGone: the client disconnected.
    """
    try:
        if forms.is_form(request.scope):
            return await forms.read_file(request, request.app.state.settings.max_upload, parameters)
        return await request.body()
    except ClientDisconnect as error:
        raise ClientGone("The client disconnected before the picture was received. Send it again.") from error
