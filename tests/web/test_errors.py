"""What pages show after an error: an unknown address, a missing version, or a page that fails to render."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import fresh
from tests.live import Service
from tests.web.accessibility import faults
from tests.web.conftest import DRAWN_BY_THE_SERVICE
from tests.web.pages import navigate


def test_an_unknown_address_shows_the_404_page(browser: Browser, site: Service) -> None:
    context = browser.new_context(
        locale="en-GB", base_url=site.url
    )  # not new_context, because the console logs a 404 as an error
    page = context.new_page()
    response = page.goto("/gallery/of/rogues")
    assert response
    assert response.status == 404
    expect(page.locator("main h1")).to_have_text("Page not found")
    expect(page.get_by_text("There is no page at this address. Choose one above.")).to_be_visible()
    picture = page.get_by_alt_text("Picture of seed /gallery/of/rogues")
    assert picture.evaluate("async image => { await image.decode(); return image.naturalWidth }") == 280
    expect(page.get_by_role("link", name="Picture of seed")).to_have_attribute("href", "/?seed=%2Fgallery%2Fof%2Frogues")
    expect(page).to_have_title(re.compile("^Page not found"))
    expect(page.locator("nav [aria-current]")).to_have_count(0)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Gallery").click()
    expect(page).to_have_url(f"{site.url}/gallery")
    expect(page.locator("main h1")).to_have_text("A wall of seeds")
    context.close()


@pytest.mark.parametrize("path", ["/", "/gallery", "/breed", "/find", "/interpolate", "/play?round=1", "/sharpen", "/learn"])
def test_the_error_about_a_missing_version_has_a_button_to_the_champion(dark_tab: Page, path: str) -> None:
    navigate(dark_tab, f"{path}{'&' if '?' in path else '?'}version=99")
    dark_tab.get_by_role("alert").get_by_role("button", name="Show the champion").click()
    expect(dark_tab).not_to_have_url(re.compile("version"))
    expect(dark_tab.locator("main canvas, main img.question-picture").first).to_be_visible()


def test_in_russian_an_error_has_a_russian_prefix_and_its_english_text_is_marked(browser: Browser, site: Service) -> None:
    context = browser.new_context(base_url=site.url, locale="ru-RU")
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    page = context.new_page()
    page.goto("/?version=99")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Не найдено:")
    detail = fresh.get(f"{site.url}/models/digits/versions/99").json()["detail"]
    expect(alert.locator("[lang=en]")).to_have_text(detail)
    assert faults(page) == []
    context.close()


def test_a_page_that_fails_to_render_keeps_the_navigation_and_shows_the_remedy(
    browser: Browser, site: Service, node: str
) -> None:
    context = browser.new_context(base_url=site.url, locale="en")
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    page = context.new_page()
    page.route("**/models", lambda route: route.fulfill(json={"models": [{"name": "digits", "default": True, "versions": 5}]}))
    page.goto("/gallery")
    page.get_by_role("navigation").get_by_role("link", name="Models").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Reload the page")
    assert faults(page) == []
    page.unroute("**/models")
    alert.get_by_role("button", name="Reload").click()
    expect(page.locator("main h1")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    context.close()
