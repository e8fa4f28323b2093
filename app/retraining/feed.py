"""Live events of jobs. All followers of a job share one reader, and the number of streams is limited.

Without sharing, each follower would query the store several times a second, in its own thread.
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

if TYPE_CHECKING:  # a service without administration never imports the database
    from app.retraining.store import JobStore

Result = TypeVar("Result")
logger = logging.getLogger("seedling")
POLL_SECONDS = 0.3
KEPT = 1000
"""Events of a job that are buffered for its followers. Followers further behind read the store until they catch up."""
READERS = 2
"""Threads that read the store, shared by all feeds of a worker."""


class JobFeed:
    """The recent events of one job. Exists only while the job has followers.

    Args:
        job: the last known state of the job.
        after: number of the last event before the feed starts.
    """

    def __init__(self, job: Job, after: int) -> None:
        self.job, self.last = job, after
        self.events: deque[Event] = deque(maxlen=KEPT)
        self.is_over = False
        """Whether no more events follow, because the job has ended or the service is shutting down."""
        self.followers = 0
        self._changed = asyncio.Event()

    def add(self, job: Job, found: list[Event], *, is_over: bool) -> None:
        """Append new events and wake the followers."""
        if found or is_over:
            self.events.extend(found)
            self.last = found[-1].seq if found else self.last
            self.is_over = is_over
            self._changed.set()
            self._changed = asyncio.Event()
        self.job = job

    def after(self, seq: int) -> list[Event] | None:
        """Return the events after a number, or None if some of them are no longer buffered."""
        first = self.events[0].seq if self.events else self.last + 1
        if seq + 1 < first:
            return None
        return [event for event in self.events if event.seq > seq]

    async def wait(self) -> None:
        """Wait for new events."""
        await self._changed.wait()


class Feeds:
    """The feeds of one worker.

    Args:
        store: opens the job store.
        is_closing: whether the service is shutting down.
        most: limit of open streams.
        most_per_client: limit of open streams per client.
    """

    def __init__(self, store: Callable[[], JobStore], is_closing: Callable[[], bool], most: int, most_per_client: int) -> None:
        self._store, self._is_closing = store, is_closing
        self.most, self.most_per_client = most, most_per_client
        self._feeds: dict[str, JobFeed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: Counter[str] = Counter()
        self._readers: CapacityLimiter | None = None

    def __len__(self) -> int:
        """Number of open streams."""
        return self._open.total()

    @contextlib.contextmanager
    def admit(self, client: str) -> Iterator[None]:
        """Count a stream as open.

        Raises:
            TooManyStreams: the total limit or the limit per client is reached.
        """
        if self._open[client] >= self.most_per_client:
            raise TooManyStreams(f"You have {self._open[client]} open event streams. Close one, then try again.")
        if len(self) >= self.most:
            raise TooManyStreams(f"{len(self)} event streams are open. Try again in a few seconds, or poll the job.")
        self._open[client] += 1
        try:
            yield
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]

    async def follow(self, job: Job, after: int) -> AsyncGenerator[Event | Job, None]:
        """Yield all events of a job after a number, then the job itself once it has ended.

        The stream ends without the job if the service is shutting down.

        Raises:
            StoreUnavailable: the events before the buffered ones cannot be read.
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
        if not self._is_fed(job.id):
            newest = await self._read(partial(self._store().newest_event, job.id))
            if not self._is_fed(job.id):
                feed = self._feeds[job.id] = JobFeed(job, newest)
                task = asyncio.create_task(self._fill(feed))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return self._feeds[job.id]

    def _is_fed(self, job_id: str) -> bool:
        """Whether a feed of a job can be followed. One that is over may be replaced: the job may have been resumed since."""
        return job_id in self._feeds and not self._feeds[job_id].is_over

    async def _fill(self, feed: JobFeed) -> None:
        """Read the store for a feed while it has followers."""
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
