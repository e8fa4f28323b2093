"""The Open Graph tags of the pages: what they name, and that nothing in an address gets out of them."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.http.link_preview import MAX_QUERY, tags
from tests.app.http.test_pages import BROWSER
from tests.live import ROOT, service

DOCUMENT = '<!doctype html>\n<html lang="en">\n<head><base href="/" /><!--preview--></head><body>built</body></html>\n'


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "index.html").write_text(DOCUMENT)
    return folder


@pytest.fixture(scope="module")
def site(pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    state = tmp_path_factory.mktemp("site") / "state"
    with service(state, pages=pages, trusted_proxies="127.0.0.1") as running, running.client() as client:
        yield client


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.elements: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        given = dict(attributes)
        if tag == "meta":
            assert set(given) in ({"property", "content"}, {"name", "content"})
            self.found[given.get("property") or given["name"] or ""] = given["content"] or ""


def read(html: str) -> tuple[dict[str, str], list[str]]:
    """Return the tags of a document by name, and the names of all its elements."""
    reader = _Reader()
    reader.feed(html)
    return reader.found, reader.elements


def test_the_source_of_the_pages_has_the_placeholder() -> None:
    assert (ROOT / "web" / "index.html").read_text().count("<!--preview-->") == 1


def test_a_page_names_its_picture_by_an_absolute_url_that_is_a_picture(site: httpx.Client) -> None:
    response = site.get("/?seed=7&label=3&utm_source=chat", headers=BROWSER)
    found, _ = read(response.text)
    assert found["og:title"] == "Picture of seed 7"
    assert found["og:url"] == f"{site.base_url}/?seed=7&label=3".replace("//?", "/?")
    assert (found["og:image:width"], found["og:image:height"]) == ("1200", "630")
    assert found["twitter:card"] == "summary_large_image"
    assert found["og:image"].startswith(str(site.base_url).rstrip("/"))
    picture = site.get(found["og:image"])
    assert picture.headers["content-type"] == "image/png"
    assert picture.content == site.get("/preview.png?seed=7&label=3").content
    assert "script-src 'self';" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("/", "Every number is a picture"),
        ("/?x=7.5&y=1&zoom=128", "Between seeds, at 7.5, 1"),
        ("/explore?seed=7", "Picture of seed 7"),
        ("/?edit=slant:1", "Picture of seed 42"),
        ("/?z=0.5,1", "Custom latent"),
        ("/?seed=anna&dz=3:1.5", "Seed anna with an edited latent"),
        ("/?dz=3:1.5", "Seed 42 with an edited latent"),
        ("/find", "Draw something, and find its seed"),
        ("/find?drawing=FgIoKPABeA", "A drawing, and the seeds most like it"),
        ("/gallery", "A wall of seeds"),
        ("/gallery?seeds=0-63", "Pictures of the seeds 0-63"),
        ("/interpolate?keyframes=5,17~3,anna~8", "From seed 5 to seed anna"),
        ("/breed?parents=(42,7,3),99", "Children of (42,7,3),99"),
        ("/models/digits/versions/1", "The generator digits/1"),
        ("/models/digits", "The generator digits"),
        ("/train?job=1", "Train a new version"),
        ("/learn", "How a GAN works"),
        ("/?seed=%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82", "Picture of seed Привет"),
    ],
)
def test_each_address_has_its_title_and_picture(site: httpx.Client, address: str, title: str) -> None:
    found, _ = read(site.get(address, headers=BROWSER).text)
    assert found["og:title"] == found["og:image:alt"] == title
    assert site.get(found["og:image"]).status_code == 200


def test_the_longest_drawing_and_latent_are_in_the_tags(site: httpx.Client) -> None:
    for path, name, text in (
        ("/find", "drawing", "FgEoKBYBPDwWAVBQ" * 250),
        ("/", "z", ",".join(["-0.12345678901234567"] * 100)),
    ):
        found, _ = read(site.get(path, params={name: text}, headers=BROWSER).text)
        assert parse_qs(urlsplit(found["og:image"]).query)[name] == [text]
        shown, start = site.get(found["og:image"]), site.get("/preview.png")
        assert shown.status_code == 200
        assert shown.content != start.content


def test_the_tags_are_in_the_language_of_the_document(site: httpx.Client) -> None:
    found, _ = read(site.get("/?seed=7", headers=BROWSER | {"Accept-Language": "ru"}).text)
    assert (found["og:title"], found["og:locale"]) == ("Картинка для зерна 7", "ru_RU")


def test_a_page_is_revalidated_and_another_state_is_another_document(site: httpx.Client) -> None:
    first = site.get("/?seed=7")
    assert site.get("/?seed=7", headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    assert site.get("/?seed=8").headers["etag"] != first.headers["etag"]


def test_the_origin_is_that_of_the_client_behind_a_trusted_proxy(site: httpx.Client) -> None:
    headers = {"Host": "pictures.example.org", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    found, _ = read(site.get("/?seed=7", headers=headers).text)
    assert found["og:image"] == "https://pictures.example.org/preview.png?page=/&seed=7"


def test_the_path_of_a_proxy_is_in_the_tags(pages: Path, tmp_path: Path) -> None:
    with service(tmp_path / "state", pages=pages, root_path="/seedling") as running, running.client() as client:
        found, _ = read(client.get("/gallery?seeds=0-3").text)
        assert found["og:url"] == f"{running.url}/seedling/gallery?seeds=0-3"
        assert found["og:image"] == f"{running.url}/seedling/preview.png?page=/gallery&seeds=0-3"


@pytest.mark.parametrize("host", ['a"><script>', "a b", "a/b", "evil.example/\\x", "@@", "a<b>"])
def test_an_unusual_host_is_not_repeated(site: httpx.Client, host: str) -> None:
    response = site.get("/?seed=7", headers={"Host": host})
    if response.status_code == 200:
        assert read(response.text)[0]["og:image"] == "/preview.png?page=/&seed=7"
        assert host not in response.text


HOSTILE = [
    '"><script>alert(1)</script>',
    "' onload='alert(1)",
    "</head><body><img src=x onerror=alert(1)>",
    "\r\nSet-Cookie: a=b",
    "\x00\u202e\u2028",
    '<html lang="en"><base href="/" /><!--preview-->',
    "--><script>alert(1)</script>",
    "&quot;&#34;&lt;",
    "a" * 10_000,
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "name", ["seed", "x", "label", "model", "version", "unknown", "seeds", "keyframes", "parents", "z", "drawing"]
)
def test_no_parameter_gets_out_of_its_tag(site: httpx.Client, name: str, text: str) -> None:
    page = {"seeds": "/gallery", "keyframes": "/interpolate", "parents": "/breed", "drawing": "/find"}.get(name, "/")
    response = site.get(page, params={name: text, "seed" if name == "x" else "psi": "1"}, headers=BROWSER)
    assert response.status_code == 200
    found, elements = read(response.text)
    assert elements == ["html", "head", "base", *["meta"] * 12, "body"]
    assert response.text.count("<!--preview-->") == 0
    assert all(value.isprintable() for value in found.values())
    image = urlsplit(found["og:image"])
    assert image.path == "/preview.png"
    assert parse_qs(image.query).get(name, [text]) == [text]
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    "path", ["/models/%22%3E%3Cscript%3E", "/models/a%0Ab/versions/1", "/nowhere/%22%3E%3Cscript%3E?seed=%22"]
)
def test_no_path_gets_out_of_its_tag(site: httpx.Client, path: str) -> None:
    _, elements = read(site.get(path, headers=BROWSER).text)
    assert elements == ["html", "head", "base", *["meta"] * 12, "body"]


@pytest.mark.parametrize("query", [b"seed=%ff", b"seed=\xff", b"&&&==&", b"seed", b"&".join([b"a=1"] * 200)])
def test_a_query_that_cannot_be_read_has_the_tags_of_its_page(query: bytes) -> None:
    assert tags("http://a", "", "/", query, "en") == tags("http://a", "", "/", b"", "en")


def test_a_state_that_is_too_long_for_a_tag_is_left_out() -> None:
    long = b"seeds=" + b"1," * MAX_QUERY
    assert tags("http://a", "", "/gallery", long, "en") == tags("http://a", "", "/gallery", b"", "en")
