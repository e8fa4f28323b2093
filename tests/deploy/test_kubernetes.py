"""The Kubernetes manifests are valid, restricted and consistent with the settings."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from pydantic import ValidationError

from app.api import health
from app.settings import Settings
from tests.deploy.conftest import DEPLOY, SETTINGS, Object, default, rendered

KINDS = {
    "Namespace": 1,
    "ConfigMap": 1,
    "Secret": 1,
    "PersistentVolumeClaim": 1,
    "Deployment": 2,
    "Service": 1,
    "PodDisruptionBudget": 1,
    "HorizontalPodAutoscaler": 1,
    "NetworkPolicy": 3,
}
ALLOWED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
"""Volume types of the restricted pod security standard: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""


class Cluster:
    """Access to rendered objects by kind and name."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self.objects = list(objects)

    def all(self, kind: str) -> list[Object]:
        return [item for item in self.objects if item["kind"] == kind]

    def one(self, kind: str, name: str = "") -> Object:
        (only,) = (item for item in self.all(kind) if name in ("", item["metadata"]["name"]))
        return only

    def pod(self, name: str) -> Object:
        return self.one("Deployment", name)["spec"]["template"]

    def container(self, name: str) -> Object:
        (container,) = self.pod(name)["spec"]["containers"]
        return container

    def settings(self, name: str) -> dict[str, str]:
        """Return the environment variables of a container."""
        container = self.container(name)
        maps = [self.one("ConfigMap", source["configMapRef"]["name"])["data"] for source in container.get("envFrom", [])]
        return {k: v for data in maps for k, v in data.items()} | {e["name"]: e["value"] for e in container.get("env", [])}


@pytest.fixture(scope="module")
def cluster(kubectl: str) -> Cluster:
    return Cluster(rendered(kubectl, DEPLOY / "kubernetes"))


@pytest.fixture(scope="module")
def example(kubectl: str, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The example overlay with its secrets created as its comment describes."""
    deploy = tmp_path_factory.mktemp("example") / "deploy"
    shutil.copytree(DEPLOY, deploy)
    folder = deploy / "overlays" / "example"
    (folder / "secrets" / "gan_admin_token").write_text("token-of-at-least-32-characters-\n")
    (folder / "secrets" / "gan_database_url").write_text("postgresql+psycopg://seedling:secret@db:5432/seedling\n")
    return Cluster(rendered(kubectl, folder))


