"""What pages show after an error: an unknown address, a missing version, or a page that fails to render."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.live import Service
from tests.web.accessibility import faults
from tests.web.conftest import DRAWN_BY_THE_SERVICE
from tests.web.pages import navigate


def test_an_unknown_address_shows_the_404_page(browser: Browser, site: Service) -> None:
    context = browser.new_context(
        locale="en-GB", base_url=site.url
    )  # not new_context, because the console logs a 404 as an error
    page = context.new_page()
    response = page.goto("/gallery/of/rogues")
    assert response
    assert response.status == 404
    expect(page.locator("main h1")).to_have_text("Page not found")
    expect(page.get_by_text("There is no page at this address. Choose one above.")).to_be_visible()
    picture = page.get_by_alt_text("Picture of seed /gallery/of/rogues")
    assert picture.evaluate("async image => { await image.decode(); return image.naturalWidth }") == 280
    expect(page.get_by_role("link", name="Picture of seed")).to_have_attribute("href", "/?seed=%2Fgallery%2Fof%2Frogues")
    expect(page).to_have_title(re.compile("^Page not found"))
    expect(page.locator("nav [aria-current]")).to_have_count(0)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Gallery").click()
    expect(page).to_have_url(f"{site.url}/gallery")
    expect(page.locator("main h1")).to_have_text("A wall of seeds")
    context.close()


@pytest.mark.parametrize("path", ["/", "/gallery", "/breed", "/find", "/interpolate", "/play?round=1", "/sharpen", "/learn"])
def test_the_error_about_a_missing_version_has_a_button_to_the_champion(dark_tab: Page, path: str) -> None:
    navigate(dark_tab, f"{path}{'&' if '?' in path else '?'}version=99")
    dark_tab.get_by_role("alert").get_by_role("button", name="Show the champion").click()
    expect(dark_tab).not_to_have_url(re.compile("version"))
    expect(dark_tab.locator("main canvas, main img.question-picture").first).to_be_visible()


REFUSED = [
    ("GET", "/models/digits/versions/99", None, "У модели digits нет версии 99. Выберите одну из: "),
    ("GET", "/generate?model=nope", None, "Модели nope нет. Выберите одну из: "),
    ("GET", "/generate?seed=-1", None, "Числовое зерно должно быть целым от 0 до 4294967295, а задано -1."),
    ("GET", "/generate?seeds=9-3", None, "Диапазон 9-3 убывает. Запишите его как 3-9."),
    ("GET", "/generate?seeds=a-b", None, "«a-b» — не целое число и не диапазон."),
    ("GET", "/generate?seeds=0-99999", None, "В одном запросе может быть не больше "),
    ("GET", "/generate?seed=1&label=zz", None, "Класса zz нет. Укажите номер от 0 до 9 или одно из имён: "),
    ("GET", "/generate?seed=1&edit=nope:1", None, "нет направления nope. Выберите одно из: "),
    ("GET", "/generate?seed=1&edit=slant:99", None, "Сдвиг по направлению slant должен быть от "),
    ("GET", "/generate?seed=1&scale=0", None, "query.scale: нужно значение не меньше 1. Что допустимо, сказано в /docs."),
    ("GET", "/generate?seed=1&scale=big", None, "query.scale: нужно целое число"),
    ("GET", "/generate?seed=1&format=doc", None, "query.format: допустимые значения: "),
    ("GET", "/generate?sede=1", None, "query.sede: такого параметра нет; возможно, имелся в виду seed"),
    ("GET", "/datasets/nope", None, "nope — не опубликованный набор. Если он импортирован, введите токен"),
    ("POST", "/discriminate", b"text", "Это не картинка или только начало файла. Подойдут PNG, JPEG, "),
    ("POST", "/discriminate", b"", "Файл пуст. Подойдут PNG, JPEG, "),
    (
        "POST",
        "/sharpen?model=digits",
        b"text",
        "Модель digits рисует картинки по зёрнам и не повышает резкость. Выберите одну из: ",
    ),
    ("GET", "/admin/jobs", None, "Нужен токен."),
]
"""Requests with their body, and what their error says in Russian."""
REFUSED_WITH_TOKEN = [
    ("GET", "/admin/jobs/nope", None, "path.job_id: нужен идентификатор из 12 шестнадцатеричных цифр"),
    ("GET", "/admin/jobs/0123456789ab", None, "Задания 0123456789ab нет."),
    ("GET", "/admin/imports/0123456789ab", None, "Импорта 0123456789ab нет."),
    ("GET", "/datasets/nope", None, "Набора nope нет. Импортируйте его или выберите один из: "),
    ("DELETE", "/admin/datasets/mnist", None, "опубликован и входит в поставку."),
    ("POST", "/admin/datasets", {"upload": "nope", "name": "Bad Name"}, "body.name: нужно имя из строчных латинских букв"),
    ("POST", "/admin/datasets", {"upload": "0" * 32, "name": "mnist"}, "mnist — имя опубликованного набора; выберите другое"),
    ("POST", "/admin/retrain", {"preset": "nope"}, "body.preset: допустимые значения: 'lecture', "),
    (
        "POST",
        "/admin/retrain",
        {"runs": 2, "budget": {"minutes": 5}},
        "Несколько прогонов сравниваются после одинакового числа",
    ),
    ("POST", "/admin/retrain", {"runs": 17}, "body.runs: нужно значение не больше 16"),
    ("POST", "/admin/retrain", {"runs": 9, "grid": {"gamma": [0.1, 0.2]}}, "Получилось бы прогонов: 18, а можно не больше 16."),
    ("POST", "/admin/retrain", {"grid": {"gama": [1, 2]}}, "body.spec.gama: такого поля нет"),
    ("POST", "/admin/retrain", {"grid": {"task": ["generate", "sharpen"]}}, "нельзя сравнить по KID."),
    ("POST", "/admin/retrain", {"budget": {"images": 0}}, "body.budget.images: нужно значение "),
    ("POST", "/admin/retrain", {"dataset": "nope"}, "Набора nope нет."),
    ("POST", "/admin/retrain", {"model": "fresh", "warm_start": True}, "У модели fresh нет чемпиона, с весов которого"),
]
"""The same for an administrator."""


@contextmanager
def russian_page(browser: Browser, site: Service) -> Iterator[Page]:
    """A page in Russian whose console may show errors."""
    context = browser.new_context(base_url=site.url, locale="ru-RU")
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    yield context.new_page()
    context.close()


def test_frequent_errors_are_in_russian_on_russian_pages(
    browser: Browser, site: Service, importing: Service, admin: httpx.Client
) -> None:
    problems: list[tuple[httpx.Response, str]] = []
    with site.client() as visitor, importing.client() as stranger:
        for client, requests in ((visitor, REFUSED), (admin, REFUSED_WITH_TOKEN)):
            for method, path, body, text in requests:
                sent = {"json": body} if isinstance(body, dict) else {"content": body}
                problems.append((client.request(method, path, **sent), text))
        problems.append((stranger.get("/admin/jobs", headers={"Authorization": "Bearer wrong"}), "Такого токена нет."))

    def answer(route: Route) -> None:
        problem = problems[int(route.request.url.rsplit("/", 1)[1]) - 1000][0]
        route.fulfill(status=problem.status_code, body=problem.text, content_type="application/problem+json")

    with russian_page(browser, site) as page:
        page.route(re.compile(r"/models/digits/versions/1\d\d\d$"), answer)
        page.goto("/?version=champion")
        for number, (problem, text) in enumerate(problems):
            assert problem.status_code >= 400, problem.url
            navigate(page, f"/?version={1000 + number}")
            alert = page.get_by_role("alert")
            expect(alert).to_contain_text(text)
            expect(alert.locator("[lang=en]")).to_have_count(0)


def test_other_errors_have_a_russian_introduction_and_their_english_text_is_marked(browser: Browser, site: Service) -> None:
    detail = "The moon is full. Wait for a day."
    with russian_page(browser, site) as page:
        body = {"status": 409, "code": "conflict", "detail": detail}
        page.route("**/models/digits/versions/99", lambda route: route.fulfill(status=409, json=body))
        page.goto("/?version=99")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("Невозможно в текущем состоянии:")
        expect(alert.locator("[lang=en]")).to_have_text(detail)
        assert faults(page) == []


def test_a_page_that_fails_to_render_keeps_the_navigation_and_shows_the_remedy(
    browser: Browser, site: Service, node: str
) -> None:
    context = browser.new_context(base_url=site.url, locale="en")
    context.add_init_script(DRAWN_BY_THE_SERVICE)
    page = context.new_page()
    page.route("**/models", lambda route: route.fulfill(json={"models": [{"name": "digits", "default": True, "versions": 5}]}))
    page.goto("/gallery")
    page.get_by_role("navigation").get_by_role("link", name="Models").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Reload the page")
    assert faults(page) == []
    page.unroute("**/models")
    alert.get_by_role("button", name="Reload").click()
    expect(page.locator("main h1")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    context.close()
