"""No page jumps while it loads: the cumulative layout shift is less than half of what counts as good (0.1)."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.live import Service
from tests.web.conftest import new_context
from tests.web.pages import PAGES, open_page

MOST = 0.05
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
OBSERVE = """
window.shifts = []
new PerformanceObserver(list => {
    for (const entry of list.getEntries())
        window.shifts.push([entry.value, ...entry.sources.map(({node, previousRect, currentRect}) => {
            const element = node?.nodeType === 1 ? node : node?.parentElement
            return `${element?.tagName}.${element?.className}: ${previousRect.y} -> ${currentRect.y}`
        })])
}).observe({type: 'layout-shift', buffered: true})
"""
QUIET_MILLISECONDS = 1500


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("size", SIZES)
def test_a_page_does_not_jump_while_it_loads(browser: Browser, site: Service, size: str, path: str) -> None:
    with new_context(browser, site.url, **SIZES[size]) as context:
        context.add_init_script(OBSERVE)
        page = context.new_page()
        open_page(page, path)
        page.wait_for_timeout(QUIET_MILLISECONDS)
        shifts = page.evaluate("window.shifts")
        assert sum(shift[0] for shift in shifts) < MOST, shifts
