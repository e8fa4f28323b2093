"""Forms of any bytes: the file as it was sent, or a documented error, whatever the pieces in which they arrive."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.errors import BodyTooLarge, FormInvalid, SeedlingError
from app.http.forms import FileForm
from tests.fuzz.asgi import Server, check_response
from tests.fuzz.budget import max_examples
from tests.fuzz.mutation import damaged
from tests.fuzz.pictures import FILES

LIMIT = 10_000
PARAMETERS = ("label", "prepare")
BOUNDARIES = st.text("abcAB019'()+_,-./:=? ", min_size=1, max_size=70).map(lambda text: text.strip().encode()).filter(bool)
NAMES = st.sampled_from([b"file", b"label", b"", b"a b", b"%22", b"\xff", "семь".encode(), b"f" * 300])
LINES = st.sampled_from(
    [
        b"Content-Type: image/png",
        b"content-type:text/plain",
        b"Content-Type: application/x;boundary=a",
        b"Content-Transfer-Encoding: binary",
        b"Content-Transfer-Encoding: base64",
        b"Content-Length: 5",
        b"X-Long: " + b"x" * 4_000,
        b"X-Longer: " + b"x" * 5_000,
        b'Content-Disposition: form-data; name="a"; filename="b"',
        b"Content-Disposition: attachment",
        b"Content-Disposition: form-data; filename",
        b'Content-Disposition: form-data; name="a;filename=b"',
        b": empty",
        b"no colon",
        b" folded: x",
        b"",
    ]
)
CONTENT = st.binary(max_size=300) | st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"a", b"\r\n--a"]), max_size=60).map(
    b"".join
)
SIZES = st.sampled_from([1, 2, 3, 7, 64, 100_000])


def quoted(boundary: bytes) -> bytes:
    return b'multipart/form-data; boundary="' + boundary + b'"'


def part(name: bytes, filename: bytes | None, content: bytes, *lines: bytes) -> bytes:
    """A part with a Content-Disposition and other header lines."""
    disposition = b'Content-Disposition: form-data; name="' + name + b'"'
    if filename is not None:
        disposition += b'; filename="' + filename + b'"'
    return b"\r\n".join([disposition, *lines, b"", content])


def joined(boundary: bytes, parts: list[bytes], end: bytes = b"--\r\n") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + inner + b"\r\n" for inner in parts) + b"--" + boundary + end


def parse(content_type: bytes, body: bytes, size: int) -> bytes | type[SeedlingError]:
    """Parse a form in pieces of a size, and return the file or the class of the error."""
    message, failure = ".", None
    try:
        parser = FileForm(content_type, LIMIT, PARAMETERS)
        for start in range(0, len(body), size):
            parser.write(body[start : start + size])
        return parser.content()
    except (FormInvalid, BodyTooLarge) as error:
        message, failure = str(error), type(error)
    assert message.endswith("."), message
    assert len(message) < 700
    return failure


@max_examples(150)
@given(
    boundary=BOUNDARIES, name=NAMES, filename=NAMES, content=CONTENT, size=SIZES, epilogue=st.sampled_from([b"", b"\r\n", b"x"])
)
def test_any_file_arrives_as_it_was_sent(
    boundary: bytes, name: bytes, filename: bytes, content: bytes, size: int, epilogue: bytes
) -> None:
    assume(b"--" + boundary not in content)
    body = joined(boundary, [part(name, filename, content)], b"--" + epilogue)
    assert parse(quoted(boundary), body, size) == content


@st.composite
def forms(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A Content-Type and a form of up to three parts with any headers, possibly damaged."""
    boundary = draw(BOUNDARIES)
    parts = [
        part(draw(NAMES), draw(st.none() | NAMES), draw(CONTENT), *draw(st.lists(LINES, max_size=3)))
        for _ in range(draw(st.integers(0, 3)))
    ]
    body = joined(boundary, parts, draw(st.sampled_from([b"--\r\n", b"--", b"-", b"\r\n", b"", b"  \r\n"])))
    content_types = [quoted(boundary), b"multipart/form-data; boundary=" + boundary, b'multipart/form-data; boundary="a']
    return draw(st.sampled_from([*content_types[:2], *content_types])), draw(st.just(body) | damaged([body], 3))


@max_examples(250)
@given(form=forms(), size=SIZES)
def test_any_form_has_the_same_outcome_in_any_pieces(form: tuple[bytes, bytes], size: int) -> None:
    content_type, body = form
    outcome = parse(content_type, body, len(body) or 1)
    assert parse(content_type, body, size) == outcome
    assert not isinstance(outcome, bytes) or outcome in body


@max_examples(60)
@given(boundary=BOUNDARIES, units=st.lists(st.sampled_from([b"x", b"\r", b"-", b"-x", b"\rx", b" ", b"\r\n"]), max_size=40))
def test_boundaries_inside_the_file_are_bounded(boundary: bytes, units: list[bytes]) -> None:
    content = b"".join(b"\r\n--" + boundary + unit for unit in units)
    outcome = parse(quoted(boundary), joined(boundary, [part(b"file", b"a", content)]), 1_000)
    assert outcome is FormInvalid or len(units) < 3


@max_examples(40)
@given(form=forms(), chunk=st.sampled_from([1, 50, 5_000]), label=st.sampled_from([b"", b"?label=3", b"?prepare=none"]))
def test_any_form_gets_a_documented_response(server: Server, form: tuple[bytes, bytes], chunk: int, label: bytes) -> None:
    content_type, body = form
    response = server.request("POST", b"/discriminate" + label, [(b"content-type", content_type)], body, chunk)
    check_response(response, {413, 415, 422})


@pytest.mark.parametrize("name", ["png", "jpeg", "gif", "webp", "bmp", "tiff"])
@max_examples(3)
@given(boundary=BOUNDARIES, chunk=st.sampled_from([1, 50, 5_000]))
def test_a_picture_in_a_form_gets_the_response_of_the_picture(server: Server, name: str, boundary: bytes, chunk: int) -> None:
    picture = FILES[name]
    assume(b"--" + boundary not in picture)
    alone = server.request("POST", b"/discriminate", [(b"content-type", b"image/png")], picture)
    body = joined(boundary, [part(b"file", b"a", picture)])
    sent = server.request("POST", b"/discriminate", [(b"content-type", quoted(boundary))], body, chunk)
    assert (sent.status, sent.body) == (alone.status, alone.body)
    check_response(sent, {200})


@max_examples(40)
@given(
    content_type=st.binary(max_size=80).map(lambda tail: b"multipart/form-data;" + tail.replace(b"\n", b"").replace(b"\r", b""))
)
def test_any_content_type_gets_a_documented_response(server: Server, content_type: bytes) -> None:
    response = server.request(
        "POST", b"/discriminate", [(b"content-type", content_type)], joined(b"a", [part(b"a", b"b", FILES["png"])])
    )
    check_response(response, {200, 415, 422})
