"""The pages without the service: after the first visit, Explore and Walk open and draw."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from app.sampling.generator import LoadedGenerator
from models.repository import Repository
from tests.live import ROOT, Service, free_port, service
from tests.waiting import wait_until
from tests.web.conftest import STATIC, TIMEOUT
from tests.web.pixels import fetch, fetch_pixels, wait_for_picture
from tests.web.routes import addresses

KEPT = """async () => {
    const names = (await caches.keys()).filter(name => name.startsWith('seedling-pages '))
    const all = await Promise.all((await caches.keys()).map(async name => (await (await caches.open(name)).keys())))
    return {names, urls: all.flat().map(request => request.url)}
}"""
READY = "Drawn here, without requests"
OFFLINE = "Offline: the service does not respond."


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    """A page of a browser that logs errors of the network freely."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(TIMEOUT)
    yield context.new_page()
    context.close()


def visit(page: Page, url: str) -> None:
    """Open Explore, and wait until everything is kept that it needs without the service."""
    page.goto(url)
    expect(page.get_by_text(READY)).to_be_visible()
    page.evaluate("async () => { await navigator.serviceWorker.ready }")
    wait_until(lambda: any(address.endswith("/directions.json") for address in page.evaluate(KEPT)["urls"]))


def drawn(seed: int) -> np.ndarray:
    """Return the picture of a seed by digits/4, (28, 28)."""
    generator = LoadedGenerator(Repository(ROOT / "models").get("digits", 4))
    return generator.draw([generator.point(seed)[0]])[0]


def test_after_a_visit_the_pages_draw_without_the_service_and_say_so(built: None, visitor: Page, tmp_path: Path) -> None:
    port = free_port()
    settings = {"shipped": ROOT / "models", "pages": STATIC, "port": port}
    with service(tmp_path / "state", **settings) as running:
        lean = fetch_pixels(running, "/generate?seed=7&edit=slant:1.5&model=digits&version=4")
        visit(visitor, f"{running.url}/?seed=42")
        kept = visitor.evaluate(KEPT)["urls"]
        visitor.goto(f"{running.url}/train")
        expect(visitor.locator("main h1")).to_be_visible()
        for url in visitor.evaluate(KEPT)["urls"]:  # no other response of the API, and nothing of an administrator
            assert re.search(r"/(assets/[^/]+|models/digits/versions/4/(generator\.onnx|directions\.json)|)$", url), url
    assert len(kept) > 10
    visitor.goto(f"{running.url}/?seed=42")
    expect(visitor.get_by_text(OFFLINE)).to_be_visible()
    wait_for_picture(visitor, drawn(42))
    expect(visitor.get_by_role("alert")).to_have_count(0)
    field = visitor.get_by_role("textbox", name="Seed")
    field.fill("123456")
    field.press("Enter")
    wait_for_picture(visitor, drawn(123456))
    visitor.goto(f"{running.url}/?seed=7&edit=slant:1.5")
    wait_for_picture(visitor, lean)
    visitor.get_by_role("navigation", name="Pages").get_by_role("link", name="Walk").click()
    expect(visitor.get_by_role("region", name="Player")).to_be_visible()
    with service(tmp_path / "state", **settings):
        expect(visitor.get_by_text(OFFLINE)).to_have_count(0)  # the pages notice by themselves


def test_a_new_build_replaces_the_kept_pages(built: None, visitor: Page, tmp_path: Path) -> None:
    pages, port = tmp_path / "pages", free_port()
    shutil.copytree(STATIC, pages)
    settings = {"shipped": ROOT / "models", "pages": pages, "port": port}
    with service(tmp_path / "state", **settings) as running:
        visit(visitor, f"{running.url}/?controls=open")
        before = visitor.evaluate(KEPT)["names"]
    document, worker = pages / "index.html", pages / "service-worker.js"
    document.write_text(document.read_text().replace("</head>", '<meta name="next" content="build" /></head>'))
    (build,) = set(re.findall(r'"([0-9a-f]{16})"', worker.read_text()))
    worker.write_text(worker.read_text().replace(build, "0123456789abcdef"))
    with service(tmp_path / "state", **settings):
        visitor.goto(f"{running.url}/")
        expect(visitor.locator("meta[name=next]")).to_have_count(1)  # at once
        wait_until(lambda: visitor.evaluate(KEPT)["names"] not in ([], before) and len(visitor.evaluate(KEPT)["names"]) == 1)
    assert visitor.evaluate(KEPT)["names"][0].endswith(" 0123456789abcdef")
    visitor.goto(f"{running.url}/?seed=5")
    expect(visitor.locator("meta[name=next]")).to_have_count(1)
    wait_for_picture(visitor, drawn(5))


def test_every_page_but_train_is_kept() -> None:
    worker = (ROOT / "web" / "offline" / "service-worker.ts").read_text()
    found = re.search(r"^const PAGES =\s*/(.*)/$", worker, flags=re.M)
    assert found
    assert [path for path in addresses() if not re.match(found[1], path.removeprefix("/"))] == ["/train"]


def test_the_application_can_be_installed(site: Service) -> None:
    document = fetch(site, "/")
    policy = document.headers["content-security-policy"]
    assert "worker-src 'self'; manifest-src 'self';" in policy
    assert "unsafe" not in policy
    assert '<link rel="manifest" href="./manifest.webmanifest"' in document.text
    manifest = fetch(site, "/manifest.webmanifest")
    assert manifest.headers["content-type"].startswith("application/manifest+json")
    fields = json.loads(manifest.content)
    assert (fields["display"], fields["start_url"], fields["scope"]) == ("standalone", "./", "./")
    icon = fetch(site, "/" + fields["icons"][0]["src"].removeprefix("./"))
    assert icon.headers["content-type"].startswith(fields["icons"][0]["type"])
    worker = fetch(site, "/service-worker.js")
    assert worker.headers["content-security-policy"] == "default-src 'none'; connect-src 'self'; frame-ancestors 'none'"
    assert worker.headers["cache-control"] == "no-cache"
    assert worker.headers["content-type"].startswith("text/javascript")
