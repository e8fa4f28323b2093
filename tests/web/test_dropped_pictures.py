"""A PNG dropped on a page opens the view that it was saved from, or gives a specific error message."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Page, expect

from tests.live import Service
from tests.web.pixels import fetch, fetch_pixels, wait_for_picture

DROP = """([bytes]) => {
    const data = new DataTransfer()
    data.items.add(new File([new Uint8Array(bytes)], 'saved.png', {type: 'image/png'}))
    window.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}))
}"""


@pytest.mark.parametrize("path", ["/", "/gallery", "/interpolate", "/train", "/play?round=1", "/sharpen", "/models", "/learn"])
def test_a_dropped_png_restores_its_seed_and_settings(page: Page, site: Service, path: str) -> None:
    content = fetch(site, "/generate?seed=1234&label=4&psi=0.75&scale=4").content
    page.goto(path)
    expect(page.locator("main h1")).to_be_visible()
    page.evaluate(DROP, [list(content)])
    expect(page).to_have_url(re.compile(r"/\?seed=1234&label=4&psi=0\.75&model=digits&version=\d+"))
    if path == "/":  # where the controls stay folded away
        page.get_by_role("button", name="Controls").click()
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=1234&label=4&psi=0.75"))


def choose(page: Page, content: bytes) -> None:
    """Open a file with the button in the footer of every page."""
    saved = {"name": "saved.png", "mimeType": "image/png", "buffer": content}
    page.locator("footer input[type=file]").set_input_files(saved)  # type: ignore[arg-type]


def test_every_saved_png_restores_its_view(page: Page, site: Service) -> None:
    page.goto("/gallery")
    body = {"z": [0.5] * 100, "label": [0, 0, 0, 0.5, 0, 0, 0, 0, 0.5, 0]}
    latent = fetch(site, "/generate", body).content
    choose(page, latent)
    wait_for_picture(page, np.asarray(Image.open(io.BytesIO(latent))))
    point = fetch(site, "/plane?x=7.25&y=0.5&columns=1&rows=1&step=0.25&label=3").content
    choose(page, point)
    wait_for_picture(page, np.asarray(Image.open(io.BytesIO(point))))
    expect(page).to_have_url(re.compile(r"x=7\.25&y=0\.5"))
    choose(page, fetch(site, "/generate?seeds=5,9,100&label=7").content)
    expect(page).to_have_url(re.compile(r"/gallery\?seeds=5,9,100"))
    walk = {"keyframes": [5, {"seed": 17, "label": "3"}], "steps": 8, "easing": "ease-in"}
    for format in ("apng", "strip"):
        page.goto("/play")
        choose(page, fetch(site, "/interpolate", {**walk, "format": format}).content)
        expect(page).to_have_url(re.compile(r"/interpolate\?keyframes=5[^,]*,17~3"))
        expect(page).to_have_url(re.compile("steps=8.*easing=ease-in"))


def test_a_frame_from_the_zip_of_an_interpolation_opens_its_picture(page: Page, site: Service) -> None:
    walk = {"keyframes": [5, {"seed": 17, "label": "3"}], "steps": 4, "format": "zip"}
    with zipfile.ZipFile(io.BytesIO(fetch(site, "/interpolate", walk).content)) as archive:
        frames = [archive.read(name) for name in sorted(archive.namelist())]
    page.goto("/gallery")
    for frame, address in ((frames[1], r"[?&]z="), (frames[3], r"/\?seed=17&label=3")):
        choose(page, frame)
        expect(page).to_have_url(re.compile(address))
        wait_for_picture(page, np.asarray(Image.open(io.BytesIO(frame))))


def png(metadata: dict[str, str]) -> bytes:
    info, file = PngInfo(), io.BytesIO()
    for name, text in metadata.items():
        info.add_text(name, text)
    Image.new("L", (28, 28), 7).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def test_a_png_of_an_unknown_generator_opens_its_settings_with_an_available_one(page: Page, site: Service) -> None:
    page.goto("/models")
    choose(
        page, png({"Software": "Seedling", "model": "cats/9", "generator": "0" * 64, "seed": "77", "label": "4", "psi": "0.5"})
    )
    expect(page.get_by_role("status").filter(has_text="made by cats/9, which is not served here")).to_be_visible()
    wait_for_picture(page, fetch_pixels(site, "/generate?seed=77&label=4&psi=0.5"))
    page.get_by_role("button", name="Русский").click()
    expect(
        page.get_by_role("status").filter(has_text="Картинка создана моделью cats/9")
    ).to_be_visible()  # the message follows the language


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "single frame of an interpolation"),
        ({"z": "[0.5,"}, "metadata of this picture is damaged"),
        ({"interpolate": '{"keyframes": 5}'}, "metadata of this picture is damaged"),
    ],
)
def test_unusable_metadata_gets_a_specific_message(page: Page, metadata: dict[str, str], message: str) -> None:
    page.goto("/")
    choose(page, png({"Software": "Seedling", "model": "digits/3", **metadata}))
    expect(page.get_by_role("status").filter(has_text=message)).to_be_visible()


def test_a_png_without_metadata_gets_a_message(page: Page, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    Image.new("L", (28, 28)).save(other)
    page.goto("/")
    page.locator("input[type=file][accept='image/png']").first.set_input_files(other)
    expect(page.get_by_role("status").filter(has_text="has no Seedling metadata")).to_be_visible()
