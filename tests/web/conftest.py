"""Tests of the pages in Chromium, with a running service and all shipped models."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.app.retraining.jobs import SETTINGS, TOKEN
from tests.live import ROOT, Service, service
from tests.skipping import skip
from tests.web.pages import open_page

WEB, STATIC = ROOT / "web", ROOT / "app" / "static"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HEADLESS = shutil.which("chromium-headless-shell") or CHROMIUM
"""Chromium without windows, if it is installed. The page tests then take half the CPU time."""
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
TIMEOUT = 120_000
"""Milliseconds, long enough for a machine that is ten times slower."""


@pytest.fixture(scope="session")
def node() -> str:
    """The path of npm. Skips the test if the packages of the pages are not installed."""
    npm = shutil.which("npm")
    if not npm or not (WEB / "node_modules" / ".seedling-lock").is_file():
        skip("Node is missing, or web/node_modules is not installed. Run make pages.")
    return npm


@pytest.fixture(scope="session")
def built() -> None:
    if not (STATIC / "index.html").is_file():
        skip("The pages are not built. Run make pages.")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if HEADLESS is None:
        skip("Chromium is missing. Install it: apt-get install chromium-headless-shell.")
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=HEADLESS, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def site(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the pages and all shipped models."""
    with service(tmp_path_factory.mktemp("site") / "state", shipped=ROOT / "models", pages=STATIC) as running:
        yield running


DRAWN_BY_THE_SERVICE = "if (location.protocol.startsWith('http')) localStorage.setItem('seedling-engine', 'off')"
"""Initial script of a context whose idle pages do not load the generator."""


@contextmanager
def new_context(browser: Browser, url: str, *, engine: bool = False, **options: Any) -> Iterator[BrowserContext]:
    """A new browser context. Fails if a page logs an error or warning, or sends a request to another origin.

    Args:
        browser: the browser.
        url: the address of the service.
        engine: whether idle pages load the generator and draw by themselves, and install their service worker, as they do
            for users.
        options: options of Playwright.
    """
    options = {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}, "base_url": url, **options}
    faults: list[str] = []
    context = browser.new_context(service_workers="allow" if engine else "block", **options)
    context.set_default_timeout(TIMEOUT)
    if not engine:
        context.add_init_script(DRAWN_BY_THE_SERVICE)
    context.on(
        "console",
        lambda message: (
            message.type in ("error", "warning")
            and "registration blocked by Playwright" not in message.text
            and faults.append(f"{message.type}: {message.text}")
        ),
    )
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on("request", lambda request: request.url.startswith((url, "blob:", "data:")) or faults.append(request.url))
    yield context
    context.close()
    assert not faults


@pytest.fixture
def page(browser: Browser, site: Service) -> Iterator[Page]:
    with new_context(browser, site.url) as context:
        yield context.new_page()


@pytest.fixture(scope="module")
def dark_tab(browser: Browser, site: Service) -> Iterator[Page]:
    """An open page in English, dark and as narrow as a phone. Not from `new_context`: it may log errors."""
    context = browser.new_context(base_url=site.url, locale="en", viewport={"width": 360, "height": 740}, color_scheme="dark")
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    page = context.new_page()
    open_page(page, "/learn")
    yield page
    context.close()


@pytest.fixture(scope="module")
def importing(built: None, browser: Browser, node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that imports datasets and trains, with one model."""
    folder = tmp_path_factory.mktemp("importing")
    with service(folder / "state", **SETTINGS, pages=STATIC) as running:
        yield running


@pytest.fixture
def admin(importing: Service) -> Iterator[httpx.Client]:
    """A client of the service that imports, with an administrator's token."""
    with importing.client() as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        yield client


def signed_in(page: Page) -> Page:
    """Store the administrator's token in the tab, as the page does."""
    page.context.add_init_script(f"sessionStorage.setItem('seedling-admin-token', {TOKEN!r})")
    return page
