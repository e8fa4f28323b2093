"""Settings are documented, and an invalid setting stops the start."""

from __future__ import annotations

import os
import subprocess

import pytest

from app.settings import Settings
from tests.documentation import SETTINGS, with_settings
from tests.forked import run


def run_app(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run("app", *arguments, env=os.environ | environment)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_documentation_lists_every_setting() -> None:
    text = SETTINGS.read_text()
    assert "GAN_PORT" in text
    assert with_settings(text) == text, "run make fix"


def test_help_names_every_setting() -> None:
    result = run_app("--help")
    assert result.returncode == 0
    for name in Settings.model_fields:
        assert f"GAN_{name.upper()}=" in result.stdout


@pytest.mark.parametrize(
    ("variable", "value"),
    [("GAN_PORT", "80000"), ("GAN_WORKERS", "none"), ("GAN_ROOT_PATH", "x y"), ("GAN_MODELS_URL", "ftp://x")],
)
def test_an_invalid_setting_is_named_and_nothing_starts(variable: str, value: str) -> None:
    result = run_app(**{variable: value})
    assert result.returncode == 2
    assert result.stderr.startswith(f"{variable}: ")
    assert result.stderr.endswith("See python -m app --help.\n")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GAN_ADMIN_TOKEN", "hush-hush"),
        ("GAN_ADMIN_TOKENS", '{"alice": "hush-hush"}'),
        ("GAN_ADMIN_TOKENS", '{"alice": "hush-hush-hush-hush-hush"'),
        ("GAN_VIEWER_TOKENS", "hush-hush"),
    ],
)
def test_an_invalid_token_is_reported_without_its_value(variable: str, value: str) -> None:
    result = run_app(**{variable: value})
    assert result.returncode == 2
    assert variable.removeprefix("GAN_").lower() in result.stderr.lower()
    assert result.stderr.endswith("See python -m app --help.\n")
    assert "hush" not in result.stderr + result.stdout
    assert "Traceback" not in result.stderr
