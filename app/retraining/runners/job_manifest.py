"""The manifest of a Kubernetes Job that runs a trainer. Its pod meets the restricted pod security standard."""

from __future__ import annotations

from typing import Any

from app.retraining.runners.engine import Work
from app.settings import Settings

USER = 10001
"""User and group of the images."""
KEPT_SECONDS = 86_400
"""Time for which Kubernetes keeps a finished Job."""
SPARE_SECONDS = 10
"""Added to the time in which a trainer must stop, before Kubernetes kills it."""
LABELS = {"app.kubernetes.io/name": "seedling", "app.kubernetes.io/component": "run"}
"""Not `part-of`: the network policies of deploy/kubernetes then deny the pods every connection, and they need none."""


def manifest(work: Work, settings: Settings, namespace: str) -> dict[str, Any]:
    """Return the Job of a trainer. It never restarts by itself: the supervisor continues a run from its last checkpoint."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": work.id, "namespace": namespace, "labels": LABELS},
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {"metadata": {"labels": LABELS}, "spec": _pod(work, settings)},
        },
    }


def _pod(work: Work, settings: Settings) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": settings.stop_seconds + SPARE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            **dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"), USER),
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(work, settings)],
        "volumes": [
            *([] if settings.runs == "bucket" else [_claim(settings.kubernetes_claim)]),
            {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
        ],
        **settings.kubernetes_pod,
    }


def _claim(name: str) -> dict[str, Any]:
    return {"name": "state", "persistentVolumeClaim": {"claimName": name}}


def _container(work: Work, settings: Settings) -> dict[str, Any]:
    needs = {"cpu": settings.kubernetes_cpus, "memory": settings.kubernetes_memory}
    secret = [{"secretRef": {"name": settings.kubernetes_secret}}] if settings.kubernetes_secret else []
    return {
        "name": "trainer",
        "image": settings.kubernetes_image,
        "command": ["python", "-m", "training", *work.arguments],
        "env": [{"name": name, "value": value} for name, value in sorted(work.variables.items())],
        "envFrom": secret,
        "resources": {"requests": needs, "limits": needs},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            *([] if settings.runs == "bucket" else [{"name": "state", "mountPath": str(settings.state)}]),
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod
        ],
    }
