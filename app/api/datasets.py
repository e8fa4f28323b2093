"""`/datasets` and `/admin/datasets`: list, show, preview, import and remove datasets; `/admin/imports`: follow imports."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Annotated, Any, TypeVar

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from app.api import uploads as uploads_api
from app.api.admin_route import AdminRoute, admin_router
from app.api.dependencies import BINARY, CatalogueOf, IdentityOf, ImportsOf, RegistryOf, RetrainingOf, UploadsOf, read_query
from app.api.retraining import RETRY_MILLISECONDS, Admitted
from app.api.schemas.datasets import (
    DatasetDetail,
    DatasetList,
    DatasetPreview,
    DatasetView,
    ImportBody,
    ImportList,
    ImportOptions,
    ImportView,
    PreviewBody,
)
from app.datasets.catalogue import Catalogue, Described
from app.datasets.imports import IMPORT_ID, Import, Imports
from app.datasets.uploads import Upload, Uploads
from app.errors import BodyTooLarge, ClientGone, SeedlingError, Unauthorized
from app.http import caching, forms
from app.http.bodies import MAX_BODY
from app.http.problem_details import problem_responses
from app.http.streamed_forms import StreamedForm
from app.images import encoding
from training.datasets import PUBLISHED
from training.datasets.importing.report import Report
from training.spec import DATASET_PATTERN

POLL_SECONDS = 0.5
_SINGLE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "JSON that names an upload; or the file itself, with the other fields in the query; or a form with "
        "the file and these fields.",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/ImportBody"}},
            "application/octet-stream": BINARY,
            forms.MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "properties": {"file": BINARY["schema"], "name": {"type": "string"}},
                    "required": ["file", "name"],
                }
            },
        },
    }
}
_IMPORT_ERRORS = problem_responses(404, 409, 413, 423, 507)


class ReaderRoute(AdminRoute):
    """A route that strangers may use. With a token, it is that of an admin route, and shows more."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        guarded, handle = super().get_route_handler(), APIRoute.get_route_handler(self)

        async def choose(request: Request) -> Response:
            if request.headers.getlist("Authorization"):
                return await guarded(request)
            request.state.identity = None
            return await handle(request)

        return choose


_OPTIONAL: dict[str, Any] = {"security": [{}]}
"""Added to the requirement of a token in the OpenAPI document: none is needed either."""
reader = APIRouter(
    tags=["datasets"],
    route_class=ReaderRoute,
    dependencies=[Depends(HTTPBearer(auto_error=False, description="Any token; see docs/security.md."))],
    responses=problem_responses(400, 401, 403, 422, 429, 503),
)
router = admin_router("datasets")
Reference = Annotated[
    str, Path(pattern=DATASET_PATTERN, description="Name, or name@version for a specific version.", examples=["mnist"])
]
ImportId = Annotated[str, Path(pattern=IMPORT_ID, description="Id of the import.")]


@reader.get("/datasets", summary="List the datasets", openapi_extra=_OPTIONAL)
def list_datasets(request: Request, response: Response, catalogue: CatalogueOf) -> DatasetList:
    """Lists the newest version of every dataset. Without a token, it lists only the published ones."""
    response.headers.update(_PRIVATE)
    found = catalogue.all(private=_may_see_all(request))
    return DatasetList(datasets=[DatasetView.of(each, _root(request)) for each in found])


@reader.get("/datasets/{name}", summary="Show a dataset", responses=problem_responses(404), openapi_extra=_OPTIONAL)
def show_dataset(
    request: Request, response: Response, name: Reference, catalogue: CatalogueOf, registry: RegistryOf
) -> DatasetDetail:
    """Returns a dataset, the report of its import, and the versions of models that were trained on it."""
    found = _find(request, name, catalogue)
    response.headers.update(_PRIVATE)
    return DatasetDetail(
        **DatasetView.of(found, _root(request)).model_dump(),
        versions=catalogue.versions(found.info.name),
        report=_report(found),
        models=catalogue.trained_on(name, registry.repository),
    )


