"""Live events: what happens to a job, read once for all who follow it, and how many may.

Each follower by itself would ask the store several times a second, in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter, to_thread

from app.errors import StoreUnavailable, TooManyStreams
from app.retraining.job import ENDED, Event, Job

if TYPE_CHECKING:  # a service that nobody administers never loads a database
    from app.retraining.store import JobStore

Result = TypeVar("Result")
logger = logging.getLogger("seedling")
POLL_SECONDS = 0.3
KEPT = 1000
"""Events of a job that are kept for its followers. Whoever is further behind reads the store until it has caught up."""
READERS = 2
"""Threads that read the store, for all feeds of a worker."""


class JobFeed:
    """What happens to one job, as long as somebody follows it.

    Args:
        job: as it was seen last.
        after: number of the last event that need not be read.
    """

    def __init__(self, job: Job, after: int) -> None:
        self.job, self.last = job, after
        self.events: deque[Event] = deque(maxlen=KEPT)
        self.is_over = False
        """Whether there is nothing more to come: the job has ended, or the service is about to."""
        self.followers = 0
        self._changed = asyncio.Event()

    def add(self, job: Job, found: list[Event], *, is_over: bool) -> None:
        """Note what was read, and wake the followers up."""
        if found or is_over:
            self.events.extend(found)
            self.last = found[-1].seq if found else self.last
            self.is_over = is_over
            self._changed.set()
            self._changed = asyncio.Event()
        self.job = job

    def after(self, seq: int) -> list[Event] | None:
        """The events after a number; None if some of them are no longer kept."""
        first = self.events[0].seq if self.events else self.last + 1
        if seq + 1 < first:
            return None
        return [event for event in self.events if event.seq > seq]

    async def wait(self) -> None:
        """Wait until there is something new."""
        await self._changed.wait()


class Feeds:
    """The feeds of one worker.

    Args:
        store: opens the job store.
        is_closing: whether the service is about to end.
        most: streams that are open at a time.
        most_per_client: of those, how many of one client.
    """

    def __init__(self, store: Callable[[], JobStore], is_closing: Callable[[], bool], most: int, most_per_client: int) -> None:
        self._store, self._is_closing = store, is_closing
        self.most, self.most_per_client = most, most_per_client
        self._feeds: dict[str, JobFeed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: Counter[str] = Counter()
        self._readers: CapacityLimiter | None = None

    def __len__(self) -> int:
        """How many streams are open."""
        return self._open.total()

    @contextlib.contextmanager
    def admit(self, client: str) -> Iterator[None]:
        """Count a stream as open.

        Raises:
            TooManyStreams: as many are open as may be, by all or by this client.
        """
        if self._open[client] >= self.most_per_client:
            raise TooManyStreams(f"{self._open[client]} event streams of yours are open. Close one, then ask again.")
        if len(self) >= self.most:
            raise TooManyStreams(f"{len(self)} event streams are open. Ask again in a few seconds, or poll the job itself.")
        self._open[client] += 1
        try:
            yield
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]

    async def follow(self, job: Job, after: int) -> AsyncGenerator[Event | Job, None]:
        """All events of a job after a number, and last the job if it has ended; no job if the service is about to end.

        Raises:
            StoreUnavailable: the events before those that are kept cannot be read.
        """
        feed = await self._feed(job)
        feed.followers += 1
        try:
            while True:
                found = feed.after(after)
                if found is None:
                    found = await self._read(partial(self._store().events, job.id, after))
                for event in found:
                    yield event
                    after = event.seq
                if not found and feed.is_over:
                    if feed.job.state in ENDED:
                        yield feed.job
                    return
                if not found:
                    await feed.wait()
        finally:
            feed.followers -= 1

    async def _feed(self, job: Job) -> JobFeed:
        if job.id not in self._feeds:
            newest = await self._read(partial(self._store().newest_event, job.id))
            if job.id not in self._feeds:
                feed = self._feeds[job.id] = JobFeed(job, newest)
                task = asyncio.create_task(self._fill(feed))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return self._feeds[job.id]

    async def _fill(self, feed: JobFeed) -> None:
        """Read the store for a feed as long as it has followers."""
        try:
            while feed.followers and not feed.is_over:
                if self._is_closing():
                    feed.add(feed.job, [], is_over=True)
                    return
                try:
                    job, found = await self._read(partial(self._store().follow, feed.job.id, feed.last))
                except StoreUnavailable as error:
                    logger.warning("events of job %s: %s", feed.job.id, error)
                    await asyncio.sleep(POLL_SECONDS)
                    continue
                feed.add(job, found, is_over=not found and job.state in ENDED)
                if not found:
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            feed.add(feed.job, [], is_over=True)
            if self._feeds.get(feed.job.id) is feed:
                del self._feeds[feed.job.id]

    async def _read(self, work: Callable[[], Result]) -> Result:
        if self._readers is None:
            self._readers = CapacityLimiter(READERS)
        return await to_thread.run_sync(work, limiter=self._readers)