@pytest.fixture(scope="module", params=["cluster", "example"])
def any_cluster(request: pytest.FixtureRequest) -> Cluster:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["seedling-api", "seedling-trainer"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_the_objects_conform_to_the_kubernetes_schema(any_cluster: Cluster) -> None:
    for item in any_cluster.objects:
        kubernetes_validate.validate(item, kubernetes_validate.latest_version(), strict=True)


def test_an_unknown_field_is_detected(cluster: Cluster) -> None:
    misspelt = yaml.safe_load(yaml.safe_dump(cluster.one("Deployment", "seedling-api")))
    misspelt["spec"]["template"]["spec"]["automountServiceAccountTokens"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(misspelt, kubernetes_validate.latest_version(), strict=True)


def test_all_objects_exist_and_are_in_the_namespace(cluster: Cluster) -> None:
    assert {kind: len(cluster.all(kind)) for kind in {item["kind"] for item in cluster.objects}} == KINDS
    assert {item["metadata"].get("namespace") for item in cluster.objects if item["kind"] != "Namespace"} == {"seedling"}
    assert cluster.one("Namespace")["metadata"]["name"] == "seedling"


def test_the_namespace_enforces_restricted_pods(cluster: Cluster) -> None:
    labels = cluster.one("Namespace")["metadata"]["labels"]
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}


def test_the_pods_meet_the_restricted_standard(cluster: Cluster, name: str) -> None:
    pod, container = cluster.pod(name)["spec"], cluster.container(name)
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers", "initContainers", "ephemeralContainers"} & pod.keys()
    assert not any("hostPort" in port for port in container.get("ports", []))
    for volume in pod["volumes"]:
        assert volume.keys() - {"name"} <= ALLOWED_VOLUMES
    pod_context, container_context = pod["securityContext"], container["securityContext"]
    assert not {"sysctls", "seLinuxOptions", "windowsOptions", "appArmorProfile"} & (
        pod_context.keys() | container_context.keys()
    )
    assert not {"privileged", "procMount", "runAsUser", "runAsNonRoot", "seccompProfile"} & container_context.keys()
    assert pod_context["runAsNonRoot"] is True
    assert pod_context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container_context["allowPrivilegeEscalation"] is False
    assert container_context["capabilities"] == {"drop": ["ALL"]}


def test_the_pods_are_stricter_than_the_restricted_standard(cluster: Cluster, name: str) -> None:
    pod, container = cluster.pod(name)["spec"], cluster.container(name)
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {pod["securityContext"][key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {10001}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert {"cpu", "memory"} == container["resources"]["requests"].keys() == container["resources"]["limits"].keys()
    assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume)


def test_selectors_match_only_their_own_pods(any_cluster: Cluster) -> None:
    api, trainer = (any_cluster.pod(name)["metadata"]["labels"] for name in ("seedling-api", "seedling-trainer"))
    deployment = any_cluster.one("Deployment", "seedling-api")["spec"]
    selectors = [
        deployment["selector"]["matchLabels"],
        any_cluster.one("Service")["spec"]["selector"],
        any_cluster.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        any_cluster.one("NetworkPolicy", "api")["spec"]["podSelector"]["matchLabels"],
        *(spread["labelSelector"]["matchLabels"] for spread in deployment["template"]["spec"]["topologySpreadConstraints"]),
    ]
    assert len(selectors) == 6
    for selector in selectors:
        assert selects(selector, api)
        assert not selects(selector, trainer)
    trainer_selector = any_cluster.one("Deployment", "seedling-trainer")["spec"]["selector"]["matchLabels"]
    assert selects(trainer_selector, trainer)
    assert not selects(trainer_selector, api)


def test_every_setting_exists_and_has_a_valid_value(any_cluster: Cluster, name: str) -> None:
    settings = any_cluster.settings(name)
    assert settings.keys() - SETTINGS == set()
    fields = {variable.removeprefix("GAN_").lower(): value for variable, value in settings.items()}
    fields.pop("secrets_dir")  # a path inside the pod
    Settings(**fields)


def test_secrets_and_volumes_are_mounted_where_the_settings_expect_them(any_cluster: Cluster, name: str) -> None:
    pod, container = any_cluster.pod(name)["spec"], any_cluster.container(name)
    volumes = {volume.pop("name"): volume for volume in yaml.safe_load(yaml.safe_dump(pod["volumes"]))}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts.keys() == volumes.keys()
    assert mounts == {"state": "/var/lib/seedling", "tmp": "/tmp", "secrets": any_cluster.settings(name)["GAN_SECRETS_DIR"]}
    claim = any_cluster.one("PersistentVolumeClaim")
    assert volumes["state"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]

    secret = any_cluster.one("Secret")
    assert volumes["secrets"]["secret"]["secretName"] == secret["metadata"]["name"]
    assert volumes["secrets"]["secret"]["defaultMode"] == 0o440
    assert {key.upper() for key in secret["data"]} == {"GAN_ADMIN_TOKEN", "GAN_DATABASE_URL"} <= SETTINGS
    items = volumes["secrets"]["secret"].get("items", [{"key": key, "path": key} for key in secret["data"]])
    visible = {"seedling-api": {"gan_admin_token", "gan_database_url"}, "seedling-trainer": {"gan_database_url"}}
    assert {item["key"] for item in items} == {item["path"] for item in items} == visible[name]


def test_the_service_rejects_the_placeholder_secrets(cluster: Cluster) -> None:
    values = {key: base64.b64decode(value).decode() for key, value in cluster.one("Secret")["data"].items()}
    with pytest.raises(ValidationError, match="a token must have 16 to 256"):
        Settings(admin_token=values["gan_admin_token"])
    with pytest.raises(ValidationError, match="postgresql://"):
        Settings(database_url=values["gan_database_url"])


def test_ports_and_probes_match_the_service(any_cluster: Cluster) -> None:
    container, settings = any_cluster.container("seedling-api"), any_cluster.settings("seedling-api")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": default("GAN_PORT"), "metrics": int(settings["GAN_METRICS_PORT"])}
    assert {port["targetPort"] for port in any_cluster.one("Service")["spec"]["ports"]} == ports.keys()
    annotations = any_cluster.pod("seedling-api")["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == settings["GAN_METRICS_PORT"]

    paths = {route.path for route in health.router.routes}
    probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")}
    assert {probe["port"] for probe in probes.values()} == {"http"}
    assert {kind: probe["path"] for kind, probe in probes.items()} == {
        "startup": "/livez",
        "readiness": "/readyz",
        "liveness": "/livez",
    }
    assert {probe["path"] for probe in probes.values()} <= paths


def test_the_grace_period_is_longer_than_the_shutdown(any_cluster: Cluster) -> None:
    for name, setting in (("seedling-api", "GAN_SHUTDOWN_SECONDS"), ("seedling-trainer", "GAN_STOP_SECONDS")):
        stop = int(any_cluster.settings(name).get(setting, default(setting)))
        assert any_cluster.pod(name)["spec"]["terminationGracePeriodSeconds"] > stop


def test_the_autoscaler_sets_the_replicas_and_at_most_one_is_unavailable(cluster: Cluster) -> None:
    api, scaler = cluster.one("Deployment", "seedling-api"), cluster.one("HorizontalPodAutoscaler")["spec"]
    target = {"apiVersion": api["apiVersion"], "kind": "Deployment", "name": api["metadata"]["name"]}
    assert scaler["scaleTargetRef"] == target
    assert "replicas" not in api["spec"], "every apply would reset the replica count"
    assert scaler["minReplicas"] == 3
    assert "cpu" in cluster.container("seedling-api")["resources"]["requests"], "utilization is relative to the CPU request"
    assert api["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert cluster.one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_there_is_never_more_than_one_trainer(cluster: Cluster) -> None:
    trainer = cluster.one("Deployment", "seedling-trainer")["spec"]
    assert trainer["replicas"] == 1
    assert trainer["strategy"] == {"type": "Recreate"}


def allows(cluster: Cluster, direction: str, pod: dict[str, str], port: int, peer: Any = None, protocol: str = "TCP") -> bool:
    """Whether the network policies allow a connection between a pod and a peer.

    Args:
        cluster: the cluster with the policies.
        direction: ingress (the peer connects to the pod) or egress (the pod connects to the peer).
        pod: labels of the pod.
        port: destination port.
        peer: labels of the peer's namespace and of its pod. None is an address outside the cluster.
        protocol: TCP or UDP.
    """
    side = {"ingress": "from", "egress": "to"}[direction]
    for policy in (policy["spec"] for policy in cluster.all("NetworkPolicy")):
        if direction.capitalize() in policy["policyTypes"] and selects(policy["podSelector"].get("matchLabels", {}), pod):
            for rule in policy.get(direction, []):
                if {"port": port, "protocol": protocol} in rule["ports"] and (
                    side not in rule or _matches_any(rule[side], peer)
                ):
                    return True
    return False


def _matches_any(selectors: list[Object], peer: Any) -> bool:
    if peer is None:
        return False
    namespace, pod = peer
    return any(
        selects(selector["namespaceSelector"].get("matchLabels", {}), namespace)
        and selects(selector.get("podSelector", {}).get("matchLabels", {}), pod)
        for selector in selectors
    )


def test_traffic_is_denied_by_default(cluster: Cluster) -> None:
    denied = [p["spec"] for p in cluster.all("NetworkPolicy") if p["spec"]["podSelector"] == {}]
    assert denied == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]


def test_only_monitoring_reaches_the_metrics_and_nothing_reaches_the_trainer(cluster: Cluster) -> None:
    api, trainer = (cluster.pod(name)["metadata"]["labels"] for name in ("seedling-api", "seedling-trainer"))
    monitoring = ({"kubernetes.io/metadata.name": "monitoring"}, {})
    other_namespace = ({"kubernetes.io/metadata.name": "elsewhere"}, {})
    assert allows(cluster, "ingress", api, 8000, None)
    assert allows(cluster, "ingress", api, 8000, other_namespace)
    assert allows(cluster, "ingress", api, 9100, monitoring)
    assert not allows(cluster, "ingress", api, 9100, other_namespace)
    assert not allows(cluster, "ingress", api, 9100, None)
    assert not any(allows(cluster, "ingress", trainer, port, monitoring) for port in (8000, 9100))


def test_the_pods_reach_only_dns_and_the_database(cluster: Cluster, name: str) -> None:
    pod = cluster.pod(name)["metadata"]["labels"]
    dns = ({"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"})
    assert allows(cluster, "egress", pod, 53, dns, "UDP")
    assert allows(cluster, "egress", pod, 53, dns, "TCP")
    assert not allows(cluster, "egress", pod, 53, None, "UDP")
    assert allows(cluster, "egress", pod, 5432, None)
    assert not any(allows(cluster, "egress", pod, port, None) for port in (80, 443, 8000, 9100))


def test_the_example_replaces_the_placeholders_of_the_base(example: Cluster) -> None:
    images = {example.container(name)["image"] for name in ("seedling-api", "seedling-trainer")}
    assert images == {"REGISTRY/seedling:0.2.0", "REGISTRY/seedling-train:0.2.0"}
    values = {key: base64.b64decode(value).decode().strip() for key, value in example.one("Secret")["data"].items()}
    Settings(admin_token=values["gan_admin_token"], database_url=values["gan_database_url"])
    assert example.one("PersistentVolumeClaim")["spec"]["storageClassName"] == "SHARED"
    (rule,) = example.one("Ingress")["spec"]["rules"]
    assert rule["host"] == example.settings("seedling-api")["GAN_HOSTS"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": example.one("Service")["metadata"]["name"], "port": {"name": "http"}}


def test_git_ignores_the_secrets_of_the_example() -> None:
    folder: Path = DEPLOY / "overlays" / "example" / "secrets"
    assert (folder / ".gitignore").read_text().split() == ["*", "!.gitignore"]
