"""What can be counted, in Prometheus' words, right however many workers a service has.

Each worker keeps its own figures; with several, in files that whoever is asked adds up (`PROMETHEUS_MULTIPROC_DIR`, which
`app.__main__` sets before this is imported). Figures about jobs are no worker's: they are read from the job store when
somebody asks.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from app.errors import StoreUnavailable
from app.retraining.job import State

if TYPE_CHECKING:
    from app.retraining.service import Retraining
    from app.workload import Workload

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LANES = ("single", "short", "bulk", "uploads")
disable_created_metrics()
_registry = CollectorRegistry()

_requests = Histogram(
    "seedling_request_duration_seconds",
    "From a request's headers to the last byte of its answer, by route, method, status and the version that drew.",
    ["route", "method", "status", "model"],
    buckets=BUCKETS,
    registry=_registry,
)
_pictures = Counter("seedling_pictures", "Pictures drawn; those that a cache had are not.", ["model"], registry=_registry)
_cached = Counter(
    "seedling_response_cache",
    "Requests for pictures by whether the answer was at hand, was made, or was being made for another.",
    ["result"],
    registry=_registry,
)
_cache_bytes = Gauge(
    "seedling_response_cache_bytes", "Bytes of answers that are kept.", registry=_registry, multiprocess_mode="livesum"
)
_waiting = Gauge(
    "seedling_waiting",
    "Requests that wait for their turn, by the lane they wait in.",
    ["lane"],
    registry=_registry,
    multiprocess_mode="livesum",
)
_limited = Counter("seedling_rate_limited", "Requests that were refused because of their client's rate.", registry=_registry)
_champion = Gauge(
    "seedling_champion_version",
    "Which version is served by default.",
    ["model"],
    registry=_registry,
    multiprocess_mode="livemax",
)
_swaps = Gauge(
    "seedling_swaps",
    "How often another champion has taken over since the start, as the worker that has seen most.",
    ["model"],
    registry=_registry,
    multiprocess_mode="livemax",
)
_memory = Gauge("seedling_resident_memory_bytes", "Memory of all workers.", registry=_registry, multiprocess_mode="livesum")
_workers = Gauge("seedling_workers", "Server processes.", registry=_registry, multiprocess_mode="livesum")

NAMES = frozenset(
    {
        "seedling_request_duration_seconds",
        "seedling_pictures_total",
        "seedling_response_cache_total",
        "seedling_response_cache_bytes",
        "seedling_waiting",
        "seedling_rate_limited_total",
        "seedling_champion_version",
        "seedling_swaps",
        "seedling_resident_memory_bytes",
        "seedling_workers",
        "seedling_jobs",
        "seedling_trainers",
        "seedling_training_images",
        "seedling_training_images_goal",
        "seedling_training_images_per_second",
        "seedling_training_loss",
        "seedling_database_up",
    }
)
"""All there are; tests hold the dashboard, the alarms and the exposition to it."""

_children: dict[tuple[str, str, int, str], Histogram] = {}


def count_request(route: str, method: str, status: int, model: str, seconds: float) -> None:
    """Note an answer."""
    key = (route, method, status, model)
    child = _children.get(key)
    if child is None:
        child = _children[key] = _requests.labels(route, method, str(status), model)
    child.observe(seconds)


def count_pictures(model: str, pictures: int) -> None:
    """Note what was drawn."""
    _pictures.labels(model).inc(pictures)


count_hit, count_miss, count_shared = (_cached.labels(result).inc for result in ("hit", "miss", "shared"))
count_limited = _limited.inc


def sample(workload: Workload) -> None:
    """Bring up to date what a worker is, rather than what it does; asked for twice a second."""
    for lane, waiting in workload.waiting().items():
        _waiting.labels(lane).set(waiting)
    _cache_bytes.set(workload.cache.bytes)
    for name, view in workload.catalog.models().items():
        _champion.labels(name).set(view.aliases.get("champion", 0))
        _swaps.labels(name).set(workload.catalog.swaps.get(name, 0))
    _memory.set(_resident_bytes())
    _workers.set(1)


def _resident_bytes() -> int:
    """What this process holds; where the system does not say, the most it has held."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Jobs(Collector):
    """What is told of retraining, read from the job store at each scrape.

    Args:
        retraining: a store that nobody has used yet is not opened for this, and counts as empty.
    """

    def __init__(self, retraining: Retraining) -> None:
        self.retraining = retraining

    def collect(self) -> Iterable[Metric]:
        states: dict[str, int] = dict.fromkeys(get_args(State), 0)
        trainers, up, progress, goal = 0, 1, {}, 0
        if self.retraining.is_used:
            try:
                states |= self.retraining.store.count()
                trainers = self.retraining.trainers()
                running = [job for job in self.retraining.store.active() if job.state == "running"]
                if running:
                    progress, goal = running[0].progress or {}, running[0].spec.get("images") or 0
            except StoreUnavailable:
                up = 0
        yield _gauge("seedling_database_up", "Whether the job store can be used.", up)
        jobs = GaugeMetricFamily("seedling_jobs", "Retraining jobs by their state.", labels=["state"])
        for state, count in states.items():
            jobs.add_metric([state], count)
        yield jobs
        yield _gauge("seedling_trainers", "Processes that can retrain.", trainers)
        yield _gauge("seedling_training_images", "Images that the running job has seen.", progress.get("images", 0))
        yield _gauge("seedling_training_images_goal", "Images that the running job is to see.", goal)
        rate = progress.get("images_per_second", 0)
        yield _gauge("seedling_training_images_per_second", "How fast the running job goes.", rate)
        losses = GaugeMetricFamily("seedling_training_loss", "Losses of the running job.", labels=["network"])
        for network in ("generator", "discriminator"):
            losses.add_metric([network], progress.get(f"loss_{network}", 0))
        yield losses


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)


class Everything(CollectorRegistry):
    """All there is to tell, of all workers, whichever process is asked."""

    def __init__(self, retraining: Retraining) -> None:
        super().__init__()
        self.register(Jobs(retraining))
        self._folder = os.environ.get(FOLDER)
        if self._folder:
            MultiProcessCollector(self, self._folder)

    def collect(self) -> Iterator[Metric]:
        if self._folder:
            _bury_the_dead(Path(self._folder))
        else:
            yield from _registry.collect()
        yield from super().collect()


def exposition(retraining: Retraining) -> bytes:
    """Everything, in Prometheus' text format."""
    return generate_latest(Everything(retraining))


def _bury_the_dead(folder: Path) -> None:
    """Take what a worker that was killed last said of itself out of the sums. What it has counted stays."""
    for pid in {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_live*_*.db")}:
        if not _is_alive(pid):
            mark_process_dead(pid, str(folder))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
