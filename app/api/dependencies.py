"""What routes take from the application."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from app.access import Identity
from app.catalog import Catalog
from app.errors import InvalidRequest
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


async def _unambiguous_query(request: Request) -> None:
    """Refuse what a lenient parser would settle by itself: a parameter given twice, and bytes that are not UTF-8."""
    try:
        names = [name for name, _ in parse_qsl(request.scope["query_string"].decode("ascii"), True, errors="strict")]
    except ValueError as error:
        raise InvalidRequest("The query is not UTF-8. Encode it as UTF-8, then percent-encode.") from error
    for name in names:
        if names.count(name) > 1:
            raise InvalidRequest(f"The parameter {name[:80]!r} is given {names.count(name)} times. Give it once.")


BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
"""How OpenAPI calls a file."""
UnambiguousQuery = Annotated[None, Depends(_unambiguous_query)]
CatalogOf = Annotated[Catalog, Depends(_catalog)]
WorkloadOf = Annotated[Workload, Depends(_workload)]
RetrainingOf = Annotated[Retraining, Depends(_retraining)]
IdentityOf = Annotated[Identity, Depends(_identity)]
