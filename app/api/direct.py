"""`GET /generate` without FastAPI, which would take most of the time of a request.

The steps of a request for a single picture, from its query to the response:

1. `_read` parses the query with the pydantic model of the route. The common form, an integer seed and other parameters that
   were seen before, is not parsed again.
2. The registry returns the generator, which remembers the `Series`: the request without its seed.
3. `generate.respond_single` answers with 304, from the cache, or with a picture from the next batch.

From step 2 on, sheets, children and text seeds are handled as in the route (`generate.respond`).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api import generate
from app.api.dependencies import read_query
from app.api.schemas.pictures import GenerateQuery
from app.api.series import Series, remember, series_of
from app.asgi_scope import ROUTE
from app.errors import InvalidRequest, SeedlingError
from app.http import caching, problem_details
from app.sampling import pictures
from app.sampling.latents import fresh_seed
from app.scheduler import Scheduler, is_inline
from models.seed_contract import MAX_SEED

_BODY = frozenset({b"content-length", b"transfer-encoding"})
_INTEGER_SEED = re.compile(rb"(?:^|&)seed=([0-9]{1,10})(?=&|$)")
MAX_REST = 200
"""Bytes of the parameters besides the seed that are remembered."""
MAX_RESTS = 512


class DirectGenerate:
    """ASGI middleware that handles valid `GET /generate` requests with the same function as the route.

    All other requests, including those with an invalid query, are passed to the application. The route therefore remains the
    only source of the OpenAPI description and of validation errors. Requests that are handled here bypass FastAPI's own
    middleware, but not `app.http.middleware`.
    """

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.scheduler: Scheduler = app.state.scheduler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_generate(scope):
            await self.app(scope, receive, send)
            return
        try:
            response = await self._respond(scope, receive)
        except SeedlingError as error:
            response = problem_details.respond(error)
        except Exception as error:
            response = problem_details.unexpected(Request(scope, receive), error)
        if response is None:
            await self.app(scope, receive, send)
            return
        scope[ROUTE] = "/generate"
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> Response | None:
        """Return the response, or None if the query is invalid."""
        seed, rest = _split(scope["query_string"])
        single = _read_single(rest) if len(rest) <= MAX_REST else None
        if single is None or (seed is not None and seed > MAX_SEED):
            query = _read(scope["query_string"])
            return None if query is None else await generate.respond(Request(scope, receive), query, self.scheduler)
        generator = await self.scheduler.generator(single.query.model, single.query.version)
        series: Series | None = generator.memo.get(rest)
        if series is None:
            series = remember(generator, rest, series_of(pictures.resolve(single.drawing, generator)))
        return await generate.respond_single(
            scope,
            series,
            fresh_seed() if seed is None else seed,
            self.scheduler,
            pinned=single.is_pinned,
            fresh=seed is None,
        )


def _is_generate(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].endswith("/generate"):
        return False
    if scope["path"].removeprefix(scope.get("root_path", "")) != "/generate":
        return False
    return not any(name in _BODY for name, _ in scope["headers"])  # the application limits the size of bodies


def _split(query: bytes) -> tuple[int | None, bytes]:
    """Return the first integer seed of a query, if it has one, and the rest of the query."""
    if query.startswith(b"seed=") and query[5:].isdigit() and len(query) <= 15:  # the most frequent form
        return int(query[5:]), b""
    found = _INTEGER_SEED.search(query)
    return (int(found[1]), query[: found.start()] + query[found.end() :]) if found else (None, query)


@dataclass(frozen=True)
class _Single:
    """A valid request for a single picture, apart from its integer seed."""

    query: GenerateQuery
    drawing: pictures.Drawing
    is_pinned: bool


@functools.lru_cache(maxsize=MAX_RESTS)
def _read_single(rest: bytes) -> _Single | None:
    """Parse a query without its integer seed. Return None if it is invalid or requests something else."""
    query = _read(rest)
    if query is None or query.seed is not None or query.seeds is not None:
        return None
    if query.parents is not None or query.child is not None:
        return None
    try:
        drawing = query.drawing()
    except SeedlingError:
        return None
    return _Single(query, drawing, caching.is_pinned(query.version)) if is_inline(drawing) else None


def _read(query: bytes) -> GenerateQuery | None:
    try:
        return GenerateQuery.model_validate(read_query(query))
    except (InvalidRequest, ValidationError):
        return None
