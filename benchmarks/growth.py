"""Measures how the cost of serving grows: .venv-dev/bin/python -m benchmarks.growth

Varies the number of workers, of versions in memory, of versions in the repository and of jobs in the history, and the size
of the response cache. Then measures a typical deployment: nginx in front, with its cache, with and without keep-alive.
Prints Markdown. `--write` puts it into benchmarks/README.md, with a plot. Needs wrk, nginx, two cores.
"""

from __future__ import annotations

import argparse
import datetime
import getpass
import os
import shutil
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from sqlalchemy import insert

from app.storage.database import Database, events, jobs
from benchmarks import loads
from benchmarks.contestants import LOAD_CORE, ROOT, SERVER_CORE, Contestant, Load, Running, free_port, running, seedling
from benchmarks.versions import fill
from tests.app.retraining.jobs import TOKEN
from training.spec import TrainingSpec

PAGE, PLOT = ROOT / "benchmarks" / "README.md", ROOT / "benchmarks" / "growth.png"
START, END = "<!-- table: written by benchmarks/growth.py -->", "<!-- end of growth -->"
BOTH = frozenset({SERVER_CORE, LOAD_CORE})
NEW = Load("new seeds", "/generate?seed=", "new")
REPEATED = Load("repeated seeds", "/generate?seed=", "repeated")
SECONDS, ROUNDS = 3, 3
IDLE_SECONDS = 5.0
Row = dict[str, float]
Section = dict[str, Row]

NGINX = """
user {user}; worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/cache keys_zone=pictures:10m max_size=200m;
  upstream seedling {{ server 127.0.0.1:{port}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{own};
    location / {{
      proxy_pass http://seedling; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_cache pictures; proxy_cache_valid 200 1h; proxy_cache_revalidate on;
    }}
  }}
}}
"""
"""What docs/operations.md recommends, on a free port."""


def rate(server: Running, load: Load, *, cores: frozenset[int] = frozenset({LOAD_CORE}), connections: int = 16) -> float:
    """Return the requests per second: the median of several rounds."""
    loads.wrk(server, load, connections, 1, 2_000_000_000, cores)
    return statistics.median(
        loads.wrk(server, load, connections, SECONDS, 10_000_000 * (turn + 1), cores).per_second for turn in range(ROUNDS)
    )


def workers(folder: Path) -> Section:
    """Measure one worker on one core and two on two. The load generator runs on the same cores."""
    section = {}
    for count in (1, 2):
        cores = frozenset([SERVER_CORE, LOAD_CORE][:count])
        with running(seedling(folder / str(count), workers=count), cores) as server:
            section[str(count)] = {"new seeds/s": rate(server, NEW, cores=cores), "resident MB": server.megabytes("VmRSS")}
    return section


def versions_in_memory(folder: Path) -> Section:
    """Measure the champion while other versions are in memory."""
    section = {}
    for count in (1, 8, 32):
        state = folder / str(count)
        fill(state / "models", 40)
        with running(seedling(state, max_loaded=count)) as server:
            for version in range(2, count + 1):
                assert server.request("GET", f"/generate?seed=1&version={version}")[0] == 200
            section[str(count)] = {"new seeds/s": rate(server, NEW), "resident MB": server.megabytes("VmRSS")}
    return section


def versions_in_the_repository(folder: Path) -> Section:
    """Measure the start, the idle load and the throughput with many versions on the disk."""
    section = {}
    for count in (10, 1_000, 5_000):
        state = folder / str(count)
        fill(state / "models", count)
        section[str(count)] = start_and_idle(seedling(state))
    return section


def jobs_in_the_history(folder: Path) -> Section:
    """Measure the start, the idle load and the list of jobs with a long history."""
    section = {}
    for count in (10, 1_000, 50_000):
        state = folder / str(count)
        with running(seedling(state, admin_token=TOKEN)):
            pass
        _fill_history(state, count)
        section[str(count)] = start_and_idle(seedling(state, admin_token=TOKEN), jobs=True)
    return section


