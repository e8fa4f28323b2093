"""The form of the page Train: limits, errors, and where the page goes before and after a start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live import Service
from tests.web.conftest import new_context, signed_in
from tests.web.test_datasets import tolerant_page
from training.spec import PresetName, TrainingSpec

GRID = "gamma=0.05, 0.1; learning_rate=0.001, 0.0005"
AT_TOP = "id => Math.abs(document.getElementById(id)?.getBoundingClientRect().top ?? Infinity) < 100"
"""Whether an element begins at the top of the screen, where the navigation may cover it."""


@pytest.fixture
def page(browser: Browser, importing: Service) -> Iterator[Page]:
    with new_context(browser, importing.url, viewport={"width": 1400, "height": 900}) as context:
        yield signed_in(context.new_page())


def test_a_number_of_seeds_above_the_limit_is_named_and_not_sent(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    page.goto("/train?preset=quick")
    start = page.get_by_role("button", name="Start training")
    expect(start).to_be_enabled()
    seeds, section = page.get_by_label("Seeds"), page.get_by_text("Several runs")
    expect(seeds).not_to_be_visible()
    section.click()
    seeds.fill("30")
    expect(page.get_by_role("alert")).to_have_text("Enter a whole number from 1 to 16.")
    expect(page).to_have_url(re.compile(r"runs=30\b"))
    expect(page.get_by_role("region", name="API call: POST /admin/retrain")).to_contain_text('"runs":30')
    section.click()
    expect(seeds).to_be_visible()
    start.click()
    expect(seeds).to_be_focused()
    page.get_by_role("button", name="Русский").click()
    expect(page.get_by_role("alert")).to_have_text("Введите целое число от 1 до 16.")
    page.get_by_role("button", name="English").click()
    seeds.fill("8")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_label("Values to compare").fill(GRID)
    expect(page.get_by_role("alert")).to_have_text(re.compile("^With all seeds, these are 32 runs, but a job has at most 16"))
    start.click()
    expect(page.get_by_label("Values to compare")).to_be_focused()
    page.goto("/train?runs=17")
    expect(page.get_by_role("alert")).to_be_visible()
    assert sent == []


def test_several_runs_with_a_budget_in_minutes_are_not_sent(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    page.goto("/train?preset=quick&runs=2&budget=minutes:5")
    start, minutes = page.get_by_role("button", name="Start training"), page.get_by_label("Minutes")
    expect(page.get_by_role("alert")).to_have_text(re.compile("^Several runs are compared after equal numbers of images"))
    expect(start).to_be_enabled()
    start.click()
    expect(minutes).to_be_focused()
    page.get_by_role("button", name="Русский").click()
    expect(page.get_by_role("alert")).to_contain_text("Задайте бюджет по числу картинок или обучайте один прогон.")
    page.get_by_role("button", name="English").click()
    page.get_by_label("Budget").select_option("images")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_label("Budget").select_option("minutes")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Seeds").fill("1")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert sent == []


def test_the_section_of_several_runs_stays_open_while_one_types(page: Page) -> None:
    page.goto("/train?preset=quick&runs=2")
    seeds, grid = page.get_by_label("Seeds"), page.get_by_label("Values to compare")
    expect(seeds).to_have_value("2")
    seeds.press("End")
    seeds.press("Backspace")
    seeds.press("1")
    expect(page).not_to_have_url(re.compile("runs="))
    expect(seeds).to_be_focused()
    grid.fill("g")
    expect(page).to_have_url(re.compile("grid=g"))
    grid.press("Backspace")
    expect(page).not_to_have_url(re.compile("grid="))
    expect(grid).to_be_focused()
    page.get_by_text("Several runs").click()
    expect(seeds).not_to_be_visible()


def test_fast_typing_loses_no_letter(page: Page) -> None:
    page.goto("/train?preset=quick&runs=2")
    for label in ("Values to compare", "Note"):
        page.get_by_label(label).focus()
        page.keyboard.type(GRID)
        expect(page.get_by_label(label)).to_have_value(GRID)
    call = page.get_by_role("region", name="API call: POST /admin/retrain")
    expect(call).to_contain_text('"grid":{"gamma":[0.05,0.1],"learning_rate":[0.001,0.0005]}')
    expect(call).to_contain_text(f'"note":"{GRID}"')


def test_a_budget_in_images_starts_with_that_of_the_preset(page: Page) -> None:
    page.goto("/train?preset=quick")
    preset, images = page.get_by_label("Preset"), page.get_by_label("Images")
    page.get_by_label("Budget").select_option("images")
    for name in get_args(PresetName):
        preset.select_option(name)
        expect(images).to_have_value(str(TrainingSpec.from_preset(name).images))
    images.fill("640")
    preset.select_option("best")
    expect(page).to_have_url(re.compile("preset=best"))
    expect(images).to_have_value("640")
    images.fill("0")
    expect(page.get_by_role("alert")).to_have_text("Enter a whole number from 1 to 1,000,000,000.")


def test_an_error_names_its_field_and_disappears_when_the_form_changes(browser: Browser, importing: Service) -> None:
    with tolerant_page(browser, importing) as page:
        page.goto("/train?preset=quick&grid=gama%3D1,2")
        grid, alerts = page.get_by_label("Values to compare"), page.get_by_role("alert")
        page.get_by_role("button", name="Start training").click()
        refusal = alerts.filter(has_text="body.spec.gama: There is no such field")
        expect(refusal).to_contain_text("This concerns the field “Values to compare”.")
        expect(alerts.first).to_have_text("The service does not accept this value. See the message below.")
        page.get_by_role("button", name="Go to the field").click()
        expect(grid).to_be_focused()
        page.get_by_role("button", name="Русский").click()
        in_russian = alerts.filter(has_text="body.spec.gama: такого поля нет")
        expect(in_russian).to_contain_text("Ошибка относится к полю «Сравниваемые значения».")
        page.get_by_role("button", name="English").click()
        expect(refusal).to_be_visible()
        grid.fill("")
        expect(alerts).to_have_count(0)


def test_the_page_moves_to_a_job_that_was_started(page: Page, admin: httpx.Client) -> None:
    page.goto("/train?preset=quick&promote=never&budget=images:10000000")
    page.get_by_role("button", name="Start training").click()
    heading = page.locator("#job-title")
    expect(heading).to_be_focused()
    expect(page).to_have_url(re.compile(r"job=[0-9a-f]{12}"))
    job = page.url[-12:]
    expect(heading).to_contain_text(job)
    expect(heading).to_be_in_viewport()
    page.wait_for_function(AT_TOP, arg="job")
    page.evaluate("window.scrollTo(0, 0)")
    page.get_by_label("Preset").select_option("best")  # a change of the form moves nothing
    expect(page.get_by_label("Preset")).to_have_value("best")
    assert page.evaluate("window.scrollY") == 0
    admin.post(f"/admin/jobs/{job}/cancel").raise_for_status()


def test_a_warm_start_is_not_offered_for_a_model_without_a_champion(page: Page, admin: httpx.Client) -> None:
    champion = admin.get("/models").json()["models"][0]["name"]
    page.goto("/train?dataset=mnist&model=fresh&warm_start=true")
    warm = page.get_by_label("Start from the champion's weights (warm start)")
    call = page.get_by_role("region", name="API call: POST /admin/retrain")
    expect(warm).to_be_disabled()
    expect(warm).not_to_be_checked()
    expect(warm).to_have_accessible_description("fresh has no champion yet.")
    expect(call).to_contain_text('"model":"fresh"')
    expect(call).not_to_contain_text("warm_start")
    page.get_by_role("button", name="Русский").click()
    russian = page.get_by_label("Начать с весов чемпиона (тёплый старт)")
    expect(russian).to_have_accessible_description("У модели fresh ещё нет чемпиона.")
    page.get_by_role("button", name="English").click()
    page.get_by_label("Model").fill(champion)
    expect(warm).to_be_enabled()
    expect(warm).to_be_checked()
    expect(warm).to_have_accessible_description("")
    expect(call).to_contain_text('"warm_start":true')


def test_a_job_of_a_new_model_says_that_there_is_no_champion_yet(page: Page, admin: httpx.Client) -> None:
    body = {"preset": "quick", "model": "fresh", "dataset": "mnist", "promote": "never"}
    job = admin.post("/admin/retrain", json=body).raise_for_status().json()
    admin.post(f"/admin/jobs/{job['id']}/cancel").raise_for_status()
    page.goto(f"/train?job={job['id']}")
    panel = page.locator("#job").get_by_role("status").filter(has=page.get_by_role("heading", name="Champion"))
    expect(panel).to_contain_text("fresh has no champion yet.")
    page.get_by_role("button", name="Русский").click()
    expect(page.locator("#job")).to_contain_text("У модели fresh ещё нет чемпиона.")


def test_a_form_prepared_by_datasets_is_shown_at_its_button(page: Page, admin: httpx.Client) -> None:
    job = admin.post("/admin/retrain", json={"preset": "quick", "promote": "never"}).raise_for_status().json()
    admin.post(f"/admin/jobs/{job['id']}/cancel").raise_for_status()
    page.goto("/datasets")
    page.get_by_role("link", name="Train on this dataset").first.click()
    expect(page).to_have_url(re.compile(r"/train\?dataset=[a-z]+&preset=quick#start$"))
    start = page.get_by_role("button", name="Start training")
    expect(start).to_be_focused()
    expect(start).to_be_in_viewport()


def test_a_visitor_without_a_token_is_shown_where_to_train_without_one(
    browser: Browser, site: Service, importing: Service
) -> None:
    with new_context(browser, site.url) as context:
        page = context.new_page()
        page.goto("/train")
        page.get_by_role("link", name="step 4 of Learn").click()
        expect(page).to_have_url(re.compile("/learn#run$"))
        page.wait_for_function(AT_TOP, arg="run")
    with new_context(browser, importing.url) as context:
        page = signed_in(context.new_page())
        page.goto("/train")
        expect(page.get_by_role("button", name="Start training")).to_be_enabled()
        expect(page.get_by_role("link", name="step 4 of Learn")).to_have_count(0)
