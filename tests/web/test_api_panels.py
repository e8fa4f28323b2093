"""The API panels: every call that they show is run with curl, Python and the browser, and gives the same result."""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.app.api.pictures_of_shapes import archive
from tests.app.retraining.jobs import TOKEN
from tests.live import Service
from tests.web.conftest import new_context
from tests.web.pixels import fetch, fetch_pixels, wait_for_canvas

PAGES = [
    "/?seed=5&label=3:0.5,8:0.5",
    "/?seed=%3C%2Fscript%3E'%22",
    "/?seed=5&dz=3:2.5",
    "/?x=7.5&y=1&zoom=128",
    "/gallery?seeds=0-19&label=7",
    "/gallery?view=table&column=2",
    "/interpolate?keyframes=5,17~3~0.5",
    "/play?round=7",
    "/models",
    "/models/digits",
    "/models/digits/versions/2",
    "/sharpen",
]
CLASSES, PER_CLASS = ("bars", "dots"), 15


def panels(page: Page, path: str) -> list[Locator]:
    page.goto(path)
    regions = page.get_by_role("region", name="API call")
    expect(regions.first).to_be_visible()
    expect(page.locator(".notice.loading:visible")).to_have_count(0)
    return regions.all()


def code(panel: Locator, language: str) -> str:
    panel.get_by_role("button", name=language, exact=True).click()
    return panel.locator("code").inner_text()


def drawing_png() -> bytes:
    """Return the file for calls that upload one."""
    file = io.BytesIO()
    drawing = Image.new("L", (28, 28))
    drawing.paste(200, (10, 5, 16, 23))
    drawing.save(file, "PNG")
    return file.getvalue()


