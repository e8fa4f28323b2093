from __future__ import annotations

import json
import re
from typing import Any

import pytest
from compose_spec import PyCompose

from tests.deploy.conftest import DEPLOY, SETTINGS, VARIABLE, Object, composed, default
from tests.live import ROOT

BASE, POSTGRES = ROOT / "compose.yaml", DEPLOY / "compose.postgres.yaml"
READINGS = {"as it is": composed(BASE), "with PostgreSQL": composed(BASE, POSTGRES)}
SERVICES = [
    pytest.param(service, id=f"{name}, {reading}")
    for reading, file in READINGS.items()
    for name, service in file["services"].items()
]
either = pytest.mark.parametrize("file", READINGS.values(), ids=READINGS.keys())
each = pytest.mark.parametrize("service", SERVICES)


def seconds(duration: str) -> int:
    return sum(int(n) * {"s": 1, "m": 60, "h": 3600}[unit] for n, unit in re.findall(r"(\d+)([smh])", duration))


def environment(service: Object) -> Object:
    return service.get("environment", {})


def networks(file: Object, name: str) -> set[str]:
    return set(file["services"][name]["networks"])


def secret_names(service: Object) -> list[str]:
    return [secret if isinstance(secret, str) else secret["source"] for secret in service.get("secrets", [])]


def mounts(service: Object) -> list[tuple[str, str]]:
    """What is mounted, and where."""
    return [(source, target) for source, target, *_ in (volume.split(":") for volume in service.get("volumes", []))]


@either
def test_it_is_what_the_specification_allows(file: Object) -> None:
    read = PyCompose.from_json(json.dumps(file))  # raises where it is not
    assert set(read.services or {}) == set(file["services"])


def test_what_the_specification_does_not_know_would_be_noticed() -> None:
    misspelt = composed(BASE)
    misspelt["services"]["api"]["read_olny"] = True
    with pytest.raises(ValueError, match="read_olny"):
        PyCompose.from_json(json.dumps(misspelt))


def test_it_starts_without_any_preparation() -> None:
    assert [found["name"] for found in VARIABLE.finditer(BASE.read_text()) if found["default"] is None] == []
    assert (DEPLOY / "secrets" / "admin-token").read_bytes() == b"", "a token in git is everybody's"
    for secret in READINGS["as it is"]["secrets"].values():
        assert (ROOT / secret["file"]).is_file()


@either
def test_every_file_that_it_mounts_exists(file: Object) -> None:
    paths = [source for service in file["services"].values() for source, _ in mounts(service) if source.startswith(".")]
    assert paths
    for path in paths:
        assert (ROOT / path).exists(), path


@either
def test_whatever_has_a_name_is_declared_and_used(file: Object) -> None:
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


@either
def test_the_images_are_built_from_stages_that_there_are(file: Object) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    stages = set(re.findall(r"^FROM .+ AS (\w+)$", dockerfile, re.MULTILINE))
    targets = {name: service["build"] for name, service in file["services"].items() if "build" in service}
    assert {name: build["target"] for name, build in targets.items()} == {"api": "serve", "trainer": "train"}
    assert {build["target"] for build in targets.values()} <= stages
    for argument in targets["trainer"]["args"]:
        assert re.search(rf"^ARG {argument}\b", dockerfile, re.MULTILINE), argument


@each
def test_a_service_can_do_nothing_that_it_need_not(service: Object) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"]), "root, or a name that may be root's"
    forbidden = {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc", "userns_mode", "uts", "cgroup"}
    assert not forbidden & service.keys()
    assert not any("docker.sock" in source for source, _ in mounts(service))


@each
def test_a_service_cannot_use_up_the_machine(service: Object) -> None:
    limits = service["deploy"]["resources"]["limits"]
    assert float(limits["cpus"]) > 0
    assert re.fullmatch(r"\d+[mg]", limits["memory"])
    assert limits["pids"] > 0
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
    assert all("size=" in tmpfs for tmpfs in service["tmpfs"])
    assert any(tmpfs.startswith("/tmp:") for tmpfs in service["tmpfs"])


@each
def test_a_service_comes_back_by_itself(service: Object) -> None:
    assert service["restart"] == "unless-stopped"


@each
def test_an_image_of_others_is_pinned(service: Object) -> None:
    assert "build" in service or re.search(r":v?\d+[\d.]*(-\w+)?$", service["image"])


@each
def test_only_this_machine_is_told_of_a_port(service: Object) -> None:
    for port in service.get("ports", []):
        address, _, inside = port.split(":")
        assert address == "127.0.0.1"
        assert inside != environment(service).get("GAN_METRICS_PORT"), "whoever reaches it reads everything"


@either
def test_every_setting_exists(file: Object) -> None:
    services = file["services"]
    named = {name for service in services.values() for name in environment(service) if name.startswith("GAN_")}
    assert named - SETTINGS == set()
    for name in ("api", "trainer"):
        secrets: list[Any] = services[name].get("secrets", [])
        assert {secret["target"].upper() for secret in secrets} <= SETTINGS
        assert bool(secrets) == ("GAN_SECRETS_DIR" in environment(services[name])), "a folder of secrets, and none in it"


@either
def test_each_is_given_the_time_it_takes_to_stop(file: Object) -> None:
    services = file["services"]
    for name, setting in (("api", "GAN_SHUTDOWN_SECONDS"), ("trainer", "GAN_STOP_SECONDS")):
        assert setting not in environment(services[name])
        assert seconds(services[name]["stop_grace_period"]) > default(setting)


@either
def test_the_api_and_the_trainer_share_the_state_and_a_user(file: Object) -> None:
    for name in ("api", "trainer"):
        assert mounts(file["services"][name]) == [("state", "/var/lib/seedling")]
        assert file["services"][name]["user"] == "10001:10001"


@either
def test_the_trainer_has_no_way_out_and_prometheus_a_way_in(file: Object) -> None:
    assert all(file["networks"][network].get("internal") for network in networks(file, "trainer"))
    assert networks(file, "prometheus") & networks(file, "api")
    assert networks(file, "grafana") & networks(file, "prometheus")


def test_monitoring_is_only_there_when_asked_for() -> None:
    services = READINGS["as it is"]["services"]
    assert {name for name, service in services.items() if not service.get("profiles")} == {"api", "trainer"}
    assert {name for name, service in services.items() if service.get("profiles") == ["monitoring"]} == {
        "prometheus",
        "grafana",
    }


def test_with_postgresql_the_password_lies_in_files_that_git_does_not_take() -> None:
    file = READINGS["with PostgreSQL"]
    assert networks(file, "postgres") & networks(file, "api") & networks(file, "trainer")
    assert "ports" not in file["services"]["postgres"]
    assert "gan_database_url" in [secret["target"] for secret in file["services"]["trainer"]["secrets"]]
    assert (DEPLOY / "secrets" / ".gitignore").read_text().split() == ["*", "!.gitignore", "!admin-token"]
    added = {secret["file"] for secret in file["secrets"].values()} - {"./deploy/secrets/admin-token"}
    assert added == {"./deploy/secrets/database-password", "./deploy/secrets/database-url"}
