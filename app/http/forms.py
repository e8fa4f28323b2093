"""Uploads of one file as `multipart/form-data` (RFC 7578), as sent by HTML forms, `curl -F` and `requests`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request
from starlette.types import Scope

from app.errors import BodyTooLarge, FormInvalid

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MEDIA_TYPE = "multipart/form-data"
MAX_FRAMING = 8 * 1024
"""Bytes of a form besides its file: boundaries and headers of the part. Browsers send a few hundred."""
MAX_DELIMITERS = 2
"""Line breaks with a boundary in a form with one file: at its end, and perhaps at its beginning. RFC 2046 5.1.1 forbids them
inside the file, where each takes the parser 2 microseconds: a file made of them would keep a worker busy for seconds."""
_UNENCODED = ("", "binary", "8bit", "7bit")
_REMEDY = "Send one file: curl -F file=@picture.png."


def is_form(scope: Scope) -> bool:
    """Whether the body of a request is a form with files, by its Content-Type."""
    return _content_type(scope).partition(b";")[0].strip().lower() == MEDIA_TYPE.encode()


async def read_file(request: Request, limit: int, parameters: Collection[str]) -> bytes:
    """Return the content of the only file of a form. It is parsed while it arrives, and only the file is kept.

    Args:
        request: a request for which `is_form` holds.
        limit: the maximum size of the file in bytes.
        parameters: the query parameters of the route, which errors about text fields name.

    Raises:
        FormInvalid: the form is damaged or cut off, or does not consist of one file.
        BodyTooLarge: the file is too large.
        ClientDisconnect: the client disconnected, or the form exceeds the limit of `app.http.bodies`.
    """
    form = FileForm(_content_type(request.scope), limit, parameters)
    async for piece in request.stream():
        form.write(piece)
    return form.content()


class FileForm:
    """A form with one file, which is written in pieces of any size.

    Args:
        content_type: the Content-Type of the request.
        limit: see `read_file`.
        parameters: see `read_file`.

    Raises:
        FormInvalid: the Content-Type has no boundary, or one of more than 256 bytes.
    """

    def __init__(self, content_type: bytes, limit: int, parameters: Collection[str]) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise FormInvalid(
                "The Content-Type has no boundary. Do not set this header yourself: curl -F, requests and browsers set it."
            )
        self._parts = _OneFile(limit, parameters)
        try:
            self._parser = MultipartParser(boundary, self._parts.callbacks())
        except FormParserError as error:
            raise _damaged(error) from error
        self._delimiter, self._delimiters, self._tail = b"\r\n--" + boundary, 0, b""

    def write(self, piece: bytes) -> None:
        """Parse the next piece of the body.

        Raises:
            FormInvalid, BodyTooLarge: see `read_file`.
        """
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _damaged(error) from error
        window = self._tail + piece
        self._tail = window[max(0, len(window) - len(self._delimiter) + 1) :]
        self._delimiters += window.count(self._delimiter)
        if self._delimiters > MAX_DELIMITERS:
            raise FormInvalid("The boundary of the form occurs inside the file. Choose another boundary.")

    def content(self) -> bytes:
        """Return the file, after the last piece.

        Raises:
            FormInvalid: the form is cut off, or has no file.
        """
        if not self._parts.are_complete:
            raise FormInvalid("The form is cut off before its last boundary. Send the whole form.")
        if not self._parts.has_file:
            raise FormInvalid(f"The form has no file. {_REMEDY}")
        return b"".join(self._parts.pieces)


class FormParts:
    """What the parser has found. It does not refer to the parser: a cycle would keep the file until garbage is collected."""

    def __init__(self) -> None:
        self.has_file = self.are_complete = False
        self.headers: dict[bytes, bytes] = {}
        """The headers of the current part, with names in lower case."""
        self._name, self._value = bytearray(), bytearray()

    def callbacks(self) -> MultipartCallbacks:
        """Return the functions that the parser calls."""
        return {
            "on_part_begin": self.on_part_begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self.on_headers_finished,
            "on_part_data": self.on_part_data,
            "on_part_end": self.on_part_end,
            "on_end": self._on_end,
        }

    def on_part_begin(self) -> None:
        """Begin a part."""
        self.headers = {}

    def on_headers_finished(self) -> None:
        """Check the headers of a part."""
        raise NotImplementedError

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Take bytes of a part."""
        raise NotImplementedError

    def on_part_end(self) -> None:
        """End a part."""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self.headers[bytes(self._name).lower()] = bytes(self._value).strip()
        self._name, self._value = bytearray(), bytearray()

    def _on_end(self) -> None:
        self.are_complete = True


class _OneFile(FormParts):
    """The parts of a form that may contain only a file."""

    def __init__(self, limit: int, parameters: Collection[str]) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self._limit, self._parameters, self._size = limit, parameters, 0

    def on_headers_finished(self) -> None:
        if not _is_file(self.headers):
            raise FormInvalid(self._about_field())
        if self.has_file:
            raise FormInvalid("The form has more than one file. Send one file per request.")
        encoding = self.headers.get(b"content-transfer-encoding", b"").decode("latin-1").lower()
        if encoding not in _UNENCODED:
            raise FormInvalid(f"The file has the Content-Transfer-Encoding {encoding[:80]!r}. Send its bytes unencoded.")
        self.has_file = True

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._size > self._limit:
            raise BodyTooLarge(f"The file is larger than {self._limit:,} bytes. Send a smaller file.")
        self.pieces.append(data[start:end])

    def _about_field(self) -> str:
        disposition = parse_options_header(self.headers.get(b"content-disposition"))[1]
        name = disposition.get(b"name", b"").decode("utf-8", "replace")
        found = f"The form contains the text field {name[:80]!r}, but may contain only a file."
        if name in self._parameters:
            return f"{found} Use the query parameter instead, as in ?{name}=..., and leave the field out."
        parameters = ", ".join(self._parameters)
        return f"{found} A file needs @, as in curl -F file=@picture.png. The query accepts {parameters}."


def _content_type(scope: Scope) -> bytes:
    return next((value for name, value in scope["headers"] if name == b"content-type"), b"")


def _is_file(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a part is a file: it has a file name, or else a Content-Type other than text."""
    disposition = headers.get(b"content-disposition", b"")
    if b"filename" in parse_options_header(disposition)[1] or b"filename*=" in disposition.lower():
        return True
    return not headers.get(b"content-type", b"text/plain").lower().startswith(b"text/")


def _damaged(error: FormParserError) -> FormInvalid:
    return FormInvalid(f"The form is not valid {MEDIA_TYPE} ({error}). {_REMEDY}")
