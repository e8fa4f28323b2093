"""The page Breed: children of some parents, and the next generation."""

from __future__ import annotations

import re

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.live import Service
from tests.web.pixels import fetch_pixels, wait_for_canvas, wait_for_picture


def test_children_can_be_bred_and_the_family_tree_is_an_address(page: Page, site: Service) -> None:
    page.goto("/breed?parents=42,7&model=digits&version=1")
    litter = page.get_by_role("region", name="Children", exact=True)
    for number in (0, 8):
        canvas = litter.get_by_role("button", name=f"Child {number}", exact=True).locator("canvas")
        wait_for_canvas(canvas, fetch_pixels(site, f"/generate?parents=42,7&child={number}&model=digits&version=1"))
    expect(litter.get_by_role("button", name="Breed the selected pictures (0)")).to_be_disabled()
    for number in (5, 2):
        litter.get_by_role("button", name=f"Child {number}", exact=True).click()
    litter.get_by_role("button", name="Breed the selected pictures (2)").click()
    expect(page).to_have_url(
        re.compile(re.escape("parents=(42,7,2),(42,7,5)") + "|" + re.escape("parents=%2842,7,2%29,%2842,7,5%29"))
    )
    canvas = litter.get_by_role("button", name="Child 4", exact=True).locator("canvas")
    expected = fetch_pixels(site, "/generate?parents=(42,7,2),(42,7,5)&child=4&model=digits&version=1")
    wait_for_canvas(canvas, expected)
    page.reload()
    wait_for_canvas(canvas, expected)
    tree = page.get_by_role("region", name="Family tree")
    expect(tree.get_by_text("(42,7,5)", exact=True)).to_be_visible()
    expect(tree.get_by_role("img", name="Seed 42")).to_have_count(2)
    page.go_back()
    expect(page.get_by_label("Parents", exact=True)).to_have_value("42,7")


def test_a_litter_with_its_ancestors_takes_one_request(page: Page, site: Service) -> None:
    requests: list[str] = []
    drawing = re.compile(r"/(generate|interpolate)(\?|$)")
    page.on("request", lambda request: drawing.search(request.url) and requests.append(request.url))
    page.goto("/breed?parents=(42,7,2),a text&label=3&psi=0.7&model=digits&version=1")
    for name, query in (
        ("Child 8", "parents=(42,7,2),a text&child=8"),
        ("Child 2", "parents=42,7&child=2"),
        ("Seed a text", "seed=a text"),
    ):
        canvas = page.get_by_role("img", name=name, exact=True).last
        wait_for_canvas(canvas, fetch_pixels(site, f"/generate?{query}&label=3&psi=0.7&model=digits&version=1"))
    page.wait_for_load_state("networkidle")
    assert len(requests) == 1
    assert requests[0].endswith("/interpolate")


def test_more_children_follow(page: Page, site: Service) -> None:
    page.goto("/breed?model=digits&version=1")
    page.get_by_role("button", name="Nine more children").click()
    expect(page).to_have_url(re.compile("from=9"))
    canvas = page.get_by_role("button", name="Child 17", exact=True).locator("canvas")
    wait_for_canvas(canvas, fetch_pixels(site, "/generate?parents=42,7&child=17&model=digits&version=1"))
    page.get_by_role("button", name="Nine earlier children").click()
    expect(page.get_by_role("button", name="Child 0", exact=True)).to_be_visible()


def test_a_selected_child_can_be_saved_and_opened_in_explore(page: Page, site: Service) -> None:
    page.goto("/breed?parents=42,(7,1,3)&psi=0.7&model=digits&version=1")
    selected = page.get_by_role("region", name="Selected picture")
    expect(selected).to_contain_text("Select a picture")
    expected = fetch_pixels(site, "/generate?parents=42,(7,1,3)&child=5&psi=0.7&model=digits&version=1")
    page.get_by_role("button", name="Child 5", exact=True).click()
    wait_for_canvas(selected.locator("canvas"), expected)
    expect(page.get_by_role("region", name="API call")).to_contain_text(re.compile("child=5\\b"))
    with page.expect_download() as saved:
        selected.get_by_role("link", name="Download").click()
    with Image.open(saved.value.path()) as picture:
        np.testing.assert_array_equal(np.asarray(picture)[::8, ::8], expected)
        assert picture.info["parents"] == "42,(7,1,3)"
    selected.get_by_role("link", name="Open in Explore").click()
    wait_for_picture(page, expected)
    page.go_back()
    page.get_by_role("button", name="Seed 42", exact=True).click()
    expect(selected.get_by_role("link", name="Open in Explore")).to_have_attribute("href", re.compile(r"/\?seed=42&psi=0.7"))
    page.get_by_role("button", name="Seed 42", exact=True).click()
    expect(selected).to_contain_text("Select a picture")


def test_parents_that_are_not_possible_are_explained(browser: Browser, site: Service) -> None:
    context = browser.new_context(base_url=site.url, locale="en")  # the browser logs the expected 422
    page = context.new_page()
    page.goto("/breed?parents=42,-7")
    expect(page.get_by_role("alert")).to_contain_text("a numeric seed must be an integer")
    field = page.get_by_label("Parents", exact=True)
    field.fill("42,(7,1,3)")
    field.press("Enter")
    expect(page.get_by_role("region", name="Family tree").get_by_text("(7,1,3)", exact=True)).to_be_visible()
    context.close()
