"""Forms with one file: parsing in pieces, and uploads from curl, requests, httpx and HTTP/1.1 by hand."""

from __future__ import annotations

import collections
import io
import shutil
import socket
import subprocess
import time
import tracemalloc
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import requests

from app.errors import BodyTooLarge, FormInvalid
from app.http.forms import MAX_FRAMING, FileForm, is_form
from tests.app.http.test_protocol import connect, problem, read_until_closed
from tests.live import Service, service
from tests.skipping import skip
from tests.waiting import LIMIT_SECONDS

BOUNDARY = b"------------------------d74496d66958873e"
CONTENT_TYPE = b"multipart/form-data; boundary=" + BOUNDARY
FILE = b'Content-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
FIELD = b'Content-Disposition: form-data; name="%s"\r\n\r\n'
PARAMETERS = ("label", "model")
MAX_UPLOAD = 10_000_000


def form(*parts: bytes, end: bytes = b"--\r\n") -> bytes:
    """Return a form of parts, each with its headers."""
    return b"".join(b"--" + BOUNDARY + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + BOUNDARY + end


def parse(body: bytes, size: int = 65_536, *, content_type: bytes = CONTENT_TYPE, limit: int = 1_000_000) -> bytes:
    """Parse a form that arrives in pieces of a size."""
    parser = FileForm(content_type, limit, PARAMETERS)
    for start in range(0, len(body), size):
        parser.write(body[start : start + size])
    return parser.content()


@pytest.mark.parametrize("size", [1, 2, 7, 40, 41, 42, 43, 1000])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"\0\xff" * 50,
        b"\r\n--",
        b"\r\n--" + BOUNDARY[:-1],
        b"a\r\n--" + BOUNDARY[:-1] + b"\r\n--b",
        b"\r" * 100,
        b"--" + BOUNDARY,
    ],
    ids=range(8),
)
def test_the_file_is_independent_of_how_the_form_is_split(content: bytes, size: int) -> None:
    assert parse(form(FILE + content), size) == content


@pytest.mark.parametrize(
    "headers",
    [
        b'Content-Disposition: form-data; name="picture of a seven"; filename="7.png"',
        b'content-disposition:form-data;name=file;filename=""',
        'Content-Disposition: form-data; name="file"; filename="семь.png"'.encode(),
        b"Content-Disposition: form-data; name=file; filename*=utf-8''%D1%81.png",
        b'Content-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: text/plain',
        b'Content-Disposition: form-data; name="file"\r\nContent-Type: application/octet-stream',
        b'Content-Type: image/png\r\nContent-Disposition: form-data; name="file"\r\nContent-Transfer-Encoding: binary',
        b'Content-Disposition: form-data; filename="a.png"',
    ],
)
def test_a_part_with_a_file_name_or_a_type_other_than_text_is_the_file(headers: bytes) -> None:
    assert parse(form(headers + b"\r\n\r\ncontent")) == b"content"


@pytest.mark.parametrize(
    "content_type",
    [
        b"multipart/form-data; boundary=" + BOUNDARY,
        b'Multipart/Form-Data ; charset=utf-8; BOUNDARY="' + BOUNDARY + b'"',
    ],
)
def test_the_content_type_is_read_as_rfc_9110_defines_it(content_type: bytes) -> None:
    assert is_form({"headers": [(b"content-type", content_type)]})
    assert parse(form(FILE + b"content"), content_type=content_type) == b"content"


