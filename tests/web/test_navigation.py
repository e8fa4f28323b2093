"""Navigation between pages: links, titles, scroll position, saved settings, and the size of the first load."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.live import Service
from tests.web.conftest import new_context
from tests.web.pages import open_page

BUDGET = 31_000
"""Bytes of the first load."""


def test_the_selected_language_is_saved(page: Page) -> None:
    open_page(page, "/")
    page.get_by_role("button", name="Русский").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Каждая точка — картинка")
    assert page.locator("html").get_attribute("lang") == "ru"
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Каждая точка — картинка")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Every point is a picture")


def test_the_selected_theme_is_saved(page: Page) -> None:
    open_page(page, "/")
    html = page.locator("html")
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.get_by_role("button", name="Dark").click()
    expect(html).not_to_have_css("background-color", light)
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.reload()
    expect(page.locator("main h1")).to_be_visible()
    expect(html).to_have_css("background-color", dark)


def test_the_first_load_is_within_its_size_budget(page: Page) -> None:
    """The budget covers the compressed document, scripts and styles, but not pictures."""
    open_page(page, "/")
    size = page.evaluate(
        """() => {
            const own = performance.getEntriesByType('resource').filter(entry => /[.](js|css|svg)$/.test(entry.name))
            const all = [...performance.getEntriesByType('navigation'), ...own]
            return {bytes: all.reduce((sum, entry) => sum + entry.encodedBodySize, 0), files: all.map(entry => entry.name)}
        }"""
    )
    assert sum(name.endswith((".js", ".css")) for name in size["files"]) >= 2
    assert 10_000 < size["bytes"] < BUDGET


def test_every_link_of_the_navigation_works_without_a_page_load(page: Page) -> None:
    open_page(page, "/")
    page.evaluate("window.stayed = true")
    share = page.get_by_role("button", name="Share", exact=True)
    place = share.bounding_box()
    for name in (
        "Gallery",
        "Walk",
        "Breed",
        "Find",
        "Datasets",
        "Draw",
        "Train",
        "Guess",
        "Sharpen",
        "Models",
        "Learn",
        "Explore",
    ):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        expect(page).to_have_title(re.compile(f"{name} · Seedling$"))
        expect(page.locator("main h1")).to_be_visible()
        assert share.bounding_box() == place  # the styles of a page do not reach the frame
    assert page.evaluate("window.stayed") is True


def test_the_skip_link_is_the_first_tab_stop_and_focuses_the_content(page: Page) -> None:
    open_page(page, "/gallery")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_api_reference_leads_back_to_the_pages(page: Page, site: Service) -> None:
    open_page(page, "/gallery")
    page.get_by_role("link", name="API reference").click()
    expect(page.get_by_text("Draw the picture of a seed").first).to_be_visible()
    expect(page.get_by_text("Draw, sharpen, score, find and verify pictures.")).to_be_visible()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="web pages").click()
    expect(opened.value).to_have_url(f"{site.url}/")
    expect(opened.value.locator("main h1")).to_be_visible()


def test_the_pages_work_behind_a_proxy_under_a_path(
    browser: Browser, built: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The proxy strips the path, as README requires."""
    from tests.web.proxy import mounted

    with mounted(tmp_path_factory.mktemp("mounted"), "/seedling") as url, new_context(browser, url) as context:
        page = context.new_page()
        page.goto(f"{url}/seedling/?seed=42")
        expect(page.get_by_role("heading", name="Picture of seed 42")).to_be_visible()
        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Models").click()
        expect(page).to_have_url(f"{url}/seedling/models")
        page.reload()
        expect(page.locator("main h1")).to_be_visible()
        page.goto(f"{url}/seedling/models/digits/versions/3")
        expect(page.locator("main h1")).to_be_visible()


def test_links_scroll_to_the_top_and_back_restores_the_scroll_position(page: Page) -> None:
    page.set_viewport_size({"width": 900, "height": 500})
    open_page(page, "/models/digits/versions/3")
    page.wait_for_function("() => document.documentElement.scrollHeight > 2000")  # the page is rendered section by section
    page.evaluate("window.scrollTo(0, 400)")
    page.get_by_role("link", name="Open in Explore").first.evaluate("link => link.click()")
    expect(page.locator("main")).to_be_focused()
    assert page.evaluate("window.scrollY") == 0
    page.go_back()
    expect(page.locator("main h1")).to_have_text("digits/3")
    page.wait_for_function("() => window.scrollY > 300")


def test_a_reload_restores_the_scroll_position_when_the_content_arrives_late(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, "/models/digits/versions/3")
    page.wait_for_function("() => document.documentElement.scrollHeight > 3000")
    page.evaluate("scrollTo(0, 1500)")
    page.wait_for_function("() => scrollY === 1500")
    held: list[Route] = []
    page.route("**/models", lambda route: held.append(route))
    page.reload()
    while not held:
        page.wait_for_timeout(50)
    assert page.evaluate("scrollY") < 1500  # the page is not yet as high
    page.route("**/models", lambda route: route.continue_())  # takes precedence
    for route in held:
        route.continue_()
    page.wait_for_function("() => scrollY === 1500")
    page.goto(page.url)
    expect(page.locator("main h1")).to_be_visible()
    assert page.evaluate("scrollY") == 0  # a link, unlike a reload, opens at the top


def test_going_back_from_another_document_restores_the_scroll_position(page: Page, site: Service) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, "/models/digits/versions/3")
    page.wait_for_function("() => document.documentElement.scrollHeight > 3000")
    page.evaluate("scrollTo(0, 1500)")
    page.wait_for_function("() => scrollY === 1500")
    page.goto(f"{site.url}/docs")
    assert page.evaluate("scrollY") == 0
    page.go_back()
    page.wait_for_function("() => scrollY === 1500")
    assert page.evaluate("performance.getEntriesByType('navigation')[0].type") == "back_forward"  # a new document
    expect(page.locator("main h1")).to_have_text("digits/3")


def test_a_reload_keeps_the_scroll_position_after_a_control_has_changed_the_address(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, "/breed")
    truncation = page.get_by_role("slider", name="Truncation")
    truncation.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    assert before > 100
    truncation.fill("0.5")
    expect(page).to_have_url(re.compile("psi=0.5"))
    page.reload()
    page.wait_for_function("before => Math.abs(scrollY - before) < 1", arg=before)


def test_each_view_has_its_own_title(page: Page, site: Service) -> None:
    open_page(page, "/?seed=7")
    expect(page).to_have_title("Picture of seed 7 · Explore · Seedling")
    page.goto("/models/digits/versions/3")
    expect(page).to_have_title("digits/3 · Models · Seedling")
    page.get_by_role("button", name="Русский").click()
    expect(page).to_have_title("digits/3 · Модели · Seedling")
    page.get_by_role("navigation").get_by_role("link", name="Галерея").click()
    expect(page).to_have_title("Галерея · Seedling")
