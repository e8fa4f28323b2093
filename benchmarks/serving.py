"""Compares Seedling with other servers of the same generator: make bench, or .venv-dev/bin/python -m benchmarks.serving

Requires two cores and wrk. The server uses one core, the load generator the other. The contestants take turns in rounds, and
the figures are medians over the rounds. Prints a table. --write writes it to benchmarks/README.md, --json saves all figures.
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

from app.images import encoding
from app.sampling.batching import BATCH as TURN
from app.sampling.generator import BATCH, LoadedGenerator
from benchmarks import loads
from benchmarks.contestants import LOAD_CORE, ROOT, SERVER_CORE, Load, Running, contestants, pixels, running, seedling
from models.aliases import CHAMPION
from models.manifest import GENERATOR
from models.repository import Repository
from models.version import Version

PAGE = ROOT / "benchmarks" / "README.md"
START, END = "<!-- table: written by benchmarks/serving.py -->", "<!-- end of table -->"
CONNECTIONS = (1, 16, 256)
WARM_UP_SECONDS, SECONDS = 1, 2
PICTURES, FRAMES = 4096, 256
TOKEN = "benchmark-benchmark-benchmark"
Figures = dict[str, Any]


def singles(generator: LoadedGenerator, folder: Path, rounds: int) -> tuple[list[Figures], Figures]:
    """Measure requests for single pictures on every contestant."""
    expected = generator.draw([generator.point(42)[0]])[0]
    picture = folder / "42.png"
    with running(seedling(folder / "first")) as server:
        picture.write_bytes(server.first)
    all_contestants = contestants(generator.version.path / GENERATOR, picture, folder / "state")
    samples: dict[str, dict[str, list[float]]] = {}
    work: list[float] = []
    for turn in range(rounds):
        work.append(arithmetic(generator))
        for contestant in all_contestants[turn % len(all_contestants) :] + all_contestants[: turn % len(all_contestants)]:
            print(f"round {turn + 1} of {rounds}: {contestant.name}", file=sys.stderr)
            with running(contestant) as server:
                if contestant.draws and not (pixels(server.first).reshape(28, 28, -1)[..., 0] == expected).all():
                    raise SystemExit(f"{contestant.name} returns a different picture for seed 42, so it cannot be compared.")
                _load(server, samples, turn)
    rows = [
        {"name": load.name} | {key: statistics.median(values) for key, values in samples[load.name].items()}
        for contestant in all_contestants
        for load in contestant.loads
    ]
    return rows, {row["name"]: row for row in rows} | {"arithmetic": {"cpu_us": statistics.median(work)}}


def arithmetic(generator: LoadedGenerator, batches: int = 300) -> float:
    """Return the CPU time, in microseconds, of a new picture without serving it: latent, batch of 16, and PNG."""
    os.sched_setaffinity(0, {SERVER_CORE})
    times = []
    for batch in range(batches):
        began = time.process_time()
        points = [generator.point(seed)[0] for seed in range(batch * TURN, (batch + 1) * TURN)]
        for picture in generator.draw(points):
            encoding.png(picture)
        times.append((time.process_time() - began) / TURN * 1e6)
    os.sched_setaffinity(0, {LOAD_CORE})
    return statistics.median(times)


def workers(folder: Path, rounds: int) -> Figures:
    """Measure one worker on one core against two workers on two cores. The load generator runs on the same cores."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(rounds):
        for count, values in rates.items():
            cores = frozenset([SERVER_CORE, LOAD_CORE][:count])
            with running(seedling(folder / f"{turn}-{count}", workers=count), cores) as server:
                for seconds in (WARM_UP_SECONDS, SECONDS):
                    load = Load("Seedling, new seeds", "/generate?seed=", "new")
                    rate = loads.wrk(server, load, 16, seconds, 1_000_000 * (2 * turn + seconds), cores).per_second
                values.append(rate)
    one, two = (statistics.median(values) for values in rates.values())
    return {"one": one, "two": two, "ratio": two / one}