@pytest.mark.parametrize("content_type", [None, b"", b"image/png", b"multipart/mixed; boundary=a", b"multipart/form-data2"])
def test_other_content_types_are_not_forms(content_type: bytes | None) -> None:
    assert not is_form({"headers": [] if content_type is None else [(b"content-type", content_type)]})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "cut off before its last boundary"),
        (form(FILE + b"content")[:-5], "cut off"),
        (form(FILE + b"content", end=b"\r\n"), "cut off"),
        (form(FILE + b"content", end=b"-\r\n"), "cut off"),
        (FILE, "not valid multipart/form-data"),
        (form(b"no headers"), "not valid multipart/form-data"),
        (form(b"a" * 5_000 + b": b\r\n\r\n"), "Maximum header size"),
        (form(b"a: b\r\n" * 9 + b"\r\n"), "Maximum header count"),
        (form(), "has no file"),
        (form(FILE, FILE), "more than one file. Send one file per request."),
        (form(FILE, FIELD % b"label" + b"7"), r"text field 'label'.* as in \?label=\.\.\., and leave the field out\."),
        (form(FIELD % b"label" + b"7", FILE), "text field 'label'"),
        (form(FIELD % b"file" + b"a.png"), r"text field 'file'.*-F file=@picture\.png\. The query accepts label, model\."),
        (form(b"\r\ncontent"), "text field ''"),
        (form(FIELD % (b"a" * 2_000)), "text field '" + "a" * 80 + "',"),
        (form(FIELD % b"\r\xff" + b"x"), "not valid"),
        (form(FIELD % b"\xff\x1b[31m"), r"text field '�\\x1b\[31m'"),
        (form(FIELD.replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n") % b"label"), "field 'label'"),
        (
            form(b"Content-Transfer-Encoding: BASE64\r\n" + FILE + b"aaaa"),
            "has the Content-Transfer-Encoding 'base64'. Send its bytes unencoded.",
        ),
        (form(FILE + (b"\r\n--" + BOUNDARY + b"x") * 3), "The boundary of the form occurs inside the file."),
    ],
    ids=range(20),
)
@pytest.mark.parametrize("size", [1, 65_536])
def test_other_forms_are_rejected_with_a_remedy(body: bytes, message: str, size: int) -> None:
    with pytest.raises(FormInvalid, match=message) as caught:
        parse(body, size)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        (b"multipart/form-data", "no boundary. Do not set this header yourself"),
        (b"multipart/form-data; boundary=", "no boundary"),
        (b'multipart/form-data; boundary=""', "no boundary"),
        (b"multipart/form-data; boundary=" + b"a" * 257, "Boundary length 257"),
    ],
)
def test_a_form_needs_a_boundary(content_type: bytes, message: str) -> None:
    with pytest.raises(FormInvalid, match=message):
        FileForm(content_type, 100, PARAMETERS)


@pytest.mark.parametrize("size", [1, 10, 65_536])
def test_the_file_is_bounded_to_the_byte_while_it_arrives(size: int) -> None:
    assert parse(form(FILE + bytes(1_000)), size, limit=1_000) == bytes(1_000)
    parser = FileForm(CONTENT_TYPE, 1_000, PARAMETERS)
    whole = form(FILE + bytes(9_000))
    pieces = iter([whole[start : start + size] for start in range(0, len(whole), size)])
    with pytest.raises(BodyTooLarge, match=r"The file is larger than 1,000 bytes\. Send a smaller file\."):
        collections.deque(map(parser.write, pieces))
    assert size > len(whole) or sum(map(len, pieces)) == pytest.approx(8_000, abs=200)


def test_what_follows_the_last_boundary_is_ignored() -> None:
    assert parse(form(FILE + b"content") + b"\r\n--x\r\n" * 1_000) == b"content"


def test_a_form_takes_no_more_memory_than_its_file_and_the_copy_of_a_body() -> None:
    parser = FileForm(CONTENT_TYPE, MAX_UPLOAD, PARAMETERS)
    piece = bytes(50_000)
    tracemalloc.start()
    try:
        parser.write(b"--" + BOUNDARY + b"\r\n" + FILE)
        for _ in range(200):
            parser.write(piece)
        parser.write(b"\r\n--" + BOUNDARY + b"--")
        content = parser.content()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert content == bytes(MAX_UPLOAD)
    assert most < 2.1 * MAX_UPLOAD


def test_a_file_made_of_its_boundary_is_rejected_at_once() -> None:
    parser = FileForm(CONTENT_TYPE, 100_000_000, PARAMETERS)
    parser.write(b"--" + BOUNDARY + b"\r\n" + FILE)
    with pytest.raises(FormInvalid, match="occurs inside the file"):
        parser.write((b"\r\n--" + BOUNDARY + b"x") * 3)


