"""Explore: the plane under a hand, and addresses that give it back."""

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
from tests.web.conftest import opened
from tests.web.looking import drawn, shown, wait_for


def middle(page: Page) -> tuple[float, float]:
    box = page.locator("canvas.plane").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_it_opens_on_the_picture_of_seed_42(page: Page, site: Service) -> None:
    page.goto("/")
    wait_for(page, drawn(site, "/generate?seed=42"))
    expect(page.get_by_role("heading", name="Picture of seed 42")).to_be_visible()


def test_dragging_by_three_seeds_changes_the_pixels_and_lands_on_the_seed_that_is_there(page: Page, site: Service) -> None:
    page.goto("/?seed=42")
    wait_for(page, drawn(site, "/generate?seed=42"))
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    seen = {shown(page).tobytes()}
    for moved in range(8, 64 * 3 + 1, 8):  # 64 CSS pixels a seed
        page.mouse.move(x - moved, y)
        seen.add(shown(page).tobytes())
    page.mouse.up()
    assert len(seen) > 5  # blends on the way
    expect(page).to_have_url(re.compile(r"[?&]seed=45($|&)"))
    wait_for(page, drawn(site, "/generate?seed=45"))


def test_between_two_seeds_rests_a_blend_that_its_address_gives_back_to_the_pixel(
    browser: Browser, page: Page, site: Service
) -> None:
    page.goto("/?seed=7&zoom=256&label=3")
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 64, y - 130, steps=6)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"x=7\.25.*y=0\.5"))
    blend = drawn(site, "/plane?x=7.25&y=0.5&columns=1&rows=1&step=0.25&label=3")
    wait_for(page, blend)
    page.wait_for_timeout(300)
    view = page.locator("canvas.plane").screenshot()
    with opened(browser, site.url) as context:
        other = context.new_page()
        other.goto(page.url)
        wait_for(other, blend)
        np.testing.assert_array_equal(settled(other), np.asarray(Image.open(io.BytesIO(view))))


def settled(page: Page) -> NDArray[np.uint8]:
    """The plane once two looks at it are equal."""
    before = page.locator("canvas.plane").screenshot()
    for _ in range(50):
        page.wait_for_timeout(200)
        now = page.locator("canvas.plane").screenshot()
        if now == before:
            break
        before = now
    return np.asarray(Image.open(io.BytesIO(before)))


def test_back_and_forward_go_where_one_was(page: Page, site: Service) -> None:
    page.goto("/?seed=42")
    wait_for(page, drawn(site, "/generate?seed=42"))
    page.get_by_role("button", name="Random seed").click()
    page.wait_for_function("() => !/seed=42(&|$)/.test(location.search)")
    rolled = page.url
    page.go_back()
    wait_for(page, drawn(site, "/generate?seed=42"))
    page.go_forward()
    expect(page).to_have_url(rolled)
    seed = re.search(r"seed=(\d+)", rolled)
    assert seed
    wait_for(page, drawn(site, f"/generate?seed={seed[1]}"))


def test_a_tile_of_pictures_is_one_call(page: Page, site: Service) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/?seed=42")
    wait_for(page, drawn(site, "/generate?seed=42"))
    settled(page)
    planes = [url for url in asked if "/plane?" in url]
    pictures = 1280 * 576 / 64**2  # that fit on the screen
    assert 1 <= len(planes) <= pictures / 8
    assert not [url for url in asked if "/generate?" in url]


def test_keys_walk_zoom_and_throw_the_dice(page: Page, site: Service) -> None:
    page.goto("/?seed=42")
    wait_for(page, drawn(site, "/generate?seed=42"))
    plane = page.get_by_role("application", name="The plane of seeds")
    plane.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile(rf"seed={65536 + 43}(&|$)"))
    wait_for(page, drawn(site, f"/generate?seed={65536 + 43}"))
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("zoom=128"))
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"x=42\.5&y=1"))
    page.keyboard.press("r")
    expect(page).to_have_url(re.compile(r"seed=\d+&zoom=128"))


