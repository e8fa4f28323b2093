"""Modules stay short enough to be read at once."""

from __future__ import annotations

from tests.live import ROOT

MOST_LINES = 400
FOLDERS = ("app", "benchmarks", "models", "tests", "tools", "training")
LONGER = {"app/errors.py"}
"""The whole tree of errors, which is looked up and not read."""


def test_no_module_has_more_than_400_lines() -> None:
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if not path.name.endswith("_pb2.py")
    }
    assert len(lines) > 400, "all modules are found"
    assert {name for name, count in lines.items() if count > MOST_LINES} == LONGER


def test_no_module_of_the_pages_has_more_than_400_lines() -> None:
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "web" / "src").rglob("*.ts*")
        if path.name != "schema.d.ts"  # generated from the OpenAPI document
    }
    assert len(lines) > 150, "all modules are found"
    assert [name for name, count in lines.items() if count > MOST_LINES] == []