@reader.get(
    "/datasets/{name}/samples.png",
    summary="Show pictures of a dataset",
    response_class=Response,
    openapi_extra=_OPTIONAL,
    responses={
        200: {"content": {"image/png": BINARY}},
        304: {"description": "Not modified: the client's copy is current."},
        **problem_responses(404),
    },
)
def show_dataset_samples(request: Request, name: Reference, catalogue: CatalogueOf) -> Response:
    """Returns a sheet of training pictures. With 2 to 10 classes, each column shows one class."""
    found = _find(request, name, catalogue)
    tag = caching.etag(found.info.digest, ["samples"])
    headers = {**_PRIVATE, "ETag": tag}
    if caching.matches(request.headers.getlist("If-None-Match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(catalogue.sheet(found), media_type="image/png", headers=headers)


@router.post("/datasets/preview", summary="Preview an import", responses=problem_responses(404, 409, 423, 503, 507))
def preview_dataset(body: PreviewBody, uploads: UploadsOf, imports: ImportsOf) -> DatasetPreview:
    """Converts a sample of an upload, and returns what was found and how pictures look before and after. Stores nothing."""
    found = imports.preview(uploads.get(body.upload), body.options())
    return DatasetPreview.model_validate({"report": found.report, "sheet": encoding.data_uri(found.sheet)})


@router.post("/datasets", status_code=202, summary="Import a dataset", responses=_IMPORT_ERRORS, openapi_extra=_SINGLE)
async def import_dataset(
    request: Request, response: Response, uploads: UploadsOf, imports: ImportsOf, identity: IdentityOf
) -> ImportView:
    """Starts to import an upload, or the file in the body, in the background. `Location` is the URL of the import.

    A form may have the file and the fields: `curl -F file=@pictures.zip -F name=mine`. Otherwise a query with `name` means that
    the body is the file. JSON names an upload (`POST /admin/uploads`), which can be resumed if the connection breaks.
    """
    if forms.is_form(request.scope):
        found = await _receive_file(request, uploads, imports, identity.name, StreamedForm(request.scope))
    elif request.scope["query_string"]:
        found = await _receive_file(request, uploads, imports, identity.name)
    else:
        body = _validated(ImportBody, await _read_json(request))
        upload = await to_thread.run_sync(uploads.get, body.upload)
        found = await _start(imports, upload, body, identity.name)
    return _accepted(request, response, found)


@router.put("/datasets", status_code=202, summary="Import a file", responses=_IMPORT_ERRORS, openapi_extra=_SINGLE)
async def import_file(
    request: Request, response: Response, uploads: UploadsOf, imports: ImportsOf, identity: IdentityOf
) -> ImportView:
    """Imports the file in the body, with the fields in the query: `curl -T pictures.zip '.../admin/datasets?name=mine'`."""
    return _accepted(request, response, await _receive_file(request, uploads, imports, identity.name))


@router.delete("/datasets/{name}", status_code=204, summary="Remove a dataset", responses=problem_responses(404, 409))
def remove_dataset(
    name: Reference,
    catalogue: CatalogueOf,
    registry: RegistryOf,
    retraining: RetrainingOf,
    force: Annotated[bool, Query(description="Remove it even if versions of models were trained on it.")] = False,
) -> None:
    """Removes an imported dataset: one version, or all if the name has no version. Manifests of models keep its digest."""
    if name not in PUBLISHED:
        catalogue.get(name)
    trained = [] if name in PUBLISHED else catalogue.trained_on(name, registry.repository)
    catalogue.remove(name, trained, retraining.store.unfinished(), force=force)


@router.get("/imports", summary="List the imports")
def list_imports(request: Request, imports: ImportsOf) -> ImportList:
    """Lists imports, newest first. Those that have ended are kept for a while."""
    return ImportList(imports=[ImportView.of(found, _root(request)) for found in imports.all()])


@router.get("/imports/{import_id}", summary="Show an import", responses=problem_responses(404))
def show_import(request: Request, import_id: ImportId, imports: ImportsOf) -> ImportView:
    """Returns the progress of an import, and its report once it has succeeded."""
    return ImportView.of(imports.get(import_id), _root(request))


def _existing(import_id: ImportId, imports: ImportsOf) -> Import:
    return imports.get(import_id)


@router.get(
    "/imports/{import_id}/events",
    summary="Follow an import",
    response_class=EventSourceResponse,
    responses={200: {"description": "Server-sent events."}, **problem_responses(404, 503)},
)
async def follow_import(
    _: Admitted,
    found: Annotated[Import, Depends(_existing)],
    imports: ImportsOf,
    retraining: RetrainingOf,
) -> AsyncIterator[ServerSentEvent]:
    """Streams `progress` events with `done` and `total`, until the event `end` with the state and the reason for it."""
    yield ServerSentEvent(comment=f"import {found.id}", retry=RETRY_MILLISECONDS)
    last: tuple[int, int] | None = None
    while not retraining.is_closing:
        found = await to_thread.run_sync(imports.get, found.id)
        if (found.done, found.total) != last:
            last = found.done, found.total
            yield ServerSentEvent(event="progress", data={"done": found.done, "total": found.total})
        if found.state != "running":
            yield ServerSentEvent(event="end", data={"state": found.state, "detail": found.detail, "dataset": found.dataset})
            return
        await asyncio.sleep(POLL_SECONDS)


@router.post("/imports/{import_id}/cancel", status_code=202, summary="Cancel an import", responses=problem_responses(404, 409))
def cancel_import(request: Request, import_id: ImportId, imports: ImportsOf) -> ImportView:
    """Asks an import to stop, which takes about a second. Nothing is imported, and the upload is kept."""
    return ImportView.of(imports.cancel(import_id), _root(request))


_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def _may_see_all(request: Request) -> bool:
    return request.state.identity is not None


def _find(request: Request, reference: str, catalogue: Catalogue) -> Described:
    """Return a dataset. Without a token, imported and unknown ones get the same response, which does not reveal what exists."""
    if not _may_see_all(request) and reference not in PUBLISHED:
        raise Unauthorized(
            f"{reference} is not a published dataset. If it is imported, send the header Authorization: Bearer TOKEN."
        )
    return catalogue.get(reference)


def _report(found: Described) -> Report | None:
    """Return the report of an import. Datasets that a program added to the registry have none."""
    try:
        return Report.model_validate_json(json.dumps(found.record))
    except ValidationError:
        return None


async def _read_json(request: Request) -> object:
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_BODY:
                raise BodyTooLarge(
                    f"The JSON is longer than {MAX_BODY:,} bytes. To send a file, put its ?name= into the query."
                )
    except ClientDisconnect as error:
        raise ClientGone("The client disconnected before the request was received. Send it again.") from error
    try:
        return json.loads(bytes(body))
    except (ValueError, RecursionError) as error:
        message = f"the body is not JSON ({error}). To send a file, put its name into the query: ?name=mine"
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": message}]) from error


async def _receive_file(
    request: Request, uploads: Uploads, imports: Imports, by: str, form: StreamedForm | None = None
) -> Import:
    """Store the body, or the file of a form, as an upload, and start its import. If that fails, nothing is kept."""
    query = read_query(request.scope["query_string"])
    filename = query.pop("filename", "")
    options = None if form else _validated(ImportOptions, query, "query")
    length = request.headers.get("content-length", "")
    announced = int(length) if form is None and length.isdigit() and len(length) < 16 else None
    upload = await to_thread.run_sync(uploads.create, announced, filename, by)
    try:
        with contextlib.ExitStack() as stack:
            appending = await to_thread.run_sync(stack.enter_context, uploads.append(upload.id, 0))
            await uploads_api.receive(request, appending, form)
        options = options or _validated(ImportOptions, {**query, **(form.fields if form else {})})
        upload = await to_thread.run_sync(uploads.finish, upload.id, form.filename if form else filename)
        return await _start(imports, upload, options, by)
    except BaseException:
        with contextlib.suppress(SeedlingError):
            uploads.delete(upload.id)
        raise


async def _start(imports: Imports, upload: Upload, options: ImportOptions, by: str) -> Import:
    title = options.title or options.name
    return await to_thread.run_sync(lambda: imports.start(upload, options.options(), options.name, title, options.licence, by))


def _accepted(request: Request, response: Response, found: Import) -> ImportView:
    view = ImportView.of(found, _root(request))
    response.headers["Location"] = view.links.self
    return view


Body = TypeVar("Body", bound=BaseModel)


def _validated(model: type[Body], values: object, place: str = "body") -> Body:
    """Validate values from JSON, a form or a query. Those of a form or a query are texts.

    Raises:
        RequestValidationError: a value is invalid.
    """
    try:
        return model.model_validate(values, strict=None if model is ImportBody else False)
    except ValidationError as error:
        details = [{**item, "loc": (place, *item["loc"])} for item in error.errors(include_url=False)]
        raise RequestValidationError(details) from error


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))
