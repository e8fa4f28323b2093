"""The pages of the application with their titles, and how tests open them."""

from __future__ import annotations

from playwright.sync_api import Page, expect

PAGES = {
    "/": ("Explore", "Обзор"),
    "/?seed=42&edit=slant:1": ("Explore", "Обзор"),
    "/explore?seed=7": ("Explore", "Обзор"),
    "/gallery": ("Gallery", "Галерея"),
    "/gallery?view=table": ("Gallery", "Галерея"),
    "/interpolate": ("Walk", "Прогулка"),
    "/breed": ("Breed", "Скрещивание"),
    "/find": ("Find", "Поиск"),
    "/datasets": ("Datasets", "Данные"),
    "/draw": ("Draw", "Рисование"),
    "/train": ("Train", "Обучение"),
    "/play": ("Guess", "Угадайка"),
    "/sharpen": ("Sharpen", "Резкость"),
    "/models": ("Models", "Модели"),
    "/models/digits": ("Models", "Модели"),
    "/models/digits/versions/3": ("Models", "Модели"),
    "/learn": ("Learn", "Урок"),
}
"""Addresses, with the titles in English and in Russian."""


def open_page(page: Page, path: str) -> None:
    page.goto(path)
    wait_until_shown(page)


def wait_until_shown(page: Page) -> None:
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator(".notice.loading:visible")).to_have_count(0)


def navigate(page: Page, path: str) -> None:
    """Go to another address of the application, as its links do, and wait until it is rendered."""
    rendered = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    page.evaluate(f"path => {{ history.pushState(null, '', path); return {rendered} }}", path)
