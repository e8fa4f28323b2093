"""The share menu: what it copies opens the same state, or gives the same picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.live import Service
from tests.web.accessibility import faults
from tests.web.conftest import new_context
from tests.web.pixels import fetch, fetch_pixels, wait_for_picture


@pytest.fixture
def visitor(browser: Browser, site: Service) -> Iterator[Page]:
    with new_context(browser, site.url, permissions=["clipboard-read", "clipboard-write"]) as context:
        yield context.new_page()


def opened(page: Page, path: str) -> Locator:
    page.goto(path)
    expect(page.get_by_role("region", name="API call").first).to_be_visible()
    page.get_by_role("button", name="Share", exact=True).click()
    menu = page.get_by_role("dialog", name="Share this page")
    expect(menu.get_by_role("group", name="Copy as")).to_be_visible()
    return menu


def copied(menu: Locator, name: str) -> str:
    menu.get_by_role("button", name=name, exact=True).click()
    expect(menu.get_by_role("button", name="Copied")).to_be_visible()
    text: str = menu.page.evaluate("navigator.clipboard.readText()")
    expect(menu.get_by_role("button", name="Copied")).to_have_count(0)
    return text


def test_the_link_is_short_and_opens_the_same_picture(visitor: Page, site: Service) -> None:
    menu = opened(visitor, "/?seed=7&psi=1&zoom=64&label=3&model=digits")
    assert copied(menu, "Link") == f"{site.url}/?seed=7&label=3"
    menu.get_by_role("checkbox", name="Keep version digits/4").check()
    pinned = copied(menu, "Link")
    assert "model=digits&version=4" in pinned
    visitor.goto(pinned)
    wait_for_picture(visitor, fetch_pixels(site, "/generate?seed=7&label=3&model=digits&version=4"))


def test_what_is_copied_gives_the_same_picture(visitor: Page, site: Service) -> None:
    menu = opened(visitor, "/?seed=7&label=3")
    expected = fetch(site, "/generate?seed=7&label=3&model=digits&version=4&scale=8").content
    html, markdown = copied(menu, "HTML"), copied(menu, "Markdown")
    (source,) = re.findall(r'src="([^"]+)"', html)
    assert fetch(site, unescape(source).removeprefix(site.url)).content == expected
    (image, link) = re.findall(r"\(([^)]+)\)", markdown)
    assert fetch(site, image.removeprefix(site.url)).content == expected
    assert parse_qs(urlsplit(link).query) == {"seed": ["7"], "label": ["3"]}
    assert copied(menu, "curl").startswith("curl -o 7.png ")
    assert "httpx.get" in copied(menu, "Python")
    (frame,) = re.findall(r'src="([^"]+)"', copied(menu, "Embed"))
    assert fetch(site, unescape(frame).removeprefix(site.url)).status_code == 200
    menu.get_by_role("button", name="Picture", exact=True).click()
    expect(menu.get_by_role("button", name="Copied")).to_be_visible()
    assert visitor.evaluate("async () => (await navigator.clipboard.read())[0].types") == ["image/png"]


def test_the_front_page_shares_the_picture_in_the_middle_while_its_controls_are_folded(visitor: Page, site: Service) -> None:
    visitor.goto("/")
    expect(visitor.get_by_role("button", name="Controls")).to_have_attribute("aria-expanded", "false")
    visitor.get_by_role("button", name="Share", exact=True).click()
    menu = visitor.get_by_role("dialog", name="Share this page")
    seed = parse_qs(urlsplit(copied(menu, "Link")).query).get("seed", ["42"])[0]
    (frame,) = re.findall(r'src="([^"]+)"', copied(menu, "Embed"))
    assert fetch(site, unescape(frame).removeprefix(site.url)).status_code == 200
    (source,) = re.findall(r'src="([^"]+)"', copied(menu, "HTML"))
    expected = fetch(site, f"/generate?seed={seed}&model=digits&version=4&scale=8").content
    assert fetch(site, unescape(source).removeprefix(site.url)).content == expected
    assert f"seed={seed}&" in copied(menu, "curl")
    assert "httpx.get" in copied(menu, "Python")
    menu.get_by_role("checkbox", name="Keep version digits/4").check()
    assert "version=4" in copied(menu, "Link")


def test_an_edited_latent_is_shared_while_the_controls_are_folded(visitor: Page, site: Service) -> None:
    visitor.goto("/?seed=7&dz=0:1.5&controls=folded")
    expect(visitor.locator("canvas.plane")).to_be_visible()
    visitor.get_by_role("button", name="Share", exact=True).click()
    menu = visitor.get_by_role("dialog", name="Share this page")
    assert '"z": [1.5, ' in copied(menu, "Python")


def test_a_film_is_shared_as_a_film(visitor: Page, site: Service) -> None:
    menu = opened(visitor, "/interpolate?keyframes=5,17~3&steps=6&frame=2")
    assert copied(menu, "Link").endswith("/interpolate?keyframes=5,17~3&frame=2&steps=6")
    (source,) = re.findall(r'src="([^"]+)"', copied(menu, "HTML"))
    assert fetch(site, unescape(source).removeprefix(site.url)).headers["content-type"] == "image/webp"
    (frame,) = re.findall(r'src="([^"]+)"', copied(menu, "Embed"))
    assert "film.webp" in fetch(site, unescape(frame).removeprefix(site.url)).text


def test_the_menu_is_accessible_by_keyboard_and_on_a_phone(browser: Browser, site: Service, node: str) -> None:
    with new_context(browser, site.url, viewport={"width": 390, "height": 844}, color_scheme="dark", locale="ru") as context:
        page = context.new_page()
        page.goto("/gallery?seeds=0-19")
        expect(page.get_by_role("region", name="Запрос к API")).to_be_visible()
        page.get_by_role("button", name="Поделиться", exact=True).focus()
        page.keyboard.press("Enter")
        menu = page.get_by_role("dialog", name="Поделиться страницей")
        expect(menu.get_by_role("group", name="Скопировать как")).to_be_visible()
        expect(menu.locator("img.preview")).to_have_js_property("complete", True)
        assert menu.locator("img.preview").evaluate("image => image.naturalWidth") == 1200
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        heading, close = menu.get_by_role("heading", level=2), menu.get_by_role("button", name="Закрыть")
        lines, button = heading.bounding_box(), close.bounding_box()
        assert lines
        assert button
        assert button["height"] < lines["height"], "the heading has two lines, and the button keeps its size"
        assert button["width"] > close.evaluate("""element => {
            const range = document.createRange()
            range.selectNodeContents(element)
            return range.getBoundingClientRect().width + 16
        }"""), "there is space around its text"
        page.keyboard.press("Escape")
        expect(menu).to_have_count(0)
        expect(page.get_by_role("button", name="Поделиться", exact=True)).to_be_focused()


@pytest.mark.parametrize("path", ["/models", "/learn", "/play?round=7"])
def test_pages_without_a_picture_are_shared_with_their_preview(visitor: Page, site: Service, path: str) -> None:
    visitor.goto(path)
    expect(visitor.locator("main h1")).to_be_visible()
    visitor.get_by_role("button", name="Share", exact=True).click()
    menu = visitor.get_by_role("dialog", name="Share this page")
    assert copied(menu, "Link") == site.url + path
    (source,) = re.findall(r'src="([^"]+)"', copied(menu, "HTML"))
    assert fetch(site, unescape(source).removeprefix(site.url)).headers["content-type"] == "image/png"
    expect(menu.get_by_role("button", name="Embed")).to_have_count(0)
