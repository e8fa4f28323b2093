"""Dependencies of the routes."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from app.datasets.catalogue import Catalogue
from app.datasets.imports import Imports
from app.datasets.uploads import Uploads
from app.errors import InvalidRequest
from app.http.authentication import Identity
from app.http.ignored_parameters import is_ignored
from app.inversion.loading import Inverters
from app.lookup import Lookup
from app.registry import Registry
from app.retraining.facade import Retraining
from app.retraining.feed import Feeds
from app.scheduler import Scheduler


async def _registry(request: Request) -> Registry:
    registry: Registry = request.app.state.registry
    return registry


async def _scheduler(request: Request) -> Scheduler:
    scheduler: Scheduler = request.app.state.scheduler
    return scheduler


async def _lookup(request: Request) -> Lookup:
    scheduler: Scheduler = request.app.state.scheduler
    return scheduler.lookup


async def _retraining(request: Request) -> Retraining:
    retraining: Retraining = request.app.state.retraining
    return retraining


async def _identity(request: Request) -> Identity:
    identity: Identity = request.state.identity
    return identity


async def _feeds(request: Request) -> Feeds:
    feeds: Feeds = request.app.state.feeds
    return feeds


async def _uploads(request: Request) -> Uploads:
    uploads: Uploads = request.app.state.uploads
    return uploads


async def _imports(request: Request) -> Imports:
    imports: Imports = request.app.state.imports
    return imports


async def _inverters(request: Request) -> Inverters:
    inverters: Inverters = request.app.state.inverters
    return inverters


async def _catalogue(request: Request) -> Catalogue:
    catalogue: Catalogue = request.app.state.catalogue
    return catalogue


def read_query(query: bytes) -> dict[str, str]:
    """Parse a query string strictly, without the parameters that `app.http.ignored_parameters` ignores.

    Raises:
        InvalidRequest: a parameter is repeated, or the query is not UTF-8.
    """
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
        pairs = [(name, value) for name, value in pairs if not is_ignored(name)]
    except ValueError as error:
        raise InvalidRequest("The query is not UTF-8. Encode it as UTF-8, then percent-encode it.") from error
    values = dict(pairs)
    if len(values) < len(pairs):
        name, times = Counter(key for key, _ in pairs).most_common(1)[0]
        raise InvalidRequest(f"The parameter {name[:80]!r} is given {times} times. Give it once.")
    return values


async def _unambiguous_query(request: Request) -> None:
    read_query(request.scope["query_string"])


BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
"""OpenAPI schema of a binary body."""
UnambiguousQuery = Annotated[None, Depends(_unambiguous_query)]
LookupOf = Annotated[Lookup, Depends(_lookup)]
RegistryOf = Annotated[Registry, Depends(_registry)]
SchedulerOf = Annotated[Scheduler, Depends(_scheduler)]
RetrainingOf = Annotated[Retraining, Depends(_retraining)]
FeedsOf = Annotated[Feeds, Depends(_feeds)]
UploadsOf = Annotated[Uploads, Depends(_uploads)]
ImportsOf = Annotated[Imports, Depends(_imports)]
CatalogueOf = Annotated[Catalogue, Depends(_catalogue)]
InvertersOf = Annotated[Inverters, Depends(_inverters)]
IdentityOf = Annotated[Identity, Depends(_identity)]
