"""The benchmarks are programs that nobody runs every day, so at least their imports are tested."""

from __future__ import annotations

import importlib

import pytest

from tests.live import ROOT


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py")))
def test_a_benchmark_can_be_imported_and_says_what_it_is_for(name: str) -> None:
    documentation = importlib.import_module(f"benchmarks.{name}").__doc__
    assert documentation
    assert len(documentation.split()) > 5
