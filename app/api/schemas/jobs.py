"""Response models of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from app.api.schemas.populations import PopulationView, RunOf
from app.retraining.job import ENDED, RESUMABLE, AnyState, Job, Promote
from models.manifest import Gate


class JobLinks(BaseModel):
    """Links to the parts of a job."""

    self: str
    events: str = Field(description="Server-sent events.")
    log: str
    samples: str = Field(description="The newest sample grid; `?images=` selects an earlier one.")
    cancel: str | None = Field(description="POST here to cancel the job; null once it has ended.")
    resume: str | None = Field(description="POST here to resume the job; null if it cannot be resumed.")


class JobView(BaseModel):
    """A job as JSON."""

    id: str
    number: int = Field(description="Position in the order of requests. A run has the number of its job.")
    state: AnyState = Field(description="`paused` and `eliminated`: only runs of a population.")
    detail: str = Field(description="Reason for the state. If the job failed, it includes the remedy.")
    model: str
    promote: Promote
    note: str
    by: str = Field(description="Name of the token that requested the job.")
    created: datetime
    started: datetime | None
    ended: datetime | None
    interruptions: int = Field(description="Number of interruptions after which the job was continued automatically.")
    cancelling: bool = Field(description="Whether cancellation was requested but the job has not stopped yet.")
    part: float = Field(description="Completed share of the training, 0 to 1.")
    progress: dict[str, Any] | None = Field(description="The latest progress event of the trainer.")
    metrics: dict[str, Any] | None = Field(description="The latest KID and FID.")
    spec: dict[str, Any] = Field(description="The complete TrainingSpec.")
    parent: int | None = Field(description="Version that the job starts from.")
    version: int | None = Field(description="Version that the job published.")
    promoted: bool | None = Field(description="Whether that version was promoted.")
    gate: Gate | None = Field(description="Comparison with the champion.")
    population: PopulationView | None = Field(description="Of a job with several runs: the runs. Null for other jobs.")
    run_of: RunOf | None = Field(description="Of a run: the job that it belongs to. Null for other jobs.")
    links: JobLinks

    @classmethod
    def of(cls, job: Job, root_path: str, runs: Sequence[Job] = (), number: int | None = None) -> JobView:
        """Build the view of a job. Links include the root path of a reverse proxy.

        Args:
            job: the job, or a run.
            root_path: the root path.
            runs: of a population: its runs.
            number: of a run: the number of its population.
        """
        base = f"{root_path}/admin/jobs/{job.id}"
        reported = (job.progress or {}).get("part")
        trained = float(reported) if isinstance(reported, int | float) else 0.0
        part = 1.0 if job.state in ("evaluating", "succeeded") else trained
        return cls(
            id=job.id,
            number=job.number if number is None else number,
            state=job.state,
            detail=job.detail,
            model=job.model,
            promote=job.promote,
            note=str(job.request.get("note", "")),
            by=job.by,
            created=_time(job.created),
            started=_time(job.started) if job.started else None,
            ended=_time(job.ended) if job.ended else None,
            interruptions=job.interruptions,
            cancelling=job.cancel and job.state not in ENDED,
            part=part,
            progress=job.progress,
            metrics=job.metrics,
            spec=job.spec,
            parent=job.parent,
            version=job.version,
            promoted=job.promoted,
            gate=Gate.model_validate(job.gate) if job.gate else None,
            population=PopulationView.of(job.plan, runs, root_path) if job.plan else None,
            run_of=RunOf(job=job.population, run=job.member.index, overrides=job.member.overrides)
            if job.population and job.member
            else None,
            links=JobLinks(
                self=base,
                events=f"{base}/events",
                log=f"{base}/log",
                samples=f"{base}/samples.png",
                cancel=f"{base}/cancel" if job.state not in ENDED and not job.population else None,
                resume=f"{base}/resume" if job.state in RESUMABLE and not job.pruned and not job.population else None,
            ),
        )


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobView]
    trainers: int = Field(description="Processes that can train. Only one of them trains at a time.")
    next: str | None = Field(description="Link to older jobs.")


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
