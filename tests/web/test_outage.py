"""The service is stopped and started again under open pages, the network is slow or gone, and the pages say so and recover."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.live import ROOT, Service, free_port, service
from tests.web.accessibility import faults
from tests.web.conftest import DRAWN_BY_THE_SERVICE, STATIC, TIMEOUT
from tests.web.pages import PAGES, navigate, open_page, wait_until_shown
from tests.web.pixels import fetch_pixels, wait_for_picture

TOKEN = "a-token-for-the-outage"
SAYS_SO = "The service does not respond."


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A context whose console may show errors, because requests fail."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800}, service_workers="block")
    context.set_default_timeout(TIMEOUT)
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    yield context
    context.close()


class Outages:
    """A service that can be stopped and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def up(self) -> AbstractContextManager[Service]:
        settings: dict[str, Any] = {"port": self.port, "admin_token": TOKEN}
        return service(self.folder / "state", shipped=ROOT / "models", pages=STATIC, **settings)


@pytest.fixture
def outages(built: None, tmp_path: Path) -> Outages:
    return Outages(tmp_path)


def test_every_page_says_that_the_service_is_gone_keeps_its_state_and_recovers(
    context: BrowserContext, outages: Outages, node: str
) -> None:
    pages: dict[str, Page] = {}
    context.add_init_script(f"sessionStorage.setItem('seedling-admin-token', {TOKEN!r})")
    with outages.up():
        for path in PAGES:
            pages[path] = context.new_page()
            open_page(pages[path], outages.url + path)
            if "seed=" in path:  # the controls over the plane are loaded later
                expect(pages[path].locator("main h2:visible").first).to_be_visible()
        shown = {path: page.locator("main").inner_text() for path, page in pages.items()}
    for path, page in pages.items():
        expect(page.locator(".notice.offline")).to_contain_text(SAYS_SO)
        assert page.url == outages.url + path
        expect(page.locator("main h1")).to_be_visible()
        if not page.get_by_role("alert").count():
            assert headings(page) == headings_of(shown[path], page)
    assert faults(pages["/gallery"]) == []
    with outages.up():
        for path, page in pages.items():
            expect(page.locator(".notice.offline")).to_have_count(0)
            expect(page.get_by_role("alert")).to_have_count(0)
            wait_until_shown(page)
            assert page.url == outages.url + path
            broken = "[...document.images].filter(image => image.complete && image.src && !image.naturalWidth).length"
            assert page.evaluate(broken) == 0


def headings(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("main h1:visible, main h2:visible").all_inner_texts()]


def headings_of(text: str, page: Page) -> list[str]:
    """Return the headings of the page that were there before."""
    return [heading for heading in headings(page) if heading in text]


def test_what_is_asked_of_a_stopped_service_is_shown_when_it_is_back(context: BrowserContext, outages: Outages) -> None:
    page = context.new_page()
    with outages.up():
        open_page(page, f"{outages.url}/?seed=42")
    field = page.get_by_role("textbox", name="Seed")
    field.fill("3000000000")
    field.press("Enter")
    expect(page.locator(".notice.offline")).to_contain_text(SAYS_SO)
    expect(page.get_by_role("alert").first).to_be_visible()
    with outages.up() as running:
        wait_for_picture(page, fetch_pixels(running, "/generate?seed=3000000000"))
        expect(page.get_by_role("alert")).to_have_count(0)
        assert page.url == f"{outages.url}/?seed=3000000000"


@pytest.mark.parametrize("path", ["/gallery?seeds=0-19&psi=0.5", "/breed?parents=5,7&from=9", "/learn", "/models/digits"])
def test_a_page_opened_during_an_outage_appears_when_the_service_is_back(
    context: BrowserContext, outages: Outages, path: str
) -> None:
    page = context.new_page()
    with outages.up():
        open_page(page, f"{outages.url}/")
    navigate(page, path)
    expect(page.get_by_role("alert").first).to_contain_text(SAYS_SO)
    with outages.up():
        expect(page.locator("main h1")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)
        assert page.url == outages.url + path


def test_a_browser_that_goes_offline_says_so_at_once_and_recovers(context: BrowserContext, site: Service) -> None:
    page = context.new_page()
    open_page(page, f"{site.url}/gallery?seeds=0-19")
    context.set_offline(True)
    expect(page.locator(".notice.offline")).to_contain_text(SAYS_SO)
    page.get_by_role("textbox", name="Seeds").fill("100-119")
    page.get_by_role("textbox", name="Seeds").press("Enter")
    expect(page.get_by_role("alert").first).to_be_visible()
    context.set_offline(False)
    expect(page.locator(".notice.offline")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("textbox", name="Seeds")).to_have_value("100-119")


def test_on_a_slow_network_every_page_shows_that_it_loads_and_no_failure(context: BrowserContext, site: Service) -> None:
    page = context.new_page()
    open_page(page, f"{site.url}/learn")
    network = context.new_cdp_session(page)
    slow = {"offline": False, "latency": 900, "downloadThroughput": 60_000, "uploadThroughput": 60_000}
    network.send("Network.emulateNetworkConditions", slow)
    for path in ("/gallery", "/interpolate", "/breed", "/find", "/datasets", "/draw", "/play?round=7", "/sharpen", "/models"):
        navigate(page, path)
        expect(page.get_by_role("progressbar", name="Loading…")).to_be_visible()
        wait_until_shown(page)
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.locator(".notice.offline")).to_have_count(0)
    expect(page.get_by_role("progressbar", name="Loading…")).to_have_count(0)
