"""Secrets in URLs are not logged."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.http.redaction import without_secrets
from tests import fresh
from tests.app.retraining.jobs import TOKEN
from tests.live import service


@pytest.mark.parametrize(
    ("query", "logged"),
    [
        ("seed=42&label=7", "seed=42&label=7"),
        ("", ""),
        ("seed=the-key=value", "seed=the-key=value"),
        ("token=abc", "token=[redacted]"),
        ("seed=1&access_token=a%20b;x=1", "seed=1&access_token=[redacted];x=1"),
        ("API-Key=abc&seeds=0-9", "API-Key=[redacted]&seeds=0-9"),
        ("%74oken=abc", "%74oken=[redacted]"),
        ("password=a&Password=b&passwd=c", "password=[redacted]&Password=[redacted]&passwd=[redacted]"),
        ("key=a&keyframes=3&monkey=4", "key=[redacted]&keyframes=3&monkey=4"),
        ("token=", "token="),
    ],
)
def test_values_of_secret_parameters_are_redacted(query: str, logged: str) -> None:
    assert without_secrets(query) == logged


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_token_in_a_url_is_rejected_and_not_logged(log_format: str, tmp_path: Path) -> None:
    settings = {"log_format": log_format, "log_level": "debug", "embedded_worker": False, "admin_token": TOKEN}
    with service(tmp_path / "state", **settings) as running:
        for path in (f"/generate?seed=1&token={TOKEN}", f"/admin/jobs?access_token={TOKEN}", f"/nowhere?x={1}&token={TOKEN}"):
            assert fresh.get(running.url + path).status_code in (401, 404, 422)
    log = running.log.read_text()
    assert TOKEN not in log
    assert log.count("[redacted]") == (3 if log_format == "text" else 6), "JSON lines have the target in a field as well"
