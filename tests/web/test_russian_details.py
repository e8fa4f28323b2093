"""The translations of errors on pages in Russian follow the texts of the service and of pydantic: `web/src/ui/russian-*.ts`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from pydantic_core._pydantic_core import list_all_errors  # type: ignore[import-untyped, unused-ignore]

from tests.live import ROOT

PATTERN = re.compile(r"/\^(.+?)\$/s?(?:,\s*[\"`]|$)", re.MULTILINE)
"""A pattern of a whole text in TypeScript, mostly before its translation."""
SHORTEST = 8
"""Characters by which a text can be recognized."""


def literals(pattern: str) -> Iterable[str]:
    """Yield the parts of a regular expression that stand for themselves, also those in groups. Quotes are around values."""

    def walk(parsed: Iterable[tuple[object, Any]]) -> Iterable[str]:
        text = ""
        for kind, value in parsed:
            if str(kind) == "LITERAL":
                text += chr(value)
                continue
            yield from (part.strip() for part in text.split("'"))
            text = ""
            if str(kind) == "SUBPATTERN":
                yield from walk(value[-1])
        yield from (part.strip() for part in text.split("'"))

    return walk(re._parser.parse(pattern))  # type: ignore[attr-defined]


def texts_of(path: Path) -> Iterable[str]:
    """Return the strings in a module, with adjacent literals joined. Values in f-strings separate texts."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def patterns() -> list[str]:
    """Return the patterns of all errors, without those of the states of jobs."""
    details, problems = (
        (ROOT / "web" / "src" / "ui" / f"russian-{name}.ts").read_text(encoding="utf-8") for name in ("details", "problems")
    )
    return PATTERN.findall(details) + PATTERN.findall(problems[problems.index("const FAULT =") :])


@pytest.fixture(scope="module")
def texts() -> str:
    folders = ("app", "models", "training")
    own = [text for folder in folders for path in (ROOT / folder).rglob("*.py") for text in texts_of(path)]
    pydantic = [re.sub(r"\{\w+\}", "\0", error["message_template_python"]) for error in list_all_errors()]
    return "\0".join(own + pydantic)


@pytest.mark.parametrize("pattern", patterns())
def test_each_translated_error_exists(texts: str, pattern: str) -> None:
    literal = max(literals(pattern), key=len)
    assert len(literal) >= SHORTEST, "a pattern names enough of the text to be found"
    assert literal in texts, "the text has changed: change its pattern and, if its meaning has changed, its translation"
