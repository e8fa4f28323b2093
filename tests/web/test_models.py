"""The page Models: figures of a version, two versions compared, and JSON at the same address."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import Page, expect

from tests.live import Service
from tests.web.accessibility import faults
from tests.web.pages import open_page
from tests.web.pixels import fetch, fetch_array, wait_for_canvas


def test_models_shows_each_figure_with_its_floor(page: Page, site: Service) -> None:
    page.goto("/models")
    for name in ("digits", "fashion", "lecture"):
        expect(page.get_by_role("heading", name=re.compile(name)).first).to_be_visible()
    page.goto("/models/digits/versions/3")
    metrics = fetch(site, "/models/digits/versions/3").json()["manifest"]["metrics"]
    for name in ("fid", "coverage", "cas", "c2st_accuracy"):
        expect(page.locator("main")).to_contain_text(f"{metrics[name]['value']:.4f}")
        expect(page.locator("main")).to_contain_text(f"{metrics[name]['floor']:.4f}")
    expect(page.locator("main")).to_contain_text("Provenance")
    expect(page.get_by_role("button", name="Make digits/3 champion")).to_have_count(0)  # without a token
    sheet = page.locator("img[src*='samples.png']").first
    assert sheet.evaluate("async image => { await image.decode(); return image.naturalWidth }") == 560
    expect(page.get_by_role("link", name="Open in Explore").first).to_have_attribute(
        "href", re.compile("model=digits&version=3")
    )


def test_texts_in_a_table_keep_a_distance_from_the_numbers_before_them(page: Page, site: Service) -> None:
    open_page(page, "/models/digits")
    gaps = page.get_by_role("region", name="Versions of digits").locator("td.numeric + td:not(.numeric)")
    expect(gaps.first).to_be_visible()
    paddings = "cell => [getComputedStyle(cell.previousElementSibling).paddingRight, getComputedStyle(cell).paddingLeft]"
    assert sum(float(pixels.removesuffix("px")) for pixels in gaps.first.evaluate(paddings)) >= 24


def test_the_metrics_of_a_table_are_explained_below_it_without_a_mouse(page: Page) -> None:
    page.goto("/models")
    notes = (
        page.locator("section").filter(has_text="digits/4").first.locator("details").filter(has_text="What the metrics mean")
    )
    summary = notes.locator("summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(notes.get_by_text("Share of real pictures with a generated one nearby.")).to_be_visible()
    terms = notes.locator("dt").all_text_contents()
    assert {"FID", "FID, test", "KID", "Coverage", "Density", "Label accuracy"} == set(terms)
    assert len(terms) == 6


def test_two_versions_are_compared_with_the_biggest_difference_first(page: Page, site: Service) -> None:
    first, second = (fetch_array(site, f"/generate?seeds=0-199&format=npy&model=digits&version={n}") for n in (3, 4))
    distances = np.abs(first.astype(int) - second).mean(axis=(1, 2)) / 255
    order = np.argsort(-distances, kind="stable")
    open_page(page, "/models/digits?first=3&second=4&split=25")
    section = page.get_by_role("region", name="Two versions, largest differences first")
    pairs = section.get_by_role("listitem")
    expect(pairs).to_have_count(24)
    shown = [int(text) for text in pairs.get_by_role("link").all_inner_texts()]
    assert shown == order[:24].tolist()
    expect(pairs.first).to_contain_text(f"differs by {100 * distances[order[0]]:.1f}%")
    canvases = pairs.first.locator("canvas")
    wait_for_canvas(canvases.nth(0), first[order[0]])
    wait_for_canvas(canvases.nth(1), second[order[0]])
    assert canvases.nth(1).evaluate("canvas => getComputedStyle(canvas).clipPath") == "inset(0px 0px 0px 25%)"
    section.get_by_role("slider", name="Divider").fill("80")
    expect(page).to_have_url(re.compile("split=80"))
    picture = pairs.first.get_by_role("img")
    box = picture.first.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("split=(39|40|41)"))
    section.get_by_label("Left").select_option("4")
    expect(section).to_contain_text("Both versions draw exactly the same pictures for these seeds.")
    assert faults(page) == []


def test_the_address_of_a_page_returns_json_to_api_clients(page: Page, site: Service) -> None:
    page.goto("/models/digits/versions/2")
    expect(page.locator("main h1")).to_be_visible()
    payload = page.evaluate("async () => (await fetch(location.href, {headers: {Accept: 'application/json'}})).json()")
    assert payload["manifest"]["version"] == 2
