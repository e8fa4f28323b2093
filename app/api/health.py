"""`/livez` and `/readyz`: what an orchestrator asks."""

from __future__ import annotations

from fastapi import APIRouter

from app.api.catalogue_schemas import Alive, Ready
from app.api.dependencies import CatalogOf
from app.errors import NotReady, SeedlingError
from app.problems import problem_responses

router = APIRouter(tags=["operation"])


@router.get("/livez", summary="Is the process alive?", responses=problem_responses())
async def livez() -> Alive:
    """Always ok: if it were not, nobody would answer."""
    return Alive()


@router.get("/readyz", summary="Can it serve?", responses=problem_responses(503))
async def readyz(catalog: CatalogOf) -> Ready:
    """Ok once the default model's champion is loaded and has drawn its golden seeds. Says what is refused, and why."""
    try:
        serving = catalog.in_memory()
    except SeedlingError as error:
        raise NotReady(str(error)) from error
    if serving is None:
        raise NotReady("The champion is not loaded yet. Ask again in a second.")
    refused = {
        f"{view.name}/{number}": reason
        for view in catalog.models().values()
        for number in view.numbers
        if (reason := catalog.refusal(view, number))
    }
    return Ready(serving=f"{serving.manifest.name}/{serving.manifest.version}", refused=refused)
