"""Benchmarks run rarely, so these tests check at least that they can be imported."""

from __future__ import annotations

import importlib

import pytest

from tests.live import ROOT


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py")))
def test_a_benchmark_can_be_imported_and_has_a_docstring(name: str) -> None:
    docstring = importlib.import_module(f"benchmarks.{name}").__doc__
    assert docstring
    assert len(docstring.split()) > 5
