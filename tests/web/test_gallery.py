"""The page Gallery: walls of seeds and tables of settings."""

from __future__ import annotations

import io
import re
import zipfile

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.live import Service
from tests.web.conftest import new_context
from tests.web.pixels import fetch, fetch_pixels, wait_for_canvas


def option(page: Page, seed: int) -> Locator:
    return page.get_by_role("listbox", name="Wall").get_by_role("option", name=re.compile(f"^Seed {seed}(,|$)"))


def test_the_wall_loads_a_range_of_seeds_in_one_call(page: Page, site: Service) -> None:
    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.url))
    page.goto("/gallery")
    expect(page.get_by_role("listbox", name="Wall").get_by_role("option")).to_have_count(200)
    for seed in (0, 17, 199):
        wait_for_canvas(option(page, seed).locator("canvas"), fetch_pixels(site, f"/generate?seed={seed}"))
    assert len([url for url in calls if "/generate?" in url]) == 1
    page.goto("/gallery?seeds=100-119&label=7&psi=0.5")
    page.get_by_role("button", name="Next 20").click()
    expect(page).to_have_url(re.compile("seeds=120-139"))
    wait_for_canvas(option(page, 125).locator("canvas"), fetch_pixels(site, "/generate?seed=125&label=7&psi=0.5"))


def test_a_picture_can_be_selected_and_pinned_with_mouse_and_keyboard(page: Page, site: Service) -> None:
    page.goto("/gallery")
    option(page, 17).click()
    chosen = page.get_by_role("region", name="Selected picture")
    expect(chosen.get_by_role("heading", name="Picture of seed 17")).to_be_visible()
    wait_for_canvas(chosen.locator("canvas"), fetch_pixels(site, "/generate?seed=17"))
    chosen.get_by_role("button", name="Pin", exact=True).click()
    expect(page).to_have_url(re.compile("pins=17"))
    option(page, 17).focus()
    for key in ("ArrowRight", "ArrowRight", "p"):
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile("pins=17,19"))
    page.reload()
    expect(page.get_by_role("region", name="Pinned").get_by_role("button", name="Seed 19")).to_be_visible()
    page.get_by_role("link", name="Interpolate between them").click()
    expect(page).to_have_url(re.compile(r"/interpolate\?keyframes=17,19"))


def test_the_last_picture_can_be_reached_before_it_has_been_rendered(page: Page) -> None:
    """A long wall is rendered in parts. Here the browser is never idle, so only the first part is."""
    page.add_init_script("window.requestIdleCallback = () => 0; window.cancelIdleCallback = () => {}")
    page.goto("/gallery?seeds=0-999")
    options = page.get_by_role("listbox", name="Wall").get_by_role("option")
    expect(option(page, 0)).to_be_visible()
    assert options.count() < 100
    option(page, 0).focus()
    page.keyboard.press("End")
    expect(option(page, 999)).to_be_focused()
    expect(options).to_have_count(1000)


def test_sorting_by_the_discriminator_applies_to_the_wall_and_its_files(page: Page, site: Service) -> None:
    page.goto("/gallery?seeds=0-59")
    page.get_by_label("Order").select_option("most-real")
    opinions = fetch(site, "/discriminate?seeds=0-59").json()["pictures"]
    order = [opinion["seed"] for opinion in sorted(opinions, key=lambda opinion: -opinion["logit"])]
    wall = page.get_by_role("listbox", name="Wall").get_by_role("option")
    expect(wall.first).to_have_attribute("aria-label", re.compile(f"^Seed {order[0]}, real"))
    names = wall.evaluate_all("options => options.map(option => option.getAttribute('aria-label'))")
    assert [int(re.findall(r"\d+", name)[0]) for name in names] == order
    wait_for_canvas(wall.nth(3).locator("canvas"), fetch_pixels(site, f"/generate?seed={order[3]}"))
    files = page.get_by_role("group", name="Download the whole wall")
    address = files.get_by_role("link", name="ZIP").get_attribute("href")
    assert address
    archive = zipfile.ZipFile(io.BytesIO(fetch(site, address).content))
    assert [int(re.findall(r"seed-(\d+)", name)[0]) for name in archive.namelist()] == order


def test_the_table_shows_seeds_by_class_psi_and_version(page: Page, site: Service) -> None:
    page.goto("/gallery?view=table")
    table = page.get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(9)
    wait_for_canvas(
        table.get_by_role("link", name="Seed 3, class 7").locator("canvas"), fetch_pixels(site, "/generate?seed=3&label=7")
    )
    page.get_by_label("Columns", exact=True).select_option("version")
    for version in (1, 2, 3):
        cell = table.get_by_role("link", name=f"Seed 3, version {version}").locator("canvas")
        wait_for_canvas(cell, fetch_pixels(site, f"/generate?seed=3&version={version}"))
    page.get_by_label("Columns", exact=True).select_option("psi")
    table.get_by_role("link", name="Seed 3, ψ 0.25").click()
    expect(page).to_have_url(re.compile(r"/\?seed=3&psi=0\.25"))
    wait_for_canvas(page.locator("canvas.shown"), fetch_pixels(site, "/generate?seed=3&psi=0.25"))


@pytest.mark.parametrize(("seeds", "message"), [("5-3", "is descending"), ("0-2000", "2,000"), ("x", "neither")])
def test_invalid_seeds_get_an_error_message(page: Page, seeds: str, message: str) -> None:
    page.goto("/gallery?seeds=0-19")
    page.get_by_label("Seeds").fill(seeds)
    page.get_by_label("Seeds").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(message)


def test_a_downloaded_sheet_contains_all_pictures_of_the_wall(page: Page) -> None:
    page.goto("/gallery?seeds=0-1999")
    with page.expect_download() as download:
        page.get_by_role("group", name="Download the whole wall").get_by_role("link", name="Sheet").click()
    with Image.open(download.value.path()) as sheet:
        width, height = sheet.size
    assert (width % (28 * 4), height % (28 * 4)) == (0, 0)
    assert width * height >= 2000 * (28 * 4) ** 2


def test_on_a_phone_the_selected_picture_is_visible_with_the_wall(browser: Browser, site: Service) -> None:
    with new_context(browser, site.url, viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        page.goto("/gallery?seeds=0-199")
        option(page, 17).click()
        chosen = page.get_by_role("region", name="Selected picture")
        expect(chosen.get_by_role("button", name="Close")).to_be_in_viewport()
        expect(chosen.get_by_role("link", name="Open in Explore")).to_be_in_viewport()
        chosen.get_by_role("button", name="Close").click()
        expect(chosen.get_by_role("button", name="Close")).to_have_count(0)
