"""Requirements on every page: both languages, accessibility, narrow screens, and a header that stays in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live import Service
from tests.web.accessibility import faults
from tests.web.conftest import new_context
from tests.web.pages import PAGES, navigate, open_page, wait_until_shown
from tests.web.routes import routes


@pytest.fixture(scope="module")
def tabs(browser: Browser, site: Service) -> Iterator[dict[str, Page]]:
    """An open page in English, one in Russian, and one on a phone. Loading the scripts anew takes most of a test's time.

    Only the English one opens on the front page, whose plane moves and takes CPU time until a test shows another page.
    """
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    with (
        new_context(browser, site.url, locale="en-GB", color_scheme="light") as english,
        new_context(browser, site.url, locale="ru-RU", color_scheme="dark") as russian,
        new_context(browser, site.url, **phone) as mobile,
    ):
        pages = {"en": english.new_page(), "ru": russian.new_page(), "phone": mobile.new_page()}
        for language, page in pages.items():
            open_page(page, "/" if language == "en" else "/play")
        yield pages


HEADER = """() => ['.top', '.brand', '.top nav', '.share > button'].map(selector => {
    const {x, y, width, height} = document.querySelector(selector).getBoundingClientRect()
    return [selector, x, y, width, height].join(' ')
})"""
"""The boxes of the parts of the header."""


@pytest.fixture(scope="module")
def headers() -> dict[str, list[str]]:
    """The header of each page that the English tab has shown, in the order of these pages."""
    return {}


def show(page: Page, path: str, title: str) -> None:
    """Go to another page of the application and wait until it is complete."""
    navigate(page, path)
    expect(page).to_have_title(re.compile(f"{title} · Seedling$"))
    wait_until_shown(page)
    page.wait_for_timeout(300)  # animations


def header_of(page: Page) -> list[str]:
    """Return the boxes of the parts of the header, whose last one is the button Share."""
    share = page.get_by_role("button", name="Share", exact=True)
    expect(page.locator(".share > button").and_(share)).to_be_visible()
    boxes: list[str] = page.evaluate(HEADER)
    return boxes


def test_these_tests_cover_every_route() -> None:
    paths = [path.partition("?")[0] for path in PAGES]
    patterns = [re.sub(":[a-z]+", "[^/]+", route) for route in routes()]
    assert [pattern for pattern in patterns if not any(re.fullmatch(pattern, path) for path in paths)] == []
    assert [path for path in paths if not any(re.fullmatch(pattern, path) for pattern in patterns)] == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_translated_and_accessible_in_both_languages(
    tabs: dict[str, Page], headers: dict[str, list[str]], node: str, path: str
) -> None:
    for language, title in zip(("en", "ru"), PAGES[path], strict=True):
        page = tabs[language]
        show(page, path, title)
        if language == "en":
            headers[path] = header_of(page)
        assert page.locator("html").get_attribute("lang") == language
        text = page.locator("main").inner_text()
        assert bool(re.search("[а-яё]{4}", text)) == (language == "ru")
        assert faults(page) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_the_width_of_a_phone(tabs: dict[str, Page], path: str) -> None:
    page = tabs["phone"]
    show(page, path, PAGES[path][0])
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("visualViewport.width") == 360
    current = page.locator(".top nav [aria-current=page]").bounding_box()
    assert current
    assert 0 <= current["x"] <= current["x"] + current["width"] <= 360  # the navigation is scrolled to the current page


OUTSIDE = """() => [...document.querySelectorAll('main .panel, main .notice')].flatMap(panel => {
    const {left, right} = panel.getBoundingClientRect()
    const isCut = element => {
        for (let at = element; at !== panel; at = at.parentElement)
            if (getComputedStyle(at.parentElement).overflowX !== 'visible') return true
            else if (getComputedStyle(at).clipPath !== 'none') return true
    }
    return [...panel.querySelectorAll('*')].filter(element => {
        const box = element.getBoundingClientRect()
        return box.width && box.height && (box.right > right + 0.5 || box.left < left - 0.5) && !isCut(element)
    }).map(element => element.outerHTML.slice(0, 100))
})"""
"""What is wider than the panel around it, without being scrolled or hidden."""


def test_the_header_with_the_button_share_is_the_same_on_all_pages(
    tabs: dict[str, Page], headers: dict[str, list[str]]
) -> None:
    """The styles of a page are loaded with it, and stay. Shows the pages that the tests above have not shown."""
    for path in PAGES:
        if path not in headers:
            show(tabs["en"], path, PAGES[path][0])
            headers[path] = header_of(tabs["en"])
    assert {path: header for path, header in headers.items() if header != headers["/"]} == {}


@pytest.mark.parametrize("width", [961, 1280])
def test_all_pages_are_in_sight_in_the_navigation_of_a_wide_screen(tabs: dict[str, Page], width: int) -> None:
    for language in ("en", "ru"):
        page = tabs[language]
        before = page.viewport_size
        assert before
        page.set_viewport_size({"width": width, "height": before["height"]})
        nav = page.locator(".top nav")
        assert nav.evaluate("nav => nav.scrollWidth") <= nav.evaluate("nav => nav.clientWidth"), language
        page.set_viewport_size(before)


WITH_PANELS = {**PAGES, "/play?round=7": PAGES["/play"]}


@pytest.mark.parametrize("path", WITH_PANELS)
def test_nothing_is_wider_than_its_panel_on_a_phone_in_russian(tabs: dict[str, Page], path: str) -> None:
    page = tabs["ru"]
    before = page.viewport_size
    assert before
    page.set_viewport_size({"width": 360, "height": 740})
    show(page, path, WITH_PANELS[path][1])
    assert page.evaluate(OUTSIDE) == []
    page.set_viewport_size(before)


STATES = {
    "/play?round=7&guesses=rg": ("button", "Real"),
    "/play?round=7&guesses=rgrgrgrgrg": ("button", "New round"),
    "/?seed=5&dz=3:1.5&label=3:0.5,8:0.5": ("slider", "From 3 to 8"),
    "/gallery?seeds=0-19&sort=most-real&pins=3,7&seed=5": ("button", "Unpin"),
    "/interpolate?keyframes=5,17&compare=true&frame=3": ("slider", "Frame"),
    "/sharpen?shrink=2&blur=1&noise=5&show=mean&split=20": ("slider", "Divider"),
    "/?version=99": ("button", "Show the champion"),
    "/gallery?seeds=x": ("textbox", "Seeds"),
}


@pytest.mark.parametrize("path", STATES)
def test_interactive_states_are_accessible_and_fit_a_phone(dark_tab: Page, node: str, path: str) -> None:
    navigate(dark_tab, "/learn")  # so that the page of the state starts anew
    navigate(dark_tab, path)
    role, name = STATES[path]
    expect(dark_tab.get_by_role(role, name=name).first).to_be_visible()  # type: ignore[arg-type]
    dark_tab.wait_for_timeout(500)
    assert faults(dark_tab) == []
    assert dark_tab.evaluate("document.documentElement.scrollWidth") <= 360
