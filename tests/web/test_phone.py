"""Pages on a phone: what a finger changes is in sight, and nothing needs a mouse or a keyboard."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.live import Service
from tests.web.accessibility import faults
from tests.web.conftest import new_context
from tests.web.pixels import Pixels, wait_for_canvas

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(params=["en-GB", "ru-RU"])
def locale(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def phone(browser: Browser, site: Service, locale: str) -> Iterator[Page]:
    with new_context(browser, site.url, locale=locale, color_scheme="dark", **PHONE) as context:
        yield context.new_page()


def moved_z(site: Service, seed: int, index: int, value: float) -> Pixels:
    """The picture of a seed with one number of its latent replaced."""
    with site.client() as client:
        picture = client.get(f"/generate?seed={seed}&format=json").json()
        z = [value if at == index else own for at, own in enumerate(picture["z"])]
        response = client.post("/generate", json={"z": z, "label": picture["class"]})
    return np.asarray(Image.open(io.BytesIO(response.content)))


def top_of(element: Locator) -> float:
    box = element.bounding_box()
    assert box
    return box["y"]


def test_the_picture_stays_in_sight_while_sliders_of_explore_move_it(phone: Page, site: Service, node: str) -> None:
    phone.goto("/?seed=42&drawer=open")
    copy, slider = phone.locator(".at-hand"), phone.get_by_role("slider", name="z 3", exact=True)
    expect(phone.locator("canvas.shown")).to_be_attached()
    expect(copy).to_have_count(0)  # the plane shows the picture
    phone.get_by_role("button", name=re.compile("^(Controls|Настройки)")).click()
    slider.scroll_into_view_if_needed()
    expect(phone.locator("canvas.shown")).not_to_be_in_viewport()
    expect(copy).to_be_in_viewport(ratio=1)
    slider.fill("2.5")
    wait_for_canvas(copy.locator("canvas"), moved_z(site, 42, 3, 2.5))
    expect(copy).to_contain_text("42")
    assert faults(phone) == []
    phone.locator("canvas.shown").scroll_into_view_if_needed()
    expect(copy).to_have_count(0)


def test_a_picture_that_is_not_on_the_plane_is_shown_above_the_sheet(phone: Page, site: Service, node: str) -> None:
    phone.goto("/?seed=65582&dz=3:3.54&sliders=open&drawer=open")
    card = phone.locator(".at-hand")
    expect(card).to_be_in_viewport(ratio=1)
    expect(card).to_contain_text(re.compile("(Seed|Зерно) 65582"))
    wait_for_canvas(card.locator("canvas"), moved_z(site, 65582, 3, 3.54))
    assert phone.evaluate("window.scrollY") == 0
    assert faults(phone) == []
    phone.get_by_role("button", name=re.compile("^(Zoom out|Отдалить)$")).click()
    expect(phone).not_to_have_url(re.compile("dz="))
    expect(card).to_have_count(0)  # the plane shows the picture in its frame
    phone.go_back()
    wait_for_canvas(card.locator("canvas"), moved_z(site, 65582, 3, 3.54))


@pytest.mark.parametrize("name", ["z 3", "Thickness|Толщина"])
def test_a_slider_stays_in_its_place_when_it_is_moved_for_the_first_time(phone: Page, name: str) -> None:
    phone.goto("/?seed=42&sliders=open&drawer=open")
    phone.get_by_role("button", name=re.compile("^(Controls|Настройки)")).click()
    slider = phone.get_by_role("slider", name=re.compile(f"^({name})$"))
    reset = slider.locator("xpath=ancestor::details[1]").get_by_role("button", name=re.compile("Reset|Вернуть|Сбросить"))
    expect(reset).to_be_disabled()
    slider.scroll_into_view_if_needed()
    before = slider.evaluate("slider => slider.getBoundingClientRect().top + scrollY")
    slider.fill("1.5")
    expect(reset).to_be_enabled()
    assert slider.evaluate("slider => slider.getBoundingClientRect().top + scrollY") == before


def test_drawings_can_be_saved_without_a_token(phone: Page) -> None:
    phone.goto("/draw")
    canvas = phone.get_by_role("application")
    for number in range(2):
        box = canvas.bounding_box()
        assert box
        phone.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
        phone.mouse.down()
        phone.mouse.move(box["x"] + (0.5 + 0.2 * number) * box["width"], box["y"] + 0.7 * box["height"], steps=3)
        phone.mouse.up()
        phone.get_by_role("button", name=re.compile("Next drawing|Следующий рисунок")).click()
    with phone.expect_download() as saved:
        phone.get_by_role("button", name=re.compile("Download the drawings|Скачать рисунки")).click()
    assert saved.value.suggested_filename == "drawings.zip"
    expect(phone.get_by_role("region", name=re.compile("API call|Запрос к API")).locator("code")).to_contain_text(
        "drawings.zip"
    )
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert archive.namelist() == ["drawing-001.png", "drawing-002.png"]
        pictures = [np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("L")) for name in archive.namelist()]
    assert all((picture > 127).sum() > 100 for picture in pictures)
    assert (pictures[0] != pictures[1]).any()


def is_inside(item: Locator, frame: Locator) -> bool:
    inner, outer = item.bounding_box(), frame.bounding_box()
    assert inner
    assert outer
    return outer["x"] <= inner["x"] and inner["x"] + inner["width"] <= outer["x"] + outer["width"]


def test_an_added_keyframe_is_in_sight_and_named_beside_the_button(phone: Page) -> None:
    phone.goto("/interpolate?keyframes=5,17,99,3,4&keyframe=1")
    strip = phone.locator(".keyframe-strip ol")
    status = phone.locator(".strip-panel [role=status]")
    add = phone.get_by_role("button", name=re.compile("Add a random seed|Добавить случайное зерно"))
    assert not is_inside(strip.locator("li").last, strip)
    add.scroll_into_view_if_needed()
    scrolled = phone.evaluate("scrollY")
    place = top_of(add)
    add.click()
    expect(strip.locator("li")).to_have_count(6)
    expect(strip.locator("[aria-pressed=true]")).to_be_in_viewport(ratio=1)
    assert is_inside(strip.locator("li").last, strip)
    expect(status).to_contain_text("6")
    expect(status).to_be_in_viewport(ratio=1)
    assert (phone.evaluate("scrollY"), top_of(add)) == (scrolled, place)
    strip.locator("li").first.locator(".picture").evaluate("button => button.click()")
    expect(strip.locator("li").first.locator(".picture")).to_have_attribute("aria-pressed", "true")
    assert is_inside(strip.locator("li").first, strip)


def test_a_picture_added_to_a_walk_is_marked_and_named_among_the_pictures(phone: Page) -> None:
    phone.goto("/interpolate?keyframes=5,17")
    picker = phone.locator("section:has(.seed-picker)")
    picture = picker.locator(".seed-picker button").nth(9)
    expect(picture).to_have_css("outline-style", "none")
    picture.click()
    expect(picture).to_have_css("outline-style", "solid")
    expect(picker.locator(".status")).to_have_text(
        re.compile("Seed 9 added, 3 keyframes in total|Добавлено зерно 9, всего 3 кадра")
    )


def test_comparing_two_walks_scrolls_to_the_player(phone: Page) -> None:
    phone.goto("/interpolate?keyframes=5,17")
    compare = phone.get_by_label(re.compile("Compare slerp with lerp|Сравнить slerp и lerp"))
    expect(phone.locator("canvas.screen")).to_have_count(1)
    compare.scroll_into_view_if_needed()
    expect(phone.locator("canvas.screen")).not_to_be_in_viewport()
    compare.check()
    expect(phone.locator("canvas.screen")).to_have_count(2)
    for each in (0, 1):
        expect(phone.locator("canvas.screen").nth(each)).to_be_in_viewport(ratio=1)


def test_a_chosen_output_of_sharpen_is_shown_beside_the_input_while_the_outputs_scroll(
    phone: Page, site: Service, node: str
) -> None:
    phone.goto("/sharpen")
    outputs = phone.locator(".outputs button")
    output = phone.locator(".small-comparison canvas").last
    for chosen in (5, 15):
        outputs.nth(chosen).click()
        expect(phone).to_have_url(re.compile(f"seed={chosen}(&|$)"))
        pixels = (
            outputs.nth(chosen)
            .locator("canvas")
            .evaluate(
                "canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, 28, 28).data).filter((_, at) => at % 4 === 0)"
            )
        )
        wait_for_canvas(output, np.array(pixels, dtype=np.uint8))
        expect(phone.locator(".small-comparison")).to_be_in_viewport(ratio=1)
        expect(phone.locator(".comparison")).not_to_be_in_viewport()
    assert faults(phone) == []


def test_a_selected_child_has_its_links_in_sight(phone: Page, node: str) -> None:
    phone.goto("/breed")
    child = phone.locator(".litter .member").nth(4)
    child.click()
    expect(phone.locator(".selected-member").get_by_role("link")).to_have_count(2)
    for link in phone.locator(".selected-member").get_by_role("link").all():
        expect(link).to_be_in_viewport(ratio=1)
    expect(child).to_be_in_viewport(ratio=1)
    assert faults(phone) == []


def test_after_a_guess_the_answer_and_the_next_button_are_in_sight(phone: Page) -> None:
    phone.goto("/play?model=digits&version=4&round=7&count=10")
    for _ in range(3):
        phone.locator(".guess").first.click()
        following = phone.get_by_role("button", name=re.compile("Next picture|Следующая картинка"))
        expect(following).to_be_in_viewport(ratio=1)
        expect(phone.locator(".feedback")).to_be_in_viewport(ratio=1)
        expect(phone.locator(".question-picture")).to_be_in_viewport(ratio=1)
        following.click()


def test_hints_on_a_phone_are_about_fingers(phone: Page) -> None:
    phone.goto("/?seed=42")
    phone.get_by_role("button", name=re.compile("How to move|Управление")).click()
    help_text = phone.get_by_role("dialog").inner_text()
    assert re.search("finger|пальц", help_text)
    assert not re.search("Shift|arrow|[Сс]трелк", help_text)
    phone.goto("/interpolate")
    expect(phone.locator("#strip-help")).to_be_visible()
    shown = phone.locator("main").inner_text()
    assert re.search("×", shown)
    assert not re.search("Alt|Delete |[Dd]rag|[Пп]еретащ|мыш", shown)