def access_log(folder: Path, turns: int = 20) -> Figures:
    """Compare new seeds with and without the access log, on two servers that take turns of a second, started alike."""
    ratios = []
    quiet = seedling(folder / "quiet")
    logging = seedling(folder / "logging", access_log="true", log_level="info")
    with running(quiet) as first, running(logging) as second:
        for turn in range(-2, turns):  # the first turns are a warm-up
            used = [
                loads.wrk(server, Load("Seedling", "/generate?seed=", "new"), 16, 1, 10_000_000 * (turn + 3)).cpu_us
                for server in (first, second)
            ]
            if turn >= 0:
                ratios.append(used[1] / used[0])
    return {"ratio": statistics.median(ratios), "ratios": ratios}


def _load(server: Running, samples: dict[str, dict[str, list[float]]], turn: int) -> None:
    loads.wrk(server, server.contestant.loads[-1], 16, WARM_UP_SECONDS, 2_000_000_000)
    for load in server.contestant.loads:
        values = samples.setdefault(load.name, {})
        for connections in CONNECTIONS:
            first_seed = 1_000_000 * (1 + turn * len(CONNECTIONS) + CONNECTIONS.index(connections))
            throughput = loads.wrk(server, load, connections, SECONDS, first_seed)
            for key, value in vars(throughput).items():
                values.setdefault(f"{key} at {connections}", []).append(value)
        values.setdefault("rss_mb", []).append(server.megabytes())
        values.setdefault("start_s", []).append(server.seconds_to_first)


def bulk(generator: LoadedGenerator, folder: Path, rounds: int) -> Figures:
    """Measure calls with many pictures against a bare loop over the session in batches, with precomputed latents."""
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
        for turn in range(rounds + 1):  # the first turn is a warm-up
            for count, name in ((PICTURES, "bare"), (FRAMES, "bare frames")):
                os.sched_setaffinity(0, {SERVER_CORE})
                times.setdefault(name, []).append(_seconds(lambda count=count: bare(count)))
                os.sched_setaffinity(0, {LOAD_CORE})
            for name, call in calls.items():
                request = call(turn * PICTURES)
                times.setdefault(name, []).append(_seconds(lambda request=request: _checked(server, *request)))
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    shares = {name: medians["bare"] / medians[name] for name in ("npy", "sheet", "zip")}
    shares |= {name: medians["bare frames"] / medians[name] for name in ("gif", "apng", "webp")}
    return {"ms": {name: value * 1e3 for name, value in medians.items()}, "share": shares}


def mixed(folder: Path) -> Figures:
    """Measure single pictures at a fixed rate: without other load, during bulk calls, during training, and during both."""
    with running(seedling(folder / "mixed", Path(sys.executable), admin_token=TOKEN)) as server:
        figures: Figures = {"idle": loads.paced(server, 100, 10, 8, 3_000_000_000).p99_ms()}
        job = _retrain(server)  # before the bulk calls, which would delay its start by minutes on a single core
        figures["training"] = loads.paced(server, 100, 10, 8, 3_010_000_000).p99_ms()
        stop = threading.Event()
        bulk_calls = threading.Thread(target=_bulk_until, args=(server, stop))
        bulk_calls.start()
        figures["bulk and training"] = loads.paced(server, 100, 15, 8, 3_020_000_000).p99_ms()
        figures["training went on"] = _admin(server, "GET", f"/admin/jobs/{job}")["state"] == "running"
        _admin(server, "POST", f"/admin/jobs/{job}/cancel")
        figures["bulk"] = loads.paced(server, 100, 10, 8, 3_030_000_000).p99_ms()
        stop.set()
        bulk_calls.join()
    return figures


