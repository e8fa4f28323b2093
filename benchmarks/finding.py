"""Measures the page Find in Chromium: milliseconds from the end of the last stroke until the results are shown.

    .venv-dev/bin/python -m benchmarks.finding [--indexes var/nearest]

The mouse draws the digits 0 to 9 several times, each a little different. A drawing has two results: the nearest picture with
its class, and the ten nearest seeds with their pictures. The time includes the browser's. The CPU time of the service, from the
end of the stroke on, hardly depends on what else the machine does. The champion of digits needs an index (python -m training
nearest).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from models import seed_index
from models.aliases import CHAMPION
from models.locations import SHIPPED, state_folder
from models.repository import Repository
from tests.live import Service, service
from tests.web.conftest import CHROMIUM, FLAGS, STATIC, TIMEOUT

Stroke = list[tuple[float, float]]
ROUNDS = 3
JITTER = 0.015
"""Standard deviation of the points, as a part of the side of the canvas."""
TURNS = np.linspace(0, 2 * np.pi, 17)
DIGITS: list[list[Stroke]] = [
    [[(0.5 + 0.2 * np.sin(turn), 0.5 - 0.32 * np.cos(turn)) for turn in TURNS]],
    [[(0.52, 0.15), (0.48, 0.85)]],
    [[(0.3, 0.3), (0.4, 0.18), (0.55, 0.16), (0.68, 0.28), (0.64, 0.45), (0.3, 0.84), (0.72, 0.84)]],
    [[(0.3, 0.2), (0.5, 0.15), (0.66, 0.27), (0.62, 0.43), (0.46, 0.48), (0.66, 0.56), (0.7, 0.7), (0.55, 0.85), (0.3, 0.8)]],
    [[(0.35, 0.15), (0.3, 0.52), (0.7, 0.52)], [(0.66, 0.2), (0.62, 0.86)]],
    [[(0.36, 0.16), (0.34, 0.45), (0.55, 0.42), (0.68, 0.57), (0.6, 0.8), (0.32, 0.84)], [(0.36, 0.16), (0.7, 0.16)]],
    [[(0.6, 0.14), (0.4, 0.4), (0.33, 0.68), (0.5, 0.86), (0.66, 0.72), (0.58, 0.56), (0.36, 0.64)]],
    [[(0.28, 0.2), (0.72, 0.2), (0.45, 0.86)]],
    [[(0.5 + 0.17 * np.sin(2 * turn), 0.5 - 0.33 * np.cos(turn)) for turn in TURNS]],
    [[(0.66, 0.3), (0.5, 0.16), (0.34, 0.3), (0.45, 0.46), (0.66, 0.34), (0.64, 0.6), (0.56, 0.86)]],
]
MEASURE = """() => new Promise(resolve => {
    let before = null
    addEventListener('pointerup', event => { before = [event.timeStamp, location.search] }, {capture: true, once: true})
    const times = {}
    const shown = {picture: 'section.found', seeds: 'section:has(> .seeds)'}
    const tick = () => {
        if (before && location.search !== before[1])
            for (const [name, panel] of Object.entries(shown))
                if (document.querySelector(panel)?.ariaBusy === 'false') times[name] ??= performance.now() - before[0]
        if ('picture' in times && 'seeds' in times) resolve(times)
        else requestAnimationFrame(tick)
    }
    requestAnimationFrame(tick)
})"""


def main() -> None:
    """Draw, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--indexes", type=Path, default=state_folder() / "nearest", help="folder of all indexes")
    indexes: Path = parser.parse_args().indexes
    repository = Repository(SHIPPED)
    digest = repository.get("digits", repository.aliases("digits")[CHAMPION]).manifest.digest
    if CHROMIUM is None or not (STATIC / "index.html").is_file():
        raise SystemExit("This needs Chromium and built pages. Run: apt-get install chromium; make pages.")
    if seed_index.find(indexes, digest) is None:
        raise SystemExit(f"{indexes} has no index of digits. Build it: python -m training nearest digits --seeds 2000000.")
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        state.mkdir()
        (state / "nearest").symlink_to(indexes.resolve())
        settings: dict[str, Any] = {"shipped": SHIPPED, "pages": STATIC, "access_log": False, "forked": False}
        with service(state, **settings) as running, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.set_default_timeout(TIMEOUT)
            report([drawing(page, running, number) for number in range(-1, 10 * ROUNDS)][1:])  # the first one warms up
            browser.close()


def drawing(page: Page, running: Service, number: int) -> dict[str, float]:
    """Draw a digit on an empty page. Return milliseconds and whether its class is right."""
    random = np.random.default_rng(number + 1)
    page.goto(f"{running.url}/find?model=digits")
    box = page.get_by_role("application").bounding_box()
    assert box
    strokes = DIGITS[number % 10]
    for index, points in enumerate(strokes):
        for at, (x, y) in enumerate(points):
            dx, dy = random.normal(0, JITTER, 2)
            page.mouse.move(box["x"] + (x + dx) * box["width"], box["y"] + (y + dy) * box["height"], steps=4)
            if at == 0:
                page.mouse.down()
        if index == len(strokes) - 1:
            page.evaluate(f"() => {{ window.measured = ({MEASURE})() }}")
        began = cpu_milliseconds(running)
        page.mouse.up()
    found: dict[str, float] = page.evaluate("window.measured")
    right = page.locator("dd.class").inner_text() == str(number % 10)
    return found | {"cpu": cpu_milliseconds(running) - began, "right": float(right)}


def cpu_milliseconds(running: Service) -> float:
    """Return the CPU time of the service's process, in its own code and in the kernel."""
    fields = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(found: list[dict[str, float]]) -> None:
    """Print a table."""
    table = Table("figure", "median", "90th percentile")
    names = {
        "picture": "ms from the end of the last stroke to the nearest picture",
        "seeds": "ms to the nearest seeds",
        "cpu": "ms of CPU time of the service for both",
    }
    for name, title in names.items():
        values = [each[name] for each in found]
        table.add_row(title, *(f"{np.quantile(values, share):.0f}" for share in (0.5, 0.9)))
    Console().print(table)
    Console().print(f"right class: {sum(each['right'] for each in found):.0f} of {len(found)} drawings")


if __name__ == "__main__":
    main()
