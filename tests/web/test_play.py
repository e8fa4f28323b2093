"""The page Guess: rounds of the game, their scores, and the keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live import Service
from tests.web.conftest import new_context
from tests.web.pixels import fetch


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


def test_a_round_of_the_game_is_translated_to_russian(browser: Browser, site: Service) -> None:
    with new_context(browser, site.url, locale="ru-RU") as context:
        page = context.new_page()
        page.goto("/play?round=7")
        expect(page.get_by_role("heading", name=re.compile("Картинка 1 из 10"))).to_be_visible()


def test_the_result_fits_on_a_phone_in_russian(browser: Browser, site: Service) -> None:
    """Its captions have the longest words and seeds of ten digits."""
    phone = {"width": 360, "height": 740}
    with new_context(browser, site.url, viewport=phone, has_touch=True, is_mobile=True, locale="ru-RU") as context:
        page = context.new_page()
        page.goto("/play?round=2529168347&count=10&guesses=rrrrrrrrrr")
        captions = page.locator(".fooled figcaption")
        expect(captions).to_have_count(10)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert captions.evaluate_all("all => all.every(each => each.scrollWidth <= each.parentElement.clientWidth)")
