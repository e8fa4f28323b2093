"""Kubernetes Jobs through the official client, against a small API server: faults, evictions, and the manifest."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from pydantic import ValidationError

from app.retraining.facade import missing
from app.retraining.runners import EngineUnavailable, FolderInUse, is_locked
from app.retraining.runners import engine as engine_module
from app.retraining.runners import kubernetes_jobs as jobs_module
from app.retraining.runners.choice import open_runner
from app.retraining.runners.contract import EngineRefused
from app.retraining.runners.engine import EngineRunner, Work
from app.retraining.runners.job_manifest import manifest
from app.retraining.runners.kubernetes_jobs import KubernetesJobs
from app.retraining.runners.lock import acquire
from app.retraining.runners.submission import last_submission
from app.settings import Settings
from tests.app.retraining.runners.api_server import Cluster, environment_of_images
from tests.app.retraining.runners.conftest import MakeRunner, kubernetes_of, wait_for_output, wait_until_finished
from tests.app.retraining.runners.stub import install
from tests.live import ROOT

WORK = Work("seedling-0123456789ab-1", ("train", "--out", "/var/lib/seedling/jobs/0123456789ab"), {"OMP_NUM_THREADS": "2"})


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A cluster whose service account has the Role of the overlay."""
    documents = yaml.safe_load_all((ROOT / "deploy" / "overlays" / "jobs" / "access.yaml").read_text())
    (role,) = (each for each in documents if each["kind"] == "Role")
    return Cluster(environment_of_images(install(tmp_path / "stub")), tmp_path, role["rules"])


@pytest.fixture
def make(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeRunner]:
    monkeypatch.setattr(jobs_module, "TIMEOUTS", (3.0, 0.5))
    monkeypatch.setattr(engine_module, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(engine_module, "DOWN_SECONDS", 0.0)
    with kubernetes_of(cluster, tmp_path, monkeypatch) as made:
        yield made


def start(make: MakeRunner, folder: Path, mode: str = "wait", **settings: object):
    runner = make(**settings)
    return runner, runner.start([str(folder), mode], folder / "log.txt")


# The manifest.


def test_the_manifest_conforms_to_the_schema_and_a_misspelt_field_is_detected() -> None:
    settings = Settings(
        **{"runner": "kubernetes", "kubernetes_image": "registry/seedling-train:1", "kubernetes_secret": "storage"},
        kubernetes_pod={"nodeSelector": {"pool": "training"}, "tolerations": [{"key": "spot", "operator": "Exists"}]},
    )
    job = manifest(WORK, settings, "seedling")
    kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"pool": "training"}
    assert job["spec"]["template"]["spec"]["containers"][0]["envFrom"] == [{"secretRef": {"name": "storage"}}]
    job["spec"]["template"]["spec"]["nodeSelectors"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)


def test_the_pod_meets_the_restricted_standard_and_mounts_the_state_folder_at_the_same_path(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, stop_seconds=70, kubernetes_image="seedling-train:1", kubernetes_claim="ours")
    pod = manifest(WORK, settings, "seedling")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] > 70, "or the checkpoint is lost"
    assert {"name": "state", "persistentVolumeClaim": {"claimName": "ours"}} in pod["volumes"]
    assert {"name": "state", "mountPath": str(tmp_path)} in container["volumeMounts"]
    assert container["command"] == ["python", "-m", "training", *WORK.arguments]


