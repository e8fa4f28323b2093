"""The page Draw: drawings with a pointer and the keyboard become a dataset, on which a model is trained."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.app.retraining.jobs import TOKEN
from tests.live import Service
from tests.web.accessibility import faults
from tests.web.conftest import new_context, signed_in
from tests.web.retraining import TRAINING, sign_in
from tests.web.test_datasets import tolerant_page

LEAST = 20
"""Drawings that a dataset needs."""


@pytest.fixture
def page(browser: Browser, importing: Service) -> Iterator[Page]:
    with new_context(browser, importing.url, viewport={"width": 1400, "height": 1000}) as context:
        yield context.new_page()


def draw_corner(page: Page, canvas: Locator, number: int) -> None:
    """Draw an L of two lines. Its width depends on the number, so that no two drawings are equal when they are centred."""
    box = canvas.bounding_box()
    assert box
    for points in (((0.3, 0.2), (0.3, 0.7)), ((0.3, 0.7), (0.45 + 0.015 * number, 0.7))):
        for n, (x, y) in enumerate(points):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)
            if n == 0:
                page.mouse.down()
        page.mouse.up()


def ink(canvas: Locator) -> int:
    """Return the number of white pixels of a canvas."""
    count: int = canvas.evaluate(
        """canvas => {
            const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {willReadFrequently: true})
            copy.drawImage(canvas, 0, 0)
            const {data} = copy.getImageData(0, 0, canvas.width, canvas.height)
            return data.filter((level, at) => at % 4 === 0 && level > 127).length
        }"""
    )
    return count


def test_drawings_become_a_dataset_on_which_a_model_is_trained(page: Page, admin: httpx.Client) -> None:
    page.goto("/draw?preset=quick")
    canvas = page.get_by_role("application", name="Drawing canvas")
    make = page.get_by_role("button", name="Make the dataset")
    for number in range(LEAST - 1):
        draw_corner(page, canvas, number)
        page.get_by_role("button", name="Next drawing").click()
    expect(page.get_by_text("19 of 30 drawings")).to_be_visible()
    page.reload()
    expect(page.get_by_text("19 of 30 drawings")).to_be_visible()
    sign_in(page, TOKEN)
    expect(page.get_by_text("The token is valid.")).to_be_visible()
    expect(make).to_be_disabled()
    expect(page.get_by_text("Draw at least 1 more.")).to_be_visible()
    draw_corner(page, canvas, LEAST)
    expect(make).to_be_enabled()
    page.get_by_label("Name").fill("my-corner")
    make.click()

    done = page.get_by_role("region", name="Import of my-corner").get_by_role("status")
    expect(done).to_contain_text("Imported as my-corner@", timeout=TRAINING)
    found = admin.get("/datasets/my-corner").json()
    assert found["classes"] == []
    assert sum(found["counts"].values()) == LEAST
    expect(page.get_by_alt_text(f"Training pictures of {found['reference']}")).to_be_visible()
    sheet = np.asarray(Image.open(io.BytesIO(admin.get(found["samples"]).content)).convert("L"))
    first = sheet[:28, :28]
    rows, columns = np.flatnonzero(first.any(axis=1)), np.flatnonzero(first.any(axis=0))
    top, left, bottom, right = rows[0], columns[0], rows[-1], columns[-1]
    assert max(bottom - top, right - left) + 1 == 20  # as MNIST was made, on black
    assert first[top + 3, left + 1 : left + 3].max() > 200  # an L has ink on its upper left,
    assert first[top : bottom - 6, right].max() == 0  # but not on its upper right

    page.get_by_role("button", name="Train on the drawings").click()
    expect(page).to_have_url(re.compile("job=[0-9a-f]{12}"))
    samples = page.get_by_role("region", name="The same seeds over time")
    expect(samples.get_by_role("img")).to_be_visible(timeout=TRAINING)
    assert faults(page) == []
    job = admin.get(f"/admin/jobs/{re.search('job=([0-9a-f]+)', page.url)[1]}").json()  # type: ignore[index]
    assert (job["model"], job["spec"]["dataset"], job["spec"]["conditional"]) == ("my-corner", found["reference"], False)
    assert admin.post(f"/admin/jobs/{job['id']}/cancel").status_code == 202
    expect(page.get_by_role("region", name="Train", exact=True).get_by_role("status")).to_contain_text(
        "cancelled", timeout=TRAINING
    )


def test_strokes_can_be_undone_and_drawings_changed_or_deleted(page: Page) -> None:
    page.goto("/draw")
    canvas = page.get_by_role("application", name="Drawing canvas")
    assert ink(canvas) == 0
    draw_corner(page, canvas, 0)
    both = ink(canvas)
    page.get_by_role("button", name="Undo").click()
    one = ink(canvas)
    assert 0 < one < both
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("0 of 30 drawings")).to_be_visible()
    assert ink(canvas) == 0
    for number in range(2):
        draw_corner(page, canvas, number)
        page.get_by_role("button", name="Next drawing").click()
    expect(page.get_by_text("2 of 30 drawings")).to_be_visible()
    page.get_by_role("button", name="Drawing 1", exact=True).click()
    assert ink(canvas) == both
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete all").click()
    expect(page.get_by_text("0 of 30 drawings")).to_be_visible()
    page.reload()
    expect(page.get_by_text("0 of 30 drawings")).to_be_visible()


def test_the_error_of_a_name_disappears_when_the_name_is_changed(browser: Browser, importing: Service) -> None:
    drawings = [[{"brush": 22, "points": [60, 60, 60, 200, 90 + 5 * number, 200]}] for number in range(LEAST)]
    with tolerant_page(browser, importing) as page:
        page.add_init_script(f"sessionStorage.setItem('seedling-drawings', {json.dumps(json.dumps(drawings))})")
        page.goto("/draw")
        form = page.get_by_role("region", name="Make a dataset")
        form.get_by_label("Name").fill("mnist")
        form.get_by_role("button", name="Make the dataset").click()
        expect(form.get_by_role("alert")).to_contain_text("the name of a published dataset")
        form.get_by_label("Name").fill("my-corner")
        expect(form.get_by_role("alert")).to_have_count(0)


def test_the_keyboard_draws(page: Page) -> None:
    page.goto("/draw")
    canvas = page.get_by_role("application", name="Drawing canvas")
    canvas.focus()
    for key in ("ArrowLeft", "ArrowUp", "Space", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.get_by_text("The pen is down.")).to_be_attached()
    page.keyboard.press("Space")
    expect(page.get_by_text("The pen is up.")).to_be_attached()
    expect(page.get_by_text("1 of 30 drawings")).to_be_visible()
    stored = page.evaluate("JSON.parse(sessionStorage.getItem('seedling-drawings'))")
    assert stored == [[{"brush": 22, "points": [130, 130, 130, 140, 130, 150, 140, 150]}]]
    page.keyboard.press("Control+z")
    expect(page.get_by_text("0 of 30 drawings")).to_be_visible()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")  # the next drawing
    expect(page.get_by_role("button", name="Drawing 2", exact=True)).to_have_count(0)
    expect(page.get_by_text("1 of 30 drawings")).to_be_visible()
    assert ink(canvas) == 0
    expect(canvas).to_be_focused()


@pytest.mark.parametrize(("locale", "count"), [("en-GB", "2 of 30 drawings"), ("ru-RU", "Рисунков: 2 из 30")])
def test_fingers_draw_on_a_narrow_phone(browser: Browser, importing: Service, locale: str, count: str) -> None:
    phone = {"width": 320, "height": 640}
    with new_context(browser, importing.url, viewport=phone, has_touch=True, is_mobile=True, locale=locale) as context:
        page = signed_in(context.new_page())
        page.goto("/draw")
        canvas = page.get_by_role("application")
        for _ in range(2):
            canvas.tap()
            page.locator(".drawing-board button.primary").tap()
        expect(page.get_by_text(count)).to_be_visible()
        field = page.get_by_label(re.compile("^(Name|Имя)$"))
        field.fill("мой знак")
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_text(re.compile("lower-case letters from a to z|Годятся строчные латинские буквы"))).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert page.evaluate("visualViewport.width") == 320
        assert faults(page) == []
