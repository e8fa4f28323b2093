"""Serving the web pages: documents, files, languages, and paths shared with the API."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.http.pages import preferred_language
from tests.live import service

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
DOCUMENT = '<!doctype html>\n<html lang="en">\n<head><base href="/" /></head><body>built</body></html>\n'
ICON = '<svg xmlns="http://www.w3.org/2000/svg"/>'
SCRIPT = "console.log('a built script')\n" * 100


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of a build."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text(DOCUMENT)
    (folder / "assets" / "main-abc123.js").write_text(SCRIPT)
    (folder / "assets" / "main-abc123.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (folder / "assets" / "icon-abc123.svg").write_text(ICON)
    (folder.parent / "secret.txt").write_text("not for anyone")
    return folder


@pytest.fixture(scope="module")
def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with service(tmp_path_factory.mktemp("site") / "state", pages=built) as running, running.client() as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/explore", "/gallery", "/breed", "/find", "/draw", "/train", "/play", "/learn"])
def test_a_page_gets_the_document_for_any_accept_header(site: httpx.Client, path: str) -> None:
    for accept in (BROWSER, {}):
        response = site.get(path, headers=accept)
        assert (response.status_code, response.text) == (200, DOCUMENT)
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/models", "/models/digits", "/models/digits/versions/1", "/datasets"])
def test_catalogue_paths_give_a_page_to_browsers_and_json_to_programs(site: httpx.Client, path: str) -> None:
    page, data = site.get(path, headers=BROWSER), site.get(path)
    assert page.text == DOCUMENT
    assert data.headers["content-type"] == "application/json"
    assert "Accept" in page.headers["vary"]
    assert "Accept" in data.headers["vary"]


def test_interpolate_is_a_page_for_get_and_an_api_call_for_post(site: httpx.Client) -> None:
    assert site.get("/interpolate", headers=BROWSER).text == DOCUMENT
    assert site.get("/interpolate").status_code == 405
    assert site.post("/interpolate", json={"keyframes": [1, 2], "format": "npy"}, headers=BROWSER).status_code == 200


def test_sharpen_is_a_page_for_get_and_an_api_call_for_post(site: httpx.Client) -> None:
    assert site.get("/sharpen?shrink=2", headers=BROWSER).text == DOCUMENT
    assert site.get("/sharpen").status_code == 405
    response = site.post("/sharpen", content=b"no picture", headers=BROWSER)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_browser_gets_pictures_as_pictures(site: httpx.Client) -> None:
    assert site.get("/generate?seed=42", headers=BROWSER).headers["content-type"] == "image/png"
    assert site.get("/models/digits/versions/1/samples.png", headers=BROWSER).headers["content-type"] == "image/png"


@pytest.mark.parametrize("path", ["/nowhere", "/gallery/of/rogues", "/models/digits/versions/1/nothing"])
def test_an_unknown_path_gives_a_404_page_to_browsers_and_json_to_programs(site: httpx.Client, path: str) -> None:
    cached = {"If-None-Match": site.get("/").headers["etag"]}
    page = site.get(path, headers=BROWSER | cached)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert page.text == site.get("/").text
    assert page.headers["content-security-policy"]
    response = site.get(path)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert "Accept" in response.headers["vary"]


def test_a_page_has_one_canonical_url(site: httpx.Client) -> None:
    response = site.get("/train/?job=1&images=2", headers=BROWSER)
    assert (response.status_code, response.headers["location"]) == (308, "/train?job=1&images=2")


@pytest.mark.parametrize(
    ("path", "location"),
    [("/Gallery", "/gallery"), ("/LEARN/?seed=4&Seed=A", "/learn?seed=4&Seed=A"), ("/Train", "/train")],
)
def test_a_page_in_capital_letters_redirects_to_its_canonical_url(site: httpx.Client, path: str, location: str) -> None:
    response = site.get(path, headers=BROWSER)
    assert (response.status_code, response.headers["location"]) == (308, location)


def test_browsers_get_an_icon_and_crawlers_get_rules(site: httpx.Client) -> None:
    icon = site.get("/favicon.ico", headers={"Accept": "image/avif,image/webp,*/*"})
    assert (icon.status_code, icon.headers["content-type"], icon.text) == (200, "image/svg+xml; charset=utf-8", ICON)
    rules = site.get("/robots.txt")
    assert (rules.status_code, rules.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert {"User-agent: *", "Disallow: /admin", "Disallow: /generate"} <= set(rules.text.splitlines())
    for response in (icon, rules):
        assert response.headers["cache-control"] == "public, max-age=86400"


def test_a_404_of_an_api_call_is_not_replaced_by_a_page(site: httpx.Client) -> None:
    response = site.get("/models/digits/versions/99/card", headers=BROWSER)
    assert response.status_code == 404
    assert "There is no version '99' of digits" in response.json()["detail"]


def test_the_policy_allows_only_the_services_own_scripts_and_no_framing(site: httpx.Client) -> None:
    response = site.get("/")
    policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert (policy["frame-ancestors"], policy["base-uri"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert "unsafe" not in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


def test_hashed_files_are_cached_for_a_year_and_compressed_if_accepted(site: httpx.Client) -> None:
    response = site.get("/assets/main-abc123.js", headers={"Accept-Encoding": "br, gzip"})
    assert response.headers["content-encoding"] == "gzip"  # the build has no .br file
    assert int(response.headers["content-length"]) < len(SCRIPT) / 5
    assert response.text == SCRIPT
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    plain = site.get("/assets/main-abc123.js", headers={"Accept-Encoding": "identity"})
    assert plain.text == SCRIPT
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["vary"]
    assert plain.headers["etag"] != response.headers["etag"]


def test_the_document_is_compressed_for_clients_that_accept_it(site: httpx.Client) -> None:
    response = site.get("/?seed=7", headers={"Accept-Encoding": "br, gzip"})
    assert response.headers["content-encoding"] == "gzip"
    for accepted in ("identity", "br", "gzip;q=0"):
        plain = site.get("/?seed=7", headers={"Accept-Encoding": accepted})
        assert "content-encoding" not in plain.headers
        assert plain.text == response.text
        assert plain.headers["etag"] != response.headers["etag"]
        assert "Accept-Encoding" in plain.headers["vary"]


def test_unmodified_files_get_304(site: httpx.Client) -> None:
    for path in ("/", "/assets/main-abc123.js"):
        again = site.get(path, headers={"If-None-Match": site.get(path).headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_head_has_the_headers_of_get(site: httpx.Client) -> None:
    response = site.head("/")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["etag"] == site.get("/").headers["etag"]


@pytest.mark.parametrize(
    "path", ["/assets/../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt", "/../secret.txt", "/assets/", "/nowhere"]
)
def test_no_path_leads_out_of_the_build_folder(site: httpx.Client, path: str) -> None:
    response = site.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_the_document_is_in_the_accepted_language(site: httpx.Client) -> None:
    response = site.get("/", headers={"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.5"})
    assert '<html lang="ru">' in response.text
    assert "Accept-Language" in response.headers["vary"]
    assert response.headers["etag"] != site.get("/").headers["etag"]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("de, ru;q=0.3", "ru"),
        ("en;q=0.4, ru;q=0.8", "ru"),
        ("en, ru", "en"),
        ("ru;q=0", "en"),
        ("fr-CA", "en"),
        ("RU-ru", "ru"),
        ("ru;q=nonsense", "en"),
    ],
)
def test_the_language_with_the_highest_weight_is_preferred(accepted: str, language: str) -> None:
    assert preferred_language(accepted) == language


def test_pages_use_the_path_prefix_of_a_proxy(built: Path, tmp_path: Path) -> None:
    with service(tmp_path / "state", pages=built, root_path="/seedling") as running, running.client() as client:
        assert '<base href="/seedling/" />' in client.get("/gallery").text
        assert client.get("/assets/main-abc123.js").text == SCRIPT


def test_without_a_build_the_service_works_and_explains_how_to_build_the_pages(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    with service(tmp_path / "state", pages=pages) as running, running.client() as client:
        response = client.get("/", headers=BROWSER)
        assert response.status_code == 200
        assert "make pages" in response.text
        links = re.findall(r'href="([^"]+)"', response.text)
        assert links == ["docs", "generate?seed=42&amp;scale=8"]
        assert client.get(f"/{links[0]}").status_code == 200
        assert "content-security-policy" in response.headers
        assert client.get("/models", headers=BROWSER).headers["content-type"] == "application/json"
        pages.mkdir()
        (pages / "index.html").write_text(DOCUMENT)
        assert client.get("/").text == DOCUMENT  # pages built at run time are served
