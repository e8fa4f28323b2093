"""The panels with the same call: whatever they say is run as it is written, by curl, by Python and by the browser."""

from __future__ import annotations

import ast
import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.live import Service
from tests.web.conftest import opened
from tests.web.looking import asked, drawn, wait_until

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
]


def panels(page: Page, path: str) -> list[Locator]:
    page.goto(path)
    found = page.get_by_role("region", name="API call")
    expect(found.first).to_be_visible()
    expect(page.locator(".notice.loading:visible")).to_have_count(0)
    return found.all()


def said(panel: Locator, dialect: str) -> str:
    panel.get_by_role("button", name=dialect, exact=True).click()
    return panel.locator("code").inner_text()


def drawing_png() -> bytes:
    """The file that calls which send one are told to send."""
    file = io.BytesIO()
    drawing = Image.new("L", (28, 28))
    drawing.paste(200, (10, 5, 16, 23))
    drawing.save(file, "PNG")
    return file.getvalue()


def made(folder: Path, command: list[str]) -> bytes:
    """What a command prints, or the file that it leaves."""
    folder.mkdir()
    (folder / "drawing.png").write_bytes(drawing_png())
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    files = [file for file in folder.iterdir() if file.name != "drawing.png"]
    assert len(files) <= 1
    return files[0].read_bytes() if files else done.stdout


@pytest.mark.parametrize("path", PAGES)
def test_curl_python_and_html_do_what_the_panel_says(page: Page, site: Service, path: str, tmp_path: Path) -> None:
    (panel,) = panels(page, path)
    asked_by_curl, *others = answers(panel, site, tmp_path / "only")
    assert asked_by_curl
    assert others == [asked_by_curl, asked_by_curl]


def test_those_of_learn_do_so_too(page: Page, site: Service, tmp_path: Path) -> None:
    """There one is shown at a time."""
    page.goto("/learn?seed=42&to=7")
    expect(page.locator("details.calls")).to_have_count(4)
    tried: list[str] = []
    for calls in page.locator("details.calls").all():
        calls.locator("summary").click()
        panel = calls.get_by_role("region", name="API call")
        for chip in calls.get_by_role("button", name=re.compile("^(GET|POST) ")).all() or [None]:
            if chip:
                chip.click()
            tried.append(str(panel.get_attribute("aria-label")).removeprefix("API call: "))
            asked_by_curl, *others = answers(panel, site, tmp_path / str(len(tried)))
            assert others == [asked_by_curl, asked_by_curl]
    evaluation = re.compile(r"GET /models/\w+/versions/\d+/evaluation.json")
    assert tried[:4] == ["GET /generate", "POST /interpolate", "GET /quiz", "POST /discriminate"]
    assert len(tried) == 6
    assert all(evaluation.fullmatch(call) for call in tried[4:])


def answers(panel: Locator, site: Service, folder: Path) -> list[Any]:
    """What a panel's call brings in each dialect: pictures and files as bytes, all else as it was told."""
    folder.mkdir()
    command = said(panel, "curl").replace("curl ", "curl -sS --fail ", 1)
    first = made(folder / "curl", ["sh", "-c", command])
    program = said(panel, "Python")
    second = made(folder / "python", [sys.executable, "-c", program])
    by_html = shown_by(panel.page.context.new_page(), site, said(panel, "HTML"))
    if "print(" in program:
        return [lasting(document) for document in (json.loads(first), ast.literal_eval(second.decode()), json.loads(by_html))]
    return [first, second, by_html]


def lasting(document: Any) -> Any:
    """What an answer says, but for which versions are loaded at the moment."""
    if isinstance(document, dict):
        return {name: lasting(value) for name, value in document.items() if name != "state"}
    return [lasting(value) for value in document] if isinstance(document, list) else document


_BYTES = """async address => {
    const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer())
    return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))
}"""


def shown_by(page: Page, site: Service, html: str) -> bytes:
    """What a document with these lines in it shows or gives to save, at an address of the service's own."""
    document = f"<!doctype html><title>snippet</title>{html}"
    page.route("**/snippet.html", lambda route: route.fulfill(body=document, content_type="text/html"))
    page.goto(f"{site.url}/snippet.html")
    if page.locator("input[type=file]").count():
        drawing = {"name": "drawing.png", "mimeType": "image/png", "buffer": drawing_png()}
        page.locator("input[type=file]").set_input_files(drawing)  # type: ignore[arg-type]
    if page.locator("img").count():
        page.wait_for_function("() => document.querySelector('img').naturalWidth > 0")
        shown = base64.b64decode(page.evaluate(_BYTES, page.locator("img").evaluate("img => img.src")))
    elif page.locator("a").count():
        page.wait_for_function("() => document.querySelector('a').href")
        shown = base64.b64decode(page.evaluate(_BYTES, page.locator("a").evaluate("a => a.href")))
    else:
        page.wait_for_function("() => document.querySelector('pre').textContent.startsWith('{')")
        shown = page.locator("pre").evaluate("pre => pre.textContent").encode()
    page.close()
    return shown


def test_a_call_is_copied_on_an_origin_that_has_no_clipboard(browser: Browser, site: Service) -> None:
    with opened(browser, site.url) as context:
        context.add_init_script("Object.defineProperty(Navigator.prototype, 'clipboard', {get: () => undefined})")
        page = context.new_page()
        panel = panels(page, "/?seed=5")[0]
        command = said(panel, "curl")
        panel.get_by_role("button", name="Copy").click()
        expect(panel.get_by_role("button", name="Copied")).to_be_focused()
        field = page.get_by_role("textbox", name="Seed")
        field.fill("")
        field.press("Control+V")
        assert field.input_value() == command


def test_the_answer_that_a_panel_names_is_downloaded(page: Page, site: Service) -> None:
    panel = panels(page, "/models/digits")[0]
    with page.expect_download() as download:
        panel.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "models-digits.json"
    assert download.value.path().read_bytes() == asked(site, "/models/digits").content


def test_while_a_moved_latent_is_not_drawn_there_is_nothing_to_copy(page: Page, site: Service) -> None:
    waiting = []
    page.route("**/generate", lambda route: waiting.append(route))
    page.goto("/?seed=5&dz=3:2.5")
    expect(page.get_by_role("button", name="Download")).to_be_disabled()
    expect(page.get_by_role("region", name="API call")).to_have_count(0)
    page.wait_for_function("() => document.querySelector('canvas.shown')")
    while not waiting:
        page.wait_for_timeout(50)
    waiting[0].continue_()
    expect(page.get_by_role("region", name="API call")).to_be_visible()
    with site.client() as client:
        picture = client.get("/generate?seed=5&format=json").json()
    z = [2.5 if index == 3 else value for index, value in enumerate(picture["z"])]
    wait_until(page.locator("canvas.shown"), drawn(site, "/generate", {"z": z, "label": picture["class"]}))