def test_a_three_becomes_an_eight(page: Page, site: Service) -> None:
    page.goto("/?seed=5&label=3")
    wait_for(page, drawn(site, "/generate?seed=5&label=3"))
    page.get_by_role("button", name="Mix").click()
    wait_for(page, drawn(site, "/generate?seed=5&label=3:0.5,8:0.5"))
    page.get_by_role("button", name="5", exact=True).click()
    wait_for(page, drawn(site, "/generate?seed=5&label=3:0.5,5:0.5"))
    page.get_by_role("button", name="8", exact=True).click()
    wait_for(page, drawn(site, "/generate?seed=5&label=3:0.5,8:0.5"))
    expect(page).to_have_url(re.compile("label=3:0.5,8:0.5"))
    page.get_by_role("slider", name="From 3 to 8").fill("0.75")
    wait_for(page, drawn(site, "/generate?seed=5&label=3:0.25,8:0.75"))
    page.get_by_role("button", name="3", exact=True).click()
    wait_for(page, drawn(site, "/generate?seed=5&label=8"))


def test_psi_one_moved_number_of_z_and_a_text_as_a_seed(page: Page, site: Service) -> None:
    page.goto("/?seed=5")
    page.get_by_role("slider", name="Truncation").fill("0.5")
    wait_for(page, drawn(site, "/generate?seed=5&psi=0.5"))
    page.goto("/?seed=5")
    page.get_by_text("Latent vector (z)").click()
    page.get_by_role("slider", name="z 3", exact=True).fill("2.5")
    with site.client() as client:
        picture = client.get("/generate?seed=5&format=json").json()
        z = [2.5 if index == 3 else value for index, value in enumerate(picture["z"])]
        answer = client.post("/generate", json={"z": z, "label": picture["class"]})
    wait_for(page, np.asarray(Image.open(io.BytesIO(answer.content))))
    expect(page).to_have_url(re.compile("dz=3:2.5"))
    page.get_by_role("textbox", name="Seed").fill("anna@example.org")
    page.get_by_role("textbox", name="Seed").press("Enter")
    wait_for(page, drawn(site, "/generate?seed=anna%40example.org"))


def test_the_same_call_is_the_same_picture(page: Page, site: Service) -> None:
    page.goto("/?seed=5&label=7&psi=0.5")
    wait_for(page, drawn(site, "/generate?seed=5&label=7&psi=0.5"))
    command = page.get_by_role("region", name="API call").locator("code").inner_text()
    address = re.fullmatch(r"curl -o 5\.png '(http://[^']+)'", command)
    assert address, command
    np.testing.assert_array_equal(drawn(site, address[1]), shown(page))
    page.get_by_role("button", name="HTML").click()
    tag = page.get_by_role("region", name="API call").locator("code").inner_text()
    assert tag.startswith(f'<img src="{address[1].replace("&", "&amp;")}"')


@pytest.mark.parametrize("query", ["model=nothing", "version=99", "label=17"])
def test_an_address_that_is_wrong_says_what_to_do(browser: Browser, site: Service, query: str) -> None:
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    page.goto(f"/?{query}")
    with site.client() as client:
        problem = client.get(f"/generate?{query}").json() if "label" in query else None
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(problem["detail"] if problem else "Choose one of")
    context.close()


