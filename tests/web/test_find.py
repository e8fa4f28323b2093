"""The page Find: the latent and the seeds of a drawing, with the shipped encoder of digits/4 and an index of 20,000 seeds."""

from __future__ import annotations

import io
import json
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from app.images.encoding import png
from app.sampling.generator import LoadedGenerator
from models.seed_index_build import Plan, build
from tests.app.api.test_inversion import DIGITS, drawn, two_versions
from tests.app.images.test_preprocessing import mnist
from tests.live import Service, service
from tests.waiting import LIMIT_SECONDS
from tests.web.accessibility import faults
from tests.web.conftest import STATIC, new_context
from tests.web.pixels import fetch_array, fetch_pixels, wait_for_canvas
from tests.web.test_draw import ink

INDEXED = 20_000
ONE = [[(0.52, 0.15), (0.48, 0.85)]]
ZERO = [[(0.5 + 0.2 * np.sin(turn), 0.5 - 0.32 * np.cos(turn)) for turn in np.linspace(0, 2 * np.pi, 17)]]
SEVEN = [[(0.28, 0.2), (0.72, 0.2)], [(0.72, 0.2), (0.45, 0.85)]]
CANVAS = {"en": "Drawing canvas", "ru": "Холст для рисования"}


@pytest.fixture(scope="module")
def finder(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with digits/1, which has neither encoder nor index, and digits/4 as digits/2, which has both."""
    folder, generator = tmp_path_factory.mktemp("find"), LoadedGenerator(DIGITS)
    build(folder / "state" / "nearest", Plan(DIGITS.manifest.digest, INDEXED), lambda part: generator.draw_seeds(part)[0])
    with service(folder / "state", shipped=two_versions(folder / "models"), pages=STATIC) as running:
        yield running


@pytest.fixture
def page(browser: Browser, finder: Service) -> Iterator[Page]:
    with new_context(browser, finder.url, viewport={"width": 1400, "height": 1000}) as context:
        yield context.new_page()


def draw(page: Page, strokes: list[list[tuple[float, float]]], language: str = "en") -> Locator:
    """Draw strokes with the mouse. Their coordinates are parts of the canvas."""
    canvas = page.get_by_role("application", name=CANVAS[language])
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    for points in strokes:
        for n, (x, y) in enumerate(points):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)
            if n == 0:
                page.mouse.down()
        page.mouse.up()
    return canvas


def found_panel(page: Page) -> Locator:
    return page.get_by_role("region", name="Nearest picture")


def seeds_panel(page: Page) -> Locator:
    return page.get_by_role("region", name="Nearest seeds")


def wait_for_results(page: Page) -> None:
    expect(page).to_have_url(re.compile("drawing="))
    for panel in (found_panel(page), seeds_panel(page)):
        expect(panel).to_have_attribute("aria-busy", "false")
    expect(seeds_panel(page).get_by_role("listitem")).to_have_count(10)


def saved_drawing(page: Page) -> bytes:
    """Save the drawing as the page sends it to the service."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the drawing").click()
    return download.value.path().read_bytes()


def post(site: Service, path: str, content: bytes) -> dict[str, Any]:
    with site.client() as client:
        response = client.post(path, content=content)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found


def listed_seeds(page: Page) -> list[int]:
    links = seeds_panel(page).get_by_role("link", name=re.compile(r"^\d+$"))
    return [int(text) for text in links.all_inner_texts()]


