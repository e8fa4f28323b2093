"""Builds the application. Nothing happens at import."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import threading
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import FrameType
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from app import __version__
from app.api import (
    datasets,
    discriminate,
    embed,
    film,
    generate,
    health,
    history,
    interpolate,
    inversion,
    models,
    plane,
    preview,
    promotion,
    quiz,
    retraining,
    sharpen,
    standalone,
    uploads,
    verify,
)
from app.api import metrics as metrics_api
from app.api.direct import DirectGenerate
from app.api.inference import routes as inference
from app.api.schemas.datasets import ImportBody
from app.api.schemas.drawn import Frames, Picture, Sharpened
from app.api.schemas.inference import InferenceBody, InferenceResult
from app.datasets.catalogue import Catalogue
from app.datasets.imports import Imports
from app.datasets.uploads import Uploads
from app.errors import StoreUnavailable
from app.http import api_reference, problem_details
from app.http.authentication import Access
from app.http.bodies import BoundedBody, HeadAsGet, JsonByDefault
from app.http.ignored_parameters import WithoutIgnoredParameters
from app.http.middleware import wrap
from app.http.pages import Pages
from app.http.problem_details import Problem
from app.http.server import end_with_parent
from app.inversion.background import IndexBuilder
from app.inversion.loading import Inverters
from app.observability import metrics
from app.observability.tracing import Spans, is_wanted
from app.registry import Registry
from app.retraining.facade import Retraining
from app.retraining.feed import Feeds
from app.scheduler import Scheduler
from app.settings import Settings
from app.storage.backends import open_repository
from app.verification.credentials import Signer
from models.aliases import CHAMPION
from models.errors import Unreachable
from models.repository import Repository
from training.datasets import DatasetRegistry

logger = logging.getLogger("seedling")
RETRY_SECONDS = 5
"""Time between two attempts to copy the shipped versions."""
DESCRIPTION = """Every number is a picture. The generator of a GAN, served over HTTP: the same seed gives the same 28x28 picture
today, tomorrow and on any machine.

Try [/generate?seed=42](generate?seed=42), [/generate?seeds=0-63&scale=2](generate?seeds=0-63&scale=2), or POST two seeds to
`/interpolate`. Errors are `application/problem+json`, and their detail ends with the remedy.

The [web pages](./) show the call behind each of their states, as curl, Python and HTML. Operations with a lock need the token
of an administrator: press Authorize."""
TAGS = {
    "pictures": "Draw, sharpen, score, find and verify pictures.",
    "models": "The models, their versions, and the files of a version.",
    "retraining": "Jobs that train new versions while the service runs.",
    "promotion": "Which version of a model is champion.",
    "datasets": "The datasets, and imports of your own pictures.",
    "inference": "The Open Inference Protocol of KServe and Triton.",
    "operation": "Probes and metrics.",
}
"""The groups of routes in the OpenAPI document."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the service.

    Args:
        settings: the settings. By default, read from the environment.
    """
    settings = settings or Settings()
    # Pillow warns about uploaded pictures. Python would keep every distinct warning text in memory.
    warnings.filterwarnings("ignore", module="PIL")
    app = FastAPIOffline(  # serves the assets of /docs itself, not from a CDN
        docs_url=None,
        title="Seedling",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        swagger_ui_parameters={"defaultModelsExpandDepth": 0},  # the schemas are folded
        redirect_slashes=False,
        lifespan=_lifespan,
        license_info={"name": "MIT", "identifier": "MIT"},
    )
    app.state.settings = settings
    app.state.spans = None
    app.state.grpc = contextlib.nullcontext()
    app.state.signer = _signer(settings)
    app.state.retraining = Retraining(settings)
    app.state.access = Access(settings, app.state.retraining.database)
    app.state.feeds = Feeds(
        lambda: app.state.retraining.store,
        lambda: app.state.retraining.is_closing,
        settings.max_streams,
        settings.max_streams_per_client,
    )
    repository = open_repository(settings, app.state.retraining.database)
    app.state.registry = Registry(repository, settings.model, settings.max_loaded, settings.sharpen_model)
    app.state.scheduler = Scheduler(app.state.registry, settings.bulk_concurrency, settings.response_cache, settings.datasets)
    app.state.uploads = Uploads(settings.state / "uploads", settings.max_dataset_bytes, settings.upload_hours * 3600)
    app.state.imports = Imports(settings.state / "imports", settings.datasets, settings.import_seconds, settings.import_memory)
    app.state.inverters = Inverters(settings.nearest)
    app.state.index_builder = IndexBuilder(settings.nearest, settings.nearest_seeds)
    app.state.catalogue = Catalogue(DatasetRegistry(settings.datasets))
    api_reference.install(app)
    problem_details.install(app)
    paths = ("/discriminate", "/invert", "/nearest", "/sharpen", "/verify", "/credentials")
    pictures = dict.fromkeys(paths, settings.max_upload)
    files = dict.fromkeys(("/admin/datasets", "/admin/uploads", "/admin/uploads/"), settings.max_dataset_bytes)
    app.add_middleware(BoundedBody, uploads=pictures | files)
    app.add_middleware(JsonByDefault)
    app.add_middleware(Pages, folder=settings.pages)
    app.add_middleware(HeadAsGet)
    app.add_middleware(WithoutIgnoredParameters)
    for module in (
        generate,
        plane,
        interpolate,
        film,
        preview,
        embed,
        discriminate,
        inversion,
        sharpen,
        verify,
        quiz,
        models,
        standalone,
        retraining,
        promotion,
        history,
        datasets,
        uploads,
        inference,
        health,
        metrics_api,
    ):
        app.include_router(module.router)
    app.include_router(datasets.reader)
    app.include_router(history.admin)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def create_server() -> ASGIApp:
    """Build the ASGI application that the server runs, with settings from the environment.

    `DirectGenerate` handles simple picture requests before FastAPI. The middleware wraps both.
    """
    settings = Settings()
    end_with_parent()
    spans = Spans() if is_wanted() else None
    app = create_app(settings)
    app.state.spans = spans
    gc.freeze()  # these objects live forever, and each full collection over them would delay responses by 0.1 s
    served = wrap(DirectGenerate(app), settings, spans, app.state.access.knows)
    if settings.grpc_port:
        app.state.grpc = _grpc_server(served, settings)
    return served


def _signer(settings: Settings) -> Signer | None:
    if settings.c2pa_certificates is None or settings.c2pa_key is None:
        return None
    return Signer(settings.c2pa_certificates, settings.c2pa_key, settings.c2pa_algorithm, settings.c2pa_timestamps)


def _grpc_server(served: ASGIApp, settings: Settings) -> AbstractAsyncContextManager[None]:
    try:
        from app.grpc.server import serving
    except ImportError as error:
        raise ImportError(
            f"GAN_GRPC_PORT is set, but gRPC is not installed ({error}). Unset it, or run: pip install -c constraints.txt "
            "'.[grpc]'"
        ) from error
    return serving(served, settings)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Copy the shipped versions, load the served ones, and poll the repository until shutdown."""
    settings: Settings = app.state.settings
    registry: Registry = app.state.registry
    adopted = await to_thread.run_sync(partial(_refresh, settings, registry, adopted=False))
    poller = asyncio.create_task(_poll(settings, app.state.scheduler, app.state.index_builder, adopted=adopted))
    training: Retraining = app.state.retraining
    await to_thread.run_sync(training.start)
    with _stop_on_signal(training):
        async with app.state.grpc:
            yield
    await to_thread.run_sync(app.state.imports.stop)
    await to_thread.run_sync(app.state.index_builder.stop)
    await to_thread.run_sync(training.stop)
    poller.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await poller
    if app.state.spans:
        await to_thread.run_sync(app.state.spans.close)