def overload(folder: Path, sustainable: float, seconds: int = 30) -> Figures:
    """Send four times the sustainable rate of requests on 512 connections."""
    with running(seedling(folder / "overload")) as server:
        loads.paced(server, sustainable / 2, 3, 64, 3_100_000_000)
        before = server.megabytes("VmRSS")
        third = loads.paced(server, 4 * sustainable, seconds / 3, 512, 3_200_000_000)
        middle = server.megabytes("VmRSS")
        rest = loads.paced(server, 4 * sustainable, seconds * 2 / 3, 512, 3_300_000_000)
        after = server.megabytes("VmRSS")
    return {
        "accepted_per_second": (third.count(200) + rest.count(200)) / seconds,
        "rejected_per_second": (third.count(503) + rest.count(503)) / seconds,
        "not_sent": third.unsent + rest.unsent,
        "p99_ms": max(third.p99_ms(), rest.p99_ms()),
        "rejected_p99_ms": rest.p99_ms(503),
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
    status, _, content = server.request(method, path, body)
    if status != 200:
        raise SystemExit(f"{method} {path} returned {status}: {content[:200]!r}")
    return content


def _bulk_until(server: Running, stop: threading.Event) -> None:
    first = 0
    while not stop.is_set():
        for kind in ("npy", "png", "zip"):
            first += PICTURES
            url = f"http://127.0.0.1:{server.port}/generate?seeds={first}-{first + PICTURES - 1}&format={kind}"
            # in a separate process, so that it does not delay the client that measures latencies
            subprocess.run(["curl", "-sSf", "-o", os.devnull, url], check=True)


def _admin(server: Running, method: str, path: str, body: str | None = None) -> Figures:
    command = ["curl", "-sS", "-X", method, "-H", f"Authorization: Bearer {TOKEN}", "-H", "Content-Type: application/json"]
    response = subprocess.run(
        [*command, *(["-d", body] if body else []), f"http://127.0.0.1:{server.port}{path}"], capture_output=True, check=True
    )
    payload: Figures = json.loads(response.stdout)
    return payload


def _retrain(server: Running) -> str:
    job = _admin(server, "POST", "/admin/retrain", '{"preset": "quick"}')["id"]
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if _admin(server, "GET", f"/admin/jobs/{job}")["part"] > 0:
            return str(job)
        time.sleep(0.5)
    raise SystemExit("The training run did not start within a minute. See the log of the job.")


def table(rows: list[Figures], figures: Figures) -> str:
    """Format all figures as Markdown."""
    by_name = {row["name"]: row for row in rows}
    rates_at_16 = {name: row["per_second at 16"] for name, row in by_name.items()}
    ceiling, ours = rates_at_16["FastAPI, constant: **the ceiling**"], rates_at_16["Seedling, new seeds"]
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
        latencies = " | ".join(f"{row[f'p50_ms at {n}']:.1f} / {row[f'p99_ms at {n}']:.1f}" for n in CONNECTIONS)
        ratio = "" if above is None else f"{rate / above:.2f}"
        if row["errors at 256"]:
            rates += f" ({row['errors at 256']:.1%} rejected)"
        lines.append(
            f"| {row['name']} | {rates} | {ratio} | {rate / ceiling:.2f} | {latencies} | {row['cpu_us at 16']:.0f} | "
            f"{row['rss_mb']:.0f} | {row['start_s']:.2f} |"
        )
        above = rate
    share, ms, latency, overloaded = (figures[key] for key in ("share", "ms", "mixed", "overload"))
    rss = " → ".join(f"{value:.0f}" for value in overloaded["rss_mb"])
    passed = not overloaded["hanging"] and not overloaded["without_retry_after"] and not overloaded["other_statuses"]
    row = by_name["Seedling, new seeds"]
    peers = [rates_at_16["tutorial, `async def`"], rates_at_16["LitServe"], rates_at_16["BentoML"]]
    cpu = {name: row["cpu_us at 16"] for name, row in by_name.items()}
    limit = cpu["bare ASGI reply"] + figures["arithmetic_us"]
    new = cpu["Seedling, new seeds"]
    crowd = by_name["Seedling, new seeds"]
    goals = [
        (
            "new seeds, CPU-µs against the limit (bare reply + arithmetic)",
            f"{new / limit:.2f} ({new:.0f} / {limit:.0f})",
            "1.7",
        ),
        ("new seeds, of the ceiling", f"{ours / ceiling:.2f}", "0.60"),
        (
            "repeated seeds; `If-None-Match`, of the ceiling",
            "; ".join(f"{rates_at_16[f'Seedling, {kind}'] / ceiling:.2f}" for kind in ("repeated seeds", "`If-None-Match`")),
            "1.3; 1.5",
        ),
        (
            "new seeds against the tutorial's `async def`; LitServe; BentoML",
            "; ".join(f"{ours / p:.1f}" for p in peers),
            "3; 9; 10",
        ),
        (
            "4,096 pictures as npy; sheet; zip, of the bare loop",
            "; ".join(f"{share[k]:.2f}" for k in ("npy", "sheet", "zip")),
            "0.90; 0.70; 0.40",
        ),
        (
            "256 frames as gif; apng; webp, of the bare loop",
            "; ".join(f"{share[k]:.2f}" for k in ("gif", "apng", "webp")),
            "0.60 (gif)",
        ),
        ("new seeds with the access log, CPU-µs of those without", f"{figures['access_log']['ratio']:.2f}", "1.05"),
        ("two workers on two cores, of one worker on one", f"{figures['workers']['ratio']:.2f}", "1.8"),
        (
            "new seeds at 256 connections: rejected; p99, ms",
            f"{crowd['errors at 256']:.1%}; {crowd['p99_ms at 256']:.0f}",
            "some; 100",
        ),
        (
            "p99 of a single picture during bulk and training, of idle",
            f"{latency['bulk and training'] / latency['idle']:.1f}",
            "3",
        ),
        (
            "the same during bulk; during training",
            f"{latency['bulk'] / latency['idle']:.1f}; {latency['training'] / latency['idle']:.1f}",
            "3 (bulk)",
        ),
        ("overload: p99 of the accepted, ms", f"{overloaded['p99_ms']:.0f}", "250"),
        ("overload: no hanging requests, all rejections with `Retry-After`", "yes" if passed else "no", "yes"),
        ("overload: RSS before, at 10 s, at 30 s, MB", rss, "flat"),
        ("peak RSS of a worker, MB; start to first picture, s", f"{row['rss_mb']:.0f}; {row['start_s']:.2f}", "130; 0.8"),
    ]
    lines += ["", "| figure | here | goal |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in goals), ""]
    lines.append(
        f"Overload: {overloaded['accepted_per_second']:,.0f} accepted and {overloaded['rejected_per_second']:,.0f} rejected "
        f"per second (p99 of the rejections {overloaded['rejected_p99_ms']:.0f} ms); {overloaded['not_sent']:,} requests "
        "found no free connection. Bulk, ms: "
        + ", ".join(f"{name} {value:.0f}" for name, value in ms.items())
        + f". p99 of single pictures when idle: {latency['idle']:.2f} ms."
    )
    return "\n".join(lines)


def _champion() -> Version:
    repository = Repository(ROOT / "models")
    return repository.get("digits", repository.aliases("digits")[CHAMPION])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--write", action="store_true", help=f"write the table to {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    if not {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        raise SystemExit("This benchmark needs two cores: one for the server and one for the load generator.")
    os.sched_setaffinity(0, {LOAD_CORE})
    generator = LoadedGenerator(_champion())
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, by_name = singles(generator, folder, options.rounds)
        figures: Figures = {"rows": rows, **bulk(generator, folder, options.rounds), "mixed": mixed(folder)}
        figures |= {"arithmetic_us": by_name["arithmetic"]["cpu_us"], "workers": workers(folder / "workers", options.rounds)}
        figures["access_log"] = access_log(folder / "access-log")
        figures["overload"] = overload(folder, by_name["Seedling, new seeds"]["per_second at 16"])
    cpu = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ""
    )
    figures |= {
        "date": datetime.date.today().isoformat(),
        "machine": f"{cpu or platform.processor()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "rounds": options.rounds,
        "seconds": time.perf_counter() - start,
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
