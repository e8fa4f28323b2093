"""The page Interpolate: animations from keyframes, in the player and as files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.live import Service
from tests.web.conftest import DRAWN_BY_THE_SERVICE, new_context
from tests.web.pixels import fetch, fetch_array, fetch_pixels, wait_for_canvas

DROP = """([bytes]) => {
    const data = new DataTransfer()
    data.items.add(new File([new Uint8Array(bytes)], 'a.png', {type: 'image/png'}))
    const strip = document.querySelector('.keyframe-strip')
    const box = strip.getBoundingClientRect()
    const options = {dataTransfer: data, bubbles: true, cancelable: true, clientX: box.right - 5, clientY: box.top + 20}
    strip.dispatchEvent(new DragEvent('dragover', options))
    strip.dispatchEvent(new DragEvent('drop', options))
}"""


def test_the_player_shows_the_frames_of_the_call(page: Page, site: Service) -> None:
    page.goto("/interpolate?keyframes=5,17,99")
    frames = fetch_array(site, "/interpolate", {"keyframes": [5, 17, 99], "steps": 16, "loop": True, "format": "npy"})
    player = page.get_by_role("region", name="Player")
    scrubber, screen = player.get_by_role("slider", name="Frame"), player.locator("canvas.screen")
    player.get_by_role("button", name="Pause").click()
    expect(scrubber).to_have_attribute("max", str(len(frames) - 1))
    for frame in (0, 22, 44):
        scrubber.fill(str(frame))
        wait_for_canvas(screen, frames[frame])
    player.get_by_role("button", name="To keyframe 2").click()
    wait_for_canvas(screen, fetch_pixels(site, "/generate?seed=17"))
    scrubber.focus()
    page.keyboard.press("Space")
    page.wait_for_function("slider => slider.value !== '15'", arg=scrubber.element_handle())


def test_method_easing_steps_and_psi_are_passed_to_the_call(page: Page, site: Service) -> None:
    page.emulate_media(reduced_motion="reduce")  # prevents automatic playback
    page.goto("/interpolate?keyframes=9,17~3&loop=false")
    page.get_by_label("Method").select_option("lerp")
    page.get_by_label("Easing").select_option("ease-in")
    page.get_by_role("slider", name="Frames per segment").fill("8")
    page.get_by_role("list", name="Keyframes").get_by_role("button", name="Keyframe 1: seed 9").click()
    page.get_by_role("region", name="Keyframe 1").get_by_role("slider", name="Truncation").fill("0.5")
    expect(page).to_have_url(re.compile(r"keyframes=9~~0\.5,17~3&loop=false&method=lerp&easing=ease-in&steps=8"))
    body = {
        "keyframes": [{"seed": 9, "psi": 0.5}, {"seed": 17, "label": "3"}],
        "steps": 8,
        "method": "lerp",
        "easing": "ease-in",
        "format": "npy",
    }
    frames = fetch_array(site, "/interpolate", body)
    player = page.get_by_role("region", name="Player")
    expect(player.get_by_role("slider", name="Frame")).to_have_attribute("max", "7")
    player.get_by_role("slider", name="Frame").fill("3")
    wait_for_canvas(player.locator("canvas.screen"), frames[3])
    expect(page).to_have_url(re.compile("frame=4(&|$)"))
    page.reload()
    wait_for_canvas(player.locator("canvas.screen"), frames[3])


def test_keyframes_can_be_added_moved_dropped_and_removed(page: Page, site: Service) -> None:
    page.goto("/interpolate?keyframes=5,17,99")
    strip = page.get_by_role("list", name="Keyframes")
    strip.get_by_role("button", name="Move keyframe 1 to the right").click()
    expect(page).to_have_url(re.compile("keyframes=17,5,99"))
    strip.get_by_role("button", name="Keyframe 3: seed 99").focus()
    page.keyboard.press("Alt+ArrowLeft")
    expect(page).to_have_url(re.compile("keyframes=17,99,5"))
    expect(strip.get_by_role("button", name="Keyframe 2: seed 99")).to_be_focused()
    page.keyboard.press("Delete")
    expect(page).to_have_url(re.compile("keyframes=17,5(&|$)"))
    page.get_by_role("button", name="Add seed 9", exact=True).drag_to(
        strip.locator("li").first, target_position={"x": 5, "y": 40}
    )
    expect(page).to_have_url(re.compile("keyframes=9,17,5"))
    page.evaluate(DROP, [list(fetch(site, "/generate?seed=anna&label=8&psi=0.5").content)])
    expect(page).to_have_url(re.compile(r"/interpolate\?keyframes=9,17,5,anna~8~0\.5"))
    dropped = strip.get_by_role("button", name="Keyframe 4: seed anna").locator("canvas")
    wait_for_canvas(dropped, fetch_pixels(site, "/generate?seed=anna&label=8&psi=0.5"))
    page.go_back()
    expect(page).to_have_url(re.compile("keyframes=9,17,5(&|$)"))


def test_every_downloaded_file_has_its_format_and_frames(page: Page, tmp_path: Path) -> None:
    page.goto("/interpolate?keyframes=5,17&steps=8&scale=2")
    files = page.get_by_role("group", name="Download")
    for name, kind, frames in (("GIF", "GIF", 14), ("APNG", "PNG", 14), ("WebP", "WEBP", 14), ("Strip, PNG", "PNG", 1)):
        with page.expect_download() as download:
            files.get_by_role("button", name=name, exact=True).click()
        with Image.open(download.value.path()) as picture:
            assert (picture.format, getattr(picture, "n_frames", 1)) == (kind, frames)
    assert picture.size == (14 * 28 * 2, 28 * 2)
    page.goto("/interpolate")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="From a PNG file").click()
    chooser.value.set_files(download.value.path())
    expect(page).to_have_url(re.compile("keyframes=5[^,]*,17"))


@pytest.mark.parametrize(
    ("query", "message"), [("keyframes=1,2,3&steps=2048", "2,048 frames"), ("keyframes=1.5,2", "numeric seed")]
)
def test_an_error_of_the_service_is_shown_with_its_message(browser: Browser, site: Service, query: str, message: str) -> None:
    context = browser.new_context(base_url=site.url, locale="en")
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    page = context.new_page()
    page.goto(f"/interpolate?{query}")
    expect(page.get_by_role("alert")).to_contain_text(message)
    context.close()


def test_with_reduced_motion_nothing_plays_automatically(browser: Browser, site: Service) -> None:
    with new_context(browser, site.url, reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto("/interpolate")
        expect(page.get_by_role("region", name="Player").get_by_role("button", name="Play")).to_be_visible()
