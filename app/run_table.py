"""The runs of a job in a terminal: a progress bar for each, and a table with all curves."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.progress import Progress, TaskID
from rich.table import Table

Curve = list[tuple[int, float]]
"""Numbers of images and the KIDs measured there."""
WIDTH = 32
BLOCKS = "▁▂▃▄▅▆▇█"
LEAST_KID = 1e-4
"""KIDs below this are drawn as this: the scale is logarithmic, and the KID of a very good run can be negative."""
COLOURS = {"eliminated": "dim", "failed": "red", "interrupted": "yellow", "cancelled": "yellow", "succeeded": "green"}


def curves_of(events: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[int, Curve]:
    """Return the KID curve of each run from the types and data of a job's events. Repeated measurements count once."""
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for event, data in events:
        if event == "metrics" and "run" in data and data["kid"] is not None:
            found[data["run"]][data["images"]] = data["kid"]
    return {run: sorted(values.items()) for run, values in found.items()}


def sparklines(curves: Mapping[int, Curve], whole: int) -> dict[int, str]:
    """Draw curves as text, all on the same axes: images from 0 to `whole`, and KID on a logarithmic scale."""
    heights = {run: [(images, math.log(max(kid, LEAST_KID))) for images, kid in curve] for run, curve in curves.items()}
    values = [value for curve in heights.values() for _, value in curve]
    if not values:
        return {}
    low, span = min(values), max(max(values) - min(values), 1e-9)
    lines = {}
    for run, curve in heights.items():
        cells: list[str] = []
        for images, value in curve:
            column = min(WIDTH - 1, int(WIDTH * images / max(whole, 1)) - (images >= whole))
            block = BLOCKS[round((len(BLOCKS) - 1) * (value - low) / span)]
            cells += [block if cells else " "] * (column - len(cells))
            cells[column:] = [block]
        lines[run] = "".join(cells)
    return lines


def run_table(job: Mapping[str, Any], curves: Mapping[int, Curve]) -> Table:
    """Return a table of the runs of a job. Runs that were stopped are marked with a cross, and the best one with a star."""
    population = job["population"]
    drawn = sparklines(curves, int(job["spec"]["images"]))
    table = Table("run", "differs in", "state", "images", "lowest KID")
    table.add_column(f"KID, 0 to {job['spec']['images']:,} images", no_wrap=True, min_width=WIDTH + 2)
    for run in population["runs"]:
        stopped = run["stopped_at"] is not None
        mark = " ✕" if stopped else " ★" if run["run"] == population["winner"] else ""
        state = run["state"] + (f" at {run['stopped_at']:,}" if stopped else "")
        colour = COLOURS.get(run["state"], "cyan")
        kid = "–" if run["kid"] is None else f"{run['kid']:.4f}"
        cells = (
            str(run["run"]),
            escape(differences(run["overrides"])),
            f"[{colour}]{state}[/{colour}]",
            f"{run['images']:,}",
            kid,
        )
        table.add_row(*cells, drawn.get(run["run"], "") + mark)
    return table


def differences(overrides: Mapping[str, Any]) -> str:
    """Return the fields in which a run differs from the others, as text."""
    return ", ".join(f"{name} {value}" for name, value in overrides.items())


class RunBars:
    """The progress bars of the runs of a job.

    Args:
        progress: where the bars are shown.
        job: the job as the service describes it.
    """

    def __init__(self, progress: Progress, job: Mapping[str, Any]) -> None:
        self.progress, self.events = progress, list[tuple[str, Mapping[str, Any]]]()
        self._bars: dict[int, TaskID] = {}
        for run in job["population"]["runs"]:
            self._bars[run["run"]] = progress.add_task("", total=1.0, state=f"run {run['run']} {run['state']}", figures="")

    def show(self, event: str, data: Mapping[str, Any]) -> None:
        """Show an event of a run, or a decision about the runs."""
        self.events.append((event, data))
        when, run = f"{datetime.fromtimestamp(data['time']):%H:%M:%S}", data.get("run", 0)
        bar = self._bars.get(run)
        if event == "progress" and bar is not None:
            figures = f"{data['images']:,} images  {data['images_per_second']:.0f}/s"
            self.progress.update(bar, completed=data["part"], figures=figures)
        elif event == "run" and bar is not None:
            self.progress.update(bar, state=f"run {run} {data['state']}")
            if data["state"] != "queued":
                self.progress.console.print(f"{when}  run {run} {data['state']}: {escape(data['detail'])}")
        elif event == "metrics":
            self.progress.console.print(f"{when}  run {run}: KID {data['kid']:.4f} after {data['images']:,} images")
        elif event == "rung":
            self.progress.console.print(f"{when}  {decided(data)}")
        elif event == "restored":
            self.progress.console.print(f"{when}  run {run} continues after all, because all others have failed")
        elif event == "warning":
            self.progress.console.print(f"{when}  run {run}: warning {escape(str(data.get('detail', '')))}")


def decided(decision: Mapping[str, Any]) -> str:
    """Return a decision at a rung in words."""
    kept, stopped = decision["kept"], decision["stopped"]
    if not kept:
        return f"after {decision['images']:,} images: not decided yet"
    verb = "continues" if len(kept) == 1 else "continue"
    text = f"after {decision['images']:,} images: {_named(kept)} {verb}"
    return text + (f", {_named(stopped)} stopped" if stopped else "")


def _named(runs: Sequence[int]) -> str:
    return f"run{'s' * (len(runs) != 1)} {', '.join(map(str, runs))}"
