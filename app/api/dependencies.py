"""What routes take from the application."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from app.access import Identity
from app.catalog import Catalog
from app.errors import InvalidRequest
from app.retraining.feed import Feeds
from app.retraining.service import Retraining
from app.workload import Workload


async def _catalog(request: Request) -> Catalog:
    catalog: Catalog = request.app.state.catalog
    return catalog


async def _workload(request: Request) -> Workload:
    workload: Workload = request.app.state.workload
    return workload


async def _retraining(request: Request) -> Retraining:
    retraining: Retraining = request.app.state.retraining
    return retraining


async def _identity(request: Request) -> Identity:
    identity: Identity = request.state.identity
    return identity


async def _feeds(request: Request) -> Feeds:
    feeds: Feeds = request.app.state.feeds
    return feeds


def read_query(query: bytes) -> dict[str, str]:
    """Read a query, and refuse what a lenient parser would settle by itself.

    Raises:
        InvalidRequest: a parameter is given twice, or bytes are not UTF-8.
    """
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise InvalidRequest("The query is not UTF-8. Encode it as UTF-8, then percent-encode.") from error
    values = dict(pairs)
    if len(values) < len(pairs):
        twice, times = Counter(name for name, _ in pairs).most_common(1)[0]
        raise InvalidRequest(f"The parameter {twice[:80]!r} is given {times} times. Give it once.")
    return values


async def _unambiguous_query(request: Request) -> None:
    read_query(request.scope["query_string"])


BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
"""How OpenAPI calls a file."""
UnambiguousQuery = Annotated[None, Depends(_unambiguous_query)]
CatalogOf = Annotated[Catalog, Depends(_catalog)]
WorkloadOf = Annotated[Workload, Depends(_workload)]
RetrainingOf = Annotated[Retraining, Depends(_retraining)]
FeedsOf = Annotated[Feeds, Depends(_feeds)]
IdentityOf = Annotated[Identity, Depends(_identity)]
