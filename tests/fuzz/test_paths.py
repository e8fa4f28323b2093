"""Paths that try to leave their place: nothing outside is ever answered."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.fuzz.asgi import BEARER, TOKEN, Server, check, is_target, running
from tests.fuzz.budget import tries

PLACES = [
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
SECRET = "what-nobody-may-read"
STEPS = [
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
ENDS = [
    "secret.txt",
    "admin-token",
    "jobs.db",
    "etc/passwd",
    "manifest.json",
    "aliases.json",
    "generator.onnx",
    "secret.txt%00.png",
]
BETWEEN = ["/", "%2f", "%5c", "\\", "//", "%252f"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory):
    """A service with secrets all around what it serves."""
    folder = tmp_path_factory.mktemp("paths") / "service"
    with running(folder) as server:
        for place in (
            folder,
            folder / "state",
            folder / "state" / "models",
            folder / "state" / "jobs",
            folder / "pages" / "..",
        ):
            place.mkdir(exist_ok=True)
            (place / "secret.txt").write_text(SECRET)
            (place / "secret.txt.png").write_text(SECRET)
        yield server, folder


@st.composite
def ways_out(draw: st.DrawFn, folder: Path | None = None) -> str:
    between = draw(st.sampled_from(BETWEEN))
    steps = draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=6))
    start = draw(st.sampled_from(["", between, "file:", "C:", quote("/etc/passwd", safe="")]))
    return start + between.join([*steps, *draw(st.lists(st.sampled_from(ENDS), max_size=1))])


def _look(server: Server, folder: Path, place: str, way: str, headers=()) -> int:
    target = place.format(way).encode()
    assume(is_target(target))
    answer = server.ask("GET", target, headers)
    for secret in (SECRET, TOKEN, "SQLite format 3", "root:x:0", 'champion": 1}'):
        assert secret.encode() not in answer.body, target
    assert str(folder).encode() not in answer.body, "nor is it told where things lie"
    return answer.status


@pytest.mark.parametrize("place", PLACES)
@tries(6)
@given(way=ways_out())
def test_no_way_leads_out(guarded: tuple[Server, Path], place: str, way: str) -> None:
    server, folder = guarded
    assume(way.strip("/.") or (way and "?" in place))  # no value at all is none that is given
    status = _look(server, folder, place, way, [BEARER])
    assert status in (400, 401, 404, 422)


@pytest.mark.parametrize("place", [place for place in PLACES if "admin" not in place])
@tries(3)
@given(way=ways_out())
def test_a_browser_gets_the_page_itself_or_nothing(guarded: tuple[Server, Path], place: str, way: str) -> None:
    server, _ = guarded
    target = place.format(way).encode()
    assume(is_target(target))
    answer = server.ask("GET", target, [(b"accept", b"text/html")])
    page = b'<!doctype html><html lang="en"><base href="/" />PAGE'
    if answer.status == 404 and answer.header(b"content-type").startswith(b"text/html"):
        assert answer.body == page, "which says that nothing is there"
        return
    check(answer, {200, 308, 404, 422})
    assert answer.status != 200 or answer.body == page


def test_the_secrets_lie_where_the_ways_lead(guarded: tuple[Server, Path]) -> None:
    server, folder = guarded
    assert (folder / "pages" / "assets" / ".." / ".." / "secret.txt").read_text() == SECRET
    assert server.ask("GET", b"/assets/a.js").body == b"let script = 1"
    assert server.ask("GET", b"/models/digits/versions/1/card").status == 200
