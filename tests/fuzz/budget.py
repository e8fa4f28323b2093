"""Shared settings of the fuzz tests, and a check of error messages."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

VARIABLE = "SEEDLING_FUZZ_EXAMPLES"
MULTIPLIER = int(os.environ.get(VARIABLE, "1"))


def max_examples(examples: int) -> settings:
    """Try this many fixed examples; with the variable set, a multiple of them, different in each run."""
    return settings(
        max_examples=examples * MULTIPLIER,
        derandomize=VARIABLE not in os.environ,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def check_message(error: Exception, *words: str) -> None:
    """Check that an error message is a complete sentence that contains the words."""
    message = str(error)
    assert message.endswith("."), message
    assert all(word in message for word in words), message
