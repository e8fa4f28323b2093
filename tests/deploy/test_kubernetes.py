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
"""Of a restricted pod: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""


class Cluster:
    """What is rendered, by kind and name."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self.objects = list(objects)

    def all(self, kind: str) -> list[Object]:
        return [found for found in self.objects if found["kind"] == kind]

    def one(self, kind: str, name: str = "") -> Object:
        (found,) = (found for found in self.all(kind) if name in ("", found["metadata"]["name"]))
        return found

    def pod(self, name: str) -> Object:
        return self.one("Deployment", name)["spec"]["template"]

    def container(self, name: str) -> Object:
        (found,) = self.pod(name)["spec"]["containers"]
        return found

    def settings(self, name: str) -> dict[str, str]:
        """The GAN_ variables that a container is given."""
        container = self.container(name)
        maps = [self.one("ConfigMap", source["configMapRef"]["name"])["data"] for source in container.get("envFrom", [])]
        return {k: v for found in maps for k, v in found.items()} | {e["name"]: e["value"] for e in container.get("env", [])}


@pytest.fixture(scope="module")
def cluster(kubectl: str) -> Cluster:
    return Cluster(rendered(kubectl, DEPLOY / "kubernetes"))


@pytest.fixture(scope="module")
def example(kubectl: str, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The example, filled in as its comment says."""
    deploy = tmp_path_factory.mktemp("example") / "deploy"
    shutil.copytree(DEPLOY, deploy)
    folder = deploy / "overlays" / "example"
    (folder / "secrets" / "gan_admin_token").write_text("of-thirty-two-signs-or-even-more\n")
    (folder / "secrets" / "gan_database_url").write_text("postgresql+psycopg://seedling:secret@db:5432/seedling\n")
    return Cluster(rendered(kubectl, folder))


@pytest.fixture(scope="module", params=["cluster", "example"])
def either(request: pytest.FixtureRequest) -> Cluster:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["seedling-api", "seedling-trainer"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_kubernetes_knows_every_field(either: Cluster) -> None:
    for found in either.objects:
        kubernetes_validate.validate(found, kubernetes_validate.latest_version(), strict=True)


def test_a_field_that_kubernetes_does_not_know_would_be_noticed(cluster: Cluster) -> None:
    misspelt = yaml.safe_load(yaml.safe_dump(cluster.one("Deployment", "seedling-api")))
    misspelt["spec"]["template"]["spec"]["automountServiceAccountTokens"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(misspelt, kubernetes_validate.latest_version(), strict=True)


def test_nothing_is_missing_and_all_is_in_the_namespace(cluster: Cluster) -> None:
    assert {kind: len(cluster.all(kind)) for kind in {found["kind"] for found in cluster.objects}} == KINDS
    assert {found["metadata"].get("namespace") for found in cluster.objects if found["kind"] != "Namespace"} == {"seedling"}
    assert cluster.one("Namespace")["metadata"]["name"] == "seedling"


def test_the_namespace_refuses_pods_that_are_not_restricted(cluster: Cluster) -> None:
    labels = cluster.one("Namespace")["metadata"]["labels"]
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}


def test_the_pods_are_restricted(cluster: Cluster, name: str) -> None:
    pod, container = cluster.pod(name)["spec"], cluster.container(name)
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers", "initContainers", "ephemeralContainers"} & pod.keys()
    assert not any("hostPort" in port for port in container.get("ports", []))
    for volume in pod["volumes"]:
        assert volume.keys() - {"name"} <= ALLOWED_VOLUMES
    whole, own = pod["securityContext"], container["securityContext"]
    assert not {"sysctls", "seLinuxOptions", "windowsOptions", "appArmorProfile"} & (whole.keys() | own.keys())
    assert not {"privileged", "procMount", "runAsUser", "runAsNonRoot", "seccompProfile"} & own.keys()
    assert whole["runAsNonRoot"] is True
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}


def test_the_pods_can_do_less_than_restricted_ones_may(cluster: Cluster, name: str) -> None:
    pod, container = cluster.pod(name)["spec"], cluster.container(name)
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {pod["securityContext"][key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {10001}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert {"cpu", "memory"} == container["resources"]["requests"].keys() == container["resources"]["limits"].keys()
    assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume)


def test_whoever_selects_the_api_selects_it_alone(either: Cluster) -> None:
    api, trainer = (either.pod(name)["metadata"]["labels"] for name in ("seedling-api", "seedling-trainer"))
    deployment = either.one("Deployment", "seedling-api")["spec"]
    selectors = [
        deployment["selector"]["matchLabels"],
        either.one("Service")["spec"]["selector"],
        either.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        either.one("NetworkPolicy", "api")["spec"]["podSelector"]["matchLabels"],
        *(spread["labelSelector"]["matchLabels"] for spread in deployment["template"]["spec"]["topologySpreadConstraints"]),
    ]
    assert len(selectors) == 6
    for selector in selectors:
        assert selects(selector, api)
        assert not selects(selector, trainer)
    own = either.one("Deployment", "seedling-trainer")["spec"]["selector"]["matchLabels"]
    assert selects(own, trainer)
    assert not selects(own, api)


def test_every_setting_exists_and_has_a_value_that_it_may_have(either: Cluster, name: str) -> None:
    settings = either.settings(name)
    assert settings.keys() - SETTINGS == set()
    fields = {variable.removeprefix("GAN_").lower(): value for variable, value in settings.items()}
    fields.pop("secrets_dir")  # a folder of the pod's
    Settings(**fields)


def test_secrets_and_volumes_are_where_they_are_looked_for(either: Cluster, name: str) -> None:
    pod, container = either.pod(name)["spec"], either.container(name)
    volumes = {volume.pop("name"): volume for volume in yaml.safe_load(yaml.safe_dump(pod["volumes"]))}
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert places.keys() == volumes.keys()
    assert places == {"state": "/var/lib/seedling", "tmp": "/tmp", "secrets": either.settings(name)["GAN_SECRETS_DIR"]}
    claim = either.one("PersistentVolumeClaim")
    assert volumes["state"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]

    secret = either.one("Secret")
    assert volumes["secrets"]["secret"]["secretName"] == secret["metadata"]["name"]
    assert volumes["secrets"]["secret"]["defaultMode"] == 0o440
    assert {key.upper() for key in secret["data"]} == {"GAN_ADMIN_TOKEN", "GAN_DATABASE_URL"} <= SETTINGS
    items = volumes["secrets"]["secret"].get("items", [{"key": key, "path": key} for key in secret["data"]])
    shown = {"seedling-api": {"gan_admin_token", "gan_database_url"}, "seedling-trainer": {"gan_database_url"}}
    assert {item["key"] for item in items} == {item["path"] for item in items} == shown[name]


def test_with_secrets_that_nobody_replaced_it_does_not_start(cluster: Cluster) -> None:
    values = {key: base64.b64decode(value).decode() for key, value in cluster.one("Secret")["data"].items()}
    with pytest.raises(ValidationError, match="a token must have 16 to 256"):
        Settings(admin_token=values["gan_admin_token"])
    with pytest.raises(ValidationError, match="postgresql://"):
        Settings(database_url=values["gan_database_url"])


def test_ports_and_probes_are_the_services(either: Cluster) -> None:
    container, settings = either.container("seedling-api"), either.settings("seedling-api")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": default("GAN_PORT"), "metrics": int(settings["GAN_METRICS_PORT"])}
    assert {port["targetPort"] for port in either.one("Service")["spec"]["ports"]} == ports.keys()
    annotations = either.pod("seedling-api")["metadata"]["annotations"]
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


def test_each_is_given_the_time_it_takes_to_stop(either: Cluster) -> None:
    for name, setting in (("seedling-api", "GAN_SHUTDOWN_SECONDS"), ("seedling-trainer", "GAN_STOP_SECONDS")):
        stop = int(either.settings(name).get(setting, default(setting)))
        assert either.pod(name)["spec"]["terminationGracePeriodSeconds"] > stop


def test_replicas_are_the_autoscalers_and_one_at_a_time_may_be_missing(cluster: Cluster) -> None:
    api, scaler = cluster.one("Deployment", "seedling-api"), cluster.one("HorizontalPodAutoscaler")["spec"]
    target = {"apiVersion": api["apiVersion"], "kind": "Deployment", "name": api["metadata"]["name"]}
    assert scaler["scaleTargetRef"] == target
    assert "replicas" not in api["spec"], "every apply would set them anew"
    assert scaler["minReplicas"] == 3
    assert "cpu" in cluster.container("seedling-api")["resources"]["requests"], "utilization is of what is requested"
    assert api["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert cluster.one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_there_is_one_trainer_and_never_two(cluster: Cluster) -> None:
    trainer = cluster.one("Deployment", "seedling-trainer")["spec"]
    assert trainer["replicas"] == 1
    assert trainer["strategy"] == {"type": "Recreate"}


def lets(cluster: Cluster, direction: str, pod: dict[str, str], port: int, other: Any = None, protocol: str = "TCP") -> bool:
    """Whether the policies let a pod with these labels speak to `other` on a port, or be spoken to.

    Args:
        cluster: whose policies.
        direction: ingress or egress.
        pod: its labels.
        port: of whoever is spoken to.
        other: labels of the other side's namespace and of its pod; None for an address outside of the cluster.
        protocol: TCP or UDP.
    """
    side = {"ingress": "from", "egress": "to"}[direction]
    for policy in (policy["spec"] for policy in cluster.all("NetworkPolicy")):
        if direction.capitalize() in policy["policyTypes"] and selects(policy["podSelector"].get("matchLabels", {}), pod):
            for rule in policy.get(direction, []):
                if {"port": port, "protocol": protocol} in rule["ports"] and (side not in rule or _one_of(rule[side], other)):
                    return True
    return False


def _one_of(peers: list[Object], other: Any) -> bool:
    if other is None:
        return False
    namespace, pod = other
    return any(
        selects(peer["namespaceSelector"].get("matchLabels", {}), namespace)
        and selects(peer.get("podSelector", {}).get("matchLabels", {}), pod)
        for peer in peers
    )


def test_what_is_not_allowed_is_denied(cluster: Cluster) -> None:
    denied = [p["spec"] for p in cluster.all("NetworkPolicy") if p["spec"]["podSelector"] == {}]
    assert denied == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]


def test_only_monitoring_reads_metrics_and_nobody_speaks_to_the_trainer(cluster: Cluster) -> None:
    api, trainer = (cluster.pod(name)["metadata"]["labels"] for name in ("seedling-api", "seedling-trainer"))
    monitoring = ({"kubernetes.io/metadata.name": "monitoring"}, {})
    anybody = ({"kubernetes.io/metadata.name": "elsewhere"}, {})
    assert lets(cluster, "ingress", api, 8000, None)
    assert lets(cluster, "ingress", api, 8000, anybody)
    assert lets(cluster, "ingress", api, 9100, monitoring)
    assert not lets(cluster, "ingress", api, 9100, anybody)
    assert not lets(cluster, "ingress", api, 9100, None)
    assert not any(lets(cluster, "ingress", trainer, port, monitoring) for port in (8000, 9100))


def test_the_pods_reach_names_and_the_database_and_nothing_else(cluster: Cluster, name: str) -> None:
    pod = cluster.pod(name)["metadata"]["labels"]
    dns = ({"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"})
    assert lets(cluster, "egress", pod, 53, dns, "UDP")
    assert lets(cluster, "egress", pod, 53, dns, "TCP")
    assert not lets(cluster, "egress", pod, 53, None, "UDP")
    assert lets(cluster, "egress", pod, 5432, None)
    assert not any(lets(cluster, "egress", pod, port, None) for port in (80, 443, 8000, 9100))


def test_the_example_replaces_what_the_base_leaves_open(example: Cluster) -> None:
    images = {example.container(name)["image"] for name in ("seedling-api", "seedling-trainer")}
    assert images == {"REGISTRY/seedling:0.2.0", "REGISTRY/seedling-train:0.2.0"}
    values = {key: base64.b64decode(value).decode().strip() for key, value in example.one("Secret")["data"].items()}
    Settings(admin_token=values["gan_admin_token"], database_url=values["gan_database_url"])
    assert example.one("PersistentVolumeClaim")["spec"]["storageClassName"] == "SHARED"
    (rule,) = example.one("Ingress")["spec"]["rules"]
    assert rule["host"] == example.settings("seedling-api")["GAN_HOSTS"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": example.one("Service")["metadata"]["name"], "port": {"name": "http"}}


def test_secrets_of_the_example_are_kept_out_of_git() -> None:
    folder: Path = DEPLOY / "overlays" / "example" / "secrets"
    assert (folder / ".gitignore").read_text().split() == ["*", "!.gitignore"]
