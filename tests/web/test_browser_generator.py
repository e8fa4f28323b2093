"""The generator in the pages: drawn without requests, with the pixels of the service, and what happens where that fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.live import ROOT, Service
from tests.web.conftest import new_context
from tests.web.pixels import fetch_array, fetch_pixels, wait_for_canvas, wait_for_picture

READY = "Drawn here, without requests"
DRAWN = re.compile(r"/(plane|generate|interpolate)(\?|$)")


@pytest.fixture
def own(browser: Browser, site: Service) -> Iterator[Page]:
    """A page that draws by itself once it is idle."""
    with new_context(browser, site.url, engine=True) as context:
        yield context.new_page()


def open_drawing(page: Page, path: str) -> list[str]:
    """Open a page and wait until it draws by itself. Return a list that collects the requests for pictures from then on."""
    page.goto(path)
    expect(page.get_by_text(READY)).to_be_visible()
    page.wait_for_load_state("networkidle")
    requests: list[str] = []
    page.on("request", lambda request: DRAWN.search(request.url) and requests.append(request.url))
    return requests


@pytest.mark.parametrize(
    "query",
    [
        "seed=42",
        "seed=4294967295&label=3&psi=0.7",
        "seed=5&label=3:0.25,8:0.75&psi=1.35",
        "seed=a%20text%20%C3%A9",
        "seed=42&edit=slant:1.5,thickness:-0.5",
        "seed=7&psi=0.55&edit=sefa3:-2.25,width:0.35&label=4",
        "x=7.25&y=0.5&zoom=256&label=3",
        "x=65535.5&y=65535.75&zoom=256&psi=0.85&edit=loops:1.25",
        "seed=3000000001&model=fashion&version=2&edit=aspect:-1.5",
        "seed=11&model=lecture&psi=0.9",
    ],
)
def test_pictures_are_those_of_the_service(own: Page, site: Service, query: str) -> None:
    given = parse_qs(urlsplit(f"/?{query}").query)
    version = "".join(f"&{name}={given[name][0]}" for name in ("model", "version") if name in given)
    asked = open_drawing(own, f"/?seed=1{version}")
    own.evaluate("to => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')) }", f"/?{query}")
    own.wait_for_function("query => location.search === query", arg=f"?{query}")
    expect(own.get_by_text(READY)).to_be_visible()
    path = f"/plane?{query.replace('zoom=256', 'columns=1&rows=1&step=0.25')}" if "x" in given else f"/generate?{query}"
    wait_for_picture(own, fetch_pixels(site, path))
    assert asked == []


def test_an_edit_waits_for_its_directions_instead_of_being_drawn_by_the_service(own: Page, site: Service) -> None:
    held: list[Route] = []
    waiting = [True]
    own.route("**/directions.json", lambda route: held.append(route) if waiting else route.continue_())
    asked = open_drawing(own, "/?seed=1")
    own.evaluate(
        "() => { history.pushState(null, '', '/?seed=42&edit=slant:1.5'); dispatchEvent(new PopStateEvent('popstate')) }"
    )
    expect(own.get_by_role("heading", name="Seed 42 with an edited latent")).to_be_visible()
    waiting.clear()
    for route in held:
        route.continue_()
    wait_for_picture(own, fetch_pixels(site, "/generate?seed=42&edit=slant:1.5"))
    assert asked == []


def test_dragging_requests_nothing_and_shows_points_between_the_seeds(own: Page, site: Service) -> None:
    asked = open_drawing(own, "/?seed=42")
    box = own.locator("canvas.plane").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    own.mouse.move(x, y)
    own.mouse.down()
    own.mouse.move(x - 16, y - 8, steps=4)
    own.mouse.move(x - 32, y - 16)  # 64 CSS pixels per seed
    wait_for_picture(own, fetch_pixels(site, "/plane?x=42.5&y=0.25&columns=1&rows=1&step=0.25"))
    own.mouse.move(x - 2000, y - 900, steps=20)  # to tiles that are not loaded yet
    own.mouse.up()
    expect(own).to_have_url(re.compile(r"seed=917577($|&)"))
    wait_for_picture(own, fetch_pixels(site, "/generate?seed=917577"))
    assert asked == []


def test_sliders_of_directions_and_of_the_latent_draw_without_requests_and_are_in_the_address(own: Page, site: Service) -> None:
    asked = open_drawing(own, "/?seed=42&sliders=open")
    own.get_by_role("slider", name="Slant").fill("1.5")
    wait_for_picture(own, fetch_pixels(site, "/generate?seed=42&edit=slant:1.5"))
    own.get_by_role("slider", name="Thickness").fill("-0.5")
    edited = fetch_pixels(site, "/generate?seed=42&edit=slant:1.5,thickness:-0.5")
    wait_for_picture(own, edited)
    expect(own).to_have_url(re.compile(r"seed=42&edit=slant:1\.5,thickness:-0\.5"))
    own.get_by_text("Latent vector (z)").click()
    own.get_by_role("slider", name="z 3", exact=True).fill("2.5")
    with site.client() as client:
        picture = client.get("/generate?seed=42&format=json").json()
    z = [2.5 if index == 3 else value for index, value in enumerate(picture["z"])]
    body = {"z": z, "label": picture["class"], "edit": "slant:1.5,thickness:-0.5"}
    wait_for_picture(own, fetch_pixels(site, "/generate", body))
    own.get_by_role("slider", name="Truncation").fill("0.7")
    body |= {"z": [value * 0.7 for value in z]}
    wait_for_picture(own, fetch_pixels(site, "/generate", body))
    assert asked == []
    own.get_by_role("button", name="Reset to the seed's latent").click()
    own.get_by_role("slider", name="Truncation").fill("1")
    wait_for_picture(own, edited)
    command = own.get_by_role("region", name="API call").locator("code").inner_text()
    assert "/generate?seed=42&edit=slant:1.5,thickness:-0.5&model=digits&version=" in command
    own.get_by_role("button", name="Reset all directions").click()
    wait_for_picture(own, fetch_pixels(site, "/generate?seed=42"))


def choose(page: Page) -> None:
    """Check the box, and assert that it stays checked while the generator is loaded."""
    box = page.get_by_role("checkbox", name="Draw in this browser")
    states = box.evaluate("""async box => {
        const states = []
        box.click()
        for (let frame = 0; frame < 20; frame++) {
            await new Promise(resolve => queueMicrotask(resolve))
            states.push(box.checked)
            await new Promise(resolve => requestAnimationFrame(resolve))
            states.push(box.checked)
        }
        return states
    }""")
    assert all(states), "The page took back the choice until it began to load."


def test_without_the_generator_directions_are_drawn_by_the_service(page: Page, site: Service) -> None:
    page.goto("/?seed=42&edit=slant:1.5")
    edited = fetch_pixels(site, "/generate?seed=42&edit=slant:1.5")
    wait_for_picture(page, edited)
    expect(page.get_by_text("The service draws.", exact=True)).to_be_visible()
    page.get_by_role("slider", name="Thickness").fill("2")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42&edit=slant:1.5,thickness:2"))
    choose(page)
    expect(page.get_by_text(READY)).to_be_visible()
    page.get_by_role("checkbox", name="Draw in this browser").uncheck()
    expect(page.get_by_text("The service draws.", exact=True)).to_be_visible()
    assert page.evaluate("localStorage.getItem('seedling-engine')") == "off"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("other", "This browser computes different pixels than the service, so the service draws."),
        ("broken", "The generator could not be loaded, so the service draws."),
    ],
)
def test_if_the_golden_pixels_differ_the_service_draws_and_the_page_says_so(
    browser: Browser, site: Service, answer: str, text: str
) -> None:
    other = (ROOT / "models" / "digits" / "3" / "generator.onnx").read_bytes()
    context = browser.new_context(base_url=site.url, locale="en", viewport={"width": 1280, "height": 800})
    page = context.new_page()  # not new_context, because the page logs the error
    page.route("**/generator.onnx", lambda route: route.fulfill(body=other if answer == "other" else other[:100_000]))
    page.goto("/?seed=42&model=digits&version=4")
    expect(page.get_by_text(text)).to_be_visible()
    expect(page.get_by_role("checkbox", name="Draw in this browser")).not_to_be_checked()
    page.get_by_role("textbox", name="Seed").fill("90000")
    page.get_by_role("textbox", name="Seed").press("Enter")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=90000&model=digits&version=4"))
    page.unroute("**/generator.onnx")
    if answer == "broken":
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text(READY)).to_be_visible()
    context.close()


def test_a_walk_is_drawn_without_requests(own: Page, site: Service) -> None:
    asked = open_drawing(own, "/interpolate?keyframes=5,17,99&frame=1")
    strip = own.get_by_role("list", name="Keyframes")
    screen = own.get_by_role("region", name="Player").locator("canvas.screen")
    own.get_by_label("Easing").select_option("ease-in-out")
    strip.get_by_role("button", name="Keyframe 1: seed 5").click()
    own.get_by_role("region", name="Keyframe 1").get_by_role("slider", name="Truncation").fill("0.5")
    stops = [{"seed": 5, "psi": 0.5}, 17, 99]
    walk = {"keyframes": stops, "steps": 16, "loop": True, "easing": "ease-in-out", "format": "npy"}
    for method in ("slerp", "lerp"):
        own.get_by_label("Method").select_option(method)
        frames = fetch_array(site, "/interpolate", walk | {"method": method})
        for frame in (0, 7, 22, 44):
            own.get_by_role("region", name="Player").get_by_role("slider", name="Frame").fill(str(frame))
            wait_for_canvas(screen, frames[frame])
    wait_for_canvas(strip.locator("canvas").first, fetch_pixels(site, "/generate?seed=5&psi=0.5"))
    assert asked == []
