"""Path traversal: no request path, query or id reads a file outside the served folders."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.fuzz.asgi import ADMIN_TOKEN, BEARER, Server, check_response, is_valid_target, running
from tests.fuzz.budget import max_examples

TARGETS = [
    "/models/{}",
    "/models/{}/versions/1",
    "/models/digits/versions/{}",
    "/models/{}/versions/1/card",
    "/models/digits/versions/{}/card",
    "/models/digits/versions/{}/samples.png",
    "/models/digits/versions/1/{}.png",
    "/models/digits/versions/1/{}",
    "/models/digits/versions/{}/evaluation.json",
    "/admin/jobs/{}",
    "/admin/jobs/{}/log",
    "/admin/jobs/{}/events",
    "/admin/jobs/{}/samples.png",
    "/admin/jobs/0123456789ab/samples.{}",
    "/admin/jobs/0123456789ab/samples.png?images={}",
    "/admin/models/{}/champion",
    "/assets/{}",
    "/docs/{}",
    "/static-offline-docs/{}",
    "/{}",
    "//{}",
    "/generate?seed=1&model={}",
    "/generate?seed=1&version={}",
]
SECRET = "secret-file-content"
SEGMENTS = [
    "..",
    "%2e%2e",
    "%2E.",
    "%252e%252e",
    "....",
    ".",
    "..;",
    "%c0%ae%c0%ae",
    "\\..",
    "%5c..",
    "%2f",
    "%00",
    "~",
    "",
    "%ff",
    "x" * 300,
]
FILES = [
    "secret.txt",
    "admin-token",
    "jobs.db",
    "etc/passwd",
    "manifest.json",
    "aliases.json",
    "generator.onnx",
    "secret.txt%00.png",
]
SEPARATORS = ["/", "%2f", "%5c", "\\", "//", "%252f"]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    """A service with secret files in all folders around the served ones."""
    folder = tmp_path_factory.mktemp("paths") / "service"
    with running(folder) as server:
        for directory in (
            folder,
            folder / "state",
            folder / "state" / "models",
            folder / "state" / "jobs",
            folder / "pages" / "..",
        ):
            directory.mkdir(exist_ok=True)
            (directory / "secret.txt").write_text(SECRET)
            (directory / "secret.txt.png").write_text(SECRET)
        yield server, folder


@st.composite
def traversals(draw: st.DrawFn, folder: Path | None = None) -> str:
    separator = draw(st.sampled_from(SEPARATORS))
    segments = draw(st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=6))
    start = draw(st.sampled_from(["", separator, "file:", "C:", quote("/etc/passwd", safe="")]))
    return start + separator.join([*segments, *draw(st.lists(st.sampled_from(FILES), max_size=1))])


def _status_without_leak(server: Server, folder: Path, template: str, value: str, headers=()) -> int:
    target = template.format(value).encode()
    assume(is_valid_target(target))
    response = server.request("GET", target, headers)
    for secret in (SECRET, ADMIN_TOKEN, "SQLite format 3", "root:x:0", 'champion": 1}'):
        assert secret.encode() not in response.body, target
    assert str(folder).encode() not in response.body, "the response reveals a path of the server"
    return response.status


@pytest.mark.parametrize("template", TARGETS)
@max_examples(6)
@given(value=traversals())
def test_no_path_reads_a_file_outside_the_served_folders(service: tuple[Server, Path], template: str, value: str) -> None:
    server, folder = service
    assume(value.strip("/.") or (value and "?" in template))  # an empty value names the collection, which exists
    status = _status_without_leak(server, folder, template, value, [BEARER])
    assert status in (400, 401, 404, 422)


@pytest.mark.parametrize("template", [template for template in TARGETS if "admin" not in template])
@max_examples(3)
@given(value=traversals())
def test_a_browser_gets_only_the_page_or_an_error(service: tuple[Server, Path], template: str, value: str) -> None:
    server, _ = service
    target = template.format(value).encode()
    assume(is_valid_target(target))
    response = server.request("GET", target, [(b"accept", b"text/html")])
    page = b'<!doctype html><html lang="en"><base href="/" />PAGE'
    if response.status == 404 and response.header(b"content-type").startswith(b"text/html"):
        assert response.body == page, "the 404 page is the page itself"
        return
    check_response(response, {200, 308, 404, 422})
    assert response.status != 200 or response.body == page


def test_the_secrets_exist_where_the_traversals_point(service: tuple[Server, Path]) -> None:
    server, folder = service
    assert (folder / "pages" / "assets" / ".." / ".." / "secret.txt").read_text() == SECRET
    assert server.request("GET", b"/assets/a.js").body == b"let script = 1"
    assert server.request("GET", b"/models/digits/versions/1/card").status == 200
