"""The champion history on the page of a model: a timeline to scale, with a button to roll back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from models.history import Cause
from models.repository import Repository
from tests import fresh
from tests.app.retraining.jobs import SETTINGS, TOKEN, VIEWER
from tests.app.retraining.test_history import JOB, REASON, with_a_gate
from tests.live import Service, service
from tests.models.test_repository import copy_of_shipped
from tests.web.accessibility import faults
from tests.web.conftest import STATIC, new_context

PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def promoted(built: None, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with three versions. The first was adopted, and a job promoted the second."""
    state = tmp_path_factory.mktemp("promoted") / "state"
    repository = Repository(state / "models")
    repository.publish("digits", copy_of_shipped, cause=Cause(how="shipped"))
    repository.publish("digits", with_a_gate)
    repository.promote("digits", 2, cause=Cause(how="job", by=JOB, reason=REASON))
    repository.publish("digits", copy_of_shipped)
    viewers = {"viewer_tokens": json.dumps({"eve": VIEWER})}
    with service(state, forked=True, embedded_worker=False, pages=STATIC, **SETTINGS, **viewers) as running:
        headers = {"Authorization": f"Bearer {TOKEN}", "If-Match": "*"}
        with running.client() as client:
            client.put("/admin/models/digits/champion", json={"version": 3}, headers=headers).raise_for_status()
        yield running


def history_of(page: Page, title: str = "Champion history") -> Locator:
    return page.get_by_role("region", name=title)


def with_token(page: Page, token: str) -> Page:
    page.context.add_init_script(f"sessionStorage.setItem('seedling-admin-token', {token!r})")
    return page


def spans(history: Locator) -> list[tuple[float, float]]:
    """Return where each span begins and ends, as fractions of its track."""
    found = history.locator(".track > span").evaluate_all(
        """spans => spans.map(span => {
            const [inner, outer] = [span.getBoundingClientRect(), span.parentElement.getBoundingClientRect()]
            return [(inner.left - outer.left) / outer.width, (inner.right - outer.left) / outer.width]
        })"""
    )
    return [(first, last) for first, last in found]


def test_everybody_sees_the_champions_with_their_spans_to_scale(browser: Browser, promoted: Service, node: str) -> None:
    with new_context(browser, promoted.url) as context:
        page = context.new_page()
        page.goto("/models/digits")
        history = history_of(page)
        rows = history.get_by_role("listitem")
        expect(rows).to_have_count(3)
        expect(rows.nth(0)).to_contain_text(
            re.compile(r"digits/3\s*champion\s*instead of digits/2.*since .*by an administrator", re.S)
        )
        expect(rows.nth(1)).to_contain_text(re.compile(r"digits/2\s*instead of digits/1.*by the gate of job", re.S))
        expect(rows.nth(1)).to_contain_text("0.1000 against 0.2000 of digits/1 (measured by the gate on the same seeds)")
        expect(rows.nth(1)).to_contain_text(REASON)
        expect(rows.nth(1).get_by_role("link", name=JOB)).to_have_attribute("href", f"/train?job={JOB}")
        expect(rows.nth(2)).to_contain_text("shipped with the release")
        expect(history.get_by_role("button", name="Roll back")).to_have_count(0)
        expect(history.get_by_role("link", name="Train")).to_be_visible()
        (now, second, first) = spans(history)
        assert now[1] == pytest.approx(1, abs=0.02)
        assert first[0] == pytest.approx(0, abs=0.02)
        promotions = fresh.get(f"{promoted.url}/models/digits/history").json()["promotions"]
        assert first[1] <= second[1] <= now[1]
        assert [each["version"] for each in promotions] == [3, 2, 1]
        rows.nth(1).get_by_role("link", name="digits/2", exact=True).click()
        expect(page).to_have_url(re.compile("/models/digits/versions/2$"))


def test_an_administrator_rolls_back_with_the_keyboard_and_sees_the_fourth_span(
    browser: Browser, promoted: Service, node: str
) -> None:
    with new_context(browser, promoted.url) as context:
        page = with_token(context.new_page(), TOKEN)
        page.goto("/models/digits")
        history = history_of(page)
        rows = history.get_by_role("listitem")
        expect(rows).to_have_count(3)
        expect(rows.nth(0)).to_contain_text("by admin")
        expect(rows.nth(0).get_by_role("button")).to_have_count(0)
        history.get_by_role("button", name="Roll back to digits/1").focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Make digits/1 champion instead of digits/3?")
        expect(dialog).to_be_visible()
        assert faults(page) == []
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(rows).to_have_count(3)
        page.keyboard.press("Enter")  # the focus has returned to the button
        dialog.get_by_label("Reason").fill("The sevens look like ones.")
        dialog.get_by_label("Reason").press("Enter")
        expect(history.get_by_role("status")).to_have_text("The champion is digits/1.")
        expect(rows).to_have_count(4)
        expect(rows.nth(0)).to_contain_text(re.compile(r"digits/1\s*champion\s*instead of digits/3", re.S))
        expect(rows.nth(0)).to_contain_text("The sevens look like ones.")
        expect(page.get_by_role("table").first).to_contain_text(re.compile(r"digits/1\s*champion"))
        assert fresh.get(f"{promoted.url}/generate?seed=1").headers["x-model"] == "digits/1"
        assert len(spans(history)) == 4
        expect(history.get_by_role("button", name="Roll back to digits/1")).to_have_count(0)
        expect(history.get_by_role("button", name="Roll back to digits/3")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_history_is_accessible_in_russian_and_fits_a_phone(
    browser: Browser, promoted: Service, node: str, scheme: str
) -> None:
    with new_context(browser, promoted.url, locale="ru-RU", color_scheme=scheme, **PHONE) as context:
        page = with_token(context.new_page(), TOKEN)
        page.goto("/models/digits")
        history = history_of(page, "История чемпионов")
        expect(history.get_by_role("listitem").nth(2)).to_be_visible()
        expect(history.get_by_role("button", name="Откатиться к digits/2")).to_be_visible()
        expect(history).to_contain_text("по итогам отбора, задание")
        assert faults(page) == []
        page.wait_for_function("document.documentElement.scrollWidth <= 320")
        box = history.get_by_role("button", name="Откатиться к digits/2").bounding_box()
        assert box
        assert box["x"] + box["width"] <= 320


def test_a_rejected_rollback_shows_the_message_of_the_service(browser: Browser, promoted: Service) -> None:
    context = browser.new_context(base_url=promoted.url, locale="en-GB")  # not from new_context: it logs the 403
    page = with_token(context.new_page(), VIEWER)
    page.goto("/models/digits")
    history = history_of(page)
    history.get_by_role("button", name="Roll back to digits/2").click()
    page.get_by_role("dialog").get_by_role("button", name="Make champion").click()
    expect(history.get_by_role("alert")).to_contain_text("is read-only. Use an administrator's token.")
    assert fresh.get(f"{promoted.url}/models/digits").json()["aliases"]["champion"] != 2
    context.close()


def test_a_wrong_token_still_shows_what_everybody_sees(browser: Browser, promoted: Service) -> None:
    context = browser.new_context(base_url=promoted.url, locale="en-GB")  # not from new_context: it logs the 401
    page = with_token(context.new_page(), "a-wrong-token-of-letters")
    page.goto("/models/digits")
    expect(history_of(page).get_by_role("listitem").last).to_contain_text("shipped with the release")
    expect(history_of(page)).not_to_contain_text("by admin ")
    context.close()
