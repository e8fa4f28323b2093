"""`/livez` and `/readyz`: health probes."""

from __future__ import annotations

import os

from anyio import to_thread
from fastapi import APIRouter

from app.api.dependencies import RegistryOf, RetrainingOf
from app.api.schemas.models import Alive, Ready
from app.errors import NoTrainer, NotReady, SeedlingError, StoreUnavailable
from app.http.problem_details import problem_responses
from app.registry import Registry
from app.retraining.facade import Retraining
from app.sampling.generator import LoadedGenerator

router = APIRouter(tags=["operation"])


@router.get("/livez", summary="Is the process alive?", responses=problem_responses())
async def livez() -> Alive:
    """Responds as long as the process runs."""
    return Alive()


@router.get("/readyz", summary="Can it serve?", responses=problem_responses(503))
async def readyz(registry: RegistryOf, retraining: RetrainingOf) -> Ready:
    """Responds with 200 once the champion of the default model is loaded and its golden seeds are verified.

    `refused` and `degraded` list problems that do not prevent the service from drawing pictures. They do not change the status.
    """
    champion = serving(registry)
    refused = {f"{name}/{number}": reason for (name, number), reason in sorted(registry.refusals().items())}
    degraded = await to_thread.run_sync(_degraded, registry, retraining)
    return Ready(serving=champion.title, refused=refused, degraded=degraded)


def serving(registry: Registry) -> LoadedGenerator:
    """Return the champion of the default model.

    Raises:
        NotReady: it is not loaded.
    """
    try:
        champion = registry.in_memory()
    except SeedlingError as error:
        raise NotReady(str(error)) from error
    if champion is None:
        raise NotReady("The champion is not loaded yet. Retry in a second.")
    return champion


def _degraded(registry: Registry, retraining: Retraining) -> dict[str, str]:
    found = {}
    state = retraining.settings.state
    if not os.access(state, os.W_OK):
        found["state"] = "The state folder is not writable, so retraining and promotion do not work. Make it writable."
    lost = registry.degraded()
    if lost:
        found["aliases"] = " ".join(lost.values())
    if registry.unreachable:
        found["storage"] = registry.unreachable
    if registry.trouble:
        found["database" if isinstance(registry.trouble, StoreUnavailable) else "models"] = str(registry.trouble)
    elif registry.not_adopted:
        found["models"] = "The shipped versions cannot be copied to the state folder. See the log, and make it writable."
    if retraining.trouble and "database" not in found:
        found["database"] = str(retraining.trouble)
    elif retraining.is_used and "database" not in found:
        try:
            if lost_jobs := retraining.lost_jobs():
                found["jobs"] = lost_jobs
            retraining.require_trainer()
        except NoTrainer as error:
            found["training"] = str(error)
        except StoreUnavailable as error:
            found["database"] = str(error)
    return found
