"""compose.yaml and its overrides are valid, hardened and consistent with the settings."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from compose_spec import PyCompose

from tests.deploy.conftest import DEPLOY, SETTINGS, VARIABLE, Object, composed, default
from tests.live import ROOT

BASE, POSTGRES, S3 = ROOT / "compose.yaml", DEPLOY / "compose.postgres.yaml", DEPLOY / "compose.s3.yaml"
VARIANTS = {"SQLite": composed(BASE), "PostgreSQL": composed(BASE, POSTGRES), "S3": composed(BASE, S3)}
SERVICES = [
    pytest.param(service, id=f"{name}, {variant}")
    for variant, file in VARIANTS.items()
    for name, service in file["services"].items()
]
each_file = pytest.mark.parametrize("file", VARIANTS.values(), ids=VARIANTS.keys())
each_service = pytest.mark.parametrize("service", SERVICES)


def seconds(duration: str) -> int:
    return sum(int(n) * {"s": 1, "m": 60, "h": 3600}[unit] for n, unit in re.findall(r"(\d+)([smh])", duration))


def environment(service: Object) -> Object:
    return service.get("environment", {})


def networks(file: Object, name: str) -> set[str]:
    return set(file["services"][name]["networks"])


def secret_names(service: Object) -> list[str]:
    return [secret if isinstance(secret, str) else secret["source"] for secret in service.get("secrets", [])]


def mounts(service: Object) -> list[tuple[str, str]]:
    """Return the source and target of each volume."""
    return [(source, target) for source, target, *_ in (volume.split(":") for volume in service.get("volumes", []))]


@each_file
def test_it_conforms_to_the_compose_specification(file: Object) -> None:
    parsed = PyCompose.from_json(json.dumps(file))  # raises if it does not
    assert set(parsed.services or {}) == set(file["services"])


def test_an_unknown_key_is_detected() -> None:
    misspelt = composed(BASE)
    misspelt["services"]["api"]["read_olny"] = True
    with pytest.raises(ValueError, match="read_olny"):
        PyCompose.from_json(json.dumps(misspelt))


def test_it_starts_without_preparation() -> None:
    assert [match["name"] for match in VARIABLE.finditer(BASE.read_text()) if match["default"] is None] == []
    assert (DEPLOY / "secrets" / "admin-token").read_bytes() == b"", "a token in git would be public"
    for secret in VARIANTS["SQLite"]["secrets"].values():
        assert (ROOT / secret["file"]).is_file()


@each_file
def test_every_mounted_file_exists(file: Object) -> None:
    paths = [source for service in file["services"].values() for source, _ in mounts(service) if source.startswith(".")]
    assert paths
    for path in paths:
        assert (ROOT / path).exists(), path


@each_file
def test_networks_volumes_and_secrets_are_declared_and_used(file: Object) -> None:
    services = file["services"].values()
    used: dict[str, set[str]] = {
        "networks": {network for service in services for network in service["networks"]},
        "volumes": {source for service in services for source, _ in mounts(service) if not source.startswith(".")},
        "secrets": {name for service in services for name in secret_names(service)},
    }
    for kind, names in used.items():
        assert names == set(file[kind]), kind
    for service in services:
        assert set(service.get("depends_on", [])) <= set(file["services"])


@each_file
def test_the_images_are_built_from_existing_stages(file: Object) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    stages = set(re.findall(r"^FROM .+ AS (\w+)$", dockerfile, re.MULTILINE))
    targets = {name: service["build"] for name, service in file["services"].items() if "build" in service}
    assert {name: build["target"] for name, build in targets.items()} == {"api": "serve", "trainer": "train"}
    assert {build["target"] for build in targets.values()} <= stages
    for argument in targets["trainer"]["args"]:
        assert re.search(rf"^ARG {argument}\b", dockerfile, re.MULTILINE), argument


@each_service
def test_a_service_has_minimal_privileges(service: Object) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"]), "the user must be numeric and not root"
    forbidden = {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc", "userns_mode", "uts", "cgroup"}
    assert not forbidden & service.keys()
    assert not any("docker.sock" in source for source, _ in mounts(service))


@each_service
def test_a_service_has_resource_limits(service: Object) -> None:
    limits = service["deploy"]["resources"]["limits"]
    assert float(limits["cpus"]) > 0
    assert re.fullmatch(r"\d+[mg]", limits["memory"])
    assert limits["pids"] > 0
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
    assert all("size=" in tmpfs for tmpfs in service["tmpfs"])
    assert any(tmpfs.startswith("/tmp:") for tmpfs in service["tmpfs"])


@each_service
def test_a_service_restarts_automatically(service: Object) -> None:
    assert service["restart"] == "unless-stopped"


@each_service
def test_a_third_party_image_is_pinned(service: Object) -> None:
    assert "build" in service or re.search(r":v?\d+[\d.]*(-\w+)?$", service["image"])


@each_service
def test_ports_are_published_on_the_loopback_interface_only(service: Object) -> None:
    for port in service.get("ports", []):
        address, _, container_port = port.split(":")
        assert address == "127.0.0.1"
        assert container_port != environment(service).get("GAN_METRICS_PORT"), "the metrics need no authentication"


@each_file
def test_every_setting_exists(file: Object) -> None:
    services = file["services"]
    named = {name for service in services.values() for name in environment(service) if name.startswith("GAN_")}
    assert named - SETTINGS == set()
    for name in ("api", "trainer"):
        secrets: list[Any] = services[name].get("secrets", [])
        assert {secret["target"].upper() for secret in secrets} <= SETTINGS
        assert bool(secrets) == ("GAN_SECRETS_DIR" in environment(services[name])), (
            "set GAN_SECRETS_DIR if and only if there are secrets"
        )


@each_file
def test_the_grace_period_is_longer_than_the_shutdown(file: Object) -> None:
    services = file["services"]
    for name, setting in (("api", "GAN_SHUTDOWN_SECONDS"), ("trainer", "GAN_STOP_SECONDS")):
        assert setting not in environment(services[name])
        assert seconds(services[name]["stop_grace_period"]) > default(setting)


@each_file
def test_the_api_and_the_trainer_share_the_state_and_a_user(file: Object) -> None:
    for name in ("api", "trainer"):
        assert mounts(file["services"][name]) == [("state", "/var/lib/seedling")]
        assert file["services"][name]["user"] == "10001:10001"


@each_file
def test_the_trainer_has_no_internet_access_and_prometheus_reaches_the_api(file: Object) -> None:
    assert all(file["networks"][network].get("internal") for network in networks(file, "trainer"))
    assert networks(file, "prometheus") & networks(file, "api")
    assert networks(file, "grafana") & networks(file, "prometheus")


def test_monitoring_is_an_optional_profile() -> None:
    services = VARIANTS["SQLite"]["services"]
    assert {name for name, service in services.items() if not service.get("profiles")} == {"api", "trainer"}
    assert {name for name, service in services.items() if service.get("profiles") == ["monitoring"]} == {
        "prometheus",
        "grafana",
    }


def test_the_postgresql_password_is_in_files_ignored_by_git() -> None:
    file = VARIANTS["PostgreSQL"]
    assert networks(file, "postgres") & networks(file, "api") & networks(file, "trainer")
    assert "ports" not in file["services"]["postgres"]
    assert "gan_database_url" in [secret["target"] for secret in file["services"]["trainer"]["secrets"]]
    assert (DEPLOY / "secrets" / ".gitignore").read_text().split() == ["*", "!.gitignore", "!admin-token"]
    added = {secret["file"] for secret in file["secrets"].values()} - {"./deploy/secrets/admin-token"}
    assert added == {"./deploy/secrets/database-password", "./deploy/secrets/database-url"}


def test_the_object_storage_is_reached_by_both_services_and_has_no_default_secret() -> None:
    file = VARIANTS["S3"]
    for name in ("api", "trainer"):
        assert networks(file, "storage") & networks(file, name)
        assert environment(file["services"][name])["GAN_MODELS_URL"].startswith("s3://")
        assert environment(file["services"][name])["GAN_RUNS"] == "bucket"
    assert "ports" not in file["services"]["storage"]
    secrets = [
        environment(service)["AWS_SECRET_ACCESS_KEY"]
        for service in file["services"].values()
        if "AWS_ACCESS_KEY_ID" in environment(service)
    ]
    assert len(secrets) == 3
    assert all(secret.startswith("${SEEDLING_STORAGE_SECRET:?") for secret in secrets)
