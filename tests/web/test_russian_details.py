"""The translations of errors follow the texts of the service: web/src/ui/russian-details.ts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.live import ROOT

PATTERN = re.compile(r"/\^(.+?)\$/s?,\s*[\"`]")
"""A pattern of a whole text in TypeScript, before its translation."""
SHORTEST = 8
"""Characters by which a text can be recognized."""


def literals(pattern: str) -> Iterable[str]:
    """Yield the parts of a regular expression that stand for themselves, also those in groups, without quotes around values."""

    def walk(parsed: Iterable[tuple[object, Any]]) -> Iterable[str]:
        text = ""
        for kind, value in parsed:
            if str(kind) == "LITERAL":
                text += chr(value)
                continue
            yield text.strip("' ")
            text = ""
            if str(kind) == "SUBPATTERN":
                yield from walk(value[-1])
        yield text.strip("' ")

    return walk(re._parser.parse(pattern))  # type: ignore[attr-defined]


def texts_of(path: Path) -> Iterable[str]:
    """Return the strings in a module, with adjacent literals joined. Values in f-strings separate texts."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.fixture(scope="module")
def texts() -> str:
    folders = ("app", "models", "training")
    return "\0".join(text for folder in folders for path in (ROOT / folder).rglob("*.py") for text in texts_of(path))


@pytest.mark.parametrize("pattern", PATTERN.findall((ROOT / "web/src/ui/russian-details.ts").read_text(encoding="utf-8")))
def test_each_translated_error_is_one_of_the_service(texts: str, pattern: str) -> None:
    literal = max(literals(pattern), key=len)
    assert len(literal) >= SHORTEST, "a pattern names enough of the text to be found"
    assert literal in texts, "the text has changed: change its pattern and, if its meaning has changed, its translation"
