"""`/livez` and `/readyz`: what an orchestrator asks."""

from __future__ import annotations

from fastapi import APIRouter, Response

from app.api.dependencies import CatalogOf
from app.api.schemas import Health
from app.errors import SeedlingError

router = APIRouter(tags=["operation"])


@router.get("/livez", summary="Is the process alive?")
async def livez() -> Health:
    """Always ok: if it were not, nobody would answer."""
    return Health(status="ok")


@router.get("/readyz", summary="Can it serve?", responses={503: {"model": Health, "description": "It cannot, and why."}})
async def readyz(response: Response, catalog: CatalogOf) -> Health:
    """Ok once the default model's champion is loaded and has drawn its golden seeds. Says what is refused, and why."""
    refused = {
        f"{view.name}/{number}": reason
        for view in catalog.models().values()
        for number in catalog.numbers(view)
        if (reason := catalog.refusal(view, number))
    }
    try:
        serving = catalog.in_memory()
    except SeedlingError as error:
        refused["serving"] = str(error)
        serving = None
    if serving is None:
        response.status_code = 503
        return Health(status="not ready", detail=refused)
    detail = {"serving": f"{serving.manifest.name}/{serving.manifest.version}"} | ({"refused": refused} if refused else {})
    return Health(status="ok", detail=detail)
