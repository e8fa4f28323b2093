"""CONTRIBUTING.md and the order of the tests name existing test files, and the diagrams in docs can be drawn."""

from __future__ import annotations

import re

from tests.live import ROOT


def missing(paths: list[str]) -> list[str]:
    return [path for path in paths if not (ROOT / "tests" / path).is_file()]


def test_the_slowest_test_files_exist() -> None:
    source = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
    listed = re.findall(r'"([\w/]+\.py)"', source[source.index("LONGEST = (") : source.index("\n)\n")])
    assert len(listed) > 30
    assert missing(listed) == []


def test_the_test_files_in_contributing_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"[\w/]*\btest_\w+\.py", text)
    assert len(named) > 30
    assert missing([path.removeprefix("tests/") for path in named]) == []


def test_diagrams_in_the_documentation_have_one_statement_per_line() -> None:
    """Otherwise GitHub shows an error instead of the diagram."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
    diagrams = [
        (name, block) for name, text in texts.items() for block in re.findall(r"^```mermaid\n(.*?)^```", text, re.M | re.S)
    ]
    assert len(diagrams) >= 3
    for name, block in diagrams:
        kind, *statements = block.rstrip("\n").split("\n")
        assert re.fullmatch("flowchart (LR|TD)", kind), name
        assert statements, name
        assert all(re.fullmatch("  .+|end", statement) for statement in statements), name
