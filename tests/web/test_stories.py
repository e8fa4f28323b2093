"""The pages Play, Learn and Models show the data of the service."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live import Service
from tests.web.conftest import new_context
from tests.web.pixels import fetch, fetch_array, fetch_pixels, wait_for_canvas
from tests.web.test_frame import faults, open_page


def test_a_round_of_the_game_scores_both_players_correctly(page: Page, site: Service) -> None:
    """The player always answers real, so the score is the number of real pictures."""
    quiz = fetch(site, "/quiz?seed=7&count=10").json()["pictures"]
    real = sum(picture["real"] for picture in quiz)
    discriminator = sum((picture["probability"] > 0.5) == picture["real"] for picture in quiz)
    page.goto("/play?round=7")
    for number, picture in enumerate(quiz, 1):
        expect(page.get_by_role("heading", name=f"Picture {number} of 10")).to_be_visible()
        before = page.locator("main").inner_text()
        assert str(picture["source"]) not in before  # the page does not reveal the answer yet
        page.get_by_role("button", name="Real", exact=True).click()
        expect(page.locator("main")).to_contain_text(re.compile(f"{picture['source']}|{picture['source']:,}"))
        page.get_by_role("button", name="Show the result" if number == 10 else "Next picture").click()
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    scores = page.get_by_role("region", name="Result").locator("dd .number")
    assert scores.all_inner_texts() == [f"{real} of 10", f"{discriminator} of 10"]
    # Always answering real, the player is fooled by all generated pictures.
    fooled = {
        "Fooled both of you": [p for p in quiz if not p["real"] and p["probability"] >= 0.5],
        "Fooled only you": [p for p in quiz if not p["real"] and p["probability"] < 0.5],
        "Fooled only the discriminator": [p for p in quiz if p["real"] and p["probability"] < 0.5],
        "Fooled nobody": [p for p in quiz if p["real"] and p["probability"] >= 0.5],
    }
    whom = page.get_by_role("region", name="Which pictures fooled whom")
    for title, pictures in fooled.items():
        heading = whom.get_by_role("heading", name=re.compile(f"^{title}: {len(pictures)}$"))
        expect(heading).to_be_visible()
        if pictures:
            captions = heading.locator("xpath=following-sibling::ul[1]").locator("figcaption").all_inner_texts()
            assert [re.findall(r"(?:seed|picture) (\d+)", text)[0] for text in captions] == [str(p["source"]) for p in pictures]
    page.get_by_role("button", name="New round").click()
    expect(page.get_by_role("heading", name="Picture 1 of 10")).to_be_visible()
    assert "round=7&" not in f"{page.url}&"


def test_a_reloaded_game_continues_where_it_was(page: Page, site: Service) -> None:
    page.goto("/play?round=7")
    for name in ("Real", "Generated"):
        page.get_by_role("button", name=name, exact=True).click()
        page.get_by_role("button", name="Next picture").click()
    expect(page).to_have_url(re.compile("guesses=rg(&|$)"))
    quiz = fetch(site, "/quiz?seed=7&count=10").json()["pictures"]
    right = quiz[0]["real"] + (not quiz[1]["real"])
    page.reload()
    expect(page.get_by_role("heading", name="Picture 3 of 10")).to_be_visible()
    expect(page.locator(".question")).to_contain_text(f"you {right}, the discriminator")


def test_letter_keys_work_only_while_the_question_has_the_focus(page: Page) -> None:
    page.goto("/play")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="Picture 1 of 10")).to_be_focused()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Guess").focus()
    page.keyboard.press("g")
    expect(page.get_by_role("button", name="Next picture")).to_have_count(0)
    page.get_by_role("button", name="Real", exact=True).focus()
    page.keyboard.press("g")
    expect(page.get_by_role("button", name="Next picture")).to_be_visible()
    expect(page).to_have_url(re.compile("guesses=g(&|$)"))


def test_the_game_can_be_played_with_the_keyboard(page: Page) -> None:
    page.goto("/play?round=3&count=10")
    for number in range(1, 11):
        expect(page.get_by_role("heading", name=f"Picture {number} of 10")).to_be_visible()
        page.keyboard.press("ArrowLeft" if number % 2 else "g")
        expect(page.get_by_role("button", name="Show the result" if number == 10 else "Next picture")).to_be_focused()
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Result")).to_be_visible()


def test_without_real_pictures_the_game_shows_where_to_get_them(browser: Browser, site: Service) -> None:
    with site.client() as client:
        response = client.get("/quiz?seed=1&model=fashion")
    if response.status_code == 200:
        pytest.skip("Fashion-MNIST is installed on this machine, so nothing is missing.")
    context = browser.new_context(base_url=site.url, locale="en")
    page = context.new_page()
    page.goto("/play?round=1&model=fashion")
    expect(page.get_by_role("alert")).to_contain_text(response.json()["detail"])
    context.close()


def test_learn_interpolates_with_pictures_of_the_service(page: Page, site: Service) -> None:
    label = fetch(site, "/generate?seed=42&format=json").json()["label"]  # the label is constant, so that only z changes
    page.goto("/learn?seed=42&to=7")
    picture = page.get_by_role("application", name="The picture").locator("canvas")
    wait_for_canvas(picture, fetch_pixels(site, "/generate?seed=42"))
    slider = page.get_by_role("slider", name="From the first seed to the second")
    slider.fill(str(slider.evaluate("slider => slider.max")))
    wait_for_canvas(picture, fetch_pixels(site, f"/generate?seed=7&label={label}"))
    expect(page).to_have_url(re.compile(r"[?&]t=1(&|$)"))


def test_a_drawing_gets_the_probability_of_the_call(page: Page) -> None:
    open_page(page, "/learn")  # completely, because what loads moves the canvas
    pad = page.locator("canvas.drawing-canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    with page.expect_response(lambda response: "/discriminate" in response.url and response.request.method == "POST") as judged:
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.8, steps=12)
        page.mouse.up()
    probability = judged.value.json()["probability"]
    expect(page.locator("main")).to_contain_text(f"{round(probability * 100)}%")


def test_learn_shows_the_evaluation_of_each_run(page: Page, site: Service) -> None:
    page.goto("/learn")
    for model in ("digits", "lecture"):
        figure = fetch(site, f"/models/{model}/versions/champion/evaluation.json").json()["figures"]["c2st_accuracy"]
        expect(page.locator("main")).to_contain_text(f"{round(figure['value'] * 100)}%")
    page.get_by_role("button", name="lecture/1").click()
    expect(page.locator(".chart canvas").first).to_be_visible()
    page.get_by_role("button", name="Then: train the generator").click()
    expect(page).to_have_url(re.compile("turn=2"))


def test_models_shows_each_figure_with_its_floor(page: Page, site: Service) -> None:
    page.goto("/models")
    for name in ("digits", "fashion", "lecture"):
        expect(page.get_by_role("heading", name=re.compile(name)).first).to_be_visible()
    page.goto("/models/digits/versions/3")
    metrics = fetch(site, "/models/digits/versions/3").json()["manifest"]["metrics"]
    for name in ("fid", "coverage", "cas", "c2st_accuracy"):
        expect(page.locator("main")).to_contain_text(f"{metrics[name]['value']:.4f}")
        expect(page.locator("main")).to_contain_text(f"{metrics[name]['floor']:.4f}")
    sheet = page.locator("img[src*='samples.png']").first
    assert sheet.evaluate("async image => { await image.decode(); return image.naturalWidth }") == 560
    expect(page.get_by_role("link", name="Open in Explore").first).to_have_attribute(
        "href", re.compile("model=digits&version=3")
    )


def test_the_address_of_a_page_returns_json_to_api_clients(page: Page, site: Service) -> None:
    page.goto("/models/digits/versions/2")
    expect(page.locator("main h1")).to_be_visible()
    payload = page.evaluate("async () => (await fetch(location.href, {headers: {Accept: 'application/json'}})).json()")
    assert payload["manifest"]["version"] == 2


def test_play_and_learn_are_translated_to_russian(browser: Browser, site: Service) -> None:
    with new_context(browser, site.url, locale="ru-RU") as context:
        page = context.new_page()
        page.goto("/play?round=7")
        expect(page.get_by_role("heading", name=re.compile("Картинка 1 из 10"))).to_be_visible()
        page.goto("/learn")
        expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("[а-я]{3}"))


def test_two_versions_are_compared_with_the_biggest_difference_first(page: Page, site: Service) -> None:
    first, second = (fetch_array(site, f"/generate?seeds=0-199&format=npy&model=digits&version={n}") for n in (3, 4))
    distances = np.abs(first.astype(int) - second).mean(axis=(1, 2)) / 255
    order = np.argsort(-distances, kind="stable")
    open_page(page, "/models/digits?first=3&second=4&split=25")
    section = page.get_by_role("region", name="Two versions, the biggest differences first")
    pairs = section.get_by_role("listitem")
    expect(pairs).to_have_count(24)
    shown = [int(text) for text in pairs.get_by_role("link").all_inner_texts()]
    assert shown == order[:24].tolist()
    expect(pairs.first).to_contain_text(f"differs by {100 * distances[order[0]]:.1f}%")
    canvases = pairs.first.locator("canvas")
    wait_for_canvas(canvases.nth(0), first[order[0]])
    wait_for_canvas(canvases.nth(1), second[order[0]])
    assert canvases.nth(1).evaluate("canvas => getComputedStyle(canvas).clipPath") == "inset(0px 0px 0px 25%)"
    section.get_by_role("slider", name="Divider").fill("80")
    expect(page).to_have_url(re.compile("split=80"))
    picture = pairs.first.get_by_role("img")
    box = picture.first.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("split=(39|40|41)"))
    section.get_by_label("Left").select_option("4")
    expect(section).to_contain_text("Both versions draw these seeds exactly alike.")
    assert faults(page) == []


def test_a_phone_is_not_told_about_keys(browser: Browser, site: Service, page: Page) -> None:
    page.goto("/play")
    expect(page.get_by_text("Keys: ←")).to_be_visible()
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with new_context(browser, site.url, **phone) as context:
        page = context.new_page()
        page.goto("/play")
        expect(page.get_by_text("Keys: ←")).to_be_hidden()
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_role("button", name="Real", exact=True)).to_be_visible()
        expect(page.locator("kbd").first).to_be_hidden()
