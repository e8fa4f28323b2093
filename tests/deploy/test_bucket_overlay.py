"""The overlay for replicas whose versions are in object storage: no shared volume, no trainer."""

from __future__ import annotations

import shutil

import kubernetes_validate
import pytest

from tests.deploy.conftest import DEPLOY, SETTINGS, rendered
from tests.deploy.test_kubernetes import Cluster, allows

SECRETS = {
    "gan_admin_token": "token-of-at-least-32-characters-\n",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


@pytest.fixture(scope="module")
def overlay(kubectl: str, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The overlay with its secrets created as its comment describes."""
    deploy = tmp_path_factory.mktemp("bucket") / "deploy"
    shutil.copytree(DEPLOY, deploy)
    folder = deploy / "overlays" / "bucket"
    for name, content in SECRETS.items():
        (folder / "secrets" / name).write_text(content)
    return Cluster(rendered(kubectl, folder))


def test_the_objects_conform_to_the_kubernetes_schema(overlay: Cluster) -> None:
    for item in overlay.objects:
        kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)


def test_there_is_no_trainer_and_no_shared_volume(overlay: Cluster) -> None:
    assert [item["metadata"]["name"] for item in overlay.all("Deployment")] == ["seedling-api"]
    assert overlay.all("PersistentVolumeClaim") == []
    volumes = {volume["name"]: volume for volume in overlay.pod("seedling-api")["spec"]["volumes"]}
    assert volumes["state"].keys() == {"name", "emptyDir"}
    assert volumes["state"]["emptyDir"]["sizeLimit"]


def test_the_replicas_get_the_url_and_the_credentials_and_nothing_else_does(overlay: Cluster) -> None:
    sources = overlay.container("seedling-api")["envFrom"]
    (settings,) = (overlay.one("ConfigMap", s["configMapRef"]["name"])["data"] for s in sources if "configMapRef" in s)
    (secret,) = (overlay.one("Secret", s["secretRef"]["name"])["data"] for s in sources if "secretRef" in s)
    assert settings["GAN_MODELS_URL"].startswith("s3://")
    assert {name for name in settings if name.startswith("GAN_")} <= SETTINGS
    assert secret.keys() == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert "GAN_SECRETS_DIR" in settings


def test_the_replicas_may_reach_object_storage_outside_the_cluster(overlay: Cluster) -> None:
    labels = overlay.pod("seedling-api")["metadata"]["labels"]
    assert allows(overlay, "egress", labels, 443)
    assert not allows(overlay, "egress", labels, 80)
