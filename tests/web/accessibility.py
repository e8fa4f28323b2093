"""Finds accessibility faults of a page with axe-core."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

from tests.web.conftest import WEB

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def faults(page: Page) -> list[str]:
    """Return the accessibility faults that axe-core finds."""
    if not page.evaluate("'axe' in window"):
        page.evaluate((WEB / "node_modules" / "axe-core" / "axe.min.js").read_text())
    # without the details of passed rules, which take most of the time on pages with many elements
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    report: dict[str, Any] = page.evaluate("options => axe.run(options)", options)
    assert len(report["passes"]) > 15  # axe-core has checked the page
    return [
        f"{fault['id']} ({fault['help']}): {node['html'][:200]} {node['failureSummary']}"
        for fault in report["violations"]
        for node in fault["nodes"]
    ]
