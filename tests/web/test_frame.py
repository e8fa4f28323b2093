"""Requirements on all pages: languages, narrow screens, accessibility, navigation, errors and size of the first load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import fresh
from tests.live import Service
from tests.web.conftest import DRAWN_BY_THE_SERVICE, WEB, new_context
from tests.web.routes import routes

PAGES = {
    "/": ("Explore", "Обзор"),
    "/?seed=42&edit=slant:1": ("Explore", "Обзор"),
    "/explore?seed=7": ("Explore", "Обзор"),
    "/gallery": ("Gallery", "Галерея"),
    "/gallery?view=table": ("Gallery", "Галерея"),
    "/interpolate": ("Walk", "Прогулка"),
    "/breed": ("Breed", "Скрещивание"),
    "/find": ("Find", "Поиск"),
    "/datasets": ("Datasets", "Данные"),
    "/draw": ("Draw", "Рисование"),
    "/train": ("Train", "Обучение"),
    "/play": ("Guess", "Угадайка"),
    "/sharpen": ("Sharpen", "Резкость"),
    "/models": ("Models", "Модели"),
    "/models/digits": ("Models", "Модели"),
    "/models/digits/versions/3": ("Models", "Модели"),
    "/learn": ("Learn", "Урок"),
}
BUDGET = 31_000
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def faults(page: Page) -> list[str]:
    """Return the accessibility faults that axe-core finds."""
    if not page.evaluate("'axe' in window"):
        page.evaluate((WEB / "node_modules" / "axe-core" / "axe.min.js").read_text())
    # without the details of passed rules, which take most of the time on pages with many elements
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    report: dict[str, Any] = page.evaluate("options => axe.run(options)", options)
    assert len(report["passes"]) > 15  # axe-core has checked the page
    return [
        f"{fault['id']} ({fault['help']}): {node['html'][:200]} {node['failureSummary']}"
        for fault in report["violations"]
        for node in fault["nodes"]
    ]


def open_page(page: Page, path: str) -> None:
    page.goto(path)
    wait_until_shown(page)


def wait_until_shown(page: Page) -> None:
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator(".notice.loading:visible")).to_have_count(0)


@pytest.fixture(scope="module")
def tabs(browser: Browser, site: Service) -> Iterator[dict[str, Page]]:
    """An open page in English, one in Russian, and one on a phone. Loading the scripts anew takes most of a test's time."""
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    with (
        new_context(browser, site.url, locale="en-GB", color_scheme="light") as english,
        new_context(browser, site.url, locale="ru-RU", color_scheme="dark") as russian,
        new_context(browser, site.url, **phone) as mobile,
    ):
        pages = {"en": english.new_page(), "ru": russian.new_page(), "phone": mobile.new_page()}
        for page in pages.values():
            open_page(page, "/")
        yield pages


@pytest.fixture(scope="module")
def dark_tab(browser: Browser, site: Service) -> Iterator[Page]:
    """An open page in English, dark and as narrow as a phone. Not from `new_context`: it may log errors."""
    context = browser.new_context(base_url=site.url, locale="en", viewport={"width": 360, "height": 740}, color_scheme="dark")
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    page = context.new_page()
    open_page(page, "/learn")
    yield page
    context.close()


def navigate(page: Page, path: str) -> None:
    """Go to another address of the application, as its links do, and wait until it is rendered."""
    rendered = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    page.evaluate(f"path => {{ history.pushState(null, '', path); return {rendered} }}", path)


def show(page: Page, path: str, title: str) -> None:
    """Go to another page of the application and wait until it is complete."""
    navigate(page, path)
    expect(page).to_have_title(re.compile(f"{title} · Seedling$"))
    wait_until_shown(page)
    page.wait_for_timeout(300)  # animations


def test_these_tests_cover_every_route() -> None:
    paths = [path.partition("?")[0] for path in PAGES]
    patterns = [re.sub(":[a-z]+", "[^/]+", route) for route in routes()]
    assert [pattern for pattern in patterns if not any(re.fullmatch(pattern, path) for path in paths)] == []
    assert [path for path in paths if not any(re.fullmatch(pattern, path) for pattern in patterns)] == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_translated_and_accessible_in_both_languages(tabs: dict[str, Page], node: str, path: str) -> None:
    for language, title in zip(("en", "ru"), PAGES[path], strict=True):
        page = tabs[language]
        show(page, path, title)
        assert page.locator("html").get_attribute("lang") == language
        text = page.locator("main").inner_text()
        assert bool(re.search("[а-яё]{4}", text)) == (language == "ru")
        assert faults(page) == []


def test_the_button_share_stays_in_its_place_on_every_page(tabs: dict[str, Page]) -> None:
    page, places = tabs["en"], {}
    for path in PAGES:
        show(page, path, PAGES[path][0])
        box = page.get_by_role("button", name="Share", exact=True).bounding_box()
        assert box
        places[path] = (box["y"], box["height"])
    assert set(places.values()) == {places["/"]}, places


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_the_width_of_a_phone(tabs: dict[str, Page], path: str) -> None:
    page = tabs["phone"]
    show(page, path, PAGES[path][0])
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("visualViewport.width") == 360
    current = page.locator(".top nav [aria-current=page]").bounding_box()
    assert current
    assert 0 <= current["x"] <= current["x"] + current["width"] <= 360  # the navigation is scrolled to the current page


HEADER = """() => ['.top', '.brand', '.top nav', '.share > button'].map(selector => {
    const {x, y, width, height} = document.querySelector(selector).getBoundingClientRect()
    return [selector, x, y, width, height].join(' ')
})"""
"""The boxes of the parts of the header."""
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


def test_the_header_is_the_same_on_all_pages(page: Page) -> None:
    """The styles of a page are loaded with it, and stay."""
    open_page(page, "/")
    boxes = page.evaluate(HEADER)
    for path, (title, _) in PAGES.items():
        show(page, path, title)
        assert page.evaluate(HEADER) == boxes, path


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
    page.evaluate("window.scrollTo(0, 400)")
    page.get_by_role("link", name="Open in Explore").first.evaluate("link => link.click()")
    expect(page.locator("main")).to_be_focused()
    assert page.evaluate("window.scrollY") == 0
    page.go_back()
    expect(page.locator("main h1")).to_have_text("digits/3")
    page.wait_for_function("() => window.scrollY > 300")


def test_each_view_has_its_own_title(page: Page, site: Service) -> None:
    open_page(page, "/?seed=7")
    expect(page).to_have_title("Picture of seed 7 · Explore · Seedling")
    page.goto("/models/digits/versions/3")
    expect(page).to_have_title("digits/3 · Models · Seedling")
    page.get_by_role("button", name="Русский").click()
    expect(page).to_have_title("digits/3 · Модели · Seedling")
    page.get_by_role("navigation").get_by_role("link", name="Галерея").click()
    expect(page).to_have_title("Галерея · Seedling")


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
