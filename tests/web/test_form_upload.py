"""A form of another page uploads a picture."""

from __future__ import annotations

import json

import httpx
from playwright.sync_api import Browser

from tests.live import Service
from tests.web.conftest import TIMEOUT

FORM = """<!doctype html><title>A form</title>
<form action="{url}/discriminate?label=7" method="post" enctype="multipart/form-data">
  <input type="file" name="picture of a seven"> <button>Score</button>
</form>"""
FETCH = """async ([url, bytes]) => {
    const form = new FormData()
    form.append("file", new Blob([new Uint8Array(bytes)]), "семь.png")
    const response = await fetch(`${url}/discriminate?label=7`, {method: "POST", body: form})
    return [response.status, await response.json()]
}"""


def test_a_browser_uploads_a_form(browser: Browser, live: Service, client: httpx.Client) -> None:
    picture = client.get("/generate?seed=42&scale=8").content
    score = client.post("/discriminate?label=7", content=picture).json()
    page = browser.new_page()
    page.set_default_timeout(TIMEOUT)
    page.set_content(FORM.format(url=live.url))
    saved = {"name": "42 «семь».png", "mimeType": "image/png", "buffer": picture}
    page.locator("input").set_input_files(saved)  # type: ignore[arg-type]
    page.locator("button").click()
    page.wait_for_url(f"{live.url}/**")
    assert json.loads(page.locator("pre").inner_text()) == score
    page.goto(f"{live.url}/docs")
    assert page.evaluate(FETCH, [live.url, list(picture)]) == [200, score]
    page.close()


def test_a_form_without_a_chosen_file_says_so(browser: Browser, live: Service) -> None:
    page = browser.new_page()
    page.set_default_timeout(TIMEOUT)
    page.set_content(FORM.format(url=live.url))
    with page.expect_navigation() as navigation:
        page.locator("button").click()
    response = navigation.value
    assert response is not None
    assert response.status == 422
    assert response.json()["detail"].startswith("The file is empty.")
    page.close()