def start_and_idle(contestant: Contestant, *, jobs: bool = False) -> Row:
    """Measure a start, an idle service, and its throughput."""
    with running(contestant) as server:
        time.sleep(4)  # a changed folder is polled repeatedly for two seconds
        before, began = server.cpu_seconds(), time.perf_counter()
        time.sleep(IDLE_SECONDS)
        idle = (server.cpu_seconds() - before) / (time.perf_counter() - began)
        row = {
            "start s": server.seconds_to_first,
            "idle, % of a core": idle * 100,
            "new seeds/s": rate(server, NEW),
            "resident MB": server.megabytes("VmRSS"),
        }
        if jobs:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, trust_env=False) as client:
                row["list of jobs, ms"] = 1e3 * _median_seconds(lambda: client.get("/admin/jobs").raise_for_status())
                row["metrics, ms"] = 1e3 * _median_seconds(lambda: client.get("/metrics").raise_for_status())
        return row


def cache(folder: Path) -> Section:
    """Measure repeated seeds while the cache is full."""
    section = {}
    for megabytes in (1, 32, 256):
        with running(seedling(folder / str(megabytes), response_cache=megabytes * 1_000_000)) as server:
            for first in range(0, 64 * (megabytes * 20 + 20), 64):  # 50 kB each
                assert server.request("GET", f"/generate?seeds={first}-{first + 63}&format=npy")[0] == 200
            section[f"{megabytes} MB"] = {"repeated seeds/s": rate(server, REPEATED), "resident MB": server.megabytes("VmRSS")}
    return section


def clients(folder: Path) -> Section:
    """Measure what a client sees: with and without keep-alive, directly and through nginx, on the core of the client."""
    section = {}
    with running(seedling(folder / "state")) as server, nginx(folder, server.port) as front:
        for name, port in (("direct", server.port), ("through nginx with its cache", front)):
            for kind, headers in (("", []), (", without keep-alive", ["-H", "Connection: close"])):
                section[name + kind] = {
                    "new seeds/s": _seen(port, "count", headers),
                    "repeated seeds of a pinned version/s": _seen(port, "count % 100 .. '&version=4'", headers),
                }
    return section


def _seen(port: int, seed: str, headers: list[str]) -> float:
    """Return the requests per second on 16 connections for seeds from a Lua expression."""
    _seen.first += 10_000_000  # type: ignore[attr-defined]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"local count = {_seen.first}\n")  # type: ignore[attr-defined]
        script.write(f"function request() count = count + 1; return wrk.format('GET', '/generate?seed=' .. {seed}) end")
        script.flush()
        command = ["wrk", "-t1", "-c16", f"-d{SECONDS}s", "-s", script.name, *headers, f"http://127.0.0.1:{port}"]
        run = subprocess.run(
            command, capture_output=True, text=True, check=True, preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE})
        )
    assert "Non-2xx" not in run.stdout, run.stdout
    return float(run.stdout.partition("Requests/sec:")[2].split()[0])


_seen.first = 0  # type: ignore[attr-defined]


