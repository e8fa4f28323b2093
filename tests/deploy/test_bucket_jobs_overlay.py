"""The overlay with trainers as Kubernetes Jobs and everything in object storage: no volume is shared."""

from __future__ import annotations

import shutil

import kubernetes_validate
import pytest

from app.retraining.runners.engine import Work
from app.retraining.runners.job_manifest import manifest
from app.settings import Settings
from tests.deploy.conftest import DEPLOY, SETTINGS, rendered
from tests.deploy.test_jobs_overlay import SECRETS
from tests.deploy.test_kubernetes import ALLOWED_VOLUMES, Cluster, Object, allows


@pytest.fixture(scope="module")
def overlay(kubectl: str, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The overlay with the secrets of the example."""
    deploy = tmp_path_factory.mktemp("bucket-jobs") / "deploy"
    shutil.copytree(DEPLOY, deploy)
    for name, content in SECRETS.items():
        (deploy / "overlays" / "example" / "secrets" / name).write_text(content)
    return Cluster(rendered(kubectl, deploy / "overlays" / "bucket-jobs"))


@pytest.fixture(scope="module")
def settings(overlay: Cluster) -> Settings:
    """The settings of the supervisor."""
    container = overlay.container("seedling-trainer")
    values = {variable["name"]: variable["value"] for variable in container["env"]}
    for source in container["envFrom"]:
        if "configMapRef" in source:
            values |= overlay.one("ConfigMap", source["configMapRef"]["name"])["data"]
    assert values.keys() - SETTINGS == set()
    fields = {variable.removeprefix("GAN_").lower(): value for variable, value in values.items()}
    fields.pop("secrets_dir")
    return Settings(state="/var/lib/seedling", **fields)


@pytest.fixture(scope="module")
def job(settings: Settings) -> Object:
    return manifest(Work("seedling-0123456789ab-1", ("train",), {}), settings, "seedling")


def test_everything_conforms_to_the_kubernetes_schema(overlay: Cluster, job: Object) -> None:
    for item in [*overlay.objects, job]:
        kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)


def test_no_pod_has_a_volume_that_others_share(overlay: Cluster, settings: Settings, job: Object) -> None:
    assert overlay.all("PersistentVolumeClaim") == []
    pods = [overlay.pod(name)["spec"] for name in ("seedling-api", "seedling-trainer")] + [job["spec"]["template"]["spec"]]
    for pod in pods:
        volumes = [volume.keys() - {"name"} for volume in pod["volumes"]]
        assert all(kinds <= ALLOWED_VOLUMES - {"persistentVolumeClaim"} for kinds in volumes)
        assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    assert (settings.runs, settings.runner) == ("bucket", "kubernetes")
    assert (settings.models_url or "").startswith("s3://")


def test_all_pods_get_the_credentials_and_reach_the_object_storage(overlay: Cluster, job: Object) -> None:
    dns = ({"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"})
    containers = [overlay.container(name) for name in ("seedling-api", "seedling-trainer")]
    labels = [overlay.pod(name)["metadata"]["labels"] for name in ("seedling-api", "seedling-trainer")]
    containers.append(job["spec"]["template"]["spec"]["containers"][0])
    labels.append(job["spec"]["template"]["metadata"]["labels"])
    for container in containers:
        assert {"secretRef": {"name": "seedling-storage"}} in container["envFrom"]
    for label in labels:
        assert allows(overlay, "egress", label, 443)
        assert allows(overlay, "egress", label, 53, dns, "UDP")
        assert not allows(overlay, "egress", label, 80)
    assert not allows(overlay, "egress", labels[-1], 5432), "trainers do not reach the database"
