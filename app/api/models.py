"""`/models`: the models that are served, their versions and figures."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath

from app.api.dependencies import BINARY, InvertersOf, LookupOf, RegistryOf
from app.api.schemas.models import ModelList, ModelSummary, VersionDetail, VersionSummary
from app.errors import NotFound, VersionUnusable
from app.http import caching
from app.http.problem_details import problem_responses
from app.lookup import Lookup
from app.registry import ModelView, Registry
from models import copying, directions, directions_card, inversion_card, inversion_figures
from models import encoder as encoders
from models.directions import FILE, Directions
from models.errors import Damaged
from models.manifest import CARD, EVALUATION, SAMPLES
from models.version import Version

router = APIRouter(tags=["models"])
Name = Annotated[str, InPath(max_length=64, description="Model.", examples=["digits"])]
Number = Annotated[str, InPath(max_length=32, description="Version number or alias.", examples=["1"])]
Plot = Annotated[Literal["curves", "failures", "neighbours", "reliability"], InPath(description="Name of the plot.")]
_MEASURE = "Measure them with: python -m training directions."
_ERRORS = problem_responses(404, 422, 503)
CACHEABLE: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified: the client's copy is current."}, **_ERRORS}


@router.get("/models", summary="List the models", responses=problem_responses())
async def list_models(request: Request, registry: RegistryOf) -> ModelList:
    """Lists every model with its versions, aliases and figures."""
    return ModelList(models=[_model(request, registry, view) for view in registry.models().values()])


@router.get("/models/{name}", summary="Show a model", responses=_ERRORS)
async def show_model(request: Request, name: Name, lookup: LookupOf) -> ModelSummary:
    """Returns the versions, aliases and figures of a model."""
    return _model(request, lookup.registry, await lookup.find(partial(lookup.registry.model, name)))


@router.get("/models/{name}/versions/{version}", summary="Show a version", responses=_ERRORS)
async def show_version(
    request: Request, name: Name, version: Number, lookup: LookupOf, inverters: InvertersOf
) -> VersionDetail:
    """Returns the manifest of a version: its training, figures and golden digest."""
    registry = lookup.registry
    view, found = await find(lookup, name, version)
    base = _url(request, f"/models/{view.name}/versions/{found.number}")
    return VersionDetail(
        state=registry.state(view, found.number),
        reason=registry.refusal(view, found.number),
        aliases=_aliases(view, found.number),
        warning=copying.warning(found.manifest.metrics),
        manifest=found.manifest,
        card=f"{base}/card",
        samples=f"{base}/samples.png",
        directions=f"{base}/directions.json" if found.companion(FILE).is_file() else None,
        nearest_seeds=inverters.indexed_seeds(found),
    )


@router.get(
    "/models/{name}/versions/{version}/card",
    summary="Show a version's card",
    response_class=Response,
    responses={200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}, **CACHEABLE},
)
async def show_card(request: Request, name: Name, version: Number, lookup: LookupOf) -> Response:
    """Returns the model card as Markdown, with sections about the directions and the encoder of the version if it has them."""
    _, found = await find(lookup, name, version)
    card = read(found, found.file(CARD))
    for section in _sections(found):
        card = card.rstrip() + f"\n\n{section}".encode()
    return cacheable(request, card, "text/markdown; charset=utf-8", caching.REVALIDATE)


@router.get(
    "/models/{name}/versions/{version}/samples.png",
    summary="Show a version's samples",
    response_class=Response,
    responses={200: {"content": {"image/png": BINARY}}, **CACHEABLE},
)
async def show_samples(request: Request, name: Name, version: Number, lookup: LookupOf) -> Response:
    """Returns a sheet of seeds 0 to 99. With ten classes, column n shows class n."""
    return await _file(request, lookup, name, version, SAMPLES, "image/png")


@router.get(
    "/models/{name}/versions/{version}/evaluation.json",
    summary="Show a version's evaluation",
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}, **CACHEABLE},
)
async def show_evaluation(request: Request, name: Name, version: Number, lookup: LookupOf) -> Response:
    """Returns the figures of a version, overall and by class, the reliability of its discriminator, and its training curves."""
    return await _file(request, lookup, name, version, EVALUATION, "application/json")


@router.get(
    "/models/{name}/versions/{version}/directions.json",
    summary="Show a version's directions",
    response_model=Directions,
    responses=CACHEABLE,
)
async def show_directions(request: Request, name: Name, version: Number, lookup: LookupOf) -> Response:
    """Returns the directions that `edit` can name, with their vectors, and what each of them does to the pictures."""
    _, found = await find(lookup, name, version)
    policy = caching.policy(pinned=version.isdecimal())
    return cacheable(request, read(found, found.companion(FILE), _MEASURE), "application/json", policy)


@router.get(
    "/models/{name}/versions/{version}/{plot}.png",
    summary="Show a plot of a version's card",
    response_class=Response,
    responses={200: {"content": {"image/png": BINARY}}, **CACHEABLE},
)
async def show_plot(request: Request, name: Name, version: Number, plot: Plot, lookup: LookupOf) -> Response:
    """Returns the training curves, the least certain pictures, the nearest training pictures, or the reliability diagram."""
    return await _file(request, lookup, name, version, f"{plot}.png", "image/png")


async def find(lookup: Lookup, name: str, version: str) -> tuple[ModelView, Version]:
    """Return a model and one of its versions.

    Raises:
        NotFound: there is no such model or version.
        VersionUnusable: the version cannot be served.
    """
    registry = lookup.registry

    def look() -> tuple[ModelView, int]:
        view = registry.model(name)
        return view, registry.number(view, version)

    view, number = await lookup.find(look)
    if number not in view.versions:
        raise VersionUnusable(registry.refusal(view, number) or "")
    return view, view.versions[number]


async def _file(request: Request, lookup: Lookup, name: str, version: str, file: str, media_type: str) -> Response:
    _, found = await find(lookup, name, version)
    return cacheable(request, read(found, found.file(file)), media_type, caching.policy(pinned=version.isdecimal()))


def read(version: Version, path: Path, remedy: str = "Export it again.") -> bytes:
    """Return a file of a version.

    Raises:
        NotFound: the version has no such file.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"Version {version.number} of {version.name} has no {path.name}. {remedy}") from None