SEEN = """() => {
    const canvas = document.querySelector('canvas.shown')
    window.seen = []
    const look = () => {
        const {data} = canvas.getContext('2d', {willReadFrequently: true}).getImageData(0, 0, 28, 28)
        const grey = Array.from({length: 784}, (_, at) => data[4 * at]).join()
        if (window.seen.at(-1) !== grey) window.seen.push(grey)
        requestAnimationFrame(look)
    }
    look()
}"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_step_glides_through_blends_except_for_who_wants_less_motion(browser: Browser, site: Service, motion: str) -> None:
    with opened(browser, site.url, reduced_motion=motion) as context:
        page = context.new_page()
        page.goto("/?seed=42")
        first, last = drawn(site, "/generate?seed=42"), drawn(site, "/generate?seed=43")
        wait_for(page, first)
        settled(page)  # all tiles are there
        page.evaluate(SEEN)
        page.get_by_role("application").focus()
        page.keyboard.press("ArrowRight")
        wait_for(page, last)
        page.wait_for_timeout(300)
        seen = page.evaluate("window.seen")
        ends = [",".join(map(str, pixels.flatten().tolist())) for pixels in (first, last)]
        assert (seen[0], seen[-1]) == tuple(ends)
        assert (len(seen) == 2) == (motion == "reduce")


def test_pinned_pictures_are_kept_by_the_browser(page: Page, site: Service) -> None:
    page.goto("/?seed=42")
    wait_for(page, drawn(site, "/generate?seed=42"))
    with httpx.Client(base_url=site.url, trust_env=False) as client:
        version = client.get("/models/digits").json()["aliases"]["champion"]
    kept = page.evaluate(
        "() => performance.getEntriesByType('resource').map(entry => entry.name).filter(name => name.includes('/plane?'))"
    )
    assert kept
    assert all(f"version={version}" in name for name in kept), json.dumps(kept)


MOVED = """async slider => {
    const writes = []
    for (const name of ['pushState', 'replaceState']) {
        const real = history[name].bind(history)
        history[name] = (...given) => { writes.push(name); real(...given) }
    }
    for (let step = 0; step <= 100; step++) {
        slider.value = String(0.5 + step / 100)
        slider.dispatchEvent(new Event('input', {bubbles: true}))
        await new Promise(resolve => setTimeout(resolve, 16))
    }
    slider.dispatchEvent(new Event('change', {bubbles: true}))
    return writes
}"""


def test_a_slider_is_followed_by_the_address_a_few_times_a_second_and_is_one_step_back(page: Page, site: Service) -> None:
    """Browsers take a hundred or two of such writes in ten seconds, and no more."""
    page.goto("/?seed=5")
    wait_for(page, drawn(site, "/generate?seed=5"))
    writes = page.get_by_role("slider", name="Truncation").evaluate(MOVED)
    expect(page).to_have_url(re.compile(r"psi=1\.5(&|$)"))
    wait_for(page, drawn(site, "/generate?seed=5&psi=1.5"))
    assert writes.count("pushState") == 1
    assert len(writes) < 30
    page.go_back()
    expect(page).not_to_have_url(re.compile("psi"))
    wait_for(page, drawn(site, "/generate?seed=5"))
    page.go_forward()
    wait_for(page, drawn(site, "/generate?seed=5&psi=1.5"))


def test_the_dice_are_thrown_by_their_key_on_any_keyboard_while_the_focus_is_there(page: Page, site: Service) -> None:
    page.goto("/?seed=42")
    wait_for(page, drawn(site, "/generate?seed=42"))
    page.get_by_role("link", name="Gallery").focus()
    page.keyboard.press("r")
    page.get_by_role("application").focus()
    assert page.url.endswith("/?seed=42")
    page.get_by_role("application").evaluate(
        "plane => plane.dispatchEvent(new KeyboardEvent('keydown', {key: 'к', code: 'KeyR', bubbles: true}))"
    )
    expect(page).not_to_have_url(re.compile(r"seed=42($|&)"))


def test_a_mixture_that_comes_by_the_back_button_has_its_slider(page: Page, site: Service) -> None:
    page.goto("/?seed=5&label=3:0.5,8:0.5")
    page.get_by_role("button", name="chosen by the seed").click()
    expect(page.get_by_role("slider", name="From 3 to 8")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("slider", name="From 3 to 8")).to_be_visible()
    expect(page.get_by_role("button", name="Mix")).to_have_attribute("aria-pressed", "true")


def test_pictures_that_did_not_come_are_asked_for_again(browser: Browser, site: Service) -> None:
    context = browser.new_context(base_url=site.url, locale="en")
    page = context.new_page()
    busy = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "code": "overloaded", "detail": "Try later."}
    refusal = {"status": 503, "headers": {"Retry-After": "600"}, "json": busy}  # so it is not asked for by itself meanwhile
    page.route("**/plane?*", lambda route: route.fulfill(**refusal))  # type: ignore[arg-type]
    page.goto("/?seed=42")
    expect(page.get_by_role("alert")).to_contain_text("Try later.")
    page.unroute("**/plane?*")
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    wait_for(page, drawn(site, "/generate?seed=42"))
    expect(page.get_by_role("alert")).to_have_count(0)
    page.route("**/plane?*", lambda route: route.fulfill(**refusal))  # type: ignore[arg-type]
    page.get_by_role("textbox", name="Seed").fill("90000")
    page.get_by_role("textbox", name="Seed").press("Enter")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(page.get_by_role("heading", name="Picture of seed 90000")).to_be_visible()
    wait_for(page, np.zeros((28, 28), dtype=np.uint8))
    page.unroute("**/plane?*")
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    wait_for(page, drawn(site, "/generate?seed=90000"))
    expect(page.get_by_role("alert")).to_have_count(0)
    context.close()


def test_a_part_of_the_plane_that_did_not_come_is_told_as_long_as_it_is_missing(browser: Browser, site: Service) -> None:
    context = browser.new_context(base_url=site.url, locale="en")
    page = context.new_page()
    page.goto("/?seed=42&zoom=64")
    wait_for(page, drawn(site, "/generate?seed=42"))
    page.wait_for_load_state("networkidle")
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=503, headers={"Retry-After": "600"}, json={"code": "overloaded", "detail": "Try later."})

    page.route("**/plane?*", refuse)
    plane = page.locator("canvas.plane")
    plane.focus()
    while not refused:  # at an edge that comes into sight, while the middle is there
        plane.press("ArrowRight")
        page.wait_for_timeout(300)
    expect(page.get_by_role("alert")).to_contain_text("Try later.")
    page.wait_for_timeout(500)  # in which it is painted again
    expect(page.get_by_role("alert")).to_contain_text("Try later.")
    seed = page.get_by_role("textbox", name="Seed").input_value()
    wait_for(page, drawn(site, f"/generate?seed={seed}"))
    page.unroute("**/plane?*")
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(plane).to_be_focused()
    context.close()


def test_pictures_that_did_not_come_are_asked_for_again_by_themselves(browser: Browser, site: Service) -> None:
    context = browser.new_context(base_url=site.url, locale="en")
    page = context.new_page()
    page.route("**/plane?*", lambda route: route.abort(), times=3)  # as many as are asked for at once
    page.goto("/?seed=42")
    expect(page.get_by_role("alert")).to_contain_text("does not respond")
    wait_for(page, drawn(site, "/generate?seed=42"))
    expect(page.get_by_role("alert")).to_have_count(0)
    context.close()


def test_across_the_edge_of_the_plane_nothing_is_asked_for_twice(page: Page, site: Service) -> None:
    """It is a torus: above the first row lies the last."""
    calls: list[str] = []
    page.on("request", lambda request: "/plane?" in request.url and calls.append(request.url))
    page.goto("/?seed=42")
    wait_for(page, drawn(site, "/generate?seed=42"))
    settled(page)
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowUp")
    wait_for(page, drawn(site, f"/generate?seed={65_535 * 65_536 + 42}"))
    expect(page).to_have_url(re.compile(f"seed={65_535 * 65_536 + 42}"))
    settled(page)
    assert len(set(calls)) == len(calls)
    assert not [url for url in calls if "y=-" in url]
