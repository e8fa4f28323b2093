"""Skip tests whose tools are not installed."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def skip(reason: str) -> NoReturn:
    """Skip the test, or fail it where SEEDLING_SKIP_NOTHING is set, as in continuous integration."""
    if os.environ.get("SEEDLING_SKIP_NOTHING"):
        pytest.fail(f"{reason} SEEDLING_SKIP_NOTHING is set, so this is a failure.")
    pytest.skip(reason)
