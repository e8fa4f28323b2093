"""The test files that CONTRIBUTING.md and the order of the tests name exist."""

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