def _sections(version: Version) -> list[str]:
    """Return the sections of the card about what was made after publication."""
    manifest, sections = version.manifest, []
    try:
        if measured := directions.read(version.companion(FILE), manifest.digest, manifest.z_dim):
            sections.append(directions_card.render(measured))
        if encoder := encoders.read(version.companion(encoders.FILE), manifest.digest):
            figures = inversion_figures.read(version.companion(inversion_figures.FILE), manifest.digest)
            sections.append(inversion_card.render(encoder, figures))
    except Damaged as error:
        raise VersionUnusable(f"{version.name}/{version.number}: {error}") from error
    return sections


def cacheable(request: Request, content: bytes, media_type: str, policy: str) -> Response:
    """Return a response with an entity tag, or 304 if the client has this content."""
    tag = caching.etag_of_content(content)
    headers = {"Cache-Control": policy, "ETag": tag}
    if caching.matches(request.headers.getlist("If-None-Match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _url(request: Request, path: str) -> str:
    """Return a path with the root path of a reverse proxy."""
    return str(request.scope.get("root_path", "")) + path


def _aliases(view: ModelView, number: int) -> list[str]:
    return sorted(alias for alias, target in view.aliases.items() if target == number)


def _model(request: Request, registry: Registry, view: ModelView) -> ModelSummary:
    return ModelSummary(
        name=view.name,
        task=view.task,
        default=view.name == (registry.default_sharpener if view.task == "sharpen" else registry.default),
        aliases=dict(view.aliases),
        versions=[_version(request, registry, view, number) for number in view.numbers],
        url=_url(request, f"/models/{view.name}"),
    )


def _version(request: Request, registry: Registry, view: ModelView, number: int) -> VersionSummary:
    found = view.versions.get(number)
    manifest = found.manifest if found else None
    return VersionSummary(
        version=number,
        state=registry.state(view, number),
        reason=registry.refusal(view, number),
        aliases=_aliases(view, number),
        created=manifest.created if manifest else None,
        dataset=manifest.dataset.name if manifest else None,
        preset=str(manifest.spec.get("preset")) if manifest else None,
        images=manifest.training.images if manifest else None,
        metrics={name: figure.value for name, figure in manifest.metrics.items()} if manifest else {},
        warning=copying.warning(manifest.metrics) if manifest else None,
        url=_url(request, f"/models/{view.name}/versions/{number}"),
    )