@pytest.mark.parametrize(("name", "strokes"), [("1", ONE), ("0", ZERO), ("7", SEVEN)])
def test_a_digit_drawn_with_the_mouse_is_found_with_its_class(
    page: Page, finder: Service, name: str, strokes: list[list[tuple[float, float]]]
) -> None:
    page.goto("/find")
    expect(page.get_by_role("heading", name="API call")).to_have_text(["API call: POST /invert", "API call: POST /nearest"])
    canvas = draw(page, strokes)
    wait_for_results(page)
    expect(found_panel(page).locator("dd.class")).to_have_text(name)
    address, pixels = page.url, ink(canvas)
    content = saved_drawing(page)
    inversion, nearest = post(finder, "/invert", content), post(finder, "/nearest?k=10", content)
    assert inversion["label_name"] == name
    picture = drawn(inversion["picture"])[0]
    wait_for_canvas(found_panel(page).locator("canvas.nearest-picture"), picture)
    wait_for_canvas(found_panel(page).locator(".prepared canvas"), drawn(inversion["prepared"])[0])
    expect(found_panel(page)).to_contain_text(f"{inversion['error']:.1f}")
    seeds = [each["seed"] for each in nearest["nearest"]]
    assert listed_seeds(page) == seeds
    assert nearest["nearest"][0]["label_name"] == name
    first = seeds_panel(page).get_by_role("img", name=f"Picture of seed {seeds[0]}", exact=True)
    wait_for_canvas(first, fetch_pixels(finder, f"/generate?seed={seeds[0]}"))

    page.goto("about:blank")
    page.goto(address)  # the permalink
    wait_for_results(page)
    assert ink(canvas) == pixels
    assert saved_drawing(page) == content
    wait_for_canvas(found_panel(page).locator("canvas.nearest-picture"), picture)
    assert listed_seeds(page) == seeds


def test_the_point_follows_an_unfinished_stroke(page: Page) -> None:
    page.goto("/find")
    canvas = page.get_by_role("application")
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.52 * box["width"], box["y"] + 0.15 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.48 * box["width"], box["y"] + 0.85 * box["height"], steps=5)
    expect(found_panel(page).locator("dd.class")).to_have_text("1")
    assert "drawing=" not in page.url
    expect(seeds_panel(page).get_by_role("link")).to_have_count(0)
    page.mouse.up()
    wait_for_results(page)


def test_links_lead_to_the_picture_of_a_seed_and_to_explore(page: Page, finder: Service) -> None:
    page.goto("/find")
    draw(page, ONE)
    wait_for_results(page)
    seed = listed_seeds(page)[0]
    picture = seeds_panel(page).get_by_role("link", name=f"Picture of seed {seed}", exact=True).get_attribute("href")
    assert picture
    file = fetch_pixels(finder, picture)
    assert (file[::8, ::8] == fetch_pixels(finder, f"/generate?seed={seed}")).all()
    page.goto(page.url)
    seeds_panel(page).get_by_role("link", name=str(seed), exact=True).click()
    expect(page).to_have_url(re.compile(rf"/\?seed={seed}&model=digits&version=2$"))
    page.go_back()
    wait_for_results(page)
    expect(found_panel(page).locator("dd.class")).to_have_text("1")


def test_a_film_leads_from_the_drawing_to_a_seed(page: Page, finder: Service) -> None:
    page.emulate_media(reduced_motion="reduce")  # the film does not start by itself
    page.goto("/find")
    draw(page, ONE)
    wait_for_results(page)
    found = post(finder, "/invert", saved_drawing(page))
    field = page.get_by_label("Seed at the end of the film")
    field.fill("42")
    field.press("Enter")
    expect(page).to_have_url(re.compile("to=42"))
    screen = page.locator("canvas.screen")
    start = {"z": found["z"], "label": found["label"]}
    frames = fetch_array(finder, "/interpolate", {"keyframes": [start, 42], "steps": 24, "loop": False, "format": "npy"})
    wait_for_canvas(screen, frames[0])
    assert (frames[0] == drawn(found["picture"])[0]).all()
    page.get_by_role("button", name="To keyframe 2").click()
    wait_for_canvas(screen, fetch_pixels(finder, "/generate?seed=42"))
    expect(page).to_have_url(re.compile("frame=24"))
    seed = listed_seeds(page)[0]
    page.get_by_role("button", name=f"Film to seed {seed}", exact=True).click()
    expect(page.get_by_role("button", name=f"Film to seed {seed}", exact=True)).to_have_attribute("aria-pressed", "true")
    wait_for_canvas(page.locator(".ticks canvas").last, fetch_pixels(finder, f"/generate?seed={seed}"))
    for name in ("GIF", "WebP", "APNG"):
        with page.expect_download() as download:
            page.get_by_role("group", name="Save the film").get_by_role("button", name=name, exact=True).click()
        with Image.open(io.BytesIO(download.value.path().read_bytes())) as film:
            assert film.size == (224, 224)
            assert film.n_frames > 1  # type: ignore[attr-defined]
    assert faults(page) == []


