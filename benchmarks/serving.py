"""What serving costs, beside others who serve the same generator: make bench, or .venv-dev/bin/python -m benchmarks.serving

Needs two cores and wrk. The server has one core, the load the other. Contestants take turns in rounds; figures are medians.
Prints a table and writes it, with --write, into benchmarks/README.md; --json keeps all figures.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app.sampling.generator import BATCH, LoadedGenerator
from benchmarks import loads
from benchmarks.contestants import LOAD_CORE, ROOT, SERVER_CORE, Running, contestants, pixels, running, seedling
from models.manifest import GENERATOR
from models.repository import CHAMPION, Repository
from models.version import Version

PAGE = ROOT / "benchmarks" / "README.md"
START, END = "<!-- table: written by benchmarks/serving.py -->", "<!-- end of table -->"
CONNECTIONS = (1, 16, 256)
WARM_UP_SECONDS, SECONDS = 1, 2
PICTURES, FRAMES = 4096, 256
TOKEN = "benchmark-benchmark-benchmark"
Figures = dict[str, Any]


def singles(generator: LoadedGenerator, folder: Path, rounds: int) -> tuple[list[Figures], Figures]:
    """Single pictures from every contestant."""
    expected = generator.draw([generator.point(42)[0]])[0]
    picture = folder / "42.png"
    with running(seedling(folder / "first")) as server:
        picture.write_bytes(server.first)
    everyone = contestants(generator.version.path / GENERATOR, picture, folder / "state")
    samples: dict[str, dict[str, list[float]]] = {}
    for turn in range(rounds):
        for contestant in everyone[turn % len(everyone) :] + everyone[: turn % len(everyone)]:
            print(f"round {turn + 1} of {rounds}: {contestant.name}", file=sys.stderr)
            with running(contestant) as server:
                if contestant.draws and not (pixels(server.first).reshape(28, 28, -1)[..., 0] == expected).all():
                    raise SystemExit(f"{contestant.name} draws another picture for seed 42. They are not to be compared.")
                _load(server, samples, turn)
    rows = [
        {"name": load.name} | {key: statistics.median(values) for key, values in samples[load.name].items()}
        for contestant in everyone
        for load in contestant.loads
    ]
    return rows, {row["name"]: row for row in rows}


def _load(server: Running, samples: dict[str, dict[str, list[float]]], turn: int) -> None:
    loads.wrk(server, server.contestant.loads[-1], 16, WARM_UP_SECONDS, 2_000_000_000)
    for load in server.contestant.loads:
        found = samples.setdefault(load.name, {})
        for connections in CONNECTIONS:
            first_seed = 1_000_000 * (1 + turn * len(CONNECTIONS) + CONNECTIONS.index(connections))
            seen = loads.wrk(server, load, connections, SECONDS, first_seed)
            for key, value in vars(seen).items():
                found.setdefault(f"{key} at {connections}", []).append(value)
        found.setdefault("rss_mb", []).append(server.megabytes())
        found.setdefault("start_s", []).append(server.seconds_to_first)


def bulk(generator: LoadedGenerator, folder: Path, rounds: int) -> Figures:
    """Many pictures in one call, against a bare loop over the session in batches, latents made beforehand."""
    points = [generator.point(seed)[0] for seed in range(PICTURES)]
    feed = {"z": np.stack([p.z for p in points]), "label": np.stack([p.label for p in points if p.label is not None])}
    session = generator._session

    def bare(count: int) -> None:
        for start in range(0, count, BATCH):
            session.run(None, {name: value[start : min(count, start + BATCH)] for name, value in feed.items()})

    calls: dict[str, Callable[[int], tuple[str, str, str | None]]] = {
        "npy": lambda first: ("GET", f"/generate?seeds={first}-{first + PICTURES - 1}&format=npy", None),
        "sheet": lambda first: ("GET", f"/generate?seeds={first}-{first + PICTURES - 1}", None),
        "zip": lambda first: ("GET", f"/generate?seeds={first}-{first + PICTURES - 1}&format=zip", None),
    }
    for kind in ("gif", "apng", "webp"):
        calls[kind] = lambda first, kind=kind: (
            "POST",
            "/interpolate",
            json.dumps({"keyframes": [first, first + 1], "steps": FRAMES, "format": kind}),
        )
    times: dict[str, list[float]] = {}
    with running(seedling(folder / "bulk", response_cache=0)) as server:
        for turn in range(rounds + 1):  # the first warms up
            for count, name in ((PICTURES, "bare"), (FRAMES, "bare frames")):
                os.sched_setaffinity(0, {SERVER_CORE})
                times.setdefault(name, []).append(_seconds(lambda count=count: bare(count)))
                os.sched_setaffinity(0, {LOAD_CORE})
            for name, call in calls.items():
                asked = call(turn * PICTURES)
                times.setdefault(name, []).append(_seconds(lambda asked=asked: _checked(server, *asked)))
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    shares = {name: medians["bare"] / medians[name] for name in ("npy", "sheet", "zip")}
    shares |= {name: medians["bare frames"] / medians[name] for name in ("gif", "apng", "webp")}
    return {"ms": {name: value * 1e3 for name, value in medians.items()}, "share": shares}


def mixed(folder: Path) -> Figures:
    """Single pictures at a fixed rate, alone; beside bulk calls; and beside bulk calls and a training run."""
    with running(seedling(folder / "mixed", Path(sys.executable), admin_token=TOKEN)) as server:
        found: Figures = {"idle": loads.paced(server, 100, 10, 8, 3_000_000_000).p99_ms()}
        job = _retrain(server)  # before the bulk calls: beside them, on one core, its start alone would take minutes
        found["training"] = loads.paced(server, 100, 10, 8, 3_010_000_000).p99_ms()
        stop = threading.Event()
        busy = threading.Thread(target=_bulk_until, args=(server, stop))
        busy.start()
        found["bulk and training"] = loads.paced(server, 100, 15, 8, 3_020_000_000).p99_ms()
        found["training went on"] = _admin(server, "GET", f"/admin/jobs/{job}")["state"] == "running"
        _admin(server, "POST", f"/admin/jobs/{job}/cancel")
        found["bulk"] = loads.paced(server, 100, 10, 8, 3_030_000_000).p99_ms()
        stop.set()
        busy.join()
    return found


def overload(folder: Path, sustainable: float, seconds: int = 30) -> Figures:
    """Four times what it can draw, on 512 connections."""
    with running(seedling(folder / "overload")) as server:
        loads.paced(server, sustainable / 2, 3, 64, 3_100_000_000)
        before = server.megabytes("VmRSS")
        third = loads.paced(server, 4 * sustainable, seconds / 3, 512, 3_200_000_000)
        middle = server.megabytes("VmRSS")
        rest = loads.paced(server, 4 * sustainable, seconds * 2 / 3, 512, 3_300_000_000)
        after = server.megabytes("VmRSS")
    return {
        "accepted_per_second": (third.count(200) + rest.count(200)) / seconds,
        "refused_per_second": (third.count(503) + rest.count(503)) / seconds,
        "not_sent": third.unsent + rest.unsent,
        "p99_ms": max(third.p99_ms(), rest.p99_ms()),
        "refused_p99_ms": rest.p99_ms(503),
        "hanging": third.hanging + rest.hanging,
        "without_retry_after": third.without_retry_after + rest.without_retry_after,
        "other_statuses": sorted({*third.latencies, *rest.latencies} - {200, 503}),
        "rss_mb": [before, middle, after],
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _checked(server: Running, method: str, path: str, body: str | None = None) -> bytes:
    status, _, content = server.ask(method, path, body)
    if status != 200:
        raise SystemExit(f"{method} {path} answered {status}: {content[:200]!r}")
    return content


def _bulk_until(server: Running, stop: threading.Event) -> None:
    first = 0
    while not stop.is_set():
        for kind in ("npy", "png", "zip"):
            first += PICTURES
            url = f"http://127.0.0.1:{server.port}/generate?seeds={first}-{first + PICTURES - 1}&format={kind}"
            # a process of its own: in this one it would hold up the client that takes the times
            subprocess.run(["curl", "-sSf", "-o", os.devnull, url], check=True)


def _admin(server: Running, method: str, path: str, body: str | None = None) -> Figures:
    command = ["curl", "-sS", "-X", method, "-H", f"Authorization: Bearer {TOKEN}", "-H", "Content-Type: application/json"]
    answer = subprocess.run(
        [*command, *(["-d", body] if body else []), f"http://127.0.0.1:{server.port}{path}"], capture_output=True, check=True
    )
    found: Figures = json.loads(answer.stdout)
    return found


def _retrain(server: Running) -> str:
    job = _admin(server, "POST", "/admin/retrain", '{"preset": "quick"}')["id"]
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if _admin(server, "GET", f"/admin/jobs/{job}")["part"] > 0:
            return str(job)
        time.sleep(0.5)
    raise SystemExit("The training run did not begin within a minute. See the job's log.")


def table(rows: list[Figures], figures: Figures) -> str:
    """All of it as Markdown."""
    by_name = {row["name"]: row for row in rows}
    per = {name: row["per_second at 16"] for name, row in by_name.items()}
    ceiling, ours = per["FastAPI, constant: **the ceiling**"], per["Seedling, new seeds"]
    lines = [
        f"{figures['date']}, {figures['machine']}; {figures['rounds']} rounds.",
        "",
        "| contestant | requests/s at 1, 16, 256 connections | to the row above | of the ceiling | p50 / p99, ms, at 1 | at 16 "
        "| at 256 | CPU-µs a request at 16 | peak RSS, MB | start to first, s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    above: float | None = None
    for row in rows:
        rate = row["per_second at 16"]
        rates = ", ".join(f"{row[f'per_second at {n}']:,.0f}" for n in CONNECTIONS)
        waits = " | ".join(f"{row[f'p50_ms at {n}']:.1f} / {row[f'p99_ms at {n}']:.1f}" for n in CONNECTIONS)
        ratio = "" if above is None else f"{rate / above:.2f}"
        if row["refused at 256"]:
            rates += f" ({row['refused at 256']:.1%} refused)"
        lines.append(
            f"| {row['name']} | {rates} | {ratio} | {rate / ceiling:.2f} | {waits} | {row['cpu_us at 16']:.0f} | "
            f"{row['rss_mb']:.0f} | {row['start_s']:.2f} |"
        )
        above = rate
    share, ms, wait, flood = (figures[key] for key in ("share", "ms", "mixed", "overload"))
    rss = " → ".join(f"{value:.0f}" for value in flood["rss_mb"])
    held = not flood["hanging"] and not flood["without_retry_after"] and not flood["other_statuses"]
    row = by_name["Seedling, new seeds"]
    peers = [per["tutorial, `async def`"], per["LitServe"], per["BentoML"]]
    goals = [
        ("new seeds, of the ceiling", f"{ours / ceiling:.2f}", "0.50"),
        (
            "repeated seeds; `If-None-Match`, of the ceiling",
            "; ".join(f"{per[f'Seedling, {kind}'] / ceiling:.2f}" for kind in ("repeated seeds", "`If-None-Match`")),
            "0.85; 0.95",
        ),
        (
            "new seeds against the tutorial's `async def`; LitServe; BentoML",
            "; ".join(f"{ours / p:.1f}" for p in peers),
            "2.5; 7; 10",
        ),
        (
            "4,096 pictures as npy; sheet; zip, of the bare loop",
            "; ".join(f"{share[k]:.2f}" for k in ("npy", "sheet", "zip")),
            "0.90; 0.70; 0.40",
        ),
        ("256 frames as gif; apng; webp, of the bare loop", "; ".join(f"{share[k]:.2f}" for k in ("gif", "apng", "webp")), ""),
        ("p99 of a single picture beside bulk and training, of idle", f"{wait['bulk and training'] / wait['idle']:.1f}", "3"),
        (
            "the same beside bulk; beside training",
            f"{wait['bulk'] / wait['idle']:.1f}; {wait['training'] / wait['idle']:.1f}",
            "",
        ),
        ("overload: p99 of the accepted, ms", f"{flood['p99_ms']:.0f}", "250"),
        ("overload: none hang, all refused with `Retry-After`", "yes" if held else "no", "yes"),
        ("overload: RSS before, at 10 s, at 30 s, MB", rss, "flat"),
        ("peak RSS of a worker, MB; start to first picture, s", f"{row['rss_mb']:.0f}; {row['start_s']:.2f}", "130; 1.5"),
    ]
    lines += ["", "| figure | here | goal |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in goals), ""]
    lines.append(
        f"Overload: {flood['accepted_per_second']:,.0f} accepted and {flood['refused_per_second']:,.0f} refused a second (p99 "
        f"of a refusal {flood['refused_p99_ms']:.0f} ms); {flood['not_sent']:,} requests found no connection free. Bulk, ms: "
        + ", ".join(f"{name} {value:.0f}" for name, value in ms.items())
        + f". p99 of single pictures when idle: {wait['idle']:.2f} ms."
    )
    return "\n".join(lines)


def _champion() -> Version:
    repository = Repository(ROOT / "models")
    return repository.get("digits", repository.aliases("digits")[CHAMPION])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where to keep all figures")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    if not {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        raise SystemExit("Two cores are needed: one for the server, one for the load.")
    os.sched_setaffinity(0, {LOAD_CORE})
    generator = LoadedGenerator(_champion())
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, by_name = singles(generator, folder, options.rounds)
        figures: Figures = {"rows": rows, **bulk(generator, folder, options.rounds), "mixed": mixed(folder)}
        figures["overload"] = overload(folder, by_name["Seedling, new seeds"]["per_second at 16"])
    cpu = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ""
    )
    figures |= {
        "date": datetime.date.today().isoformat(),
        "machine": f"{cpu or platform.processor()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "rounds": options.rounds,
        "seconds": time.perf_counter() - began,
    }
    text = table(rows, figures)
    print(text)
    print(f"\n{figures['seconds']:.0f} seconds", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    if options.write:
        before, _, rest = PAGE.read_text().partition(START)
        PAGE.write_text(f"{before}{START}\n{text}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
