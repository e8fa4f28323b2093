"""Measures the web pages with Lighthouse: performance, accessibility and best practices, on a desktop and on a phone.

    .venv-dev/bin/python -m benchmarks.lighthouse
    .venv-dev/bin/python -m benchmarks.lighthouse --pages / /gallery --devices phone --runs 3

npx downloads Lighthouse into its cache at the first run. Lighthouse simulates a slow phone on a slow network, or a desktop,
from what it measures on this machine, so other programs lower the score. The median of several runs counts. Exits
with status 1 if a score is below the minimum (95 by default).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.live import ROOT, service
from tests.web.conftest import CHROMIUM, FLAGS, HEADLESS, STATIC
from tests.web.routes import addresses
from web.build import node_environment

LIGHTHOUSE = "lighthouse@12.8.2"
"""The last version for Node 20, the oldest one that builds the pages."""
CATEGORIES = {"performance": "performance", "accessibility": "accessibility", "best-practices": "best practices"}
METRICS = {
    "first-contentful-paint": "FCP",
    "largest-contentful-paint": "LCP",
    "total-blocking-time": "TBT",
    "cumulative-layout-shift": "CLS",
    "speed-index": "SI",
}
DEVICES = {"desktop": ["--preset=desktop"], "phone": []}
PAGES = (*(address for address in addresses() if address != "/explore"), "/?seed=42")
"""An address of each page. `/explore` is the page `/`, and with a picture, its controls are open."""
TIMEOUT_SECONDS = 240

Report = dict[str, Any]


def main() -> None:
    """Run Lighthouse and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", nargs="+", default=PAGES, help="paths, by default those of all pages")
    parser.add_argument("--devices", nargs="+", choices=DEVICES, default=list(DEVICES), help="by default, both")
    parser.add_argument("--runs", type=int, default=1, help="runs per page and device, whose median counts; by default 1")
    parser.add_argument("--least", type=int, default=95, help="the least acceptable score, by default 95")
    parser.add_argument("--reports", type=Path, help="a folder for the reports of Lighthouse, as JSON")
    arguments = parser.parse_args()
    if CHROMIUM is None or not (STATIC / "index.html").is_file():
        raise SystemExit("This needs Chromium and built pages. Run: apt-get install chromium; make pages.")
    if arguments.reports:
        arguments.reports.mkdir(parents=True, exist_ok=True)
    table = Table("page", "device", *CATEGORIES.values(), *METRICS.values(), "faults")
    low = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        service(Path(folder) / "state", shipped=ROOT / "models", pages=STATIC, access_log=False, forked=False) as running,
    ):
        for path in arguments.pages:
            for device in arguments.devices:
                reports = [audit(f"{running.url}{path}", device, Path(folder)) for _ in range(arguments.runs)]
                scores = {name: round(100 * median(reports, name)) for name in CATEGORIES}
                low += any(score < arguments.least for score in scores.values())
                report = sorted(reports, key=lambda each: score_of(each, "performance"))[len(reports) // 2]
                metrics = [str(report["audits"][name].get("displayValue", "–")) for name in METRICS]
                cells = [str(score) if score >= arguments.least else f"[bold red]{score}[/]" for score in scores.values()]
                table.add_row(path, device, *cells, *metrics, ", ".join(faults(report)))
                sys.stderr.write(f"{path} {device} {scores}\n")
                if arguments.reports:
                    name = f"{device}-{path.strip('/').replace('/', '-').replace('?', '-') or 'front'}.json"
                    (arguments.reports / name).write_text(json.dumps(report))
    Console(width=None if sys.stdout.isatty() else 180).print(table)
    if low:
        raise SystemExit(f"{low} of {len(arguments.pages) * len(arguments.devices)} are below {arguments.least}.")


def audit(url: str, device: str, folder: Path) -> Report:
    """Run Lighthouse once. It is repeated once if Chromium or Lighthouse fails, as they do on a machine without time.

    Raises:
        SystemExit: it has failed twice, or npx is missing.
    """
    npx = shutil.which("npx", path=node_environment()["PATH"])
    if npx is None:
        raise SystemExit("npx is missing. Install Node with npm.")
    flags = " ".join([*FLAGS, "--headless=new" if HEADLESS == CHROMIUM else "--headless"])
    output = folder / "report.json"
    command = [npx, "--yes", LIGHTHOUSE, url, "--quiet", "--output=json", f"--output-path={output}", f"--chrome-flags={flags}"]
    command += [f"--only-categories={','.join(CATEGORIES)}", *DEVICES[device]]
    environment = {**node_environment(), "CHROME_PATH": HEADLESS or "", "TMPDIR": str(folder), "CI": os.environ.get("CI", "1")}
    problem = ""
    for _ in range(2):
        output.unlink(missing_ok=True)
        try:
            done = subprocess.run(
                command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
            )
        except subprocess.TimeoutExpired:
            problem = f"it took more than {TIMEOUT_SECONDS} s"
            continue
        report: Report = json.loads(output.read_text()) if output.is_file() else {}
        if report and all(report["categories"][name]["score"] is not None for name in CATEGORIES):
            return report
        problem = str(report.get("runtimeError", {}).get("message") or done.stderr[-1000:])
    raise SystemExit(f"Lighthouse has failed on {url}: {problem}. Run it again when the machine has less to do.")


def score_of(report: Report, category: str) -> float:
    """Return the score of a category, from 0 to 1."""
    return float(report["categories"][category]["score"])


def median(reports: list[Report], category: str) -> float:
    """Return the median score of a category."""
    return statistics.median(score_of(report, category) for report in reports)


def faults(report: Report) -> list[str]:
    """Return the ids of the audits of accessibility and best practices that have failed and that count."""
    found = []
    for category in ("accessibility", "best-practices"):
        for reference in report["categories"][category]["auditRefs"]:
            score = report["audits"][reference["id"]]["score"]
            if reference["weight"] and score is not None and score < 1:
                found.append(str(reference["id"]))
    return found


if __name__ == "__main__":
    main()
