"""A version that copies its training pictures is marked wherever it is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from models.manifest import MANIFEST
from models.repository import Repository
from tests.live import service
from tests.models.test_repository import copy_of_shipped
from tests.web.accessibility import faults
from tests.web.conftest import STATIC, new_context


def copier(folder: Path, number: int) -> None:
    copy_of_shipped(folder, number)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["metrics"]["copied"] = {"value": 0.42, "floor": 0.01, "better": "lower", "what": "share of copies"}
    (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("locale", "warning", "badge"),
    [
        ("en-GB", "This version copies its training pictures: 42% of its pictures are copies.", "copies"),
        ("ru-RU", "Эта версия копирует обучающие картинки: среди её картинок 42 % копий.", "копирует"),
    ],
)
def test_the_pages_warn_of_a_champion_that_copies(
    browser: Browser, built: None, tmp_path: Path, locale: str, warning: str, badge: str
) -> None:
    repository = Repository(tmp_path / "state" / "models")
    repository.publish("digits", copier)
    repository.publish("digits", copy_of_shipped)
    with (
        service(tmp_path / "state", pages=STATIC, embedded_worker=False) as running,
        new_context(browser, running.url, locale=locale) as context,
    ):
        page = context.new_page()
        page.goto("/models")
        expect(page.get_by_role("note")).to_contain_text(warning)
        expect(page.get_by_role("row").filter(has_text="digits/1")).to_contain_text(badge)
        expect(page.get_by_role("row").filter(has_text="digits/2")).not_to_contain_text(badge)
        page.goto("/models/digits/versions/1")
        expect(page.get_by_role("note")).to_contain_text(warning)
        assert faults(page) == []
        page.goto("/models/digits/versions/2")
        expect(page.get_by_role("heading", name="digits/2")).to_be_visible()
        expect(page.get_by_role("note")).to_have_count(0)
