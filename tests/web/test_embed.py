"""The embedded page in an iframe on another origin, in Chromium, and the other pages, which refuse to be framed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.live import Service
from tests.web.conftest import TIMEOUT


@contextmanager
def other_site(document: str) -> Iterator[str]:
    """Serve a document on another port, which is another origin. Yields its address."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(document.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A context whose console may log refused frames."""
    context = browser.new_context(locale="en-GB", viewport={"width": 900, "height": 700})
    context.set_default_timeout(TIMEOUT)
    yield context
    context.close()


def framing(address: str) -> str:
    return f'<!doctype html><title>blog</title><h1>A blog</h1><iframe src="{address}" width="448" height="482"></iframe>'


@pytest.mark.parametrize(
    ("query", "width", "text"),
    [
        ("seed=7&label=3", 448, "Picture of seed 7"),
        ("show=plane&x=40&y=0&columns=8&rows=8", 448, "A part of the plane of seeds"),
        ("show=film&keyframes=5,17&steps=6", 224, "A film from seed 5 to seed 17"),
    ],
)
def test_a_picture_is_shown_on_another_site_and_leads_back(
    context: BrowserContext, site: Service, query: str, width: int, text: str
) -> None:
    with other_site(framing(f"{site.url}/embed?{query}")) as address:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        frame = page.frame_locator("iframe")
        image = frame.locator("img")
        expect(image).to_have_attribute("alt", text)
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("image => image.naturalWidth") == width
        box = image.bounding_box()
        assert box
        assert box["width"] == 448
        assert image.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"  # the policy allows its style
        assert {url.split("?")[0].removeprefix(site.url) for url in asked if url.startswith(site.url)} <= {
            "/embed",
            "/generate",
            "/plane",
            "/film.webp",
        }
        assert context.cookies() == []
        with context.expect_page() as opened:
            frame.get_by_role("link", name="open in Seedling").click()
        expect(opened.value.locator("main h1")).to_be_visible()
        assert opened.value.url.startswith(site.url)


def test_readers_who_prefer_reduced_motion_see_a_still_picture_instead_of_a_film(browser: Browser, site: Service) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{site.url}/embed?show=film&keyframes=5,17")
    expect(page.locator("img")).to_have_js_property("complete", True)
    assert "/generate?seed=5&" in page.locator("img").evaluate("image => image.currentSrc")
    context.close()


@pytest.mark.parametrize("path", ["/", "/train", "/models", "/docs", "/generate?seed=1&format=json"])
def test_no_other_page_can_be_framed(context: BrowserContext, site: Service, path: str) -> None:
    with other_site(framing(site.url + path)) as address:
        page = context.new_page()
        refusals: list[str] = []
        page.on("console", lambda message: refusals.append(message.text))
        page.goto(address)
        page.wait_for_function("() => document.querySelector('iframe').contentDocument === null")
        assert any("frame-ancestors 'none'" in text for text in refusals)
        (_, frame) = page.frames
        assert frame.url.startswith("chrome-error:")
