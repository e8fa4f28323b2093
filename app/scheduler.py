"""Schedules the work of one server worker, so that no request delays the others.

Pictures are drawn in the event loop. Small single pictures that are requested at the same time are drawn in one batch
(`app.sampling.batching`); sheets are drawn in chunks (`app.sampling.chunks`). Threads encode large files and score uploads.
Long work waits in one of three lanes (short, bulk and uploads), so that a single large picture does not queue behind sheets of
thousands of pictures, and an upload queues behind neither. Each lane has a bounded queue. When it is full, requests get 503.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.types import Scope

from app.asgi_scope import CONNECTIONS, PICTURES
from app.discriminator.network import LoadedDiscriminator
from app.discriminator.quiz import Originals, RealPictures
from app.errors import Busy, ClientGone
from app.lookup import Lookup
from app.registry import Registry
from app.sampling.batching import Batcher
from app.sampling.chunks import ChunkRunner, Steps
from app.sampling.generator import LoadedGenerator, Pixels
from app.sampling.latents import Point, Seed
from app.sampling.pictures import Drawing, Resolved
from app.sampling.response_cache import RenderedResponse, ResponseCache
from app.sampling.sharpener import LoadedSharpener
from training.datasets import DatasetRegistry

Result = TypeVar("Result")
INLINE_PIXELS = 28 * 28 * 16
"""Pictures up to scale 4 (16 times the pixels) are drawn and encoded within a millisecond."""
SHORT_PIXELS = 1_000_000
"""A single picture is always smaller: at scale 32 it has 802,816 pixels."""
SHORT_CONCURRENCY = 4
MAX_WAITING = 64
"""A waiting request holds only its body, at most 1 MiB."""
UPLOAD_CONCURRENCY = 1
"""Decoding 16 million pixels takes up to 260 MB (a WebP with transparency), for less than a second."""
MAX_UPLOADS_WAITING = 16
"""A waiting upload holds its file, at most `GAN_MAX_UPLOAD` bytes."""


class ResponseMemory(Protocol):
    """Tracks how much memory unread responses occupy (`app.http.connections.Connections`)."""

    def has_memory(self, client: str) -> bool:
        """Return whether there is memory for another large response to a client."""


class PictureSeries(Protocol):
    """The single pictures of a request, for all seeds (`app.api.series.Series`)."""

    generator: LoadedGenerator

    def point(self, seed: Seed) -> tuple[Point, int | None]:
        """Return the input of the generator, and the class."""

    def finish(self, seed: Seed, pixels: Pixels, point: Point, label: int | None) -> RenderedResponse:
        """Encode the pixels, (28, 28)."""


def is_inline(drawing: Drawing) -> bool:
    """Whether a request is drawn and encoded in the event loop."""
    return drawing.count == 1 and drawing.pixels <= INLINE_PIXELS


class Scheduler:
    """Runs the work of one server worker.

    Args:
        registry: the generators.
        bulk_concurrency: how many long tasks run at a time.
        cache_bytes: size of the response cache.
        datasets: the folder of imported datasets. By default, that of the state folder.
    """

    def __init__(self, registry: Registry, bulk_concurrency: int, cache_bytes: int, datasets: Path | None = None) -> None:
        self.registry = registry
        self.lookup = Lookup(registry)
        self.cache = ResponseCache(cache_bytes)
        self._originals = Originals(DatasetRegistry(datasets))
        self._batcher = Batcher()
        self._chunks = ChunkRunner(self._batcher.has_recent_requests)
        self._short = CapacityLimiter(SHORT_CONCURRENCY)
        self._uploads = CapacityLimiter(UPLOAD_CONCURRENCY)
        self._bulk = CapacityLimiter(bulk_concurrency)

    async def generator(self, model: str | None, version: str | None) -> LoadedGenerator:
        """Return the generator that a request names. Loading one does not block other requests.

        Raises:
            NotFound, TaskMismatch, VersionUnusable: as `Registry.generator`.
        """
        found = await self.lookup.find(partial(self.registry.in_memory, model, version))
        if found is not None:
            return found
        return await to_thread.run_sync(self.registry.generator, model, version)

    async def sharpener(self, model: str | None, version: str | None) -> LoadedSharpener:
        """Return the sharpener that a request names. Loading one does not block other requests.

        Raises:
            NotFound, TaskMismatch, VersionUnusable: as `Registry.generator`.
        """
        found = await self.lookup.find(partial(self.registry.in_memory, model, version, task="sharpen"))
        if found is None:
            found = await to_thread.run_sync(partial(self.registry.generator, model, version, task="sharpen"))
        assert isinstance(found, LoadedSharpener)  # noqa: S101 - for the type checker
        return found

    async def discriminator(self, generator: LoadedGenerator) -> LoadedDiscriminator:
        """Return the discriminator of a generator's version. Loading it does not block other requests.

        Raises:
            VersionUnusable: as `Registry.discriminator`.
        """
        return await to_thread.run_sync(self.registry.discriminator, generator)

    async def originals(self, generator: LoadedGenerator) -> RealPictures:
        """Return the test pictures of a generator's dataset. Reading them does not block other requests.

        Raises:
            DatasetMissing: as `Originals.of`.
        """
        return await to_thread.run_sync(self._originals.of, generator.manifest.dataset)

    def waiting(self) -> dict[str, int]:
        """Return the number of waiting requests in each lane."""
        lanes = {"short": self._short, "bulk": self._bulk, "uploads": self._uploads}
        return {"single": len(self._batcher)} | {name: lane.statistics().tasks_waiting for name, lane in lanes.items()}

    async def draw(self, request: Request, resolved: Resolved) -> RenderedResponse:
        """Draw the response to a `/generate` or `/sharpen` request.

        Raises:
            Overloaded: too many single pictures are requested at the same time.
            Busy, ClientGone: as `perform`.
        """
        drawing = resolved.drawing
        if is_inline(drawing):
            self._batcher.admit()  # before any arithmetic: in a flood most requests are rejected
            points, labels = resolved.points()
            pixels = await self.draw_point(request.scope, resolved.generator, points[0])
            return resolved.finish(pixels[None], points, labels)
        return await self.perform(request, resolved.steps(), pictures=drawing.count, pixels=drawing.pixels)

    async def draw_point(self, scope: Scope, generator: LoadedGenerator, point: Point) -> Pixels:
        """Draw one input in a batch with those that are requested at the same time. Return its pixels, (28, 28).

        Raises:
            Overloaded: too many single pictures are requested at the same time.
        """
        pixels = await self._batcher.draw(generator, point)
        scope[PICTURES] = 1
        return pixels

    async def draw_one(self, scope: Scope, series: PictureSeries, seed: Seed) -> RenderedResponse:
        """Draw and encode the picture of a seed, in one batch with those that are requested at the same time.

        Raises:
            Overloaded: too many single pictures are requested at the same time.
        """
        self._batcher.admit()  # before any arithmetic: in a flood most requests are rejected
        point, label = series.point(seed)
        rendered = await self._batcher.submit(series.generator, point, lambda pixels: series.finish(seed, pixels, point, label))
        scope[PICTURES] = 1
        return rendered

    async def perform(
        self, request: Request, steps: Steps[RenderedResponse], *, pictures: int, pixels: int
    ) -> RenderedResponse:
        """Draw a request in the lane for its size.

        Raises:
            Busy: too many requests are waiting in the lane, or too many large responses are unread.
            ClientGone: the client disconnected before its turn; nothing was drawn.
        """
        self._check_readers(request)
        lane = self._short if pictures <= 64 and pixels <= SHORT_PIXELS else self._bulk
        async with self._turn(lane, MAX_WAITING, request):
            self._check_readers(request)  # responses drawn in the meantime may still be unread
            request.scope[PICTURES] = pictures
            return await to_thread.run_sync(await self._chunks.run(steps))

    async def score(self, request: Request, work: Callable[[], Result]) -> Result:
        """Process an upload in a thread.

        Raises:
            Busy, ClientGone: as `perform`.
        """
        async with self.upload(request):
            return await to_thread.run_sync(work)

    @asynccontextmanager
    async def upload(self, request: Request) -> AsyncIterator[None]:
        """Hold the lane for uploads. The pixels of at most one upload are in memory.

        Raises:
            Busy, ClientGone: as `perform`.
        """
        async with self._turn(self._uploads, MAX_UPLOADS_WAITING, request):
            yield

    async def draw_for_upload(self, request: Request, steps: Steps[RenderedResponse], *, pictures: int) -> RenderedResponse:
        """Draw for an upload whose lane is held by `upload`."""
        request.scope[PICTURES] = pictures
        return await to_thread.run_sync(await self._chunks.run(steps))

    def _check_readers(self, request: Request) -> None:
        connections: ResponseMemory | None = request.scope.get(CONNECTIONS)
        if connections and not connections.has_memory(request.client.host if request.client else ""):
            raise Busy("Too many large responses are still unread. Read yours, then retry in a few seconds.")

    @asynccontextmanager
    async def _turn(self, lane: CapacityLimiter, most_waiting: int, request: Request) -> AsyncIterator[None]:
        if lane.statistics().tasks_waiting >= most_waiting:
            raise Busy("Too many large requests are waiting. Retry in a few seconds, or request less at a time.")
        async with lane:
            if await request.is_disconnected():
                raise ClientGone("The client disconnected before its turn. Send the request again.")
            yield
