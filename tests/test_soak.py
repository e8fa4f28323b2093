"""Half a minute of `make soak`: no wrong answers and no lost work while workers are killed and champions are swapped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import soak


def test_nothing_is_wrong_or_lost_while_workers_are_killed_and_champions_are_swapped(
    capsys: pytest.CaptureFixture[str], cache: Path
) -> None:
    status = soak.main(["--minutes", "0.5", "--cache", str(cache)])
    found = json.loads(capsys.readouterr().out)
    assert (status, found["wrong"], found["failed"], found["lost"]) == (0, [], [], [])
    kinds = found["by kind"]
    assert kinds["/generate"] > 100
    assert kinds["workers killed"] >= 2
    assert kinds["supervisors killed"] >= 1
    assert kinds["swaps"] >= 3
    assert found["jobs"] >= 1, kinds
    assert {"/interpolate", "/discriminate", "/plane", "/models", "/readyz"} <= kinds.keys()
