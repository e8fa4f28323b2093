"""`/v2`: the Open Inference Protocol, version 2, for clients and gateways of KServe, Triton and MLServer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request, Response
from starlette.requests import ClientDisconnect

from app import __version__
from app.api import health
from app.api.dependencies import BINARY, RegistryOf, SchedulerOf
from app.api.inference import compute
from app.api.inference.models import MAX_NAME, InferenceModel, find, listed, usable
from app.api.inference.tensors import JSON_LENGTH
from app.api.schemas.inference import (
    ConfiguredInput,
    ConfiguredOutput,
    IndexBody,
    IndexedVersion,
    Live,
    ModelConfiguration,
    ModelMetadata,
    ModelReady,
    ServerMetadata,
    ServerReady,
    TensorMetadata,
)
from app.asgi_scope import INFERENCE
from app.errors import ClientGone, InvalidRequest
from app.http import caching
from app.http.problem_details import problem_responses
from app.registry import Registry
from app.scheduler import Scheduler
from models.manifest import Manifest

router = APIRouter(prefix=INFERENCE, tags=["inference"])
EXTENSIONS = ["binary_tensor_data", "model_configuration", "model_repository"]
"""Triton's names of what this service supports besides the protocol. Of `model_repository` it has the index, because versions
are loaded when they are requested. `statistics` is missing because it would be public: the figures at /metrics need a token."""
PLATFORM = "seedling"
Name = Annotated[str, Path(max_length=MAX_NAME, description="Model.", examples=["digits"])]
Number = Annotated[str, Path(max_length=32, description="Version number or alias.", examples=["1"])]
_FOUND = problem_responses(404, 422, 503)
_TYPES = {"BYTES": "TYPE_STRING"}
_JSON_PART = {"schema": {"$ref": "#/components/schemas/InferenceBody"}}
_INFER: dict[str, Any] = {
    "summary": "Run a model",
    "response_class": Response,
    "responses": {
        200: {
            "description": "The outputs, as JSON or as binary data after the JSON.",
            "headers": {
                JSON_LENGTH: {"description": "Bytes of JSON before the binary data.", "schema": {"type": "string"}},
                "X-Model": {"description": "Model and version.", "schema": {"type": "string"}},
            },
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/InferenceResult"}},
                "application/octet-stream": BINARY,
            },
        },
        **problem_responses(404, 413, 422, 503),
    },
    "openapi_extra": {
        "parameters": [
            {
                "name": JSON_LENGTH,
                "in": "header",
                "required": False,
                "description": "Bytes of JSON, if binary data follows it.",
                "schema": {"type": "string", "maxLength": 9, "pattern": "^[0-9]+$"},
            }
        ],
        "requestBody": {"required": True, "content": {"application/json": _JSON_PART, "application/octet-stream": BINARY}},
    },
}


@router.get("", summary="Describe the server", responses=problem_responses())
async def show_server() -> ServerMetadata:
    """Returns the name and version of the server, and the extensions of the protocol that it supports."""
    return ServerMetadata(name="seedling", version=__version__, extensions=EXTENSIONS)


@router.get("/health/live", summary="Is the server alive?", responses=problem_responses())
async def is_live() -> Live:
    """Responds as long as the process runs, as `/livez` does."""
    return Live()


@router.get("/health/ready", summary="Is the server ready?", responses=problem_responses(503))
async def is_ready(registry: RegistryOf) -> ServerReady:
    """Responds with 200 once the champion of the default model is loaded, as `/readyz` does."""
    health.serving(registry)
    return ServerReady()


@router.post("/repository/index", summary="List the versions of all models", responses=problem_responses(400, 422))
async def show_index(registry: RegistryOf, body: Annotated[IndexBody | None, Body()] = None) -> list[IndexedVersion]:
    """Returns every version of every model, and whether it can be served."""
    found = [_indexed(registry, model, number) for model in listed(registry) for number in model.numbers]
    return [entry for entry in found if entry.state == "READY" or not (body and body.ready)]


@router.get("/models/{name}/ready", summary="Is a model ready?", responses=_FOUND)
async def is_model_ready(name: Name, registry: RegistryOf) -> ModelReady:
    """Responds with 200 if the champion of a model can be served."""
    return _ready(registry, name, None)


@router.get("/models/{name}/versions/{version}/ready", summary="Is a version ready?", responses=_FOUND)
async def is_version_ready(name: Name, version: Number, registry: RegistryOf) -> ModelReady:
    """Responds with 200 if a version can be served."""
    return _ready(registry, name, version)


@router.get("/models/{name}/config", summary="Configuration of a model", responses=_FOUND)
async def show_configuration(name: Name, registry: RegistryOf) -> ModelConfiguration:
    """Returns the inputs and outputs of a model in the notation of Triton."""
    return _configuration(registry, name, None)


@router.get("/models/{name}/versions/{version}/config", summary="Configuration of a version", responses=_FOUND)
async def show_version_configuration(name: Name, version: Number, registry: RegistryOf) -> ModelConfiguration:
    """Returns the inputs and outputs of a version in the notation of Triton."""
    return _configuration(registry, name, version)


@router.get("/models/{name}", summary="Describe a model", responses=_FOUND)
async def show_model(name: Name, registry: RegistryOf) -> ModelMetadata:
    """Returns the versions of a model, and the inputs and outputs of its champion."""
    return _metadata(registry, name, None)


@router.get("/models/{name}/versions/{version}", summary="Describe a version", responses=_FOUND)
async def show_version(name: Name, version: Number, registry: RegistryOf) -> ModelMetadata:
    """Returns the inputs and outputs of a version."""
    return _metadata(registry, name, version)


@router.post("/models/{name}/infer", **_INFER)
async def infer(request: Request, name: Name, scheduler: SchedulerOf) -> Response:
    """Runs the champion of a model.

    Inputs of a generator: `seed` (UINT32, or BYTES for texts) or `z` (FP32), and optionally `label` (INT32 index, BYTES name or
    FP32 mixture) and `psi` (FP32). Each has one row per picture, or one for all. The output is `image` (UINT8).
    """
    return await _infer(request, scheduler, name, None)


@router.post("/models/{name}/versions/{version}/infer", **_INFER)
async def infer_version(request: Request, name: Name, version: Number, scheduler: SchedulerOf) -> Response:
    """Runs a version of a model, like `POST /v2/models/{name}/infer`."""
    return await _infer(request, scheduler, name, version)


async def _infer(request: Request, scheduler: Scheduler, name: str, version: str | None) -> Response:
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise InvalidRequest("A compressed body is not supported. Send it without Content-Encoding.")
    model = find(scheduler.registry, name)
    number = usable(scheduler.registry, model, version).number
    try:
        body = await request.body()
    except ClientDisconnect as error:
        raise ClientGone("The client disconnected before the tensors were received. Send them again.") from error
    rendered = await compute.infer(request, scheduler, model, number, body)
    return Response(rendered.content, headers={"Cache-Control": caching.NEVER, **rendered.headers})


def _ready(registry: Registry, name: str, version: str | None) -> ModelReady:
    usable(registry, find(registry, name), version)
    return ModelReady(name=name)


def _metadata(registry: Registry, name: str, version: str | None) -> ModelMetadata:
    model, manifest = _described(registry, name, version)
    return ModelMetadata(
        name=name,
        versions=[str(number) for number in model.numbers if registry.refusal(model.view, number) is None],
        platform=PLATFORM,
        inputs=[TensorMetadata(name=t.name, datatype=t.datatype, shape=list(t.shape)) for t in model.inputs(manifest)],
        outputs=[TensorMetadata(name=t.name, datatype=t.datatype, shape=list(t.shape)) for t in model.outputs()],
    )


def _configuration(registry: Registry, name: str, version: str | None) -> ModelConfiguration:
    model, manifest = _described(registry, name, version)
    return ModelConfiguration(
        name=name,
        backend=PLATFORM,
        input=[
            ConfiguredInput(name=t.name, data_type=_configured(t.datatype), dims=list(t.shape), optional=t.is_optional)
            for t in model.inputs(manifest)
        ],
        output=[ConfiguredOutput(name=t.name, data_type=_configured(t.datatype), dims=list(t.shape)) for t in model.outputs()],
    )


def _described(registry: Registry, name: str, version: str | None) -> tuple[InferenceModel, Manifest]:
    model = find(registry, name)
    return model, usable(registry, model, version).manifest


def _configured(datatype: str) -> str:
    """Return Triton's name of a datatype in a configuration."""
    return _TYPES.get(datatype, f"TYPE_{datatype}")


def _indexed(registry: Registry, model: InferenceModel, number: int) -> IndexedVersion:
    reason = registry.refusal(model.view, number)
    return IndexedVersion(name=model.name, version=str(number), state="UNAVAILABLE" if reason else "READY", reason=reason or "")
