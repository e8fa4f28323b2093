"""What is done about a test whose tools are not there."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def skip(reason: str) -> NoReturn:
    """Skip, except where nothing may be skipped, as in continuous integration."""
    if os.environ.get("SEEDLING_SKIP_NOTHING"):
        pytest.fail(f"{reason} SEEDLING_SKIP_NOTHING is set, so this is a failure.")
    pytest.skip(reason)