def drawings() -> bytes:
    """Return an archive of thirty L shapes, of which no two are equal when they are centred."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archived:
        for number in range(2 * PER_CLASS):
            file, drawing = io.BytesIO(), Image.new("L", (280, 280))
            drawing.paste(255, (90, 40, 112, 230))
            drawing.paste(255, (90, 208, 130 + 4 * number, 230))
            drawing.save(file, "PNG")
            archived.writestr(f"drawing-{number:03}.png", file.getvalue())
    return content.getvalue()


def given_files() -> dict[str, bytes]:
    """Return the files that calls upload, by name."""
    pictures = archive(PER_CLASS, CLASSES)
    drawing = drawing_png()
    return {"drawing.png": drawing, "picture.png": drawing, "pictures.zip": pictures, "drawings.zip": drawings()}


def run(folder: Path, command: list[str]) -> bytes:
    """Run a command and return the file that it writes, or else its output."""
    folder.mkdir()
    for name, content in given_files().items():
        (folder / name).write_bytes(content)
    result = subprocess.run(command, cwd=folder, capture_output=True, env=os.environ | {"TOKEN": TOKEN})
    assert result.returncode == 0, result.stderr
    files = [file for file in folder.iterdir() if file.name not in given_files()]
    assert len(files) <= 1
    return files[0].read_bytes() if files else result.stdout


@pytest.mark.parametrize("path", PAGES)
def test_curl_python_and_html_give_the_same_result(page: Page, site: Service, path: str, tmp_path: Path) -> None:
    for index, panel in enumerate(panels(page, path)):
        by_curl, *others = results(panel, site, tmp_path / str(index))
        assert by_curl
        assert others == [by_curl, by_curl]


def test_each_panel_is_titled_by_the_call_that_it_shows(page: Page) -> None:
    for found, calls in (("/find", ["POST /invert"]), ("/sharpen", ["POST /sharpen"])):
        assert len(panels(page, found)) == len(calls)
        expect(page.get_by_role("heading", name="API call")).to_have_text([f"API call: {call}" for call in calls])


def test_the_calls_of_learn_give_the_same_results(page: Page, site: Service, tmp_path: Path) -> None:
    """On this page, a panel shows one of several calls at a time."""
    page.goto("/learn?seed=42&to=7")
    expect(page.locator("details.calls")).to_have_count(4)
    calls_run: list[str] = []
    for calls in page.locator("details.calls").all():
        calls.locator("summary").click()
        panel = calls.get_by_role("region", name="API call")
        for chip in calls.get_by_role("button", name=re.compile("^(GET|POST) ")).all() or [None]:
            if chip:
                chip.click()
            calls_run.append(str(panel.get_attribute("aria-label")).removeprefix("API call: "))
            by_curl, *others = results(panel, site, tmp_path / str(len(calls_run)))
            assert others == [by_curl, by_curl]
    evaluation = re.compile(r"GET /models/\w+/versions/\d+/evaluation.json")
    assert calls_run[:4] == ["GET /generate", "POST /interpolate", "GET /quiz", "POST /discriminate"]
    assert len(calls_run) == 6
    assert all(evaluation.fullmatch(call) for call in calls_run[4:])


LANGUAGES = ("curl", "Python", "HTML")


def results(panel: Locator, site: Service, folder: Path, between: Callable[[], object] = lambda: None) -> list[Any]:
    """Run a panel's call with curl, Python and HTML. Return pictures and files as bytes, and JSON as objects.

    Args:
        panel: the panel.
        site: the service.
        folder: will be created.
        between: called before the second and the third call, for example to restore what the call changes.
    """
    texts = {language: code(panel, language) for language in LANGUAGES}
    found = []
    for language, text in texts.items():
        if found:
            between()
        found.append(result(panel.page, site, folder, language, text))
    return found


def result(page: Page, site: Service, folder: Path, language: str, text: str) -> Any:
    """Run a call in one language. Return JSON as an object, anything else as bytes."""
    folder.mkdir(exist_ok=True)
    if language == "curl":
        content = run(folder / language, ["sh", "-c", text.replace("curl ", "curl -sS --fail ", 1)])
    elif language == "Python":
        content = run(folder / language, [sys.executable, "-c", text])
        if content.startswith(b"{"):
            return without_state(ast.literal_eval(content.decode()))
    elif "<form" in text:  # shows the response, whose Content-Security-Policy blocks the style of Chromium's page for pictures
        browser = page.context.browser
        assert browser
        with closing(browser.new_context()) as context:
            content = run_html(context.new_page(), site, text)
    else:
        content = run_html(page.context.new_page(), site, text)
    if content.startswith(b"{"):
        return without_state(json.loads(content))
    return content.strip() if content.strip() == b"204" else content


def without_state(document: Any) -> Any:
    """Remove the fields that say which versions are currently loaded."""
    if isinstance(document, dict):
        return {name: without_state(value) for name, value in document.items() if name != "state"}
    return [without_state(value) for value in document] if isinstance(document, list) else document


_BYTES = """async address => {
    const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer())
    return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))
}"""


def run_html(page: Page, site: Service, html: str) -> bytes:
    """Open a document with this snippet on the origin of the service. Return the picture, file or text that it shows."""
    document = f"<!doctype html><title>snippet</title>{html}"
    page.route("**/snippet.html", lambda route: route.fulfill(body=document, content_type="text/html"))
    page.on("dialog", lambda dialog: dialog.accept(TOKEN))  # asks for the token
    page.goto(f"{site.url}/snippet.html")
    if page.locator("input[type=file]").count():
        name = next((name for name in ("drawings.zip", "pictures.zip") if name in html), "drawing.png")
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": given_files()[name]}
        page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    if page.locator("form").count():
        with page.expect_response(f"{site.url}/**") as answered:
            page.get_by_role("button", name="Send").click()
        content = answered.value.body()
    elif page.locator("img").count():
        page.wait_for_function("() => document.querySelector('img').naturalWidth > 0")
        content = base64.b64decode(page.evaluate(_BYTES, page.locator("img").evaluate("img => img.src")))
    elif page.locator("a").count():
        page.wait_for_function("() => document.querySelector('a').href")
        content = base64.b64decode(page.evaluate(_BYTES, page.locator("a").evaluate("a => a.href")))
    else:
        page.wait_for_function("() => /^([{]|204$)/.test(document.querySelector('pre').textContent)")
        content = page.locator("pre").evaluate("pre => pre.textContent").encode()
    page.close()
    return content


def test_a_call_can_be_copied_on_an_origin_without_the_clipboard_api(browser: Browser, site: Service) -> None:
    with new_context(browser, site.url) as context:
        context.add_init_script("Object.defineProperty(Navigator.prototype, 'clipboard', {get: () => undefined})")
        page = context.new_page()
        panel = panels(page, "/?seed=5")[0]
        command = code(panel, "curl")
        panel.get_by_role("button", name="Copy").click()
        expect(panel.get_by_role("button", name="Copied")).to_be_focused()
        field = page.get_by_role("textbox", name="Seed")
        field.fill("")
        field.press("Control+V")
        assert field.input_value() == command


def test_the_response_of_a_panel_can_be_downloaded(page: Page, site: Service) -> None:
    panel = panels(page, "/models/digits")[0]
    with page.expect_download() as download:
        panel.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "models-digits.json"
    assert download.value.path().read_bytes() == fetch(site, "/models/digits").content


def test_the_panel_appears_only_after_a_changed_latent_is_drawn(page: Page, site: Service) -> None:
    pending = []
    page.route("**/generate", lambda route: pending.append(route))
    page.goto("/?seed=5&dz=3:2.5")
    expect(page.get_by_role("button", name="Download")).to_be_disabled()
    expect(page.get_by_role("region", name="API call")).to_have_count(0)
    page.wait_for_function("() => document.querySelector('canvas.shown')")
    while not pending:
        page.wait_for_timeout(50)
    pending[0].continue_()
    expect(page.get_by_role("region", name="API call")).to_be_visible()
    with site.client() as client:
        picture = client.get("/generate?seed=5&format=json").json()
    z = [2.5 if index == 3 else value for index, value in enumerate(picture["z"])]
    wait_for_canvas(page.locator("canvas.shown"), fetch_pixels(site, "/generate", {"z": z, "label": picture["class"]}))