def test_a_job_never_starts_a_second_pod_by_itself() -> None:
    spec = manifest(WORK, Settings(kubernetes_image="x"), "seedling")["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_fields_of_the_pod_that_would_break_it_are_rejected() -> None:
    for name in ("containers", "volumes", "restartPolicy"):
        with pytest.raises(ValidationError, match=name):
            Settings(kubernetes_pod={name: []})


# Faults of the API server.


def test_a_submission_whose_response_was_lost_is_not_repeated(make: MakeRunner, cluster: Cluster, folder: Path) -> None:
    cluster.faults = ["lost"]
    runner, handle = start(make, folder)
    assert cluster.created == 1
    posts = [request for request in cluster.requests if request.startswith("POST")]
    assert len(posts) == 2, "the second one got 409, because the first has arrived"
    wait_for_output(folder)
    runner.stop(handle)
    wait_until_finished(runner, handle)
    assert (folder / "log.txt").read_text().count("{") == 1


@pytest.mark.parametrize("fault", [410, 429, 500, 503, "slow", "lost"])
def test_a_fault_of_the_api_does_not_end_a_trainer(make: MakeRunner, cluster: Cluster, folder: Path, fault: object) -> None:
    runner, handle = start(make, folder)
    wait_for_output(folder)
    cluster.faults = [fault] * 3
    assert [runner.poll(handle) for _ in range(3)] == [None] * 3
    assert cluster.faults == []
    assert runner.poll(handle) is None
    runner.stop(handle)
    wait_until_finished(runner, handle)
    assert cluster.created == 1


def test_a_submission_that_never_arrives_is_tried_three_times_and_then_again_under_the_same_name(
    make: MakeRunner, cluster: Cluster, folder: Path
) -> None:
    cluster.faults = [503, 503, 503]
    with pytest.raises(EngineUnavailable, match=r"503 .*Try again later"):
        start(make, folder)
    assert cluster.created == 0
    first = last_submission(folder)
    runner, handle = start(make, folder, "wait")
    assert first
    assert handle["id"] == first.id
    wait_for_output(folder)
    runner.stop(handle)
    wait_until_finished(runner, handle)


def test_a_supervisor_killed_after_its_submission_finds_the_job_again(make: MakeRunner, cluster: Cluster, folder: Path) -> None:
    """The handle is not stored, and the pod still waits for a node, so the lock does not identify it either."""
    _, handle = start(make, folder)
    _, again = start(make, folder) if not is_locked(folder / ".lock") else (None, handle)
    assert again == handle
    assert cluster.created == 1
    wait_for_output(folder)
    runner = make()
    with pytest.raises(FolderInUse):
        runner.start([str(folder), "wait"], folder / "log.txt")
    runner.stop(handle)
    wait_until_finished(runner, handle)


def test_a_cancelled_job_whose_stop_got_an_error_stops_by_the_file(make: MakeRunner, cluster: Cluster, folder: Path) -> None:
    runner, handle = start(make, folder)
    wait_for_output(folder)
    cluster.faults = [500]
    runner.stop(handle)
    assert wait_until_finished(runner, handle).status == 3
    assert "wrote a checkpoint" in (folder / "log.txt").read_text()


def test_a_deleted_job_is_stopping_until_its_pod_has_ended(make: MakeRunner, cluster: Cluster, folder: Path) -> None:
    runner, handle = start(make, folder, "slow")
    wait_for_output(folder)
    runner.stop(handle)
    assert any(request.startswith("DELETE") for request in cluster.requests)
    assert runner.engine.state(handle["id"]) == "stopping"
    with pytest.raises(FolderInUse):
        make().start([str(folder), "wait"], folder / "log.txt")
    finished = wait_until_finished(runner, handle)
    assert (finished.status, finished.detail) == (None, "its Kubernetes Job was deleted")
    assert cluster.jobs == {}
    assert cluster.pods == {}
    assert (folder / "log.txt").read_text().endswith("wrote a checkpoint\n")


def test_an_engine_that_is_down_is_asked_once_for_all_its_trainers(
    make: MakeRunner, cluster: Cluster, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every question may take seconds, during which the supervisor does not renew its lease."""
    monkeypatch.setattr(engine_module, "DOWN_SECONDS", 5.0)
    runner, handle = start(make, folder)
    wait_for_output(folder)
    seconds = 0.0
    runner.clock = lambda: seconds
    runner._watched.clear()
    cluster.faults = [503] * 10
    others = [{**handle, "id": f"other-{number}", "lock": str(folder / "elsewhere" / ".lock")} for number in range(3)]
    assert [runner.poll(each) for each in (handle, *others)] == [None] * 4
    assert len(cluster.faults) == 9
    seconds = 5.0
    assert runner.poll(handle) is None
    assert len(cluster.faults) == 8
    cluster.faults = []
    runner.stop(handle)
    runner.clock = time.monotonic
    runner._down = None
    wait_until_finished(runner, handle)


def test_an_api_server_that_stays_unreachable_does_not_block_a_job_forever(
    make: MakeRunner, cluster: Cluster, folder: Path
) -> None:
    _, handle = start(make, folder)
    wait_for_output(folder)
    seconds = 0.0
    runner = make()
    runner.clock = lambda: seconds
    cluster.faults = [503] * 100
    for seconds in (0.0, 40.0, 80.0, 120.0):  # noqa: B007 - the clock reads it
        assert runner.poll(handle) is None, "the lock is held, so the trainer runs"
    (pod,) = cluster.pods.values()
    pod.process.kill()
    pod.process.wait()
    results = []
    for seconds in (140.0, 179.0, 180.0):  # noqa: B007
        results.append(runner.poll(handle))
    assert results[:2] == [None, None]
    (ended,) = [result for result in results if result]
    assert ended.status is None
    assert "503" in ended.detail


# Ends of pods.


def test_an_evicted_pod_has_ended_and_the_run_continues_in_another(make: MakeRunner, cluster: Cluster, folder: Path) -> None:
    runner, handle = start(make, folder)
    wait_for_output(folder)
    cluster.evict(handle["id"])
    finished = wait_until_finished(runner, handle)
    assert (finished.status, finished.detail) == (None, "Kubernetes: Evicted: The node was low on resource: memory.")
    again = runner.start([str(folder), "done"], folder / "log.txt")
    assert again["id"] != handle["id"]
    assert wait_until_finished(runner, again).status == 0
    assert cluster.created == 2


def test_a_pod_whose_node_has_gone_has_ended(make: MakeRunner, cluster: Cluster, folder: Path) -> None:
    runner, handle = start(make, folder)
    wait_for_output(folder)
    with cluster.lock:
        (pod,) = cluster.pods.values()
        pod.process.kill()
        pod.process.wait()
        cluster.pods.clear()  # as the garbage collector does for a node that no longer exists
    finished = wait_until_finished(runner, handle)
    assert (finished.status, "BackoffLimitExceeded" in finished.detail) == (None, True)


def test_a_failed_job_whose_trainer_still_holds_the_lock_runs(make: MakeRunner, cluster: Cluster, folder: Path) -> None:
    """The node is cut off, and Kubernetes has given the pod up."""
    runner, handle = start(make, folder, "done")
    wait_until_finished(make(), handle)
    held = acquire(folder / ".lock")

    assert runner.poll(handle) is None
    os.close(held)
    assert runner.poll(handle)


@pytest.mark.parametrize(("code", "status"), [(137, -signal.SIGKILL), (143, -signal.SIGTERM), (1, 1), (3, 3), (255, 255)])
def test_exit_codes_of_killed_containers_are_signals(code: int, status: int) -> None:
    assert jobs_module._status(code) == status


def test_a_trainer_that_was_stopped_by_force_before_its_pod_started_never_works_in_the_folder(
    make: MakeRunner, cluster: Cluster, folder: Path
) -> None:
    runner, handle = start(make, folder, "done")
    wait_until_finished(runner, handle)
    (folder / "log.txt").unlink()
    cluster.faults = [503]
    runner.stop(handle, force=True)
    finished = runner.poll(handle)
    assert finished
    assert finished.detail == "it was stopped before it started"
    # its pod starts late
    late = json.dumps({"place": handle["place"], "id": handle["id"]})
    variables = {"SEEDLING_SUBMISSION": late, "SEEDLING_LOG": str(folder / "log.txt"), "OMP_NUM_THREADS": "1"}
    KubernetesJobs.submit(runner.engine, Work("seedling-late-1", (str(folder), "done"), variables))
    text = wait_for_output(folder, "replaced")
    assert "{" not in text
    assert f"Error: The trainer {handle['id']} was replaced" in text


# Configuration.


def test_a_service_account_without_the_role_is_told_so(cluster: Cluster, make: MakeRunner, folder: Path) -> None:
    cluster.rules = [{"resources": ["jobs"], "verbs": ["list"]}]
    runner = make()
    assert runner.trouble() == ""
    with pytest.raises(EngineRefused, match=r"403 Forbidden: .* cannot create .*deploy/overlays/jobs has the Role"):
        runner.start([str(folder), "done"], folder / "log.txt")
    cluster.rules = []
    assert "cannot list" in make().trouble()


def test_trouble_is_looked_for_again_after_five_seconds(make: MakeRunner, cluster: Cluster) -> None:
    runner = make()
    seconds = 0.0
    runner.clock = lambda: seconds
    runner._checked = -5.0
    cluster.faults = [503]
    assert "503" in runner.trouble()
    seconds = 4.9
    assert "503" in runner.trouble()
    seconds = 5.0
    assert runner.trouble() == ""


def test_kubernetes_that_is_not_configured_is_trouble_with_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    runner = open_runner(Settings(runner="kubernetes", kubernetes_image="x"))
    assert isinstance(runner, EngineRunner)
    assert runner.trouble().startswith("Kubernetes is not configured (")
    assert runner.trouble().endswith("or configure kubectl (KUBECONFIG).")


def test_the_image_is_required() -> None:
    assert missing(Settings(runner="kubernetes")).endswith("Set GAN_KUBERNETES_IMAGE.")
    assert missing(Settings(runner="kubernetes", kubernetes_image="x")) == ""