@contextmanager
def nginx(folder: Path, port: int) -> Iterator[int]:
    """Run nginx in front of a port. Yield its own port."""
    own, work = free_port(), folder / "nginx"
    work.mkdir()
    (work / "nginx.conf").write_text(NGINX.format(user=getpass.getuser(), folder=work, port=port, own=own))
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not program:
        raise SystemExit("nginx is missing. apt-get install -y nginx-core")
    process = subprocess.Popen(
        [program, "-c", str(work / "nginx.conf"), "-p", str(work), "-e", str(work / "error.log")],
        preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
    )
    try:
        for _ in range(100):
            try:
                httpx.get(f"http://127.0.0.1:{own}/livez", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield own
    finally:
        process.terminate()
        process.wait(10)


def _median_seconds(work: Callable[[], object], repeat: int = 15) -> float:
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _fill_history(state: Path, count: int) -> None:
    """Add ended jobs with two events each to the job store of a stopped service."""
    database, now = Database(state / "jobs.db"), time.time()
    ids = [uuid.uuid4().hex[:12] for _ in range(count)]
    with database.write() as connection:
        connection.execute(insert(jobs), [_ended_job(job, now) for job in ids])
        event = {"time": now, "type": "state", "data": {"state": "failed", "detail": "for a benchmark"}}
        connection.execute(insert(events), [{"job": job, "seq": seq, **event} for job in ids for seq in (1, 2)])
    database.close()


def _ended_job(job: str, now: float) -> dict[str, object]:
    return {
        "id": job,
        "state": "failed",
        "detail": "for a benchmark",
        "model": "digits",
        "request": {},
        "spec": TrainingSpec.from_preset("quick").model_dump(mode="json"),
        "promote": "if_better",
        "by": "admin",
        "created": now,
        "ended": now,
        "pruned": True,
    }


SECTIONS: dict[str, tuple[Callable[[Path], Section], str]] = {
    "workers": (workers, "Workers, with the load generator on the same cores"),
    "memory": (versions_in_memory, "Versions in memory"),
    "repository": (versions_in_the_repository, "Versions in the repository"),
    "history": (jobs_in_the_history, "Jobs in the history"),
    "cache": (cache, "Size of the full response cache"),
    "clients": (clients, "Clients"),
}


def markdown(sections: dict[str, Section]) -> str:
    """Format the sections as tables, with the ratio of the last row to the first where the rows are sizes."""
    lines = [f"{datetime.date.today().isoformat()}, {os.cpu_count()} cores.", ""]
    for name, section in sections.items():
        columns = list(next(iter(section.values())))
        lines += [f"| {SECTIONS[name][1]} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        lines += [f"| {size} | {' | '.join(_shown(row[column]) for column in columns)} |" for size, row in section.items()]
        if name != "clients":
            first, *_, last = section.values()
            lines.append(f"| last row ÷ first row | {' | '.join(f'{last[c] / first[c]:.2f}' for c in columns)} |")
        lines.append("")
    return "\n".join(lines)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plot(sections: dict[str, Section]) -> None:
    """Plot each figure against the size, as a multiple of its value at the smallest size."""
    from matplotlib import pyplot

    shown = [name for name in sections if name != "clients"]
    figure, axes = pyplot.subplots(1, len(shown), figsize=(3 * len(shown), 3), sharey=True, squeeze=False)
    for axis, name in zip(axes[0], shown, strict=True):
        section = sections[name]
        sizes = [float(size.split()[0]) for size in section]
        for column in next(iter(section.values())):
            values = [row[column] for row in section.values()]
            axis.plot(sizes, [value / values[0] for value in values], marker="o", label=column)
        axis.set(title=SECTIONS[name][1].partition(",")[0], xscale="log", yscale="log", ylim=(0.3, 30))
        axis.legend(fontsize=6)
    axes[0][0].set_ylabel("of the smallest size")
    figure.tight_layout()
    figure.savefig(PLOT, dpi=80)


def main() -> None:
    """Run all sections, or those that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="default: all")
    parser.add_argument("--write", action="store_true", help=f"write the tables and the plot to {PAGE.parent.name}/")
    options = parser.parse_args()
    os.sched_setaffinity(0, {LOAD_CORE})
    found: dict[str, Section] = {}
    for name in options.sections or SECTIONS:
        with tempfile.TemporaryDirectory(prefix="seedling-growth-") as folder:
            found[name] = SECTIONS[name][0](Path(folder))
    text = markdown(found)
    print(text)
    if options.write:
        before, _, rest = PAGE.read_text().partition(START)
        PAGE.write_text(f"{before}{START}\n{text}{END}{rest.partition(END)[2]}")
        plot(found)


if __name__ == "__main__":
    main()
