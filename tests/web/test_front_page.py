"""The front door: the plane fills the screen, drifts until it is touched, and enlarges what is under the pointer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live import Service
from tests.web.accessibility import faults
from tests.web.conftest import new_context

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
COPY = """const plane = document.querySelector('canvas.plane')
    const copy = new OffscreenCanvas(plane.width, plane.height).getContext('2d', {willReadFrequently: true})
    copy.drawImage(plane, 0, 0)"""
COMPLETE = "() => performance.getEntriesByType('resource').filter(entry => entry.name.includes('/plane?')).length >= 4"
BRIGHT = f"""box => {{
    {COPY}
    const {{data}} = copy.getImageData(...box)
    let count = 0
    for (let at = 0; at < data.length; at += 4) count += data[at] === 123 && data[at + 1] === 216 && data[at + 2] === 143
    return count
}}"""
"""The area in the colour of frames around pictures, within a rectangle."""


def look(page: Page) -> str:
    """Return a digest of the middle of the screen, where only the plane is."""
    return hashlib.sha256(page.screenshot(clip={"x": 100, "y": 250, "width": 500, "height": 250})).hexdigest()


def changes(page: Page) -> bool:
    """Return whether the plane moves within some seconds."""
    before = look(page)
    for _ in range(15):
        page.wait_for_timeout(200)
        if look(page) != before:
            return True
    return False


def wait_until_still(page: Page) -> str:
    """Wait until the plane shows the same for half a second, and return its digest."""
    before = look(page)
    for _ in range(100):
        page.wait_for_timeout(500)
        now = look(page)
        if now == before:
            return now
        before = now
    raise AssertionError("The plane never stops.")


def wait_until_drifting(page: Page) -> None:
    page.wait_for_function(COMPLETE)
    for _ in range(100):
        if changes(page):
            return
    raise AssertionError("The plane never drifts.")


@pytest.fixture
def front(page: Page) -> Page:
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Every point is a picture")
    return page


def test_the_front_door_leads_to_the_lesson(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="How did it learn that?").click()
    expect(page).to_have_url(re.compile("/learn$"))
    expect(page.get_by_role("heading", name="What a GAN is")).to_be_visible()


@pytest.mark.parametrize("touch", ["pointer", "click", "key", "wheel"])
def test_the_plane_drifts_until_it_is_touched_and_then_has_an_address(front: Page, touch: str) -> None:
    wait_until_drifting(front)
    assert front.url.endswith("/")  # the drift writes no history
    if touch == "pointer":
        front.mouse.move(700, 300)
    elif touch == "click":
        front.mouse.click(700, 300)
    elif touch == "wheel":
        front.get_by_role("heading", level=1).hover()
        front.mouse.wheel(0, 10)
    else:
        front.keyboard.press("Tab")
    expect(front).to_have_url(re.compile(r"/\?seed=\d+$"))
    wait_until_still(front)
    front.get_by_role("link", name="Gallery").click()
    front.get_by_role("link", name="Explore").click()
    expect(front.locator("canvas.plane")).to_be_visible()
    wait_until_still(front)  # for good


def test_it_does_not_drift_in_a_hidden_tab(front: Page) -> None:
    wait_until_drifting(front)
    change = "document.dispatchEvent(new Event('visibilitychange'))"
    front.evaluate(f"Object.defineProperty(document, 'hidden', {{value: true, configurable: true}}); {change}")
    wait_until_still(front)
    front.evaluate(f"delete document.hidden; {change}")
    assert changes(front)


def test_the_drift_paints_rarely_because_the_browser_moves_what_is_painted(front: Page) -> None:
    wait_until_drifting(front)
    counted = front.evaluate("""() => new Promise(done => {
        let paints = 0, frames = 0
        const original = CanvasRenderingContext2D.prototype.fillRect
        CanvasRenderingContext2D.prototype.fillRect = function (...box) { paints++; original.apply(this, box) }
        const count = () => { frames++; paints < 2 ? requestAnimationFrame(count) : done({paints, frames}) }
        count()
    })""")  # one to two legs of four seconds
    assert counted["paints"] == 2
    assert counted["frames"] > 10 * counted["paints"]


def test_it_does_not_drift_if_reduced_motion_is_preferred(browser: Browser, site: Service) -> None:
    with new_context(browser, site.url, reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto("/")
        page.wait_for_function(COMPLETE)
        wait_until_still(page)
        assert not changes(page)


@pytest.mark.parametrize("path", ["/?seed=42", "/?x=7.5&y=0.25&zoom=256", "/explore?seed=42"])
def test_an_address_with_a_place_does_not_drift_and_shows_its_picture(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_function(COMPLETE)
    wait_until_still(page)
    assert not changes(page)
    expect(page.get_by_role("region", name="Picture at the centre")).to_be_visible()
    assert page.url.endswith(path)


def test_the_picture_under_the_pointer_grows_and_shrinks_again(page: Page) -> None:
    page.goto("/?seed=42")
    page.wait_for_function(COMPLETE)
    wait_until_still(page)
    around = [640 + 64 - 80, 400 - 128 - 80, 160, 160]
    assert page.evaluate(BRIGHT, around) == 0
    page.mouse.move(640 + 64, 400 - 128)  # one to the right and two up
    wait_until_still(page)
    frame = (2.25 * 64 + 6) ** 2 - (2.25 * 64) ** 2  # of an enlarged picture
    assert page.evaluate(BRIGHT, [640 + 64 - 75, 400 - 128 - 75, 150, 150]) == pytest.approx(frame, rel=0.05)
    page.get_by_role("button", name="Controls").hover()
    wait_until_still(page)
    assert page.evaluate(BRIGHT, around) == 0


def test_with_arrow_keys_the_picture_in_the_middle_grows(page: Page) -> None:
    page.goto("/?seed=42")
    page.wait_for_function(COMPLETE)
    around = [640 - 75, 400 - 75, 150, 150]
    marked = wait_until_still(page) and page.evaluate(BRIGHT, around)
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("seed=43"))
    wait_until_still(page)
    assert page.evaluate(BRIGHT, around) > marked + 500
    page.get_by_role("textbox", name="Seed").focus()
    wait_until_still(page)
    assert page.evaluate(BRIGHT, around) == marked


def test_the_controls_fold_away_and_the_address_says_so(front: Page) -> None:
    panel, fold = front.get_by_role("region", name="Picture at the centre"), front.get_by_role("button", name="Controls")
    expect(panel).to_be_hidden()
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.click()
    expect(panel).to_be_visible()
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(front).to_have_url(re.compile("controls=open"))
    front.reload()
    expect(panel).to_be_visible()
    fold.click()
    expect(panel).to_be_hidden()
    front.reload()
    expect(fold).to_be_visible()
    expect(panel).to_be_hidden()


def test_a_dialog_says_how_to_move_and_returns_the_focus(front: Page, node: str) -> None:
    button = front.get_by_role("button", name="How to move")
    button.focus()
    front.keyboard.press("Enter")
    dialog = front.get_by_role("dialog", name="How to move")
    expect(dialog).to_contain_text("arrow keys")
    assert faults(front) == []
    front.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()
    button.click()
    expect(dialog).to_be_visible()
    front.mouse.click(20, 600)  # outside
    expect(dialog).to_have_count(0)


def covers_screen(page: Page) -> bool:
    box = page.locator("canvas.plane").bounding_box()
    size = page.viewport_size
    assert size
    assert box
    ends = box["x"] + box["width"], box["y"] + box["height"]
    return max(box["x"], box["y"]) <= 0 and ends[0] > size["width"] - 0.01 and ends[1] > size["height"] - 0.01


def test_the_plane_covers_the_screen_from_edge_to_edge(front: Page) -> None:
    assert covers_screen(front)
    assert front.evaluate("document.documentElement.scrollHeight") == 800
    front.set_viewport_size({"width": 1000, "height": 600})
    assert covers_screen(front)


@pytest.fixture
def phone(browser: Browser, site: Service) -> Iterator[Page]:
    with new_context(browser, site.url, **PHONE) as context:
        yield context.new_page()


def swipe(page: Page, start: tuple[float, float], by: tuple[float, float]) -> None:
    """Move a finger over the screen, in CSS pixels."""
    devtools = page.context.new_cdp_session(page)
    steps = 20
    for step in range(steps + 1):
        at = [{"x": start[0] + by[0] * step / steps, "y": start[1] + by[1] * step / steps}]
        devtools.send("Input.dispatchTouchEvent", {"type": "touchMove" if step else "touchStart", "touchPoints": at})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_on_a_phone_the_controls_are_a_sheet_that_is_pulled_up(phone: Page) -> None:
    phone.goto("/?seed=42")
    panel, fold = phone.get_by_role("region", name="Picture at the centre"), phone.get_by_role("button", name="Controls")
    expect(fold).to_be_in_viewport()
    expect(panel).to_be_attached()  # it is loaded when needed, and moves what is above it
    expect(panel).not_to_be_in_viewport()
    assert covers_screen(phone)
    box = phone.get_by_role("heading", level=1).bounding_box()
    assert box
    swipe(phone, (100, box["y"] + 10), (0, -500))
    expect(panel).to_be_in_viewport(ratio=0.3)
    expect(fold).to_have_attribute("aria-expanded", "true")
    fold.click()
    expect(panel).not_to_be_in_viewport()
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.click()
    expect(panel).to_be_in_viewport(ratio=0.3)


def test_on_a_phone_a_finger_above_the_sheet_moves_the_plane(phone: Page) -> None:
    phone.goto("/?seed=42")
    phone.wait_for_function(COMPLETE)
    swipe(phone, (195, 400), (-128, -64))
    expect(phone).to_have_url(re.compile(rf"seed={65536 + 44}($|&)"))
    assert phone.evaluate("window.scrollY") == 0
