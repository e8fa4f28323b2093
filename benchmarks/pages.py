"""Measures the web pages in Chromium: bytes at first load, time to the first picture, and frame rate while dragging the plane.

    .venv-dev/bin/python -m benchmarks.pages

Frames are counted with requestAnimationFrame while the mouse drags the plane for some seconds, past pictures that have to be
fetched, or that the browser draws itself. The frame rate of an empty page of the same size is the best that the machine can
reach. The CPU time of a frame is that of the tasks of the page's main thread, which depends less on other programs.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from tests.live import ROOT, service
from tests.web.conftest import CHROMIUM, FLAGS, STATIC

SECONDS = 4
COUNT_FRAMES = """seconds => new Promise(resolve => {
    const times = []
    const tick = now => { times.push(now); now - times[0] < seconds * 1000 ? requestAnimationFrame(tick) : resolve(times) }
    requestAnimationFrame(tick)
})"""
COUNT_PICTURES = """() => {
    window.pictures = new Set()
    const context = document.querySelector('canvas.shown').getContext('2d', {willReadFrequently: true})
    const look = () => {
        window.pictures.add(context.getImageData(0, 0, 28, 28).data.join())
        requestAnimationFrame(look)
    }
    look()
}"""
FIRST_LOAD_BYTES = """() => {
    const own = performance.getEntriesByType('resource').filter(entry => /[.](js|css|svg)$/.test(entry.name))
    const all = [...performance.getEntriesByType('navigation'), ...own]
    return all.reduce((sum, entry) => sum + entry.encodedBodySize, 0)
}"""
PICTURE_SHOWN = """() => {
    const plane = document.querySelector('canvas.plane')
    if (!plane?.width) return false
    const middle = [plane.width / 2 - 64, plane.height / 2 - 64, 128, 128].map(Math.round)
    return plane.getContext('2d').getImageData(...middle).data.some((value, at) => at % 4 === 0 && value > 128)
}"""
"""The controls with the picture at the centre are loaded later."""


def main() -> None:
    if CHROMIUM is None or not (STATIC / "index.html").is_file():
        raise SystemExit("This needs Chromium and built pages. Run: apt-get install chromium; make pages.")
    with (
        tempfile.TemporaryDirectory() as folder,
        service(Path(folder) / "state", shipped=ROOT / "models", pages=STATIC, access_log=False, forked=False) as running,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        table = Table("figure", "value")
        size, first = first_loads(browser, running.url)
        table.add_row("bytes at first load (document, script, style; compressed)", f"{size:,}")
        table.add_row("from navigation to the first picture, median of 5, cold cache", f"{first:.0f} ms")
        for engine, drawn in (("off", "by the service"), ("on", "in the browser")):
            for name, zoom in (("64 px per seed", 64), ("blends, 400 px per seed", 400)):
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                idle = frames(page, "about:blank", drag=False)
                page.add_init_script(f"if (location.protocol === 'http:') localStorage.setItem('seedling-engine', '{engine}')")
                dragging = frames(page, f"{running.url}/?seed=42&zoom={zoom}", drag=True, engine=engine == "on")
                table.add_row(
                    f"frames/s while dragging, drawn {drawn}, {name}",
                    f"{dragging['rate']:.1f} (an idle page: {idle['rate']:.1f})",
                )
                table.add_row("  longest frame", f"{dragging['longest']:.0f} ms (an idle page: {idle['longest']:.0f} ms)")
                table.add_row("  CPU time of a frame in the main thread", f"{dragging['cpu']:.1f} ms")
                table.add_row("  different pictures at the centre; requests for pictures", dragging["shown"])
                page.close()
        browser.close()
    Console().print(table)


def first_loads(browser: Browser, url: str) -> tuple[int, float]:
    """Return the bytes at first load, and the median milliseconds to the first picture."""
    times, size = [], 0
    for _ in range(5):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.goto(url, wait_until="commit")
        page.wait_for_function(PICTURE_SHOWN, polling="raf")
        times.append(page.evaluate("performance.now()"))
        size = page.evaluate(FIRST_LOAD_BYTES)
        context.close()
    return size, statistics.median(times)


def frames(page: Page, url: str, *, drag: bool, engine: bool = False) -> dict[str, Any]:
    """Return the frames per second, the longest frame and the CPU time of a frame in ms, while the mouse drags or rests."""
    page.goto(url)
    if engine:
        page.get_by_text("Drawn here, without requests").wait_for()
    page.wait_for_timeout(1500)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = task_seconds(devtools)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if "/plane?" in request.url else None)
    page.evaluate(f"window.counted = ({COUNT_FRAMES})({SECONDS})")
    if drag:
        page.evaluate(COUNT_PICTURES)
        box = page.locator("canvas.plane").bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(SECONDS * 60):
            page.mouse.move(x + 3 * (step % 120) - 180, y + 1.5 * (step % 90) - 60)
        page.mouse.up()
    times: list[float] = page.evaluate("window.counted")
    gaps = [b - a for a, b in itertools.pairwise(times)]
    cpu = 1000 * (task_seconds(devtools) - before) / len(gaps)
    shown = f"{page.evaluate('window.pictures.size')}; {len(requests)}" if drag else ""
    return {"rate": 1000 * len(gaps) / (times[-1] - times[0]), "longest": max(gaps), "cpu": cpu, "shown": shown}


def task_seconds(devtools: CDPSession) -> float:
    """Return the seconds of CPU time of all tasks of the main thread."""
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


if __name__ == "__main__":
    main()
