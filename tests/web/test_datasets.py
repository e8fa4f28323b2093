"""The page Datasets: a folder is dropped, previewed, imported, trained on, and removed."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Response, expect

from tests.app.api.pictures_of_shapes import archive
from tests.app.retraining.jobs import TOKEN
from tests.live import Service
from tests.web.accessibility import faults
from tests.web.conftest import TIMEOUT, new_context, signed_in
from tests.web.retraining import TRAINING, sign_in
from tests.web.test_train import GREY

CLASSES = ("bars", "crosses", "dots")
PER_CLASS = 14


@pytest.fixture
def page(browser: Browser, importing: Service) -> Iterator[Page]:
    with new_context(browser, importing.url, viewport={"width": 1400, "height": 1000}) as context:
        yield context.new_page()


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    """A folder with a folder of pictures per class, a broken picture, and a file that is no picture."""
    folder = tmp_path / "My shapes"
    with zipfile.ZipFile(io.BytesIO(archive(PER_CLASS, CLASSES, broken=1))) as pictures:
        pictures.extractall(folder)
    (folder / "notes.txt").write_text("Drawn by hand.")
    return folder


def drop(page: Page, target: Locator, *files: Path) -> None:
    """Drop files or folders, as a file manager does."""
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": box["x"] + 9, "y": box["y"] + 9, "data": data})


def upload(admin: httpx.Client, content: bytes) -> str:
    """Upload an archive without the page. Return the id of the upload."""
    name = base64.b64encode(b"shapes.zip").decode()
    headers = {"Upload-Length": str(len(content)), "Upload-Metadata": f"filename {name}"}
    headers |= {"Content-Type": "application/offset+octet-stream"}
    answer = admin.post("/admin/uploads", content=content, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"].rsplit("/", 1)[1])


def choose(page: Page, folder: Path) -> None:
    """Choose a folder with the button, once the token is known to be valid."""
    expect(page.get_by_role("button", name="Choose a folder…")).to_be_enabled()
    page.get_by_label("Folder of pictures").set_input_files(folder)


@contextmanager
def tolerant_page(browser: Browser, running: Service) -> Iterator[Page]:
    """A signed-in page whose console may show errors, because requests are refused or aborted."""
    context = browser.new_context(base_url=running.url, locale="en-GB", viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(TIMEOUT)
    yield signed_in(context.new_page())
    context.close()


def test_a_dropped_folder_becomes_a_dataset_and_a_model_until_it_is_removed(
    browser: Browser, page: Page, importing: Service, admin: httpx.Client, shapes: Path
) -> None:
    page.goto("/datasets")
    expect(page.get_by_role("button", name="Choose a folder…")).to_be_disabled()
    expect(page.get_by_role("region", name="MNIST handwritten digits")).to_be_visible()
    sign_in(page, TOKEN)
    expect(page.get_by_role("button", name="Choose a folder…")).to_be_enabled()
    drop(page, page.locator(".dataset-drop"), shapes)

    expect(page).to_have_url(re.compile(r"upload=[0-9a-f]{32}"))
    preview = page.get_by_role("region", name="Preview", exact=True)
    expect(preview).to_contain_text(f"{3 * PER_CLASS + 1} found, 24 of them in this sample")
    expect(preview).to_contain_text("3 classes")
    expect(preview).to_contain_text("1 ignored file")
    before = preview.get_by_role("img").get_attribute("src")
    with page.expect_response(lambda response: response.url.endswith("/admin/datasets/preview")) as previewed:
        preview.get_by_label("Invert").select_option("yes")
    assert previewed.value.request.post_data_json["invert"] == "yes"
    expect(preview.get_by_role("img")).to_have_attribute("src", previewed.value.json()["sheet"])
    assert previewed.value.json()["sheet"] != before
    assert faults(page) == []

    form = page.get_by_role("region", name="Import", exact=True)
    expect(form.get_by_label("Name")).to_have_value("my-shapes")
    form.get_by_label("Name").fill("mine")
    form.get_by_label("Licence").fill("CC0")
    form.get_by_role("button", name="Import").click()
    region = page.get_by_role("region", name="Import of mine", exact=True)
    refused = region.get_by_role("alert")
    expect(refused).to_contain_text("Nothing was imported. 1 of 43 pictures cannot be read. Correct or remove it")
    expect(region.get_by_role("listitem")).to_contain_text("bars/broken-0.png: ")
    assert faults(page) == []
    region.get_by_role("button", name="Skip them and import the others").click()
    done = region.get_by_role("status")
    expect(done).to_contain_text(
        re.compile(r"^Imported as mine@[0-9a-f]{12}: \d+ training pictures, \d+ test pictures\.$"), timeout=TRAINING
    )

    found = admin.get("/datasets/mine").json()
    counts = found["counts"]
    assert (found["classes"], found["licence"], sum(counts.values())) == (list(CLASSES), "CC0", 3 * PER_CLASS)
    assert found["report"]["inverted"] is True
    expect(done).to_contain_text(f"{found['reference']}: {counts['train']} training pictures, {counts['test']} test")
    panel = page.get_by_role("region", name="mine mine", exact=True)
    expect(panel).to_contain_text(f"{counts['train']} training pictures, {counts['test']} test pictures, 3 classes, CC0")
    sheet = panel.get_by_alt_text("Training pictures of mine, one class per column")
    expect(sheet).to_be_visible()
    samples = np.asarray(Image.open(io.BytesIO(admin.get(found["samples"]).content)).convert("L"))
    assert sheet.evaluate(GREY) == samples.flatten().tolist()
    assert faults(page) == []

    panel.get_by_role("link", name="Train on this dataset").click()
    expect(page).to_have_url(re.compile(rf"/train\?dataset={found['reference'].replace('@', '%40')}&preset=few#start$"))
    expect(page.get_by_role("button", name="Start training")).to_be_focused()
    expect(page.get_by_label("Preset")).to_have_value("few")
    expect(page.get_by_label("Dataset")).to_have_value(found["reference"])
    expect(page.get_by_label("Model")).to_have_value("mine")
    page.get_by_label("Preset").select_option("quick")
    page.get_by_label("Budget").select_option("images")
    page.get_by_label("Images").fill("640")
    page.get_by_label("Images").press("Tab")
    page.get_by_role("button", name="Start training").click()
    state = page.locator("#job").get_by_role("status").first
    expect(state).to_contain_text("done: mine/1 was published and promoted.", timeout=TRAINING)
    answer = admin.get("/generate?model=mine&seed=42")
    assert (answer.status_code, answer.headers["x-model"]) == (200, "mine/1")
    assert Image.open(io.BytesIO(answer.content)).size == (28, 28)
    assert admin.get("/models/mine/versions/1").json()["manifest"]["dataset"]["sha256"] == found["digest"]

    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Datasets").click()
    panel.get_by_text("Versions, report and models").press("Enter")  # pictures above may arrive during a click, and move it
    expect(panel.get_by_role("link", name="mine/1")).to_have_attribute("href", "/models/mine/versions/1")
    panel.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    with tolerant_page(browser, importing) as other:
        other.goto("/datasets")
        panel = other.get_by_role("region", name="mine mine", exact=True)
        panel.get_by_role("button", name="Remove").click()
        other.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(panel.get_by_role("alert")).to_contain_text("mine/1 was trained on mine.")
        assert admin.get("/datasets/mine").status_code == 200
        panel.get_by_role("button", name="Remove it anyway").click()
        expect(other.get_by_text("mine was removed.")).to_be_visible()
        expect(panel).to_have_count(0)
    assert admin.get("/datasets/mine").status_code == 404


def test_an_upload_continues_after_a_lost_connection_and_after_a_reload(
    browser: Browser, importing: Service, shapes: Path
) -> None:
    with tolerant_page(browser, importing) as other:
        begun: list[str] = []

        def record(response: Response) -> None:
            if response.request.method == "POST" and response.url.endswith("/admin/uploads"):
                begun.append(response.headers["location"])

        other.on("response", record)
        other.route("**/admin/uploads/*", lambda route: route.abort())
        other.goto("/datasets")
        with other.expect_request(lambda request: request.method == "PATCH"):
            choose(other, shapes)
        expect(other.get_by_text(re.compile(r"^Uploading: 0\.0 of 0\.\d MB$"))).to_be_visible()
        other.reload()
        other.unroute("**/admin/uploads/*")
        lost = iter((True, False))
        other.route(
            "**/admin/uploads/*",
            lambda route: route.abort() if route.request.method == "PATCH" and next(lost, False) else route.continue_(),
        )
        with other.expect_request(lambda request: request.method == "HEAD"):
            choose(other, shapes)
        expect(other).to_have_url(re.compile(r"upload=[0-9a-f]{32}"))
        assert next(lost, None) is None  # the first request with content was aborted, and a second one sent it
        assert len(begun) == 1
        assert begun[0].endswith(re.search("upload=([0-9a-f]{32})", other.url)[1])  # type: ignore[index]
        expect(other.get_by_role("region", name="Preview", exact=True)).to_contain_text("3 classes")


def test_an_upload_can_be_paused_continued_and_cancelled(browser: Browser, importing: Service, shapes: Path) -> None:
    with tolerant_page(browser, importing) as other:
        other.goto("/datasets")
        is_held = [True]
        other.route(
            "**/admin/uploads/*",
            lambda route: None if is_held[0] and route.request.method == "PATCH" else route.continue_(),
        )
        with other.expect_request(lambda request: request.method == "PATCH"):
            choose(other, shapes)
        other.get_by_role("button", name="Pause").click()
        expect(other.get_by_text(re.compile(r"^Paused: "))).to_be_visible()
        is_held[0] = False
        other.get_by_role("button", name="Continue").click()
        expect(other).to_have_url(re.compile(r"upload=[0-9a-f]{32}"))
        is_held[0] = True
        other.get_by_role("button", name="Discard the upload").click()
        with other.expect_request(lambda request: request.method == "PATCH"):
            choose(other, shapes)
        with other.expect_response(lambda answer: answer.request.method == "DELETE") as deleted:
            other.get_by_role("button", name="Cancel").click()
        assert deleted.value.status == 204
        expect(other.get_by_role("button", name="Choose a folder…")).to_be_visible()


def test_a_file_that_is_no_dataset_gets_the_message_of_the_service(
    browser: Browser, importing: Service, tmp_path: Path
) -> None:
    (tmp_path / "letter.zip").write_bytes(archive(classes=())[:100])
    with tolerant_page(browser, importing) as other:
        other.goto("/datasets")
        expect(other.get_by_role("button", name="Choose files…")).to_be_enabled()  # the token is checked first
        with other.expect_response(lambda answer: answer.url.endswith("/preview")) as previewed:
            other.get_by_label("Files of a dataset").set_input_files(tmp_path / "letter.zip")
        assert previewed.value.status == 422
        alert = other.get_by_role("region", name="Preview", exact=True).get_by_role("alert")
        expect(alert).to_contain_text(previewed.value.json()["detail"])
        other.get_by_role("button", name="Discard the upload").click()
        expect(other.get_by_role("button", name="Choose files…")).to_be_enabled()


def test_published_datasets_have_russian_titles_on_russian_pages(browser: Browser, importing: Service) -> None:
    with new_context(browser, importing.url, locale="ru-RU") as context:
        page = context.new_page()
        page.goto("/datasets")
        expect(page.get_by_role("heading", name="Рукописные цифры MNIST")).to_be_visible()
        page.goto("/train")
        expect(page.get_by_role("option", name="Рукописные цифры MNIST (mnist)")).to_be_attached()


def test_the_error_of_a_name_disappears_when_the_name_is_changed(
    browser: Browser, importing: Service, admin: httpx.Client
) -> None:
    with tolerant_page(browser, importing) as other:
        other.goto(f"/datasets?upload={upload(admin, archive(PER_CLASS, CLASSES))}&name=My+Shapes")
        form = other.get_by_role("region", name="Import", exact=True)
        form.get_by_role("button", name="Import").click()
        expect(form.get_by_role("alert")).to_contain_text("body.name")
        form.get_by_label("Name").fill("my-shapes")
        expect(form.get_by_role("alert")).to_have_count(0)


def test_the_heading_of_an_import_gets_the_focus_when_the_preview_disappears(page: Page, admin: httpx.Client) -> None:
    address = f"/datasets?upload={upload(admin, archive(PER_CLASS, CLASSES))}&name=focused"
    signed_in(page).goto(address)
    page.get_by_role("region", name="Import", exact=True).get_by_role("button", name="Import").click()
    region = page.get_by_role("region", name="Import of focused", exact=True)
    expect(region.get_by_role("heading")).to_be_focused()
    expect(region.get_by_role("status")).to_contain_text("Imported as focused@", timeout=TRAINING)
    expect(region.get_by_role("heading")).to_be_focused()


@pytest.mark.parametrize(("locale", "layout"), [("en-GB", "a folder per class"), ("ru-RU", "папка на каждый класс")])
def test_a_preview_fits_a_phone_and_is_accessible(
    browser: Browser, importing: Service, admin: httpx.Client, locale: str, layout: str
) -> None:
    phone = {"width": 320, "height": 640}
    with new_context(browser, importing.url, viewport=phone, has_touch=True, is_mobile=True, locale=locale) as context:
        page = signed_in(context.new_page())
        page.goto(f"/datasets?upload={upload(admin, archive(PER_CLASS, CLASSES, broken=1))}&skip_broken=true")
        expect(page.locator("dl.report")).to_contain_text(layout)
        expect(page.locator(".before-after img")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert page.evaluate("visualViewport.width") == 320
        assert faults(page) == []
