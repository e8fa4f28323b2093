"""The runs of a job in a terminal."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.progress import Progress, TextColumn

from app.jobs_command import _values
from app.run_table import WIDTH, RunBars, curves_of, decided, run_table, sparklines


def run(number: int, **fields: Any) -> dict[str, Any]:
    return {
        **{"run": number, "state": "succeeded", "overrides": {"seed": number}, "images": 100, "kid": 0.1, "stopped_at": None},
        **fields,
    }


JOB = {
    "spec": {"images": 100},
    "population": {"winner": 2, "runs": [run(1, state="eliminated", stopped_at=50, images=56, kid=None), run(2)]},
}


def printed(*shown: object) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(*shown)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_curves_come_from_the_events_and_repeated_measurements_count_once() -> None:
    events = [
        ("metrics", {"run": 1, "images": 50, "kid": 0.5}),
        ("metrics", {"run": 2, "images": 50, "kid": 0.25}),
        ("progress", {"run": 1, "images": 60}),
        ("metrics", {"run": 2, "images": 100, "kid": None}),
        ("metrics", {"run": 1, "images": 50, "kid": 0.5}),
        ("metrics", {"images": 50, "kid": 0.5}),
    ]
    assert curves_of(events) == {1: [(50, 0.5)], 2: [(50, 0.25)]}


def test_all_curves_have_the_same_axes() -> None:
    lines = sparklines({1: [(50, 0.8)], 2: [(50, 0.4), (100, 0.1)]}, 100)
    assert lines[1] == " " * (WIDTH // 2) + "█", "the highest KID, in the middle"
    assert (lines[2][-1], len(lines[2])) == ("▁", WIDTH), "the lowest KID, at the end"
    assert lines[2][WIDTH // 2] == "▆"
    assert sparklines({1: []}, 100) == {}
    assert sparklines({1: [(50, -0.001), (100, 0.0)]}, 100)[1][-1] == "▁", "a KID may be negative"


def test_stopped_runs_and_the_best_one_are_marked() -> None:
    text = printed(run_table(JOB, {1: [(50, 0.5)], 2: [(50, 0.25), (100, 0.125)]}))
    first, second = (line for line in text.splitlines() if "seed" in line)
    assert "eliminated at 50" in first
    assert "✕" in first
    assert "★" not in first
    assert "★" in second
    assert "✕" not in second


def test_a_decision_is_told_in_words() -> None:
    assert decided({"images": 1000, "kept": [1, 3], "stopped": [2]}) == "after 1,000 images: runs 1, 3 continue, run 2 stopped"
    assert decided({"images": 1000, "kept": [1], "stopped": []}) == "after 1,000 images: run 1 continues"
    assert decided({"images": 1000, "kept": [], "stopped": []}) == "after 1,000 images: not decided yet"


def test_events_are_printed_and_move_the_bar_of_their_run() -> None:
    console = Console(file=io.StringIO(), width=120)
    progress = Progress(TextColumn("{task.fields[state]}"), console=console)
    bars = RunBars(progress, JOB)
    for event, data in (
        ("run", {"run": 1, "state": "running", "detail": "training"}),
        ("run", {"run": 1, "state": "queued", "detail": "not shown"}),
        ("progress", {"run": 1, "images": 30, "images_per_second": 2.0, "part": 0.3}),
        ("metrics", {"run": 1, "images": 50, "kid": 0.5}),
        ("rung", {"images": 50, "kept": [2], "stopped": [1]}),
        ("restored", {"run": 1}),
        ("warning", {"run": 1, "detail": "a damaged checkpoint"}),
        ("started", {"run": 1, "images": 0}),
    ):
        bars.show(event, {"time": 0.0, **data})
    assert progress.tasks[0].completed == 0.3
    lines = [line.split("  ", 1)[1].strip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert lines == [
        "run 1 running: training",
        "run 1: KID 0.5000 after 50 images",
        "after 50 images: run 2 continues, run 1 stopped",
        "run 1 continues after all, because all others have failed",
        "run 1: warning a damaged checkpoint",
    ]


def test_the_values_of_a_grid_are_json_or_text() -> None:
    assert _values("0.05,0.1") == [0.05, 0.1]
    assert _values("[64,24,16],[32,16,8]") == [[64, 24, 16], [32, 16, 8]]
    assert _values("bce, relativistic") == ["bce", "relativistic"]
    assert _values("true,false") == [True, False]
