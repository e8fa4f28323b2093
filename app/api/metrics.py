"""`/metrics`: Prometheus metrics, for callers with a token."""

from __future__ import annotations

from fastapi import APIRouter, Response

from app.api.admin_route import SECURED
from app.api.dependencies import RetrainingOf
from app.http.problem_details import problem_responses
from app.observability import metrics
from app.retraining.job_metrics import JobMetrics

router = APIRouter(tags=["operation"], **SECURED)


@router.get(
    "/metrics",
    summary="Export metrics for Prometheus",
    response_class=Response,
    responses={
        200: {"content": {metrics.MEDIA_TYPE: {"schema": {"type": "string"}}}},
        **problem_responses(400, 401, 403, 429, 503),
    },
)
def show_metrics(retraining: RetrainingOf) -> Response:
    """Returns the metrics of all workers in text format. Any token is sufficient; the port `GAN_METRICS_PORT` needs none."""
    figures = metrics.exposition(JobMetrics(retraining))
    return Response(figures, media_type=metrics.MEDIA_TYPE, headers={"Cache-Control": "no-store"})
