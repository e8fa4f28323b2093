"""`/admin/retrain` and `/admin/jobs`: start, follow, cancel and resume retraining."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.addresses import network
from app.api import conditional
from app.api.admin_route import admin_router
from app.api.dependencies import BINARY, CatalogueOf, FeedsOf, IdentityOf, RegistryOf, RetrainingOf
from app.api.schemas.jobs import JobList, JobView
from app.api.schemas.retraining import Audit, AuditEntry, RetrainBody
from app.datasets.catalogue import Catalogue
from app.errors import NotFound
from app.http import caching
from app.http.problem_details import problem_responses
from app.images.encoding import MEDIA_TYPES
from app.registry import Registry
from app.retraining.facade import Retraining
from app.retraining.job import Job, State
from app.retraining.sample_film import FilmFormat, read_film
from models.manifest import Task

router = admin_router("retraining")
JobId = Annotated[str, Path(pattern="^[0-9a-f]{12}$", description="Id of the job.")]
Before = Annotated[int | None, Query(ge=1, le=10**12, description="Return only entries with a lower number.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Maximum number of entries.")]
RETRY_MILLISECONDS = 2000


def _existing(job_id: JobId, retraining: RetrainingOf) -> Job:
    return retraining.store.get(job_id)


async def _admitted(request: Request, feeds: FeedsOf, identity: IdentityOf) -> AsyncIterator[None]:
    client = network(request.client.host) if request.client else ""
    with feeds.admit(f"{identity.name} {client}"):
        yield


Admitted = Annotated[None, Depends(_admitted)]
ExistingJob = Annotated[Job, Depends(_existing)]


@router.post("/retrain", status_code=202, summary="Retrain a model", responses=problem_responses(404, 409, 501))
def retrain(
    request: Request,
    response: Response,
    retraining: RetrainingOf,
    registry: RegistryOf,
    catalogue: CatalogueOf,
    identity: IdentityOf,
    body: RetrainBody | None = None,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=255, description="Repeating key and body within 24 hours returns the same job."),
    ] = None,
) -> JobView:
    """Queues a job that trains in the background. `promote` determines whether its version replaces the champion.

    With `runs` or `grid`, the job trains several runs, stops those with the highest KID early, and evaluates the best.

    The response is sent before training begins. `Location` is the URL of the job.
    """
    body, store, by = body or RetrainBody(), retraining.store, identity.name
    known = store.claim_key(by, idempotency_key, body.model_dump(mode="json")) if idempotency_key else None
    try:
        if known:
            view = JobView.model_validate(known)
        else:
            view = _create(request, retraining, registry, catalogue, by, body, idempotency_key)
    except BaseException:
        if idempotency_key:
            store.release_key(by, idempotency_key)
        raise
    response.headers["Location"] = f"{_root(request)}/admin/jobs/{view.id}"
    return view


def _create(
    request: Request,
    retraining: Retraining,
    registry: Registry,
    catalogue: Catalogue,
    by: str,
    body: RetrainBody,
    key: str | None,
) -> JobView:
    settings = retraining.settings
    retraining.require_trainer()
    defaults: dict[Task, str] = {"generate": settings.model, "sharpen": settings.sharpen_model}
    draft = body.draft(registry.repository, catalogue, defaults, settings.training_threads, by)
    response = lambda job, runs: JobView.of(job, _root(request), runs).model_dump(mode="json")  # noqa: E731
    return _view(request, retraining, retraining.store.create(draft, settings.max_queued, key, response))


@router.get("/jobs", summary="List the jobs")
def list_jobs(
    request: Request,
    retraining: RetrainingOf,
    state: Annotated[State | None, Query(description="Return only jobs in this state.")] = None,
    limit: Limit = 50,
    before: Before = None,
) -> JobList:
    """Lists jobs, newest first. The runs of a population are part of their job."""
    found = retraining.store.newest(state=state, limit=limit, before=before)
    more = f"&state={state}" if state else ""
    following = f"{_root(request)}/admin/jobs?before={found[-1].number}&limit={limit}{more}" if len(found) == limit else None
    runs = retraining.store.populations.runs_of(found)
    views = [JobView.of(job, _root(request), runs.get(job.id, ())) for job in found]
    return JobList(jobs=views, trainers=retraining.trainers(), next=following)


@router.get("/jobs/{job_id}", summary="Show a job", responses=problem_responses(404))
def show_job(request: Request, job: ExistingJob, retraining: RetrainingOf) -> JobView:
    """Returns the state of a job or of one run and, once it is evaluated, the comparison with the champion."""
    return _view(request, retraining, job)


@router.get(
    "/jobs/{job_id}/events",
    summary="Follow a job",
    response_class=EventSourceResponse,
    responses={
        200: {"description": "Server-sent events, from the first one or after `Last-Event-ID`."},
        **problem_responses(404, 503),
    },
)
async def follow_job(
    _: Admitted,  # before the job is read from the store
    job: ExistingJob,
    feeds: FeedsOf,
    last_event_id: Annotated[str | None, Header(pattern="^[0-9]{1,9}$", description="Id of the last event received.")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Streams the past and future events of a job until it ends. The last event is `end`.

    Types: `state`, `preparing` (a judge of the dataset is trained first; `part` is the completed share), `judge` (its
    `accuracy`, or without classes its `error`, on test pictures), `started`, `resumed`, `progress`, `samples`, `metrics`,
    `two_sample`, `checkpoint`, `warning`, `trained` (its `reason`: `indistinguishable`, `plateau`, `budget`, `stopped`,
    `diverged` or `failed`), `cancel`. A job with several runs has `run` (a run changed its state), `rung` (which runs
    continue), `restored`, and `started`, `resumed`, `progress`, `samples`, `metrics` and `warning` with the number of the
    `run`; each run has a stream of its own. Each event has an `id`, and `time` in its data. A comment is sent every 15
    seconds. The stream closes when the service stops; reconnect with `Last-Event-ID`. A worker with `GAN_MAX_STREAMS` open
    streams responds with 503.
    """
    yield ServerSentEvent(comment=f"job {job.id}", retry=RETRY_MILLISECONDS)
    async with aclosing(feeds.follow(job, int(last_event_id or 0))) as events:
        async for found in events:
            if isinstance(found, Job):
                yield ServerSentEvent(event="end", data={"state": found.state, "detail": found.detail})
            else:
                yield ServerSentEvent(event=found.type, id=str(found.seq), data={"time": found.time, **found.data})