# A running service.


@pytest.fixture(scope="module")
def picture(client: httpx.Client) -> bytes:
    return client.get("/generate?seed=42&scale=8").content


@pytest.fixture(scope="module")
def score(client: httpx.Client, picture: bytes) -> dict:
    response = client.post("/discriminate?label=7", content=picture)
    assert response.status_code == 200
    return response.json()


def curl(*arguments: str) -> tuple[int, dict]:
    """Run curl and return the status and the JSON of the response."""
    if not shutil.which("curl"):
        skip("curl is not installed.")
    command = ["curl", "--silent", "--noproxy", "*", "--max-time", "60", "--write-out", "\n%{http_code}", *arguments]
    run = subprocess.run(command, capture_output=True, check=True)
    body, _, status = run.stdout.rpartition(b"\n")
    return int(status), httpx.Response(200, content=body).json()


@pytest.mark.parametrize(
    "field",
    ["file=@{}", "picture=@{}", "image=@{};type=image/png", "file=@{};filename=семь.png", "file=@{};type=text/plain"],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_curl_uploads_a_form(live: Service, picture: bytes, score: dict, tmp_path: Path, field: str, chunked: bool) -> None:
    (tmp_path / "42.png").write_bytes(picture)
    more = ["-H", "Transfer-Encoding: chunked"] if chunked else []
    found = curl(*more, "-F", field.format(tmp_path / "42.png"), f"{live.url}/discriminate?label=7")
    assert found == (200, score)


def test_errors_say_how_to_correct_a_curl_command(live: Service, picture: bytes, score: dict, tmp_path: Path) -> None:
    (tmp_path / "42.png").write_bytes(picture)
    file = f"file=@{tmp_path / '42.png'}"
    status, told = curl("-F", file, "-F", "label=7", f"{live.url}/discriminate")
    assert (status, told["code"]) == (422, "form_invalid")
    assert "as in ?label=..." in told["detail"]
    status, told = curl("-F", "file=42.png", f"{live.url}/discriminate")
    assert (status, told["code"]) == (422, "form_invalid")
    assert "-F file=@picture.png" in told["detail"]
    status, told = curl("-F", file, "-F", file, f"{live.url}/discriminate")
    assert (status, told["code"]) == (422, "form_invalid")


def test_requests_uploads_a_form(live: Service, picture: bytes, score: dict, tmp_path: Path) -> None:
    (tmp_path / "42.png").write_bytes(picture)
    with (tmp_path / "42.png").open("rb") as opened, requests.Session() as session:
        session.trust_env = False
        for files in ({"file": opened}, {"image": ("семь.png", picture)}, [("a", ("b", io.BytesIO(picture), "image/png"))]):
            response = session.post(f"{live.url}/discriminate?label=7", files=files, timeout=LIMIT_SECONDS)
            assert (response.status_code, response.json()) == (200, score)
        response = session.post(f"{live.url}/discriminate", files={"file": picture}, data={"label": "7"}, timeout=LIMIT_SECONDS)
        assert (response.status_code, response.json()["code"]) == (422, "form_invalid")
        response = session.post(
            f"{live.url}/discriminate",
            files={"file": picture},
            headers={"Content-Type": "multipart/form-data"},
            timeout=LIMIT_SECONDS,
        )
        assert (response.status_code, response.json()["code"]) == (422, "form_invalid")
        assert "boundary" in response.json()["detail"]


@pytest.mark.parametrize("query", ["", "?label=7", "?prepare=none", "?label=3:0.5,8:0.5"])
def test_a_form_gets_the_score_of_its_file(client: httpx.Client, picture: bytes, query: str) -> None:
    raw = client.post(f"/discriminate{query}", content=picture)
    sent = client.post(f"/discriminate{query}", files={"any name": ("a.png", picture, "application/x-nothing")})
    assert (sent.status_code, sent.json()) == (200, raw.json())
    assert sent.headers["cache-control"] == raw.headers["cache-control"] == "no-store"
    assert sent.headers["x-model"] == raw.headers["x-model"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "picture_invalid"),
        (b"a text", 415, "picture_unsupported"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), 415, "picture_unsupported"),
    ],
)
def test_a_file_in_a_form_gets_the_same_problem_as_a_body(client: httpx.Client, content: bytes, status: int, code: str) -> None:
    sent, raw = client.post("/discriminate", files={"file": content}), client.post("/discriminate", content=content)
    assert (sent.status_code, sent.json()["code"]) == (status, code)
    assert sent.json() == raw.json()
    assert sent.json()["detail"].endswith(("-F file=@picture.png.", "whole file."))


