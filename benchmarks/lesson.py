"""Measures both kinds of training on the page Learn, in Node and in Chromium: .venv-dev/bin/python -m benchmarks.lesson

In Node, each training runs alone, and its CPU time is measured, which depends less on other programs. In Chromium, the digits
train in their worker for a minute, and the points in the page, whose frames are counted. Prints Markdown. Needs Chromium, Node
and the built pages (make pages).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.pages import COUNT_FRAMES, task_seconds
from tests.live import ROOT, service
from tests.web.conftest import CHROMIUM, FLAGS, STATIC

GAN = ROOT / "web" / "src" / "pages" / "learn" / "gan"
FRAMES_SECONDS = 4
SCRIPT = """
import { readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"
import { readDigits } from "%(gan)s/digits-data"
import { DigitsTraining } from "%(gan)s/digits-training"
import { PointsTraining } from "%(gan)s/points-training"
const used = () => process.cpuUsage().user / 1e6
const digits = new DigitsTraining(readDigits(gunzipSync(readFileSync("%(gan)s/digits.bin"))), 1)
let began = used()
while (used() - began < %(seconds)d) for (let turn = 0; turn < 10; turn++) digits.turn("fair")
const { turns, classes, accuracy } = digits.report()
const points = new PointsTraining("ring", 1)
began = used()
for (let turn = 0; turn < 1000; turn++) points.turn("fair")
const turn = used() - began
began = used()
for (let frame = 0; frame < 200; frame++) points.state()
const state = (1000 * (used() - began)) / 200
console.log(JSON.stringify({ turns, classes, accuracy, turn, state, places: points.state().places }))
"""


def in_node(seconds: int) -> None:
    """Bundle the trainings, run them and print what they reach."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "script.ts").write_text(SCRIPT % {"gan": GAN.as_posix(), "seconds": seconds})
        bundler = ROOT / "web" / "node_modules" / ".bin" / "rolldown"
        bundle = [str(bundler), "script.ts", "-o", "script.mjs", "--platform", "node"]
        subprocess.run(bundle, cwd=folder, check=True, capture_output=True)
        found = json.loads(subprocess.run(["node", "script.mjs"], cwd=folder, check=True, capture_output=True).stdout)
    print(f"Node, {seconds} s of CPU time: {found['turns']:,} turns, {found['turns'] / seconds:.0f} a second")
    print(f"  the 64 pictures resemble {found['classes']} of the ten digits, accuracy {found['accuracy']:.2f}")
    print(f"  points: {found['turn']:.2f} ms a turn, {found['state']:.2f} ms to measure a frame")
    print(f"  after 1,000 turns, {found['places']} of 8 places")


def in_chromium(page: Page, url: str, seconds: int) -> None:
    """Train on digits, then on points, and print the figures of the page."""
    page.goto(f"{url}/learn")
    digits, points = page.locator(".digits-lab"), page.locator(".points-lab")
    digits.get_by_role("button", name="Train on digits").click()
    digits.locator(".figures").wait_for()
    for at in range(1, seconds // 15 + 1):
        page.wait_for_timeout(15_000)
        print(f"Chromium, {15 * at} s: {digits.locator('.figures').inner_text()}")
    digits.get_by_role("button", name="Pause").click()
    points.get_by_role("button", name="Train continuously").click()
    points.scroll_into_view_if_needed()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.wait_for_timeout(1_000)
    before = task_seconds(session)
    times = page.evaluate(COUNT_FRAMES, FRAMES_SECONDS)
    frames = len(times) - 1
    rate, cpu = frames / (times[-1] - times[0]) * 1000, (task_seconds(session) - before) / frames * 1000
    print(f"  points: {rate:.1f} frames/s, {cpu:.1f} ms of CPU time a frame in the main thread, of which 6 ms train")
    print(f"  {points.locator('.figures').inner_text()}")


def main() -> None:
    """Measure in Node, then in Chromium."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lesson", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long to train on digits (default: 60)")
    seconds = parser.parse_args().seconds
    if CHROMIUM is None or not (STATIC / "index.html").is_file():
        raise SystemExit("This needs Chromium and built pages. Run: apt-get install chromium; make pages.")
    in_node(seconds)
    with (
        tempfile.TemporaryDirectory() as folder,
        service(Path(folder) / "state", pages=STATIC, access_log=False, forked=False) as running,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        in_chromium(browser.new_page(viewport={"width": 1280, "height": 800}, locale="en"), running.url, seconds)
        browser.close()


if __name__ == "__main__":
    main()
