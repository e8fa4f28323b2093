"""A small Kubernetes API server, with the controllers that Jobs need, and a node that runs pods as processes.

It serves what the official client sends for Jobs and Pods: creation with 409 for a name that exists, deletion with finalizers
and propagation policies, label selectors, `Status` objects as errors, bearer tokens, and the rules of a Role. Bodies must
conform to the schemas of Kubernetes. It is no proof of how a real cluster behaves; a real one was not at hand.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate
import yaml

Object = dict[str, Any]
TOKEN = "the-token-of-a-service-account"
PATH = re.compile(
    r"/(?:api/v1|apis/batch/v1)/namespaces/(?P<namespace>[a-z0-9-]+)/(?P<kind>jobs|pods)(?:/(?P<name>[a-z0-9-]+))?"
)
VERBS = {"POST": "create", "DELETE": "delete"}
REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "AlreadyExists", 410: "Expired", 422: "Invalid"}


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Refused(Exception):
    """A response that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Pod:
    """A pod, and the process that its node runs for it."""

    def __init__(self, job: Object, environment: Mapping[str, str], folder: Path, number: int) -> None:
        name = job["metadata"]["name"]
        self.spec: Object = job["spec"]["template"]["spec"]
        self.metadata: Object = {
            **{"name": f"{name}-{number}", "namespace": job["metadata"]["namespace"], "uid": str(uuid.uuid4())},
            "creationTimestamp": now(),
            "labels": {**job["spec"]["template"]["metadata"].get("labels", {}), "job-name": name},
        }
        self.status: Object = {"phase": "Pending"}
        (container,) = self.spec["containers"]
        variables = {each["name"]: each["value"] for each in container["env"]}
        command = [sys.executable if word == "python" else word for word in container["command"]]
        output, environment = subprocess.DEVNULL, {**environment, **variables}
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output, process_group=0)
        self.status = {"phase": "Running", "containerStatuses": self._containers({"running": {"startedAt": now()}})}
        self.kill_at: float | None = None

    def _containers(self, state: Object) -> list[Object]:
        image = self.spec["containers"][0]["image"]
        return [{"name": "trainer", "image": image, "imageID": "", "ready": False, "restartCount": 0, "state": state}]

    def terminate(self, seconds: float | None = None) -> None:
        """Send SIGTERM, and SIGKILL after the grace period."""
        seconds = self.spec["terminationGracePeriodSeconds"] if seconds is None else seconds
        self.kill_at = time.monotonic() + seconds
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM if seconds else signal.SIGKILL)

    def look(self) -> bool:
        """Update the status as the node does. Return whether the pod has ended."""
        status = self.process.poll()
        if status is None:
            if self.kill_at and time.monotonic() > self.kill_at:
                self.process.kill()
            return False
        if self.status["phase"] == "Running":
            code = status if status >= 0 else 128 - status
            ended = {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": now()}
            phase = "Failed" if code else "Succeeded"
            self.status = {**self.status, "phase": phase, "containerStatuses": self._containers({"terminated": ended})}
        return True

    def as_object(self) -> Object:
        return {"apiVersion": "v1", "kind": "Pod", "metadata": self.metadata, "spec": self.spec, "status": self.status}


class Cluster:
    """The objects of a namespace, and the controllers that act on them.

    Args:
        environment: environment variables of every container.
        folder: working directory of every container.
        rules: rules of the Role of the service account. Everything is allowed without rules.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, rules: list[Object] | None = None) -> None:
        self.environment, self.folder, self.rules = environment, folder, rules
        self.jobs: dict[str, Object] = {}
        self.pods: dict[str, Pod] = {}
        self.requests: list[str] = []
        self.faults: list[Any] = []
        """What happens to the next requests: a status, "slow" (no response in time) or "lost" (handled, but no response)."""
        self.created = 0
        self.lock = threading.RLock()

    def look(self) -> None:
        """Let the controllers and the node act."""
        for pod in list(self.pods.values()):
            if pod.look() and pod.metadata.get("deletionTimestamp"):
                del self.pods[pod.metadata["name"]]
        for name, job in list(self.jobs.items()):
            own = [pod for pod in self.pods.values() if pod.metadata["labels"]["job-name"] == name]
            if job["metadata"].get("deletionTimestamp"):
                for pod in own:
                    self._delete_pod(pod, None)
                if not own:
                    del self.jobs[name]
            elif not job["status"].get("conditions"):
                self._conclude(job, own)

    def _conclude(self, job: Object, pods: list[Pod]) -> None:
        """Set the conditions of a Job whose only attempt (backoffLimit: 0) has ended."""
        phases = [pod.status["phase"] for pod in pods]
        if phases == ["Succeeded"]:
            job["status"] = {
                "succeeded": 1,
                "conditions": [{"type": "Complete", "status": "True", "reason": "CompletionsReached"}],
            }
        elif phases in ([], ["Failed"]):
            message = "Job has reached the specified backoff limit"
            failed = {"status": "True", "reason": "BackoffLimitExceeded", "message": message}
            job["status"] = {"failed": 1, "conditions": [{"type": "FailureTarget", **failed}, {"type": "Failed", **failed}]}

    def evict(self, name: str) -> None:
        """Evict the pod of a Job from its node, which is short of memory."""
        with self.lock:
            (pod,) = (pod for pod in self.pods.values() if pod.metadata["labels"]["job-name"] == name)
            pod.process.kill()
            pod.process.wait()
            message = "The node was low on resource: memory."
            pod.status = {"phase": "Failed", "reason": "Evicted", "message": message}

    def handle(self, method: str, target: str, body: Object) -> Object:
        """Answer a request."""
        url = urlsplit(target)
        found = PATH.fullmatch(url.path)
        if not found:
            raise Refused(404, "the server could not find the requested resource")
        kind, name = found["kind"], found["name"]
        verb = VERBS.get(method, "get" if name else "list")
        if self.rules is not None and not any(kind in rule["resources"] and verb in rule["verbs"] for rule in self.rules):
            raise Refused(403, f'{kind} is forbidden: User "system:serviceaccount:seedling" cannot {verb} resource "{kind}"')
        self.look()
        if verb == "create":
            return self._create(found["namespace"], body)
        if verb == "list":
            return self._list(kind, parse_qs(url.query))
        if name not in (self.jobs if kind == "jobs" else self.pods):
            raise Refused(404, f'{kind} "{name}" not found')
        if verb == "get":
            return self.jobs[name] if kind == "jobs" else self.pods[name].as_object()
        if kind == "pods":
            pod = self.pods[name]
            self._delete_pod(pod, body.get("gracePeriodSeconds"))
            return pod.as_object()
        return self._delete_job(name, body.get("propagationPolicy", "Background"))

    def _create(self, namespace: str, body: Object) -> Object:
        try:
            kubernetes_validate.validate(body, kubernetes_validate.latest_version(), strict=True)
        except kubernetes_validate.ValidationError as error:
            raise Refused(422, f"Job is invalid: {error.message}") from error
        name = body["metadata"]["name"]
        if body["metadata"]["namespace"] != namespace:
            raise Refused(400, "the namespace of the provided object does not match the namespace sent on the request")
        if name in self.jobs:
            raise Refused(409, f'jobs.batch "{name}" already exists')
        body["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
        body["status"] = {"active": 1}
        self.created += 1
        self.jobs[name] = body
        pod = Pod(body, self.environment, self.folder, self.created)
        self.pods[pod.metadata["name"]] = pod
        return body

    def _list(self, kind: str, query: dict[str, list[str]]) -> Object:
        if kind == "jobs":
            return {"apiVersion": "batch/v1", "kind": "JobList", "metadata": {}, "items": list(self.jobs.values())}
        key, _, value = query.get("labelSelector", [""])[0].partition("=")
        chosen = [pod.as_object() for pod in self.pods.values() if not key or pod.metadata["labels"].get(key) == value]
        return {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": chosen}

    def _delete_job(self, name: str, policy: str) -> Object:
        job = self.jobs[name]
        if policy == "Foreground":  # the Job stays until the garbage collector has deleted its pods
            job["metadata"] |= {"deletionTimestamp": now(), "finalizers": ["foregroundDeletion"]}
            self.look()
            return job
        del self.jobs[name]
        if policy == "Background":
            for pod in list(self.pods.values()):
                if pod.metadata["labels"]["job-name"] == name:
                    self._delete_pod(pod, None)
        self.look()
        return {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _delete_pod(self, pod: Pod, seconds: float | None) -> None:
        if seconds == 0:
            pod.terminate(0)
            pod.process.wait()
            self.pods.pop(pod.metadata["name"], None)
        elif not pod.metadata.get("deletionTimestamp"):
            pod.metadata["deletionTimestamp"] = now()
            pod.terminate(seconds)

    def stop(self) -> None:
        for pod in self.pods.values():
            pod.process.kill()
            pod.process.wait()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: Cluster
    timeout = 60

    def _respond(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        with self.cluster.lock:
            self.cluster.requests.append(f"{method} {self.path}")
            fault = self.cluster.faults.pop(0) if self.cluster.faults else None
            status, content = self._answer(method, body or {}, fault)
        if fault in ("slow", "lost"):
            self.close_connection = True
            if fault == "slow":
                time.sleep(1)
            return
        encoded = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def _answer(self, method: str, body: Object, fault: Any) -> tuple[int, Object]:
        try:
            if fault == "slow":
                raise Refused(504, "never sent")
            if isinstance(fault, int):
                raise Refused(fault, "a fault")
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refused(401, "Unauthorized")
            return 201 if method == "POST" else 200, self.cluster.handle(method, self.path, body)
        except Refused as error:
            failure = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": str(error)}
            return error.status, {**failure, "reason": REASONS.get(error.status, "InternalError"), "code": error.status}

    def do_GET(self) -> None:
        self._respond("GET")

    def do_POST(self) -> None:
        self._respond("POST")

    def do_DELETE(self) -> None:
        self._respond("DELETE")

    def log_message(self, *_arguments: object) -> None: ...


@contextmanager
def serving(cluster: Cluster, folder: Path) -> Iterator[Path]:
    """Serve a cluster. Yield the path of the settings with which kubectl and the client reach it."""
    handler = type("Handler", (_Handler,), {"cluster": cluster})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    settings = {
        **{"apiVersion": "v1", "kind": "Config", "current-context": "test"},
        "clusters": [{"name": "test", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}],
        "users": [{"name": "test", "user": {"token": TOKEN}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "seedling"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(settings))
    try:
        yield path
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        cluster.stop()


def environment_of_images(python_path: str) -> dict[str, str]:
    """Return the environment variables of a container whose image has the packages of a PYTHONPATH."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return {**kept, "PYTHONPATH": python_path}
