"""The InferenceService for KServe is valid, restricted, and consistent with the settings and with the Deployment.

No cluster was at hand: the pod is validated with the schema of Kubernetes, and the fields of KServe with the models of its own
Python package, which are generated from its custom resource definition.
"""

from __future__ import annotations

import json
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from app.asgi_scope import PROBES
from tests.app.api.inference.foreign import SCRIPTS, program, run
from tests.deploy.conftest import DEPLOY, SETTINGS, Object

FILE = DEPLOY / "kserve" / "inference-service.yaml"
OWN_FIELDS = {"minReplicas", "maxReplicas"}
"""Fields of a predictor that are not those of a pod."""


@pytest.fixture(scope="module")
def predictor() -> Object:
    return yaml.safe_load(FILE.read_text())["spec"]["predictor"]


@pytest.fixture(scope="module")
def deployed() -> Object:
    """The container of the Deployment."""
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "api.yaml").read_text())
    (pod,) = (item["spec"]["template"]["spec"] for item in documents if item["kind"] == "Deployment")
    return pod["containers"][0]


def faults(file: Path) -> list[str]:
    found: list[str] = json.loads(
        run(program("kserve", "python"), SCRIPTS / "check_inference_service.py", file).splitlines()[-1]
    )
    return found


def test_kserves_models_know_every_field(tmp_path: Path) -> None:
    assert faults(FILE) == []
    misspelt = tmp_path / "misspelt.yaml"
    misspelt.write_text(
        FILE.read_text().replace("minReplicas: 1", "minReplica: one").replace("periodSeconds: 5", "periodSeconds: x")
    )
    assert faults(misspelt) == [
        "InferenceService.spec.predictor.minReplica is unknown to V1beta1PredictorSpec",
        "InferenceService.spec.predictor.containers[0].readinessProbe.periodSeconds is no int",
    ]


def test_the_predictor_is_a_valid_pod(predictor: Object) -> None:
    spec = {name: value for name, value in predictor.items() if name not in OWN_FIELDS}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "seedling"}, "spec": spec}
    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)


def test_the_container_is_restricted_and_as_large_as_that_of_the_deployment(predictor: Object, deployed: Object) -> None:
    (container,) = predictor["containers"]
    security = container["securityContext"]
    assert deployed["securityContext"].items() <= security.items()
    assert (security["runAsNonRoot"], security["runAsUser"]) == (True, 10001)
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["resources"] == deployed["resources"]
    writable = {mount["mountPath"] for mount in deployed["volumeMounts"] if not mount.get("readOnly")}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == writable
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in predictor["volumes"]}


def test_the_probes_and_settings_are_those_of_the_service(predictor: Object) -> None:
    (container,) = predictor["containers"]
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in PROBES
        assert container[probe]["httpGet"]["port"] == container["ports"][0]["containerPort"]
    assert {variable["name"] for variable in container["env"]} <= SETTINGS
