"""Sharpen: degraded pictures, their outputs and the mean, compared with the responses of the API."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from app.retraining import gate
from models import sharpening
from models.manifest import Figure
from tests.live import SHIPPED, Service, service
from tests.web.accessibility import faults
from tests.web.conftest import STATIC, new_context
from tests.web.pixels import wait_for_canvas

Pixels = NDArray[np.uint8]
ORIGINAL = np.asarray(Image.new("L", (28, 28))).copy()
ORIGINAL[4:24, 12:17] = 230
ORIGINAL[4:8, 8:12] = 130
DROP = """([bytes]) => {
    const data = new DataTransfer()
    data.items.add(new File([new Uint8Array(bytes)], 'picture.png', {type: 'image/png'}))
    const target = document.querySelector('.file-picker')
    target.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}))
}"""
LEVELS = """canvas => {
    const context = canvas.getContext('2d', {willReadFrequently: true})
    const {data} = context.getImageData(0, 0, canvas.width, canvas.height)
    return Array.from({length: data.length / 4}, (_, at) => data[4 * at])
}"""


def png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def sharpened(site: Service, pixels: Pixels) -> Pixels:
    """The sixteen outputs for a degraded picture."""
    with site.client() as client:
        response = client.post("/sharpen?seeds=0-15&format=npy", content=png(pixels))
        assert response.status_code == 200, response.text
        outputs: Pixels = np.load(io.BytesIO(response.content))
        return outputs


def levels(canvas: Locator) -> Pixels:
    """Grey levels of a square canvas."""
    grey = np.array(canvas.evaluate(LEVELS), dtype=np.uint8)
    side = round(len(grey) ** 0.5)
    return grey.reshape(side, side)


def choose(page: Page, content: bytes) -> None:
    """Open a file on the page."""
    file = {"name": "picture.png", "mimeType": "image/png", "buffer": content}
    page.get_by_label("Picture to sharpen").set_input_files(file)  # type: ignore[arg-type]


def output(page: Page, seed: int) -> Locator:
    outputs = page.get_by_role("group", name="Sixteen outputs")
    return outputs.get_by_role("button", name=f"Output of seed {seed}", exact=True).locator("canvas")


def shown(page: Page) -> Locator:
    """The output in the comparison."""
    return page.locator(".comparison .after canvas")


@pytest.fixture
def opened_picture(page: Page) -> Page:
    """The page with the opened original, shrunk to 7x7."""
    page.goto("/sharpen")
    choose(page, png(ORIGINAL))
    expect(page).to_have_url(re.compile("picture="))
    return page


@pytest.mark.parametrize(("position", "factor"), [(1, 2), (2, 4)])
def test_the_outputs_for_a_shrunk_picture_are_those_of_the_api(
    opened_picture: Page, site: Service, position: int, factor: int
) -> None:
    page = opened_picture
    page.get_by_role("slider", name="Shrink").fill(str(position))
    small = sharpening.means(ORIGINAL, factor)
    outputs = sharpened(site, small)
    wait_for_canvas(page.locator(".comparison canvas.before"), sharpening.enlarge(small))
    for seed in (0, 7, 15):
        wait_for_canvas(output(page, seed), outputs[seed])
    wait_for_canvas(shown(page), outputs[0])
    page.get_by_role("button", name="Mean of the outputs").click()
    wait_for_canvas(shown(page), np.floor(outputs.astype(np.float64).mean(axis=0) + 0.5).astype(np.uint8))
    expect(page).to_have_url(re.compile("show=mean"))
    back = page.get_by_role("region", name="Shrunk back")
    differences = [np.abs(sharpening.means(each, factor).astype(int) - small).max() for each in outputs]
    expect(back).to_contain_text(f"Over all sixteen outputs: {max(differences)}.")
    output(page, 7).click()
    wait_for_canvas(shown(page), outputs[7])
    side = 28 // factor
    wait_for_canvas(back.get_by_role("img", name=f"Input, {side}×{side}"), small)
    wait_for_canvas(back.get_by_role("img", name="Output, shrunk back"), sharpening.means(outputs[7], factor))
    expect(back).to_contain_text(f"Largest difference of a pixel: {differences[7]} grey level")


def test_a_blurred_and_noisy_picture_is_sharpened_without_a_consistency_check(opened_picture: Page, site: Service) -> None:
    page = opened_picture
    page.get_by_role("slider", name="Shrink").fill("0")
    page.get_by_role("slider", name="Blur").fill("1.5")
    page.get_by_role("slider", name="Noise").fill("10")
    expect(page).to_have_url(re.compile(r"shrink=1.*blur=1\.5.*noise=10"))
    expect(page.get_by_text("The service treats the input as blurred.")).to_be_visible()
    given = levels(page.locator(".comparison canvas.before"))
    assert (given != ORIGINAL).mean() > 0.3
    wait_for_canvas(output(page, 3), sharpened(site, given)[3])
    expect(page.get_by_role("region", name="Shrunk back")).to_have_count(0)
    expect(page.get_by_text("PSNR to the original")).to_be_visible()


def test_a_picture_of_7x7_pixels_is_sharpened_as_it_is(page: Page, site: Service) -> None:
    small = sharpening.means(ORIGINAL, 4)
    page.goto("/sharpen?shrink=2&blur=2")
    expect(output(page, 0)).to_be_visible()
    page.evaluate(DROP, [list(png(small))])
    expect(page.get_by_text("This picture has 7×7 pixels.")).to_be_visible()
    expect(page.get_by_role("slider", name="Blur")).to_be_disabled()
    wait_for_canvas(output(page, 5), sharpened(site, small)[5])
    expect(page.get_by_text("PSNR to the original")).to_have_count(0)


def test_a_link_shows_the_same_picture_output_and_divider(opened_picture: Page, site: Service) -> None:
    page = opened_picture
    page.get_by_role("slider", name="Shrink").fill("1")
    output(page, 9).click()
    page.get_by_role("slider", name="Divider").press("PageUp")
    expect(page).to_have_url(re.compile(r"seed=9.*split=60|split=60.*seed=9"))
    page.reload()
    wait_for_canvas(shown(page), sharpened(site, sharpening.means(ORIGINAL, 2))[9])
    expect(page.get_by_role("slider", name="Divider")).to_have_attribute("aria-valuenow", "60")


def test_the_divider_moves_with_the_keyboard_and_the_pointer(page: Page) -> None:
    page.goto("/sharpen")
    divider = page.get_by_role("slider", name="Divider between input and output")
    divider.focus()
    for key, position in (("ArrowRight", 52), ("PageDown", 42), ("Home", 0), ("ArrowLeft", 0), ("End", 100)):
        page.keyboard.press(key)
        expect(divider).to_have_attribute("aria-valuenow", str(position))
    expect(divider).to_have_attribute("aria-valuetext", "input 100%, output 0%")
    box = page.locator(".comparison").bounding_box()
    assert box
    y = box["y"] + box["height"] / 3
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, y, steps=4)
    page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "25")
    expect(divider).to_be_focused()


def test_the_originals_are_real_test_pictures(page: Page, site: Service) -> None:
    page.goto("/sharpen")
    with site.client() as client:
        quiz = client.get("/quiz?seed=7&count=20&model=digits").json()["pictures"]
    real = [picture for picture in quiz if picture["real"]]
    originals = page.get_by_role("group", name="Original")
    expect(originals.get_by_role("button", name=re.compile("Test picture"))).to_have_count(len(real))
    third = originals.get_by_role("button", name=f"Test picture {real[2]['source']}, “{real[2]['class']}”", exact=True)
    third.click()
    expect(third).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("original=3"))
    small = sharpening.means(levels(third.locator("canvas")), 4)
    wait_for_canvas(shown(page), sharpened(site, small)[0])
    originals.get_by_role("button", name="Other test pictures").click()
    expect(page).to_have_url(re.compile("round="))


def test_without_the_dataset_the_originals_are_generated_and_the_page_says_so(browser: Browser, site: Service) -> None:
    context = browser.new_context(base_url=site.url, locale="en-GB")  # the console reports the failed request
    page = context.new_page()
    problem = {"status": 503, "code": "dataset_missing", "detail": "There is no dataset.", "title": "", "type": "about:blank"}
    page.route("**/quiz?*", lambda route: route.fulfill(status=503, json=problem, headers={"Retry-After": "60"}))
    page.goto("/sharpen")
    expect(page.get_by_text("These originals are generated")).to_be_visible()
    expect(page.get_by_role("button", name="Generated picture of seed 3", exact=True)).to_be_visible()
    expect(output(page, 0)).to_be_visible()
    context.close()


def test_a_drawing_is_degraded_and_sharpened(page: Page) -> None:
    page.goto("/sharpen")
    expect(output(page, 0)).to_be_visible()
    page.locator("summary", has_text="Draw").click()
    canvas = page.locator("canvas.drawing-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 220, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("picture="))
    drawn = levels(page.locator(".compared figure canvas"))
    assert 20 < (drawn > 128).sum() < 200


def test_the_input_and_the_output_are_saved(opened_picture: Page, site: Service) -> None:
    page = opened_picture
    small = sharpening.means(ORIGINAL, 4)
    wait_for_canvas(shown(page), sharpened(site, small)[0])
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the input").click()
    with Image.open(download.value.path()) as picture:
        assert (np.asarray(picture.convert("L")) == small).all()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the output").click()
    with Image.open(download.value.path()) as picture:
        assert (np.asarray(picture) == sharpened(site, small)[0]).all()
    page.locator("footer input[type=file]").set_input_files(download.value.path())
    expect(page.get_by_role("status").filter(has_text="This is a sharpened picture, seed 0")).to_be_visible()


def test_in_russian_the_divider_states_the_shares_of_input_and_output(browser: Browser, site: Service) -> None:
    with new_context(browser, site.url, locale="ru-RU") as context:
        page = context.new_page()
        page.goto("/sharpen?split=30")
        divider = page.get_by_role("slider", name="Разделитель")
        expect(divider).to_have_attribute("aria-valuetext", "вход 30 %, результат 70 %")
        expect(page.get_by_role("group", name="Шестнадцать результатов").get_by_role("button")).to_have_count(17)
        assert faults(page) == []


def test_the_metrics_of_a_version_are_grouped_by_test(page: Page) -> None:
    page.goto("/models/sharpen-digits/versions/2")
    metrics = page.get_by_role("region", name="Metrics", exact=True)
    first = metrics.locator("details", has=page.locator("summary", has_text="Shrunk to 14×14"))
    expect(first.locator("li:visible")).to_have_count(10)
    expect(metrics.locator("li:visible")).to_have_count(10)
    expect(first.locator("li").first).to_contain_text("original")
    metrics.locator("summary", has_text="Blurred with σ = 2").click()
    expect(metrics.locator("li:visible")).to_have_count(20)


def test_in_russian_the_verdict_on_a_sharpener_is_in_russian(browser: Browser, site: Service) -> None:
    with site.client() as client:
        detail = client.get("/models/sharpen-digits/versions/2").json()
    figures = detail["manifest"]["metrics"]
    worse = {
        name: figure | {"value": figure["value"] * 2} if name.startswith("fid") else figure for name, figure in figures.items()
    }
    verdict = gate.decide(
        "if_better",
        {name: Figure.model_validate(figure) for name, figure in worse.items()},
        1,
        {name: Figure.model_validate(figure) for name, figure in figures.items()},
        task="sharpen",
    )
    detail["manifest"]["gate"] = verdict.model_dump()
    with new_context(browser, site.url, locale="ru-RU") as context:
        page = context.new_page()
        is_data = re.compile(r"/models/sharpen-digits/versions/2$")
        page.route(
            is_data, lambda route: route.fulfill(json=detail) if route.request.resource_type == "fetch" else route.fallback()
        )
        page.goto("/models/sharpen-digits/versions/2")
        total = sum(figures[f"fid_{name}"]["value"] for name in gate.SHARPEN_TESTS)
        numbers = [f"{value:.4f}".replace(".", ",") for value in (2 * total, total)]
        expect(
            page.get_by_text(f"Сумма расстояний Фреше по испытаниям: {numbers[0]} против {numbers[1]} у чемпиона")
        ).to_be_visible()
        expect(page.get_by_text("по всем испытаниям меньше хотя бы на 1 %")).to_be_visible()
        expect(page.get_by_text("ни в одном из них не упала больше чем на 0,01")).to_be_visible()
        expect(page.get_by_text("Not better")).to_have_count(0)


def test_the_pages_list_the_models_of_their_task(page: Page) -> None:
    for path in ("/?seed=42", "/gallery", "/interpolate", "/play", "/learn"):
        page.goto(path)
        picker = page.get_by_label("Model", exact=True)
        expect(picker).to_have_value("digits")
        names = picker.locator("option").all_inner_texts()
        assert "sharpen-digits" not in names
    page.goto("/sharpen")
    picker = page.get_by_label("Model", exact=True)
    expect(picker).to_have_value("sharpen-digits")
    assert "digits" not in picker.locator("option").all_inner_texts()
    pages = page.get_by_role("navigation", name="Pages")
    page.goto("/sharpen?model=sharpen-digits")
    pages.get_by_role("link", name="Gallery").click()
    expect(page).to_have_url(re.compile("/gallery$"))


def test_a_model_of_the_other_task_leads_to_the_champion(page: Page) -> None:
    page.goto("/sharpen?model=digits")
    page.get_by_role("alert").get_by_role("button", name="Show the champion").click()
    expect(output(page, 0)).to_be_visible()
    page.goto("/gallery?model=sharpen-digits")
    expect(page.get_by_role("alert")).to_contain_text("sharpen-digits sharpens pictures")


def test_models_and_train_show_both_tasks(page: Page) -> None:
    page.goto("/models")
    sharpener = page.get_by_role("region", name=re.compile("^sharpen-digits"))
    expect(sharpener).to_contain_text("sharpens pictures")
    expect(page.get_by_role("region", name=re.compile("^digits"))).to_contain_text("draws pictures")
    sharpener.locator("img").scroll_into_view_if_needed()  # it is loaded lazily
    expect(sharpener.locator("img")).to_have_js_property("naturalWidth", 560)
    for path in ("/models/sharpen-digits", "/models/sharpen-digits/versions/2"):
        page.goto(path)
        expect(page.get_by_role("link", name="Open in Sharpen").first).to_be_visible()
    page.goto("/train?preset=sharpen-quick")
    expect(page.get_by_role("region", name="API call")).to_contain_text('"preset":"sharpen-quick"')


@pytest.fixture(scope="module")
def without_sharpener(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("without") / "state", shipped=SHIPPED, pages=STATIC) as running:
        yield running


def test_without_a_sharpener_the_page_says_how_to_train_one(browser: Browser, without_sharpener: Service, node: str) -> None:
    with new_context(browser, without_sharpener.url) as context:
        page = context.new_page()
        page.goto("/sharpen")
        expect(page.get_by_text("The service has no model that sharpens pictures.")).to_be_visible()
        expect(page.locator("pre")).to_contain_text("python -m training train --preset sharpen")
        assert faults(page) == []
        page.get_by_role("link", name="Train a sharpener").click()
        expect(page).to_have_url(re.compile(r"/train\?preset=sharpen$"))


def test_the_page_fits_a_narrow_phone(browser: Browser, site: Service) -> None:
    with new_context(browser, site.url, viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True) as context:
        page = context.new_page()
        page.goto("/sharpen")
        expect(output(page, 0)).to_be_visible()
        page.locator("summary", has_text="Draw").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        parts = [
            page.get_by_role("slider", name="Divider"),
            page.get_by_role("heading", name="Original", exact=True),
            page.get_by_role("slider", name="Blur"),
            output(page, 0),
        ]
        tops = [box["y"] for box in (part.bounding_box() for part in parts) if box]
        assert tops == sorted(tops), "the inputs are between the comparison and the outputs"
        assert len(tops) == 4


def test_the_html_form_of_the_call_panel_sharpens_an_uploaded_file(browser: Browser, site: Service) -> None:
    context = browser.new_context(base_url=site.url, locale="en-GB")  # the browser's picture viewer reports its own style
    page = context.new_page()
    small = sharpening.means(ORIGINAL, 2)
    page.goto("/sharpen?seed=5")
    panel = page.get_by_role("region", name="API call")
    panel.get_by_role("button", name="HTML").click()
    document = f"<!doctype html><title>snippet</title>{panel.locator('code').inner_text()}"
    page.route("**/snippet.html", lambda route: route.fulfill(body=document, content_type="text/html"))
    page.goto("/snippet.html")
    file = {"name": "picture.png", "mimeType": "image/png", "buffer": png(small)}
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    with page.expect_response("**/sharpen?*") as response:
        page.get_by_role("button", name="Send").click()
    assert (np.asarray(Image.open(io.BytesIO(response.value.body()))) == sharpened(site, small)[5]).all()
    context.close()
