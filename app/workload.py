"""Where work is done, so that no request holds up the others.

Pictures are drawn in the event loop: small ones with those that are asked for at the same time (`app.batching`), many of
them a slice at a time (`app.slices`). Large files are encoded, and pictures that were sent are judged, in threads. What is
long waits its turn in one of a few lanes, so that a single large picture does not queue behind sheets of thousands, nor a
picture that was sent behind either. A lane has a bounded queue: past it a caller is told to come again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from app.batching import Batcher
from app.catalog import Catalog
from app.connections import Connections
from app.discriminator import LoadedDiscriminator
from app.errors import Busy, ClientGone
from app.generator import LoadedGenerator
from app.pictures import Posed
from app.quiz import Originals, RealPictures
from app.response_cache import Answer, ResponseCache
from app.scopes import CONNECTIONS, PICTURES
from app.slices import Slices, Steps

Result = TypeVar("Result")
INLINE_PIXELS = 28 * 28 * 16
"""Up to four times a picture's side is drawn and encoded within a millisecond."""
SHORT_PIXELS = 1_000_000
"""Every single picture is below this: 32 times its side is 802,816."""
SHORT_CONCURRENCY = 4
MAX_WAITING = 64
"""What waits holds its request only: at most a mebibyte of body."""
JUDGING_CONCURRENCY = 1
"""Decoding 16 million pixels takes up to 260 MB (a WebP with transparency), for less than a second."""
MAX_UPLOADS_WAITING = 16
"""What waits holds a picture file: at most 10 MB, unless an operator allows more."""


class Workload:
    """The work of one server worker.

    Args:
        catalog: the generators.
        bulk_concurrency: how many long pieces of work run at a time.
        cache_bytes: what finished answers may take.
    """

    def __init__(self, catalog: Catalog, bulk_concurrency: int, cache_bytes: int) -> None:
        self.catalog = catalog
        self.cache = ResponseCache(cache_bytes)
        self._originals = Originals()
        self._batcher = Batcher()
        self._slices = Slices(self._batcher.hurried)
        self._short = CapacityLimiter(SHORT_CONCURRENCY)
        self._judging = CapacityLimiter(JUDGING_CONCURRENCY)
        self._bulk = CapacityLimiter(bulk_concurrency)

    async def generator(self, model: str | None, version: str | None) -> LoadedGenerator:
        """The generator a request means; loading one does not hold up the others.

        Raises:
            NotFound, VersionUnusable: as `Catalog.generator`.
        """
        found = self.catalog.in_memory(model, version)
        if found is not None:
            return found
        return await to_thread.run_sync(self.catalog.generator, model, version)

    async def discriminator(self, generator: LoadedGenerator) -> LoadedDiscriminator:
        """The discriminator of a generator's version; loading it does not hold up the others.

        Raises:
            VersionUnusable: as `Catalog.discriminator`.
        """
        return await to_thread.run_sync(self.catalog.discriminator, generator)

    async def originals(self, generator: LoadedGenerator) -> RealPictures:
        """The test pictures of what a generator was trained on; reading them does not hold up the others.

        Raises:
            DatasetMissing: as `Originals.of`.
        """
        return await to_thread.run_sync(self._originals.of, generator.manifest.dataset)

    def waiting(self) -> dict[str, int]:
        """How many requests wait for their turn, by lane."""
        lanes = {"short": self._short, "bulk": self._bulk, "uploads": self._judging}
        return {"single": len(self._batcher)} | {name: lane.statistics().tasks_waiting for name, lane in lanes.items()}

    async def draw(self, request: Request, posed: Posed) -> Answer:
        """Draw what `/generate` was asked for.

        Raises:
            Overloaded: more small pictures are asked for than can be drawn.
            Busy, ClientGone: as `perform`.
        """
        drawing = posed.drawing
        if drawing.count == 1 and drawing.pixels <= INLINE_PIXELS:
            self._batcher.admit()  # before any arithmetic: in a flood most are refused
            points, labels = posed.points()
            pixels = await self._batcher.draw(posed.generator, points[0])
            request.scope[PICTURES] = 1
            return posed.finish(pixels[None], points, labels)
        return await self.perform(request, posed.steps(), pictures=drawing.count, pixels=drawing.pixels)

    async def perform(self, request: Request, steps: Steps[Answer], *, pictures: int, pixels: int) -> Answer:
        """Draw so many pictures and write so many pixels, when its turn comes.

        Raises:
            Busy: too many pieces of its kind are waiting, or too many answers have not been read.
            ClientGone: the caller hung up before its turn came; nothing was drawn.
        """
        self._check_readers(request)
        lane = self._short if pictures <= 64 and pixels <= SHORT_PIXELS else self._bulk
        async with self._turn(lane, MAX_WAITING, request):
            self._check_readers(request)  # what was drawn meanwhile may be unread
            request.scope[PICTURES] = pictures
            return await to_thread.run_sync(await self._slices.run(steps))

    async def judge(self, request: Request, work: Callable[[], Result]) -> Result:
        """Do a piece of work on a picture that was sent, in a thread.

        Raises:
            Busy, ClientGone: as `perform`.
        """
        async with self._turn(self._judging, MAX_UPLOADS_WAITING, request):
            return await to_thread.run_sync(work)

    def _check_readers(self, request: Request) -> None:
        connections: Connections | None = request.scope.get(CONNECTIONS)
        if connections and not connections.has_memory(request.client.host if request.client else ""):
            raise Busy("Too many large answers have not been read yet. Read yours, and ask again in a few seconds.")

    @asynccontextmanager
    async def _turn(self, lane: CapacityLimiter, most_waiting: int, request: Request) -> AsyncIterator[None]:
        if lane.statistics().tasks_waiting >= most_waiting:
            raise Busy("Too much long work is waiting. Come again in a few seconds, or ask for less at a time.")
        async with lane:
            if await request.is_disconnected():
                raise ClientGone("The caller hung up before its turn came. Ask again.")
            yield
