"""The champion history of a model, for everybody and for administrators.

`/models` shows the champion to everybody, so `GET /models/{name}/history` shows when it changed, with what the manifests say
anyway: the job and the reason of its gate. The names of tokens and the reasons that administrators gave need a token, as in
`/admin/audit`.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from app.api.admin_route import admin_router
from app.api.dependencies import RegistryOf
from app.api.schemas.history import ComparisonView, ModelHistory, PromotionView
from app.errors import NotFound
from app.http import caching
from app.http.problem_details import problem_responses
from app.retraining.gate import SHARPEN_TESTS
from models.errors import RepositoryError
from models.history import Promotion
from models.manifest import Figure, Manifest
from models.repository import Repository

router = APIRouter(tags=["models"])
admin = admin_router("promotion")
Name = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9_-]{0,63}$", description="Model.", examples=["digits"])]


@router.get("/models/{name}/history", summary="Show a model's champions", responses=problem_responses(404, 422, 503))
def show_history(request: Request, response: Response, name: Name, registry: RegistryOf) -> ModelHistory:
    """Returns which version was champion when, newest first, and why. At most 100 promotions are kept."""
    return _history(request, response, registry.repository, name, is_public=True)


@admin.get("/models/{name}/history", summary="Show who promoted a model's champions", responses=problem_responses(404))
def show_full_history(request: Request, response: Response, name: Name, registry: RegistryOf) -> ModelHistory:
    """Like `GET /models/{name}/history`, with the names of the tokens and the reasons that administrators gave."""
    return _history(request, response, registry.repository, name, is_public=False)


def _history(request: Request, response: Response, repository: Repository, name: str, *, is_public: bool) -> ModelHistory:
    if name not in repository.names():
        raise NotFound(f"There is no model {name!r}. Choose one of {', '.join(repository.names()) or 'none'}.")
    root = f"{request.scope.get('root_path', '')}/models/{name}/versions"
    found = repository.history(name)
    following = [promotion.time for promotion in found[1:]] + [None]
    views = [
        PromotionView(
            version=each.version,
            instead_of=each.instead_of,
            time=each.time,
            until=until,
            how=each.how,
            job=each.by if each.how == "job" else None,
            by=each.by if each.how == "request" and not is_public else None,
            reason=each.reason if each.how == "job" or not is_public else "",  # the manifest has that of the gate
            comparison=_comparison(repository, name, each),
            url=f"{root}/{each.version}" if repository.has(name, each.version) else None,
        )
        for each, until in zip(found, following, strict=True)
    ]
    response.headers["Cache-Control"] = caching.REVALIDATE if is_public else caching.NEVER
    return ModelHistory(name=name, promotions=views[::-1])


def _comparison(repository: Repository, name: str, promotion: Promotion) -> ComparisonView | None:
    """Return the figures of both champions: those that the gate compared, if it compared these two, or else their own."""
    new, old = _manifest(repository, name, promotion.version), _manifest(repository, name, promotion.instead_of)
    if new is None:
        return None
    by_gate = new.gate is not None and promotion.instead_of is not None and new.gate.champion == promotion.instead_of
    if by_gate and new.gate:
        value, before = distance(new, new.gate.figures), distance(new, new.gate.champion_figures)
    else:
        value, before = distance(new, new.metrics), distance(old, old.metrics) if old else None
    if value is None:
        return None
    figure = "fid_sum" if new.task == "sharpen" else "fid_test"
    return ComparisonView(figure=figure, value=value, before=before, by_gate=by_gate and before is not None)


def _manifest(repository: Repository, name: str, number: int | None) -> Manifest | None:
    try:
        return repository.get(name, number).manifest if number else None
    except RepositoryError:
        return None


def distance(manifest: Manifest, figures: dict[str, Figure]) -> float | None:
    """Return the Frechet distance that the gate compares; of a sharpener, summed over its tests. None if it is missing."""
    names = [f"fid_{test}" for test in SHARPEN_TESTS] if manifest.task == "sharpen" else ["fid_test"]
    values = [figures[name].value for name in names if name in figures]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(names) else None
