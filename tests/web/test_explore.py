"""The page Explore: moving on the plane, and addresses that restore the view."""

from __future__ import annotations

import io
import json
import re

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from tests.live import Service
from tests.waiting import attempts
from tests.web.conftest import DRAWN_BY_THE_SERVICE, new_context
from tests.web.pixels import fetch_pixels, shown_pixels, wait_for_picture


def middle(page: Page) -> tuple[float, float]:
    box = page.locator("canvas.plane").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_it_opens_on_the_picture_of_seed_42(page: Page, site: Service) -> None:
    page.goto("/?controls=open")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    expect(page.get_by_role("heading", name="Picture of seed 42")).to_be_visible()


def test_dragging_by_three_seeds_shows_blends_and_ends_at_the_third_seed(page: Page, site: Service) -> None:
    page.goto("/?seed=42")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    frames = {shown_pixels(page).tobytes()}
    for distance in range(8, 64 * 3 + 1, 8):  # 64 CSS pixels per seed
        page.mouse.move(x - distance, y)
        frames.add(shown_pixels(page).tobytes())
    page.mouse.up()
    assert len(frames) > 5  # including blends
    expect(page).to_have_url(re.compile(r"[?&]seed=45($|&)"))
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=45"))


def test_the_address_of_a_blend_restores_its_exact_pixels(browser: Browser, page: Page, site: Service) -> None:
    page.goto("/?seed=7&zoom=256&label=3")
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 64, y - 130, steps=6)
    page.mouse.up()
    page.get_by_role("heading", level=1).hover()  # away from the plane, which enlarges what is under the pointer
    expect(page).to_have_url(re.compile(r"x=7\.25.*y=0\.5"))
    blend = fetch_pixels(site, "/plane?x=7.25&y=0.5&columns=1&rows=1&step=0.25&label=3")
    wait_for_picture(page, blend)
    page.wait_for_timeout(300)
    view = page.locator("canvas.plane").screenshot()
    with new_context(browser, site.url) as context:
        other = context.new_page()
        other.goto(page.url)
        wait_for_picture(other, blend)
        np.testing.assert_array_equal(settled(other), np.asarray(Image.open(io.BytesIO(view))))


def settled(page: Page) -> NDArray[np.uint8]:
    """Return a screenshot of the plane once it no longer changes."""
    before = page.locator("canvas.plane").screenshot()
    for _ in range(50):
        page.wait_for_timeout(200)
        now = page.locator("canvas.plane").screenshot()
        if now == before:
            break
        before = now
    return np.asarray(Image.open(io.BytesIO(before)))


def test_back_and_forward_restore_the_seed(page: Page, site: Service) -> None:
    page.goto("/?seed=42")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    page.get_by_role("button", name="Random seed").click()
    page.wait_for_function("() => !/seed=42(&|$)/.test(location.search)")
    random_url = page.url
    page.go_back()
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    page.go_forward()
    expect(page).to_have_url(random_url)
    seed = re.search(r"seed=(\d+)", random_url)
    assert seed
    wait_for_picture(page, fetch_pixels(site, f"/generate?seed={seed[1]}"))


def test_a_tile_of_pictures_is_loaded_in_one_call(page: Page, site: Service) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto("/?seed=42")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    settled(page)
    planes = [url for url in requests if "/plane?" in url]
    pictures = 1280 * 800 / 64**2  # visible on the screen
    assert 1 <= len(planes) <= pictures / 8
    assert not [url for url in requests if "/generate?" in url]


def test_a_key_that_is_pressed_while_the_address_changes_is_not_lost(page: Page, site: Service) -> None:
    page.goto("/?seed=42")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    plane = page.get_by_role("application", name="The plane of seeds")
    plane.focus()
    page.evaluate("""() => {
        for (const name of ["pushState", "replaceState"]) {
            const change = history[name].bind(history)
            history[name] = (...given) => {
                change(...given)
                delete history[name]
                document.querySelector("canvas.plane").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown" }))
            }
        }
    }""")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(rf"seed={65536 + 43}(&|$)"))


