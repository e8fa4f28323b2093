"""What routes take from the application."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from app.catalog import Catalog
from app.workload import Workload


def _catalog(request: Request) -> Catalog:
    catalog: Catalog = request.app.state.catalog
    return catalog


def _workload(request: Request) -> Workload:
    workload: Workload = request.app.state.workload
    return workload


CatalogOf = Annotated[Catalog, Depends(_catalog)]
WorkloadOf = Annotated[Workload, Depends(_workload)]