@router.get(
    "/jobs/{job_id}/log",
    summary="Show a job's log",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problem_responses(404)},
)
def show_log(job: ExistingJob, retraining: RetrainingOf) -> Response:
    """Returns the last MiB of the trainer's output. For a job with several runs, the output of all runs, each below a title."""
    content = retraining.read_log(job)
    return Response(content, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


@router.get(
    "/jobs/{job_id}/samples.png",
    summary="Show a job's samples",
    response_class=Response,
    responses={200: {"content": {"image/png": BINARY}}, **problem_responses(404)},
)
def show_samples(
    job: ExistingJob,
    retraining: RetrainingOf,
    images: Annotated[
        int | None, Query(ge=0, le=10**9, description="Grid drawn after this many images. Default: the newest.")
    ] = None,
) -> Response:
    """Returns a grid of seeds 0 to 79, where column n shows class n. All grids of a job use the same seeds.

    For a job with several runs, the grids are those of the best run so far.
    """
    grids = retraining.samples(job)
    selected = max(grids, default=None) if images is None else images
    if selected not in grids:
        which = "" if images is None else f" after {images} images"
        remedy = f"Choose one of {', '.join(map(str, grids))}." if grids else "Wait for the first one. Old ones are deleted."
        raise NotFound(f"Job {job.id} has no samples{which}. {remedy}")
    headers = {"Cache-Control": "no-store", "X-Images": str(selected)}
    return Response(grids[selected].read_bytes(), media_type="image/png", headers=headers)


@router.get(
    "/jobs/{job_id}/samples.{format}",
    summary="Show a job's samples as a film",
    response_class=Response,
    responses={
        200: {
            "description": "The animation.",
            "headers": {
                "X-Frames": {"description": "Number of frames.", "schema": {"type": "integer"}},
                "ETag": conditional.HEADERS["ETag"],
            },
            "content": {MEDIA_TYPES[kind]: BINARY for kind in ("webp", "gif", "apng")},
        },
        **conditional.NOT_MODIFIED,
        **problem_responses(404),
    },
)
def show_film(
    request: Request,
    job: ExistingJob,
    format: Annotated[FilmFormat, Path(description="The format, as an extension.")],
    retraining: RetrainingOf,
    fps: Annotated[float, Query(ge=1, le=30, description="Grids per second.")] = 4,
) -> Response:
    """Returns the grids of `samples.png` in the order of training, as an animation that repeats and shows the last grid longer.

    If there are more than 240 grids, it shows 240 of them, evenly spaced. The same grids give the same bytes.
    """
    film = read_film(retraining.samples(job), fps)
    tag = caching.etag(film.digest, ["film", fps, format])
    headers = {"Cache-Control": "no-store", "ETag": tag, "X-Frames": str(film.frames)}
    if caching.matches(request.headers.getlist("If-None-Match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(film.encode(format), media_type=MEDIA_TYPES[format], headers=headers)


@router.post("/jobs/{job_id}/cancel", status_code=202, summary="Cancel a job", responses=problem_responses(404, 409))
def cancel_job(request: Request, job_id: JobId, retraining: RetrainingOf, identity: IdentityOf) -> JobView:
    """Cancels a queued job immediately. A running job first writes a checkpoint and can be resumed later."""
    return _view(request, retraining, retraining.store.cancel(job_id, identity.name))


@router.post("/jobs/{job_id}/resume", status_code=202, summary="Resume a job", responses=problem_responses(404, 409, 501))
def resume_job(request: Request, job_id: JobId, retraining: RetrainingOf, identity: IdentityOf) -> JobView:
    """Queues a cancelled, failed or interrupted job again. It continues from its last checkpoint."""
    retraining.require_trainer()
    return _view(request, retraining, retraining.store.resume(job_id, identity.name, retraining.settings.max_queued))


@router.get("/audit", summary="Show the audit log")
def show_audit(retraining: RetrainingOf, limit: Limit = 50, before: Before = None) -> Audit:
    """Lists all changes, attempted changes and wrong tokens, newest first."""
    entries = [asdict(entry) for entry in retraining.audit.newest(limit, before)]
    return Audit(entries=[AuditEntry(**entry | {"time": datetime.fromtimestamp(entry["time"], UTC)}) for entry in entries])


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _view(request: Request, retraining: Retraining, job: Job) -> JobView:
    store = retraining.store
    runs = store.populations.runs(job.id) if job.plan else []
    number = store.get(job.population).number if job.population else None
    return JobView.of(job, _root(request), runs, number)
