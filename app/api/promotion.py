"""`/admin/models`: promote or delete a version."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Path, Request, Response

from app.api.admin_route import admin_router
from app.api.dependencies import IdentityOf, RegistryOf, RetrainingOf
from app.api.schemas.retraining import ChampionBody, ChampionView
from app.errors import (
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    StoreUnavailable,
    VersionInService,
    VersionUnfit,
    VersionUnusable,
)
from app.http import caching
from app.http.problem_details import problem_responses
from app.registry import Registry
from app.retraining.candidate import check_fit_to_serve
from models import errors as models
from models.aliases import CHAMPION, PREVIOUS
from models.history import Cause

router = admin_router("promotion")
Name = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9_-]{0,63}$", description="Model.", examples=["digits"])]
IfMatch = Annotated[str | None, Header(description="ETag of the champion to replace, or `*`.")]
_TAGGED = {200: {"headers": {"ETag": {"description": "Identifies the champion.", "schema": {"type": "string"}}}}}


@router.get("/models/{name}/champion", summary="Show the champion", responses={**_TAGGED, **problem_responses(404)})  # type: ignore[dict-item]
def show_champion(request: Request, response: Response, name: Name, registry: RegistryOf) -> ChampionView:
    """Returns the version that is served by default. A promotion must send its ETag in `If-Match`."""
    return _champion(request, response, registry, name)


@router.put(
    "/models/{name}/champion",
    summary="Promote a version, or roll back",
    responses={**_TAGGED, **problem_responses(404, 409, 412, 428)},  # type: ignore[dict-item]
)
def promote_version(
    request: Request,
    response: Response,
    name: Name,
    body: ChampionBody,
    registry: RegistryOf,
    identity: IdentityOf,
    if_match: IfMatch = None,
) -> ChampionView:
    """Promotes a version. All workers serve it within two seconds. Requests in progress finish with the old generator.

    The version is loaded and tested first. `If-Match` names the champion to replace, so that two administrators cannot
    overwrite each other's promotion.
    """
    aliases = _aliases(registry, name)
    current = aliases.get(CHAMPION)
    tag = _tag(name, current)
    if if_match is None:
        raise PreconditionRequired(f"The request does not name the champion to replace. Send If-Match: {tag}.")
    if if_match.strip() != "*" and tag not in [part.strip() for part in if_match.split(",")]:
        raise PreconditionFailed(f"The champion of {name} is version {current}. To replace it, send If-Match: {tag}.")
    number = aliases.get(PREVIOUS) if body.version == PREVIOUS else int(body.version)
    if number is None:
        raise NotFound(f"{name} has no previous champion. Name a version.")
    try:
        check_fit_to_serve(registry.repository.get(name, number), registry.load)
        cause = Cause(how="request", by=identity.name, reason=body.reason)
        registry.repository.promote(name, number, instead_of=current, cause=cause)
    except models.NotFound as error:
        raise NotFound(str(error)) from error
    except models.Changed as error:
        raise PreconditionFailed(str(error)) from error
    except models.Locked as error:
        raise StoreUnavailable(f"Version {number} of {name} was not promoted. {error}") from error
    except (models.RepositoryError, VersionUnusable) as error:
        raise VersionUnfit(f"Version {number} of {name} was not promoted. {error}") from error
    except OSError as error:
        raise StoreUnavailable(
            f"The promotion cannot be written ({error.strerror}). Free disk space, then try again."
        ) from error
    registry.refresh()  # for this worker; the others poll twice a second
    return _champion(request, response, registry, name)


@router.delete(
    "/models/{name}/versions/{version}",
    status_code=204,
    summary="Delete a version that is not the champion",
    responses=problem_responses(404, 409),
)
def delete_version(
    name: Name,
    version: Annotated[int, Path(ge=1, le=10**9, description="Version number.")],
    registry: RegistryOf,
    retraining: RetrainingOf,
) -> None:
    """Deletes a version permanently. Its pinned URLs respond with 404, and its number is never reused."""
    waiting = retraining.store.waiting_for(name, version)
    if waiting:
        raise VersionInService(f"Job {waiting.id} will start from version {version} of {name}. Cancel it, or wait for it.")
    try:
        registry.repository.delete(name, version)
    except models.NotFound as error:
        raise NotFound(str(error)) from error
    except models.InService as error:
        raise VersionInService(str(error)) from error
    except models.Locked as error:
        raise StoreUnavailable(f"Version {version} of {name} was not deleted. {error}") from error
    except OSError as error:
        raise StoreUnavailable(
            f"The version cannot be deleted ({error.strerror}). Make the models folder writable, then try again."
        ) from error
    registry.refresh()


def _aliases(registry: Registry, name: str) -> dict[str, int]:
    """Read the aliases from the disk, not from this worker's cache. If they are lost, return those in use."""
    if name not in registry.repository.names():
        raise NotFound(f"There is no model {name!r}. Choose one of {', '.join(registry.repository.names()) or 'none'}.")
    return registry.repository.served_aliases(name)


def _champion(request: Request, response: Response, registry: Registry, name: str) -> ChampionView:
    aliases = _aliases(registry, name)
    number = aliases.get(CHAMPION)
    try:
        found = registry.repository.get(name, number or 0)
    except models.RepositoryError as error:
        raise VersionUnfit(f"The champion of {name} cannot be read. {error}") from error
    response.headers["ETag"] = _tag(name, number)
    response.headers["Cache-Control"] = caching.NEVER
    return ChampionView.of(found, aliases.get(PREVIOUS), str(request.scope.get("root_path", "")))


def _tag(name: str, number: int | None) -> str:
    """Return the entity tag of a champion. The number suffices, because it is never reused."""
    return f'"{name}/{number}"'