def test_keys_move_zoom_and_select_a_random_seed(page: Page, site: Service) -> None:
    page.goto("/?seed=42")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    plane = page.get_by_role("application", name="The plane of seeds")
    plane.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(rf"seed={65536 + 43}(&|$)"))
    wait_for_picture(page, fetch_pixels(site, f"/generate?seed={65536 + 43}"))
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("zoom=128"))
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"x=42\.5&y=1"))
    page.keyboard.press("r")
    expect(page).to_have_url(re.compile(r"seed=\d+&zoom=128"))


def test_a_mixture_of_two_classes_can_be_selected_and_changed(page: Page, site: Service) -> None:
    page.goto("/?seed=5&label=3")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=5&label=3"))
    page.get_by_role("button", name="Mix").click()
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=5&label=3:0.5,8:0.5"))
    page.get_by_role("button", name="5", exact=True).click()
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=5&label=3:0.5,5:0.5"))
    page.get_by_role("button", name="8", exact=True).click()
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=5&label=3:0.5,8:0.5"))
    expect(page).to_have_url(re.compile("label=3:0.5,8:0.5"))
    page.get_by_role("slider", name="From 3 to 8").fill("0.75")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=5&label=3:0.25,8:0.75"))
    page.get_by_role("button", name="3", exact=True).click()
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=5&label=8"))


def test_psi_a_changed_number_of_z_and_a_text_seed_change_the_picture(page: Page, site: Service) -> None:
    page.goto("/?seed=5")
    page.get_by_role("slider", name="Truncation").fill("0.5")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=5&psi=0.5"))
    page.goto("/?seed=5")
    page.get_by_text("Latent vector (z)").click()
    page.get_by_role("slider", name="z 3", exact=True).fill("2.5")
    with site.client() as client:
        picture = client.get("/generate?seed=5&format=json").json()
        z = [2.5 if index == 3 else value for index, value in enumerate(picture["z"])]
        response = client.post("/generate", json={"z": z, "label": picture["class"]})
    wait_for_picture(page, np.asarray(Image.open(io.BytesIO(response.content))))
    expect(page).to_have_url(re.compile("dz=3:2.5"))
    page.get_by_role("textbox", name="Seed").fill("anna@example.org")
    page.get_by_role("textbox", name="Seed").press("Enter")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=anna%40example.org"))


def test_the_call_of_the_panel_gives_the_shown_picture(page: Page, site: Service) -> None:
    page.goto("/?seed=5&label=7&psi=0.5")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=5&label=7&psi=0.5"))
    command = page.get_by_role("region", name="API call").locator("code").inner_text()
    address = re.fullmatch(r"curl -o 5\.png '(http://[^']+)'", command)
    assert address, command
    np.testing.assert_array_equal(fetch_pixels(site, address[1]), shown_pixels(page))
    page.get_by_role("button", name="HTML").click()
    tag = page.get_by_role("region", name="API call").locator("code").inner_text()
    assert tag.startswith(f'<img src="{address[1].replace("&", "&amp;")}"')


@pytest.mark.parametrize("query", ["model=nothing", "version=99", "label=17"])
def test_an_invalid_address_shows_an_error_with_the_remedy(browser: Browser, site: Service, query: str) -> None:
    context = browser.new_context(base_url=site.url)
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    page = context.new_page()
    page.goto(f"/?{query}")
    with site.client() as client:
        problem = client.get(f"/generate?{query}").json() if "label" in query else None
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(problem["detail"] if problem else "Choose one of")
    context.close()


