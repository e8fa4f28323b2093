"""Forms with one large file and some text fields. Their file is passed on while it arrives, and is never kept in memory."""

from __future__ import annotations

from collections.abc import Mapping

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.types import Scope

from app.errors import FormInvalid
from app.http.forms import MAX_FRAMING, MEDIA_TYPE, FormParts

MAX_PARTS = 20
_REMEDY = "Send one file and text fields: curl -F file=@pictures.zip -F name=mine."


class StreamedForm:
    """A form that is parsed piece by piece.

    Args:
        scope: the scope of the request.

    Raises:
        FormInvalid: the Content-Type has no boundary, or one of more than 256 bytes.
    """

    def __init__(self, scope: Scope) -> None:
        content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise FormInvalid("The Content-Type has no boundary. Do not set this header yourself: curl -F and browsers set it.")
        self._parts = _Parts()
        try:
            self._parser = MultipartParser(boundary, self._parts.callbacks())
        except FormParserError as error:
            raise _damaged(error) from error

    @property
    def fields(self) -> Mapping[str, str]:
        """The text fields that have arrived."""
        return self._parts.fields

    @property
    def filename(self) -> str:
        """The name of the file, or an empty string."""
        return self._parts.filename

    def feed(self, piece: bytes) -> bytes:
        """Parse the next piece of the body. Return the bytes of the file in it.

        Raises:
            FormInvalid: the form is damaged, has more than one file, or too many or too long text fields.
        """
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _damaged(error) from error
        found = bytes(self._parts.content)
        self._parts.content.clear()
        return found

    def close(self) -> None:
        """Check that the form is complete, after the last piece.

        Raises:
            FormInvalid: the form is cut off, or has no file.
        """
        if not self._parts.are_complete:
            raise FormInvalid("The form is cut off before its last boundary. Send the whole form.")
        if not self._parts.has_file:
            raise FormInvalid(f"The form has no file. {_REMEDY}")


class _Parts(FormParts):
    """The parts of a form with one file and some text fields."""

    def __init__(self) -> None:
        super().__init__()
        self.content = bytearray()
        self.fields: dict[str, str] = {}
        self.filename = ""
        self._count, self._field_bytes, self._text = 0, 0, bytearray()
        self._is_file, self._field = False, ""

    def on_part_begin(self) -> None:
        super().on_part_begin()
        self._text = bytearray()
        self._count += 1
        if self._count > MAX_PARTS:
            raise FormInvalid(f"The form has more than {MAX_PARTS} parts. {_REMEDY}")

    def on_headers_finished(self) -> None:
        options = parse_options_header(self.headers.get(b"content-disposition"))[1]
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = b"filename" in options
        if not self._is_file:
            return
        if self.has_file:
            raise FormInvalid(f"The form has more than one file. Put the pictures into one archive. {_REMEDY}")
        self.has_file, self.filename = True, options[b"filename"].decode("utf-8", "replace")

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self.content += data[start:end]
            return
        self._field_bytes += end - start
        if self._field_bytes > MAX_FRAMING:
            raise FormInvalid(
                f"The text fields are longer than {MAX_FRAMING:,} bytes. A file needs @, as in -F file=@mine.zip."
            )
        self._text += data[start:end]

    def on_part_end(self) -> None:
        if self._is_file:
            return
        if self._field in self.fields:
            raise FormInvalid(f"The form has the field {self._field[:80]!r} twice. Send it once.")
        try:
            self.fields[self._field] = self._text.decode()
        except UnicodeDecodeError as error:
            raise FormInvalid(f"The field {self._field[:80]!r} is not UTF-8. Encode it as UTF-8.") from error


def _damaged(error: FormParserError) -> FormInvalid:
    return FormInvalid(f"The form is not valid {MEDIA_TYPE} ({error}). {_REMEDY}")
