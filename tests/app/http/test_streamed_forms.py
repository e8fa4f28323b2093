"""Forms with one large file and text fields, parsed in pieces of any size."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import FormInvalid
from app.http.streamed_forms import MAX_PARTS, StreamedForm

BOUNDARY = b"--b\r\n"


def parse(content_type: str, body: bytes, size: int) -> tuple[StreamedForm, bytes]:
    form = StreamedForm({"type": "http", "headers": [(b"content-type", content_type.encode())]})
    found = b"".join(form.feed(body[start : start + size]) for start in range(0, len(body), size))
    form.close()
    return form, found


def encoded(files: object, fields: dict[str, str]) -> tuple[str, bytes]:
    """Return the Content-Type and the body of a form, as httpx encodes it."""
    request = httpx.Request("POST", "http://x", files=files, data=fields)  # type: ignore[arg-type]
    return request.headers["content-type"], request.read()


@given(content=st.binary(max_size=3000), title=st.text(max_size=50), size=st.integers(1, 500))
@settings(max_examples=100, deadline=None)
def test_file_and_fields_arrive_whatever_the_size_of_the_pieces(content: bytes, title: str, size: int) -> None:
    kind, body = encoded({"file": ("pictures.zip", content)}, {"name": "mine", "title": title})
    form, found = parse(kind, body, size)
    assert found == content
    assert (form.fields, form.filename) == ({"name": "mine", "title": title}, "pictures.zip")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"--b--\r\n", "no file"),
        (BOUNDARY + b'Content-Disposition: form-data; name="name"\r\n\r\nmine\r\n--b--\r\n', "no file"),
        (BOUNDARY + b'Content-Disposition: form-data; name="f"; filename="x"\r\n\r\nabc', "cut off"),
        ((BOUNDARY + b'Content-Disposition: form-data; name="f"; filename="x"\r\n\r\nabc\r\n') * 2 + b"--b--\r\n", "one file"),
        ((BOUNDARY + b'Content-Disposition: form-data; name="n"\r\n\r\nabc\r\n') * 2 + b"--b--\r\n", "twice"),
        (BOUNDARY + b'Content-Disposition: form-data; name="n"\r\n\r\n\xff\r\n--b--\r\n', "not UTF-8"),
        (BOUNDARY + b'Content-Disposition: form-data; name="n"\r\n\r\n' + b"x" * 9000 + b"\r\n--b--\r\n", "needs @"),
        (
            b"".join(BOUNDARY + b'Content-Disposition: form-data; name="%d"\r\n\r\n\r\n' % n for n in range(MAX_PARTS + 1)),
            "more than 20 parts",
        ),
        (b"nothing", "not valid"),
    ],
)
@pytest.mark.parametrize("size", [1, 10_000])
def test_a_form_that_is_not_one_file_with_fields_is_rejected_with_the_remedy(body: bytes, message: str, size: int) -> None:
    with pytest.raises(FormInvalid, match=message) as error:
        parse("multipart/form-data; boundary=b", body, size)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=" + "b" * 300])
def test_a_form_without_a_usable_boundary_is_rejected(content_type: str) -> None:
    with pytest.raises(FormInvalid):
        StreamedForm({"type": "http", "headers": [(b"content-type", content_type.encode())]})