RECORD_FRAMES = """() => {
    const canvas = document.querySelector('canvas.shown')
    window.frames_seen = []
    const record = () => {
        const {data} = canvas.getContext('2d', {willReadFrequently: true}).getImageData(0, 0, 28, 28)
        const grey = Array.from({length: 784}, (_, i) => data[4 * i]).join()
        if (window.frames_seen.at(-1) !== grey) window.frames_seen.push(grey)
        requestAnimationFrame(record)
    }
    record()
}"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_step_is_animated_unless_reduced_motion_is_preferred(browser: Browser, site: Service, motion: str) -> None:
    with new_context(browser, site.url, reduced_motion=motion) as context:
        page = context.new_page()
        page.goto("/?seed=42")
        first, last = fetch_pixels(site, "/generate?seed=42"), fetch_pixels(site, "/generate?seed=43")
        wait_for_picture(page, first)
        settled(page)  # until all tiles are loaded
        page.evaluate(RECORD_FRAMES)
        page.get_by_role("application").focus()
        page.keyboard.press("ArrowRight")
        wait_for_picture(page, last)
        page.wait_for_timeout(300)
        frames = page.evaluate("window.frames_seen")
        ends = [",".join(map(str, pixels.flatten().tolist())) for pixels in (first, last)]
        assert (frames[0], frames[-1]) == tuple(ends)
        assert (len(frames) == 2) == (motion == "reduce")


def test_tiles_are_requested_with_a_version_so_that_they_can_be_cached(page: Page, site: Service) -> None:
    page.goto("/?seed=42")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    with httpx.Client(base_url=site.url, trust_env=False) as client:
        version = client.get("/models/digits").json()["aliases"]["champion"]
    tiles = page.evaluate(
        "() => performance.getEntriesByType('resource').map(entry => entry.name).filter(name => name.includes('/plane?'))"
    )
    assert tiles
    assert all(f"version={version}" in name for name in tiles), json.dumps(tiles)


MOVE_SLIDER = """async slider => {
    const writes = []
    for (const name of ['pushState', 'replaceState']) {
        const original = history[name].bind(history)
        history[name] = (...parameters) => { writes.push(name); original(...parameters) }
    }
    const start = performance.now()
    let last = start, pause = 0
    for (let step = 0; step <= 100; step++) {
        pause = Math.max(pause, performance.now() - last)
        last = performance.now()
        slider.value = String(0.5 + step / 100)
        slider.dispatchEvent(new Event('input', {bubbles: true}))
        await new Promise(resolve => setTimeout(resolve, 16))
    }
    slider.dispatchEvent(new Event('change', {bubbles: true}))
    return {writes, pause, milliseconds: performance.now() - start}
}"""


def test_a_slider_updates_the_address_at_a_limited_rate_with_one_history_entry(page: Page, site: Service) -> None:
    """Browsers limit such updates to one or two hundred in ten seconds."""
    for _ in attempts():
        page.goto("/?seed=5")
        wait_for_picture(page, fetch_pixels(site, "/generate?seed=5"))
        moved = page.get_by_role("slider", name="Truncation").evaluate(MOVE_SLIDER)
        if moved["pause"] < 900:  # a machine that pauses for longer makes several gestures of it
            break
    writes = moved["writes"]
    expect(page).to_have_url(re.compile(r"psi=1\.5(&|$)"))
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=5&psi=1.5"))
    assert writes.count("pushState") == 1
    assert len(writes) < max(30, moved["milliseconds"] / 200 + 2)
    page.go_back()
    expect(page).not_to_have_url(re.compile("psi"))
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=5"))
    page.go_forward()
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=5&psi=1.5"))


def test_the_random_key_works_on_any_keyboard_layout_while_the_plane_has_the_focus(page: Page, site: Service) -> None:
    page.goto("/?seed=42")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    page.get_by_role("link", name="Gallery").focus()
    page.keyboard.press("r")
    page.get_by_role("application").focus()
    assert page.url.endswith("/?seed=42")
    page.get_by_role("application").evaluate(
        "plane => plane.dispatchEvent(new KeyboardEvent('keydown', {key: 'к', code: 'KeyR', bubbles: true}))"
    )
    expect(page).not_to_have_url(re.compile(r"seed=42($|&)"))


def test_a_mixture_restored_by_the_back_button_has_its_slider(page: Page, site: Service) -> None:
    page.goto("/?seed=5&label=3:0.5,8:0.5")
    page.get_by_role("button", name="chosen by the seed").click()
    expect(page.get_by_role("slider", name="From 3 to 8")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("slider", name="From 3 to 8")).to_be_visible()
    expect(page.get_by_role("button", name="Mix")).to_have_attribute("aria-pressed", "true")


def test_failed_pictures_can_be_requested_again(browser: Browser, site: Service) -> None:
    context = browser.new_context(base_url=site.url, locale="en")
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    page = context.new_page()
    busy = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "code": "overloaded", "detail": "Try later."}
    rejection = {"status": 503, "headers": {"Retry-After": "600"}, "json": busy}  # prevents automatic retries
    page.route("**/plane?*", lambda route: route.fulfill(**rejection))  # type: ignore[arg-type]
    page.goto("/?seed=42")
    expect(page.get_by_role("alert")).to_contain_text("Try later.")
    page.unroute("**/plane?*")
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    expect(page.get_by_role("alert")).to_have_count(0)
    page.route("**/plane?*", lambda route: route.fulfill(**rejection))  # type: ignore[arg-type]
    page.get_by_role("textbox", name="Seed").fill("90000")
    page.get_by_role("textbox", name="Seed").press("Enter")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Picture of seed 90000")).to_be_visible()
    wait_for_picture(page, np.zeros((28, 28), dtype=np.uint8))
    page.unroute("**/plane?*")
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=90000"))
    expect(page.get_by_role("alert")).to_have_count(0)
    context.close()


def test_the_error_about_a_missing_tile_stays_until_the_tile_is_loaded(browser: Browser, site: Service) -> None:
    context = browser.new_context(base_url=site.url, locale="en")
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    page = context.new_page()
    page.goto("/?seed=42&zoom=64")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    page.wait_for_load_state("networkidle")
    rejected: list[str] = []

    def reject(route: Route) -> None:
        rejected.append(route.request.url)
        route.fulfill(status=503, headers={"Retry-After": "600"}, json={"code": "overloaded", "detail": "Try later."})

    page.route("**/plane?*", reject)
    plane = page.locator("canvas.plane")
    plane.focus()
    while not page.get_by_role("alert").count():  # until a visible tile is missing; those beyond the edge are requested first
        plane.press("ArrowRight")
        page.wait_for_timeout(300)
    assert rejected
    expect(page.get_by_role("alert")).to_contain_text("Try later.")
    page.wait_for_timeout(500)  # until the plane is painted again
    expect(page.get_by_role("alert")).to_contain_text("Try later.")
    seed = page.get_by_role("textbox", name="Seed").input_value()
    wait_for_picture(page, fetch_pixels(site, f"/generate?seed={seed}"))
    page.unroute("**/plane?*")
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(plane).to_be_focused()
    context.close()


def test_failed_pictures_are_requested_again_automatically(browser: Browser, site: Service) -> None:
    context = browser.new_context(base_url=site.url, locale="en")
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    page = context.new_page()
    page.route("**/plane?*", lambda route: route.abort(), times=3)  # the number of concurrent requests
    page.goto("/?seed=42")
    expect(page.get_by_role("alert")).to_contain_text("does not respond")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    expect(page.get_by_role("alert")).to_have_count(0)
    context.close()


def test_across_the_edge_of_the_plane_no_tile_is_requested_twice(page: Page, site: Service) -> None:
    """The plane is a torus: the last row is above the first."""
    calls: list[str] = []
    page.on("request", lambda request: "/plane?" in request.url and calls.append(request.url))
    page.goto("/?seed=42")
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=42"))
    settled(page)
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowUp")
    wait_for_picture(page, fetch_pixels(site, f"/generate?seed={65_535 * 65_536 + 42}"))
    expect(page).to_have_url(re.compile(f"seed={65_535 * 65_536 + 42}"))
    settled(page)
    assert len(set(calls)) == len(calls)
    assert not [url for url in calls if "y=-" in url]
