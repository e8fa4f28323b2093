"""How many examples a test tries, and what a refusal is."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

VARIABLE = "SEEDLING_FUZZ_EXAMPLES"
TIMES = int(os.environ.get(VARIABLE, "1"))


def tries(examples: int) -> settings:
    """So many examples, always the same ones; with the variable set, that many times as many, and others in each run."""
    return settings(
        max_examples=examples * TIMES,
        derandomize=VARIABLE not in os.environ,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def is_told(error: Exception, *words: str) -> None:
    """A refusal is a sentence that ends with the remedy, and has these words in it."""
    message = str(error)
    assert message.endswith("."), message
    assert all(word in message for word in words), message
