"""The pages in a real Chromium, against a real service with all that is shipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.live import ROOT, Service, service
from tests.skipping import skip

WEB, STATIC = ROOT / "web", ROOT / "app" / "static"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
SLOW = 30_000
"""Milliseconds that a shared machine may take; what is waited for is there at once, or not at all."""


@pytest.fixture(scope="session")
def node() -> str:
    """npm, with what the pages are built with."""
    npm = shutil.which("npm")
    if not npm or not (WEB / "node_modules" / ".seedling-lock").is_file():
        skip("There is no Node, or web/node_modules is not installed. Run make pages.")
    return npm


@pytest.fixture(scope="session")
def built() -> None:
    if not (STATIC / "index.html").is_file():
        skip("The pages are not built. Run make pages.")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        skip("There is no Chromium. Install it: apt-get install chromium.")
    expect.set_options(timeout=SLOW)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def site(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with its pages and every shipped model."""
    with service(tmp_path_factory.mktemp("site") / "state", shipped=ROOT / "models", pages=STATIC) as running:
        yield running


@contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[BrowserContext]:
    """A browser of its own with nothing kept from before. Fails if a page has an error, or asks anyone else for anything."""
    options = {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}, "base_url": url, **options}
    faults: list[str] = []
    context = browser.new_context(**options)
    context.set_default_timeout(SLOW)
    context.on("console", lambda said: said.type in ("error", "warning") and faults.append(f"{said.type}: {said.text}"))
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on("request", lambda asked: asked.url.startswith((url, "blob:", "data:")) or faults.append(asked.url))
    yield context
    context.close()
    assert not faults


@pytest.fixture
def page(browser: Browser, site: Service) -> Iterator[Page]:
    with opened(browser, site.url) as context:
        yield context.new_page()
