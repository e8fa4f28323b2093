"""The overlay that runs trainers as Kubernetes Jobs."""

from __future__ import annotations

import shutil

import kubernetes_validate
import pytest

from app.retraining.runners.engine import Work
from app.retraining.runners.job_manifest import manifest
from app.settings import Settings
from tests.deploy.conftest import DEPLOY, SETTINGS, rendered
from tests.deploy.test_kubernetes import ALLOWED_VOLUMES, Cluster, allows, selects

SECRETS = {
    "gan_admin_token": "token-of-at-least-32-characters-\n",
    "gan_database_url": "postgresql+psycopg://seedling:secret@db:5432/seedling\n",
}


@pytest.fixture(scope="module")
def overlay(kubectl: str, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The overlay with the secrets of the example."""
    deploy = tmp_path_factory.mktemp("jobs") / "deploy"
    shutil.copytree(DEPLOY, deploy)
    for name, content in SECRETS.items():
        (deploy / "overlays" / "example" / "secrets" / name).write_text(content)
    return Cluster(rendered(kubectl, deploy / "overlays" / "jobs"))


@pytest.fixture(scope="module")
def settings(overlay: Cluster) -> Settings:
    """The settings of the supervisor."""
    values = overlay.settings("seedling-trainer")
    assert values.keys() - SETTINGS == set()
    fields = {variable.removeprefix("GAN_").lower(): value for variable, value in values.items()}
    fields.pop("secrets_dir")
    return Settings(state="/var/lib/seedling", **fields)


def test_the_objects_conform_to_the_kubernetes_schema(overlay: Cluster) -> None:
    for item in overlay.objects:
        kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)


def test_the_supervisor_uses_the_account_that_is_bound_to_the_role(overlay: Cluster, settings: Settings) -> None:
    assert settings.runner == "kubernetes"
    pod = overlay.pod("seedling-trainer")["spec"]
    account, role, binding = (overlay.one(kind) for kind in ("ServiceAccount", "Role", "RoleBinding"))
    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == (account["metadata"]["name"], True)
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [(each["kind"], each["name"], each["namespace"]) for each in binding["subjects"]] == [
        ("ServiceAccount", account["metadata"]["name"], "seedling")
    ]
    assert overlay.pod("seedling-api")["spec"]["automountServiceAccountToken"] is False


def test_the_role_allows_jobs_and_pods_and_nothing_else(overlay: Cluster) -> None:
    """The runner's tests with this Role are in tests/app/retraining/runners/test_kubernetes.py."""
    rules = {
        (group, kind): set(rule["verbs"])
        for rule in overlay.one("Role")["rules"]
        for group in rule["apiGroups"]
        for kind in rule["resources"]
    }
    assert rules == {("batch", "jobs"): {"create", "delete", "get", "list"}, ("", "pods"): {"delete", "list"}}


def test_the_supervisor_reaches_the_api_server_and_trainers_reach_nothing(overlay: Cluster, settings: Settings) -> None:
    supervisor = overlay.pod("seedling-trainer")["metadata"]["labels"]
    assert allows(overlay, "egress", supervisor, 443)
    assert allows(overlay, "egress", supervisor, 6443)
    assert not allows(overlay, "egress", supervisor, 80)
    job = manifest(Work("seedling-0123456789ab-1", ("train",), {}), settings, "seedling")
    trainer = job["spec"]["template"]["metadata"]["labels"]
    dns = ({"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"})
    assert not any(allows(overlay, "egress", trainer, port, dns, "UDP") for port in (53, 443))
    assert not any(allows(overlay, "egress", trainer, port) for port in (80, 443, 5432, 6443))
    for deployment in overlay.all("Deployment"):
        assert not selects(deployment["spec"]["selector"]["matchLabels"], trainer)


def test_trainers_share_the_volume_and_the_user_of_the_supervisor(overlay: Cluster, settings: Settings) -> None:
    job = manifest(Work("seedling-0123456789ab-1", ("train",), {}), settings, "seedling")
    kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)
    trainer, supervisor = job["spec"]["template"]["spec"], overlay.pod("seedling-trainer")["spec"]
    assert trainer["securityContext"] == supervisor["securityContext"]
    claims = [v["persistentVolumeClaim"]["claimName"] for v in supervisor["volumes"] if "persistentVolumeClaim" in v]
    assert trainer["volumes"][0]["persistentVolumeClaim"]["claimName"] == claims[0]
    mounts = {mount["name"]: mount["mountPath"] for mount in trainer["containers"][0]["volumeMounts"]}
    own = {mount["name"]: mount["mountPath"] for mount in overlay.container("seedling-trainer")["volumeMounts"]}
    assert mounts["state"] == own["state"]
    assert all((volume.keys() - {"name"}) <= ALLOWED_VOLUMES for volume in trainer["volumes"])
    assert trainer["containers"][0]["image"] == overlay.container("seedling-trainer")["image"]