@contextlib.contextmanager
def _stop_on_signal(training: Retraining) -> Iterator[None]:
    """Begin to stop as soon as SIGTERM or SIGINT arrives.

    uvicorn ends the lifespan only after the last connection has closed, and event streams close only when the service stops.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        training.begin_to_stop()
        handler = previous[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in previous:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _adopt_shipped(settings: Settings, registry: Registry) -> bool:
    """Copy new shipped versions to the state folder. Return whether that succeeded.

    If it fails and the state folder has no versions, the shipped ones are served in place.
    """
    shipped = Repository(settings.shipped)
    try:
        for version in registry.repository.adopt(shipped):
            logger.info("copied the shipped model %s as version %s", version.name, version.number)
    except (OSError, Unreachable) as error:
        reason = f"The shipped versions cannot be copied ({error}). Make {settings.state} writable."
        if isinstance(error, Unreachable):
            reason = f"The shipped versions cannot be copied. {error}"
        if registry.not_adopted != reason:
            logger.error("%s", reason)
        registry.not_adopted = reason
        if not registry.repository.names():
            registry.read_from(shipped)
        return False
    registry.not_adopted = None
    registry.read_from(registry.repository)
    return True


def _refresh(settings: Settings, registry: Registry, *, adopted: bool) -> bool:
    """Copy the shipped versions unless `adopted`, then refresh the registry. Return whether they have been copied."""
    try:
        adopted = adopted or _adopt_shipped(settings, registry)
        registry.refresh()
    except StoreUnavailable as error:
        registry.trouble = error
    return adopted


async def _poll(settings: Settings, scheduler: Scheduler, builder: IndexBuilder, *, adopted: bool) -> None:
    registry, retry = scheduler.registry, 0.0
    while True:
        champions = {name: view.aliases.get(CHAMPION, 0) for name, view in registry.models().items()}
        metrics.sample(scheduler.waiting(), scheduler.cache.bytes, champions, registry.swaps)
        await asyncio.sleep(settings.poll_seconds)
        try:
            is_due = not adopted and time.monotonic() >= retry
            copied = await to_thread.run_sync(partial(_refresh, settings, registry, adopted=not is_due))
            if is_due:
                adopted, retry = copied, time.monotonic() + RETRY_SECONDS
            if builder.seeds:
                await to_thread.run_sync(builder.check, registry)
        except Exception:  # loaded versions are still served, and the next attempt may succeed
            logger.exception("cannot read the models; loaded versions are still served")


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Build the OpenAPI document, including the schemas that routes refer to only by name."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            license_info=app.license_info,
            tags=app.openapi_tags,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for model in (Problem, Picture, Frames, Sharpened, ImportBody, InferenceBody, InferenceResult):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        app.openapi_schema = document
    return app.openapi_schema
