"""Prometheus metrics, correct for any number of workers.

Each worker keeps its own metrics. With several workers, they are in files, and the worker that is scraped adds them up
(`PROMETHEUS_MULTIPROC_DIR`, which `app.__main__` sets before this module is imported). Metrics about jobs belong to no worker
and are read from the job store on each scrape.
"""

from __future__ import annotations

import os
import resource
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LANES = ("single", "short", "bulk", "uploads")
disable_created_metrics()
_registry = CollectorRegistry()

_requests = Histogram(
    "seedling_request_duration_seconds",
    "Time from the headers of a request to the last byte of its response, by route, method, status and version.",
    ["route", "method", "status", "model"],
    buckets=BUCKETS,
    registry=_registry,
)
_pictures = Counter("seedling_pictures", "Pictures drawn, without cached ones.", ["model"], registry=_registry)
_cached = Counter(
    "seedling_response_cache",
    "Requests for pictures by cache result: hit, miss, or shared with an identical request in progress.",
    ["result"],
    registry=_registry,
)
_cache_bytes = Gauge(
    "seedling_response_cache_bytes", "Size of the response cache.", registry=_registry, multiprocess_mode="livesum"
)
_waiting = Gauge(
    "seedling_waiting",
    "Waiting requests by lane.",
    ["lane"],
    registry=_registry,
    multiprocess_mode="livesum",
)
_limited = Counter("seedling_rate_limited", "Requests rejected by the rate limit.", registry=_registry)
_champion = Gauge(
    "seedling_champion_version",
    "The version that is served by default.",
    ["model"],
    registry=_registry,
    multiprocess_mode="livemax",
)
_swaps = Gauge(
    "seedling_swaps",
    "Champion changes since the start: the maximum over all workers.",
    ["model"],
    registry=_registry,
    multiprocess_mode="livemax",
)
_memory = Gauge(
    "seedling_resident_memory_bytes", "Resident memory of all workers.", registry=_registry, multiprocess_mode="livesum"
)
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
        "seedling_training_cores",
        "seedling_training_memory_bytes",
        "seedling_training_gpu_utilization",
        "seedling_training_loss",
        "seedling_database_up",
    }
)
"""All metrics. Tests compare the dashboard, the alerts and the exposition with this set."""

_children: dict[tuple[str, str, int, str], Histogram] = {}


def count_request(route: str, method: str, status: int, model: str, seconds: float) -> None:
    """Count a request."""
    key = (route, method, status, model)
    child = _children.get(key)
    if child is None:
        child = _children[key] = _requests.labels(route, method, str(status), model)
    child.observe(seconds)


def count_pictures(model: str, pictures: int) -> None:
    """Count pictures."""
    _pictures.labels(model).inc(pictures)


count_hit, count_miss, count_shared = (_cached.labels(result).inc for result in ("hit", "miss", "shared"))
count_limited = _limited.inc


def sample(waiting: Mapping[str, int], cache_bytes: int, champions: Mapping[str, int], swaps: Mapping[str, int]) -> None:
    """Update the gauges that describe the state of a worker. Called twice a second.

    Args:
        waiting: number of waiting requests by lane.
        cache_bytes: size of the response cache.
        champions: champion version by model.
        swaps: number of champion changes by model.
    """
    for lane, count in waiting.items():
        _waiting.labels(lane).set(count)
    _cache_bytes.set(cache_bytes)
    for name, number in champions.items():
        _champion.labels(name).set(number)
        _swaps.labels(name).set(swaps.get(name, 0))
    _memory.set(_resident_bytes())
    _workers.set(1)


def _resident_bytes() -> int:
    """Return the resident memory of this process, or its maximum where the current value is unavailable."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


RETRIES, RETRY_SECONDS = 20, 0.005


class AllFigures(CollectorRegistry):
    """The metrics of all workers, collected from any process.

    Args:
        others: collectors of metrics that belong to no worker.
    """

    def __init__(self, *others: Collector) -> None:
        super().__init__()
        for collector in others:
            self.register(collector)
        self._folder = os.environ.get(FOLDER)
        if self._folder:
            MultiProcessCollector(self, self._folder)

    def collect(self) -> Iterator[Metric]:
        if self._folder:
            _drop_dead_workers(Path(self._folder))
        else:
            yield from _registry.collect()
        yield from self._collect_registered()

    def _collect_registered(self) -> list[Metric]:
        """Collect from the registered collectors. Retry if a worker is just creating its file, which is empty for a moment."""
        for _ in range(RETRIES):
            try:
                return list(super().collect())
            except struct.error:
                time.sleep(RETRY_SECONDS)
        return list(super().collect())


def exposition(*others: Collector) -> bytes:
    """Return all metrics in Prometheus' text format, including those of further collectors."""
    return generate_latest(AllFigures(*others))


def _drop_dead_workers(folder: Path) -> None:
    """Remove the gauges of workers that were killed. Their counters are kept."""
    for pid in {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_live*_*.db")}:
        if not _is_alive(pid):
            mark_process_dead(pid, str(folder))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
