"""The page /docs, which is Swagger UI."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.live import Service
from tests.web.conftest import new_context


@pytest.mark.parametrize(
    ("scheme", "chosen", "is_dark"),
    [("dark", "Auto", True), ("light", "Auto", False), ("light", "Dark", True), ("dark", "Light", False)],
)
def test_it_has_the_theme_of_the_other_pages(
    browser: Browser, site: Service, scheme: Literal["dark", "light"], chosen: str, is_dark: bool
) -> None:
    with new_context(browser, site.url, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto("/models")
        page.get_by_role("group", name="Theme").get_by_role("button", name=chosen).click()
        page.goto("/docs")
        expect(page.get_by_role("heading", name="Seedling")).to_be_visible()
        colour = page.locator(".info .title").evaluate("title => getComputedStyle(title).color")
        levels = [int(level) for level in re.findall(r"[0-9]+", colour)[:3]]
        assert (min(levels) > 128) == is_dark  # light writing on a dark ground