def test_strokes_can_be_undone_and_the_drawing_cleared(page: Page) -> None:
    page.goto("/find")
    canvas = draw(page, SEVEN[:1])
    wait_for_results(page)
    one, address = ink(canvas), page.url
    draw(page, SEVEN[1:])
    expect(page).not_to_have_url(address)
    wait_for_results(page)
    assert ink(canvas) > one
    page.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(address)
    assert ink(canvas) == one
    page.get_by_role("button", name="Clear").click()
    expect(page).not_to_have_url(re.compile("drawing="))
    expect(seeds_panel(page).get_by_role("link")).to_have_count(0)
    expect(found_panel(page).locator("dd.class")).to_have_text("–")
    page.go_back()
    wait_for_results(page)
    assert ink(canvas) == one


def test_the_keyboard_draws_and_a_stroke_can_be_given_up(page: Page) -> None:
    page.goto("/find")
    page.get_by_role("application", name="Drawing canvas").focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "Space", *["ArrowDown"] * 9):
        page.keyboard.press(key)
    expect(found_panel(page).locator("dd.class")).not_to_have_text("–")
    page.keyboard.press("Control+z")
    expect(found_panel(page).locator("dd.class")).to_have_text("–")
    for key in ("Space", *["ArrowUp"] * 9, "Space"):
        page.keyboard.press(key)
    wait_for_results(page)
    expect(found_panel(page).locator("dd.class")).to_have_text("1")
    page.keyboard.press("Enter")
    expect(page).not_to_have_url(re.compile("drawing="))


def test_the_class_can_be_chosen(page: Page, finder: Service) -> None:
    page.goto("/find")
    draw(page, ONE)
    wait_for_results(page)
    page.get_by_label("Class").select_option("7")
    expect(page).to_have_url(re.compile("label=7"))
    expect(found_panel(page).locator("dd.class")).to_have_text("7")
    expected = post(finder, "/invert?label=7", saved_drawing(page))
    wait_for_canvas(found_panel(page).locator("canvas.nearest-picture"), drawn(expected["picture"])[0])


@pytest.mark.parametrize(
    ("locale", "scheme", "seeds", "canvas"),
    [("en-GB", "light", "Nearest seeds", CANVAS["en"]), ("ru-RU", "dark", "Ближайшие зёрна", CANVAS["ru"])],
)
def test_results_are_accessible_on_a_narrow_phone_and_do_not_move_the_page(
    browser: Browser, finder: Service, locale: str, scheme: str, seeds: str, canvas: str
) -> None:
    phone: dict[str, Any] = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}
    with new_context(browser, finder.url, locale=locale, color_scheme=scheme, **phone) as context:
        page = context.new_page()
        page.goto("/find")
        panel = page.get_by_role("region", name=seeds)
        expect(panel).to_be_visible()
        before = panel.bounding_box()
        page.get_by_role("application", name=canvas).tap()
        expect(panel.get_by_role("link").first).to_be_visible()
        expect(page.locator("section.found")).to_have_attribute("aria-busy", "false")
        page.evaluate("scrollTo(0, 0)")
        after = panel.bounding_box()
        assert before
        assert after
        assert (after["y"], after["height"]) == (before["y"], before["height"])
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert faults(page) == []


