"""Runs trainers as Kubernetes Jobs, through the official client (extra `kubernetes`)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from functools import cached_property
from pathlib import Path
from typing import Any

import pydantic
import urllib3
from kubernetes import client, config

from app.retraining.runners.contract import EngineRefused, EngineUnavailable, Finished
from app.retraining.runners.engine import State, Work
from app.retraining.runners.job_manifest import manifest
from app.settings import Settings

TIMEOUTS = (2.0, 5.0)
"""Seconds to connect, and to wait for a response: together less than the lease of the supervisor."""
OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
ROLE = "deploy/overlays/jobs has the Role that it needs"
LONGEST_DETAIL = 400
KILLED = 128
"""Containers that a signal has ended have this exit code plus the number of the signal."""


class KubernetesJobs:
    """Kubernetes Jobs as an engine: in the cluster with the pod's service account, elsewhere with the settings of kubectl.

    Args:
        settings: the namespace, and what a trainer needs there.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def _kubectl(self) -> str:
        """The settings of kubectl, or an empty string if there are none."""
        files = os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
        return files if any(Path(file).is_file() for file in files.split(os.pathsep)) else ""

    @cached_property
    def _api(self) -> client.ApiClient:
        configuration = client.Configuration()
        try:
            if self._kubectl:
                config.load_kube_config(config_file=self._kubectl, client_configuration=configuration)
            else:
                config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException as error:
            remedy = "Run in a pod with a service account, or configure kubectl (KUBECONFIG)"
            raise EngineRefused(f"Kubernetes is not configured ({error}). {remedy}.") from error
        configuration.retries = False  # the supervisor tries again
        return client.ApiClient(configuration)

    @cached_property
    def namespace(self) -> str:
        """The namespace of the Jobs."""
        if self.settings.kubernetes_namespace:
            return self.settings.kubernetes_namespace
        if OWN_NAMESPACE.exists():
            return OWN_NAMESPACE.read_text().strip()
        try:
            return str(config.list_kube_config_contexts(self._kubectl)[1]["context"].get("namespace") or "default")
        except (config.ConfigException, KeyError, TypeError):
            return "default"

    @property
    def place(self) -> str:
        return f"kubernetes:{self.namespace}"

    def close(self) -> None:
        """Close the connections."""
        if "_api" in self.__dict__:
            self._api.rest_client.pool_manager.clear()
            self._api.close()

    def check(self) -> None:
        try:
            self._jobs.list_namespaced_job(self.namespace, limit=1, _request_timeout=TIMEOUTS)
        except (client.ApiException, urllib3.exceptions.HTTPError) as error:
            raise self._error(error) from error

    @property
    def _jobs(self) -> client.BatchV1Api:
        return client.BatchV1Api(self._api)

    @property
    def _pods(self) -> client.CoreV1Api:
        return client.CoreV1Api(self._api)

    def submit(self, work: Work) -> None:
        body = manifest(work, self.settings, self.namespace)
        try:
            self._jobs.create_namespaced_job(self.namespace, body, _request_timeout=TIMEOUTS)
        except client.ApiException as error:
            if error.status != 409:  # it exists: an earlier request has arrived
                raise self._error(error) from error
        except urllib3.exceptions.HTTPError as error:
            raise self._error(error) from error

    def state(self, submission_id: str) -> State:
        try:
            job = self._jobs.read_namespaced_job(submission_id, self.namespace, _request_timeout=TIMEOUTS)
            if job.metadata.deletion_timestamp:
                return "stopping"
            held = [c for c in job.status.conditions or () if c.status == "True" and c.type in ("Complete", "Failed")]
            if not held:
                return "active"
            if held[0].type == "Complete":
                return Finished(0)
            return _failure(held[0], self._pods_of(submission_id))
        except (client.ApiException, urllib3.exceptions.HTTPError, EngineRefused) as error:
            if isinstance(error, client.ApiException) and error.status == 404:
                return Finished(None, "its Kubernetes Job was deleted")
            raise EngineUnavailable(str(self._error(error))) from error

    def stop(self, submission_id: str, *, force: bool) -> None:
        """Delete the Job. It exists until its pods have ended, which get SIGTERM, or are killed at once with `force`."""
        try:
            if force:
                for pod in self._pods_of(submission_id):
                    self._delete_pod(pod.metadata.name)
            options = client.V1DeleteOptions(propagation_policy="Foreground")
            with contextlib.suppress(pydantic.ValidationError):  # the response is the Job, where the client expects a Status
                self._jobs.delete_namespaced_job(submission_id, self.namespace, body=options, _request_timeout=TIMEOUTS)
        except (client.ApiException, urllib3.exceptions.HTTPError) as error:
            if not (isinstance(error, client.ApiException) and error.status == 404):
                raise self._error(error) from error

    def _delete_pod(self, name: str) -> None:
        options = client.V1DeleteOptions(grace_period_seconds=0)
        try:
            self._pods.delete_namespaced_pod(name, self.namespace, body=options, _request_timeout=TIMEOUTS)
        except client.ApiException as error:
            if error.status != 404:
                raise

    def _pods_of(self, submission_id: str) -> list[client.V1Pod]:
        chosen = f"job-name={submission_id}"
        found = self._pods.list_namespaced_pod(self.namespace, label_selector=chosen, _request_timeout=TIMEOUTS)
        return list(found.items)

    def _error(self, error: Exception) -> EngineUnavailable | EngineRefused:
        if isinstance(error, EngineRefused):
            return error
        if not isinstance(error, client.ApiException):
            remedy = "Check its API server and the network policies"
            return EngineUnavailable(f"Kubernetes cannot be reached ({type(error).__name__}). {remedy}.")
        text = f"Kubernetes responded with {error.status} {error.reason}: {_message_of(error)}"
        if error.status in (401, 403):
            return EngineRefused(f"{text}. Give this service account access to Jobs and Pods; {ROLE}.")
        if error.status in (400, 404, 405, 413, 415, 422):
            return EngineRefused(f"{text}. Check the settings GAN_KUBERNETES_*.")
        return EngineUnavailable(f"{text}. Try again later.")


def _failure(condition: Any, pods: list[Any]) -> Finished:  # noqa: ANN401 - models of the client
    """Return the result of a failed Job from its newest pod, or from its condition if no pod is left."""
    if not pods:
        return Finished(None, f"Kubernetes: {condition.reason}: {condition.message}"[:LONGEST_DETAIL])
    pod = max(pods, key=lambda each: each.metadata.creation_timestamp)
    containers = [status.state.terminated for status in pod.status.container_statuses or () if status.state.terminated]
    ended = containers[0] if containers else None
    reason = pod.status.reason or (ended.reason if ended else "") or condition.reason
    message = pod.status.message or (ended.message if ended else "") or condition.message
    detail = f"Kubernetes: {reason}: {' '.join(str(message or '').split())}"[:LONGEST_DETAIL]
    if ended is None or pod.status.reason == "Evicted":
        return Finished(None, detail)
    return Finished(_status(ended.exit_code), detail)


def _status(exit_code: int) -> int:
    number = exit_code - KILLED
    return -number if number in {member.value for member in signal.Signals} else exit_code


def _message_of(error: client.ApiException) -> str:
    """Return the message of a Kubernetes Status, or the beginning of another body."""
    try:
        return str(json.loads(error.body)["message"])[:LONGEST_DETAIL]
    except (TypeError, ValueError, KeyError):
        return str(error.body or "")[:LONGEST_DETAIL]