def test_a_file_has_the_limit_of_a_body(client: httpx.Client, picture: bytes) -> None:
    largest = picture.ljust(MAX_UPLOAD, b"\0")
    assert client.post("/discriminate", files={"file": ("a" * 255 + ".png", largest)}).status_code == 200
    response = client.post("/discriminate", files={"file": largest + b"\0"})
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert response.json()["detail"] == "The file is larger than 10,000,000 bytes. Send a smaller file."
    response = client.post("/discriminate", files={"file": bytes(MAX_UPLOAD + MAX_FRAMING)})
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert response.json()["detail"].startswith("The form is larger than 10,008,192 bytes; its file may have 10,000,000.")


@pytest.mark.parametrize("beginning", [FILE, FILE + b"\r\n--" + BOUNDARY + b"--"], ids=["in the file", "after the form"])
def test_an_endless_form_is_rejected_during_the_upload(client: httpx.Client, beginning: bytes) -> None:
    sent = 0

    def pieces() -> Iterable[bytes]:
        nonlocal sent
        yield b"--" + BOUNDARY + b"\r\n" + beginning
        for _ in range(1_000):
            sent += 100_000
            yield bytes(100_000)

    response = client.post("/discriminate", content=pieces(), headers={"Content-Type": CONTENT_TYPE.decode()})
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert sent < 100_000_000


def test_other_routes_accept_no_forms(client: httpx.Client) -> None:
    for path in ("/generate", "/interpolate"):
        response = client.post(path, files={"file": b"{}"})
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
        response = client.post(path, files={"file": bytes(2**20)})
        assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_the_openapi_document_describes_a_form(client: httpx.Client) -> None:
    body = client.get("/openapi.json").json()["paths"]["/discriminate"]["post"]["requestBody"]
    described = body["content"]["multipart/form-data"]
    assert described["schema"]["properties"] == {"file": {"type": "string", "format": "binary"}}
    assert described["schema"]["required"] == ["file"]
    assert set(described["encoding"]["file"]["contentType"].split(", ")) == {
        name for name in body["content"] if name.startswith("image/")
    }
    assert "a field of any name" in body["description"]


def test_a_form_that_arrives_too_slowly_times_out(tmp_path: Path) -> None:
    with service(tmp_path / "state", read_seconds=1, embedded_worker=False) as running:
        connection = connect(running)
        head = (
            b"POST /discriminate HTTP/1.1\r\nHost: x\r\nContent-Type: " + CONTENT_TYPE + b"\r\nContent-Length: 100000\r\n\r\n"
        )
        connection.sendall(head + form(FILE)[:-50])
        with ThreadPoolExecutor(1) as pool:
            received = pool.submit(read_until_closed, connection)
            _trickle(connection, received.done)
            assert problem(received.result()) == (408, "request_late")


def _trickle(connection: socket.socket, is_done) -> None:
    for _ in range(200):
        if is_done():
            return
        try:
            connection.sendall(b"x")
        except OSError:
            return
        time.sleep(0.1)


def test_a_form_that_is_rejected_early_leaves_the_connection_usable(client: httpx.Client, picture: bytes) -> None:
    body = form(FIELD % b"label" + b"7", FILE + bytes(3_000_000))
    response = client.post("/discriminate", content=body, headers={"Content-Type": CONTENT_TYPE.decode()})
    assert (response.status_code, response.json()["code"]) == (422, "form_invalid")
    assert client.post("/discriminate", files={"file": picture}).status_code == 200