def test_a_version_without_encoder_and_index_tells_visitors_so_and_operators_how_to_make_them(
    browser: Browser, finder: Service
) -> None:
    context = browser.new_context(base_url=finder.url, locale="en")  # the browser logs the expected 404s
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urllib.parse.urlsplit(request.url).path))
    page.goto("/find?model=digits&version=1")
    expect(seeds_panel(page)).to_contain_text("This service has no index of seeds")  # said before anybody draws
    expect(page.get_by_text("The page finds the latent whose picture resembles your drawing.", exact=False)).to_be_visible()
    expect(page.get_by_text("integer seeds whose pictures do")).to_have_count(0)
    draw(page, ONE)
    for panel, lacks, remedy in (
        (found_panel(page), "This version has no encoder", "python -m training encoder digits --version 1"),
        (seeds_panel(page), "This service has no index of seeds", "python -m training nearest digits --version 1"),
    ):
        expect(panel.get_by_text(lacks)).to_be_visible()
        expect(panel.get_by_text(remedy)).to_be_hidden()
        panel.get_by_text("For the operator of this service").click()
        expect(panel.get_by_text(remedy)).to_be_visible()
    expect(page.get_by_text("each number opens Explore")).to_have_count(0)  # there are no numbers
    expect(page.get_by_text("Choose a seed above")).to_have_count(0)
    draw(page, SEVEN)
    expect(found_panel(page)).to_have_attribute("aria-busy", "false")
    assert faults(page) == []
    assert asked.count("/nearest") == 1
    seeds_panel(page).get_by_role("button", name="Try again").click()
    expect(seeds_panel(page).get_by_role("alert")).to_contain_text("python -m training nearest")
    assert asked.count("/nearest") == 2
    context.close()


@pytest.mark.parametrize("missing", ["invert", "nearest"])
def test_without_one_of_them_the_other_half_works(browser: Browser, finder: Service, missing: str) -> None:
    context = browser.new_context(base_url=finder.url, locale="en", reduced_motion="reduce")
    page = context.new_page()
    # A response of digits/1, which has neither.
    with finder.client() as client:
        problem: httpx.Response = client.post(f"/{missing}?model=digits&version=1", content=png(mnist(1)[0][0]))
    assert problem.status_code == 404
    page.route(
        f"**/{missing}?*",
        lambda route: route.fulfill(status=404, content_type="application/problem+json", body=json.dumps(problem.json())),
    )
    page.goto("/find?to=42")
    draw(page, ONE)
    if missing == "invert":
        expect(found_panel(page).get_by_role("alert")).to_contain_text("python -m training encoder")
        expect(seeds_panel(page).get_by_role("listitem")).to_have_count(10)
        expect(page.get_by_text("The film therefore begins at the nearest seed.")).to_be_visible()
        start = fetch_pixels(finder, f"/generate?seed={listed_seeds(page)[0]}")
    else:
        expect(seeds_panel(page).get_by_role("alert")).to_contain_text("python -m training nearest")
        expect(found_panel(page).locator("dd.class")).to_have_text("1")
        expect(found_panel(page)).to_have_attribute("aria-busy", "false")
        start = drawn(post(finder, "/invert", saved_drawing(page))["picture"])[0]
    wait_for_canvas(page.locator("canvas.screen"), start)
    wait_for_canvas(page.locator(".ticks canvas").last, fetch_pixels(finder, "/generate?seed=42"))
    assert faults(page) == []
    context.close()


def test_the_preview_of_an_address_is_the_drawing_on_the_canvas(page: Page, finder: Service) -> None:
    page.goto("/find")
    draw(page, SEVEN)
    expect(page).to_have_url(re.compile("drawing="))
    canvas = page.get_by_role("application", name=CANVAS["en"])
    shown = canvas.evaluate(
        """canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, 280, 280).data).filter((_, at) => at % 4 === 0)"""
    )
    (code,) = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)["drawing"]
    response = httpx.get(f"{finder.url}/preview.png", params={"page": "/find", "drawing": code}, timeout=LIMIT_SECONDS)
    preview = np.asarray(Image.open(io.BytesIO(response.content)))[35 : 35 + 560 : 2, 320 : 320 + 560 : 2]
    difference = np.abs(preview.astype(int) - np.array(shown).reshape(280, 280))
    assert difference.mean() < 1.5  # the canvas and the service smooth edges differently
    assert (difference > 128).sum() < 20
    assert preview.mean() > 20
