"""The Open Inference Protocol over HTTP gives the same pictures and scores as the other routes, with the same limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from app import __version__
from app.api.inference.models import find, listed
from app.registry import Registry
from app.sampling.generator import LoadedGenerator
from models.repository import Repository
from models.sharpening import enlarge
from tests.app.api.inference.wire import JSON_LENGTH, binary, outputs, tensor
from tests.app.reading import array, pixels
from tests.live import ROOT, service

INFER = "/v2/models/digits/infer"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service with all shipped models."""
    with service(tmp_path_factory.mktemp("full") / "state", shipped=ROOT / "models") as running, running.client() as client:
        yield client


def infer(client: httpx.Client, *inputs: dict[str, Any], path: str = INFER, **members: Any) -> dict[str, np.ndarray]:
    return outputs(client.post(path, json={"inputs": inputs, **members}))


def drawn(client: httpx.Client, **query: object) -> np.ndarray:
    return pixels(client.get("/generate", params=query).content)


def test_the_server_describes_itself(client: httpx.Client) -> None:
    assert client.get("/v2").json() == {
        "name": "seedling",
        "version": __version__,
        "extensions": ["binary_tensor_data", "model_configuration", "model_repository"],
    }
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models/digits/ready").json() == {"name": "digits", "ready": True}
    assert client.get("/v2/models/digits/versions/1/ready").status_code == 200


def test_a_model_describes_its_tensors(client: httpx.Client) -> None:
    found = client.get("/v2/models/digits").json()
    assert found == client.get("/v2/models/digits/versions/1").json()
    assert (found["versions"], found["platform"]) == (["1"], "seedling")
    assert {(t["name"], t["datatype"], *t["shape"]) for t in found["inputs"]} == {
        ("seed", "UINT32", -1),
        ("z", "FP32", -1, 100),
        ("label", "INT32", -1),
        ("psi", "FP32", -1),
    }
    assert found["outputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    config = client.get("/v2/models/digits-discriminator/config").json()
    assert config["input"][0] == {"name": "image", "data_type": "TYPE_UINT8", "dims": [-1, 28, 28], "optional": False}
    assert [output["name"] for output in config["output"]] == ["logit", "probability"]


def test_the_index_lists_every_version_of_every_model(full: httpx.Client) -> None:
    found = full.post("/v2/repository/index").json()
    assert found == full.post("/v2/repository/index", json={"ready": True}).json()
    names = {entry["name"] for entry in found}
    assert names >= {"digits", "digits-discriminator", "sharpen-digits"}
    assert "sharpen-digits-discriminator" not in names
    numbers = Repository(ROOT / "models").numbers("digits")
    assert [e["version"] for e in found if e["name"] == "digits-discriminator"] == [str(number) for number in numbers]


def test_seeds_give_the_pictures_of_generate(client: httpx.Client) -> None:
    one = infer(client, tensor("seed", "UINT32", [42]))["image"]
    assert one.dtype == np.uint8
    assert one.tolist() == [drawn(client, seed=42).tolist()]
    several = infer(client, tensor("seed", "UINT32", list(range(100))))["image"]
    assert several.tolist() == array(client.get("/generate", params={"seeds": "0-99", "format": "npy"}).content).tolist()
    texts = infer(client, tensor("seed", "BYTES", ["42", "Grüße"]), path="/v2/models/digits/versions/1/infer")["image"]
    assert texts.tolist() == [drawn(client, seed=42).tolist(), drawn(client, seed="Grüße").tolist()]


def test_binary_tensors_give_the_same_pictures(client: httpx.Client) -> None:
    body, headers = binary(("seed", "BYTES", [b"42"]), parameters={"binary_data_output": True}, id="mine")
    response = client.post(INFER, content=body, headers=headers)
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert b'"id": "mine"' in response.content[: int(response.headers[JSON_LENGTH])]
    assert outputs(response)["image"].tolist() == [drawn(client, seed=42).tolist()]


def test_labels_and_psi_apply_to_their_own_picture_or_to_all(client: httpx.Client) -> None:
    seeds = tensor("seed", "UINT32", [1, 2])
    each = infer(client, seeds, tensor("label", "INT32", [3, 8]), tensor("psi", "FP32", [0.7, 1]))["image"]
    assert each.tolist() == [drawn(client, seed=1, label=3, psi=0.7).tolist(), drawn(client, seed=2, label=8).tolist()]
    named = infer(client, seeds, tensor("label", "BYTES", ["7"]), tensor("psi", "FP32", [[0.5]]))["image"]
    assert named.tolist() == [drawn(client, seed=n, label=7, psi=0.5).tolist() for n in (1, 2)]
    weights = [0.0] * 10
    weights[3] = weights[8] = 0.5
    mixed = infer(client, seeds, tensor("label", "FP32", [weights]))["image"]
    assert mixed.tolist() == [drawn(client, seed=n, label="3:0.5,8:0.5").tolist() for n in (1, 2)]


def test_a_latent_gives_the_picture_of_its_seed(client: httpx.Client, digits: LoadedGenerator) -> None:
    points = [digits.point(seed) for seed in (5, 6)]
    body, headers = binary(("z", "FP32", [point.z for point, _ in points]), ("label", "INT32", [label for _, label in points]))
    found = outputs(client.post(INFER, content=body, headers=headers))["image"]
    assert found.tolist() == [drawn(client, seed=5).tolist(), drawn(client, seed=6).tolist()]


def test_the_discriminator_scores_as_discriminate_does(client: httpx.Client) -> None:
    path = "/v2/models/digits-discriminator/infer"
    expected = client.get("/discriminate", params={"seeds": "0-19"}).json()["pictures"]
    images = infer(client, tensor("seed", "UINT32", list(range(20))))["image"]
    labels = tensor("label", "INT32", [picture["label"] for picture in expected])
    found = infer(client, tensor("image", "UINT8", images), labels, path=path)
    assert found["logit"].tolist() == [np.float32(picture["logit"]) for picture in expected]
    assert found["probability"] == pytest.approx([picture["probability"] for picture in expected], abs=1e-6)
    picture = client.get("/generate", params={"seed": 3}).content
    unlabelled = infer(client, tensor("image", "UINT8", images[3:4]), path=path, outputs=[{"name": "logit"}])
    expected_mean = client.post("/discriminate", params={"prepare": "none"}, content=picture).json()["logit"]
    assert unlabelled.keys() == {"logit"}
    assert unlabelled["logit"].tolist() == pytest.approx([expected_mean], abs=1e-5)


def test_a_sharpener_gives_the_outputs_of_sharpen(full: httpx.Client) -> None:
    small = np.arange(196, dtype=np.uint8).reshape(1, 14, 14)
    path, seeds = "/v2/models/sharpen-digits/infer", tensor("seed", "UINT32", [1, 2, 3])
    found = infer(full, seeds, tensor("image", "UINT8", small), path=path)["image"]
    for factor in (2, 4):
        assert found[:, ::1].shape == (3, 28, 28), factor
    means = found.reshape(3, 14, 2, 14, 2).mean(axis=(2, 4))
    assert np.abs(means - small).max() <= 1, "shrinking an output reproduces the input"
    enlarged = infer(
        full, seeds, tensor("image", "UINT8", enlarge(small[0])[None]), tensor("factor", "BYTES", ["2"]), path=path
    )
    assert enlarged["image"].tolist() == found.tolist()


@pytest.mark.parametrize(
    ("inputs", "code", "message"),
    [
        ([], "invalid_request", "inputs"),
        ([tensor("psi", "FP32", [1.0])], "invalid_request", "exactly one"),
        ([tensor("seed", "UINT32", [1]), tensor("x", "FP32", [1.0])], "invalid_request", "no input 'x'"),
        ([tensor("seed", "UINT32", [[1, 2], [3, 4]])], "invalid_request", "one element per picture"),
        ([tensor("seed", "FP32", [1.0])], "invalid_request", "datatype FP32"),
        ([tensor("seed", "INT64", [-1])], "seed_invalid", "must be in"),
        ([tensor("seed", "BYTES", ["1.5"])], "seed_invalid", "must be an integer"),
        ([tensor("seed", "UINT32", [1, 2]), tensor("psi", "FP32", [1.0] * 3)], "invalid_request", "seed 2, psi 3"),
        ([tensor("seed", "UINT32", [1]), tensor("psi", "FP32", [2.5])], "invalid_request", "0..2"),
        ([tensor("seed", "UINT32", [1]), tensor("label", "INT32", [10])], "label_invalid", "no class"),
        ([tensor("seed", "UINT32", [1]), tensor("label", "FP32", [[0.5, 0.5]])], "label_invalid", "2 weights"),
        ([tensor("seed", "UINT32", [1]), tensor("label", "FP32", [0.5])], "label_invalid", "one weight per class"),
        ([tensor("z", "FP32", [[0.0] * 100])], "invalid_request", "does not determine a class"),
        ([tensor("z", "FP32", [[0.0] * 3]), tensor("label", "INT32", [1])], "latent_invalid", "[N, 100]"),
        ([tensor("z", "FP32", [[1e4] * 100]), tensor("label", "INT32", [1])], "latent_invalid", "-1000..1000"),
        ([tensor("seed", "UINT32", [0] * 4097)], "too_much", "4096 pictures"),
    ],
)
def test_an_invalid_request_gets_problem_details_with_the_protocols_error(
    client: httpx.Client, inputs: list[dict[str, Any]], code: str, message: str
) -> None:
    response = client.post(INFER, json={"inputs": inputs})
    problem = response.json()
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (problem["code"], problem["error"]) == (code, problem["detail"])
    assert message in problem["error"]


def test_every_error_below_v2_has_the_protocols_member(client: httpx.Client) -> None:
    responses = [
        (404, client.get("/v2/models/nothing")),
        (404, client.get("/v2/models/digits/versions/9/ready")),
        (404, client.get("/v2/nothing")),
        (405, client.put("/v2/models/digits")),
        (413, client.post(INFER, content=b" " * (1024 * 1024 + 1))),
        (422, client.post(INFER, content=b"{")),
        (422, client.post(INFER, content=b"{}", headers={"Content-Encoding": "gzip"})),
        (422, client.post(INFER, json={"inputs": [tensor("seed", "UINT32", [1])], "outputs": [{"name": "x"}]})),
        (
            422,
            client.post(
                "/v2/models/digits-discriminator/infer", json={"inputs": [tensor("image", "UINT8", [[[0] * 28] * 28] * 410)]}
            ),
        ),
    ]
    for status, response in responses:
        assert response.status_code == status, response.text
        assert response.json()["error"] == response.json()["detail"]
    assert "digits, digits-discriminator" in responses[0][1].json()["detail"]
    assert "error" not in client.get("/models/nothing").json()


def test_4096_pictures_are_drawn_in_one_request(client: httpx.Client) -> None:
    body, headers = binary(("seed", "UINT32", np.arange(4096)), parameters={"binary_data_output": True})
    found = outputs(client.post(INFER, content=body, headers=headers, timeout=300))["image"]
    assert found.shape == (4096, 28, 28)
    assert found[4095].tolist() == drawn(client, seed=4095).tolist()
    some = infer(client, tensor("seed", "UINT32", list(range(200))))["image"]
    assert some.tolist() == found[:200].tolist()


def test_the_rate_limit_applies_and_counts_pictures(tmp_path) -> None:
    settings = {"rate_limit": 1, "rate_burst": 4, "host": "127.0.0.1", "trusted_proxies": "127.0.0.1"}
    with service(tmp_path / "state", **settings) as running, running.client() as client:
        headers = {"X-Forwarded-For": "203.0.113.7"}
        many = client.post(INFER, json={"inputs": [tensor("seed", "UINT32", list(range(640)))]}, headers=headers)
        assert many.status_code == 200
        refused = client.get("/v2/models/digits", headers=headers)
        assert refused.status_code == 429
        assert refused.json()["error"] == refused.json()["detail"]
        assert client.get("/v2/health/ready", headers=headers).status_code == 200, "probes are exempt"


def test_a_published_model_takes_precedence_over_a_discriminator_of_that_name(repository: Repository) -> None:
    registry = Registry(repository, "digits", 8)
    registry.refresh()
    assert find(registry, "digits-discriminator").kind == "discriminate"
    (repository.root / "digits-discriminator").mkdir()
    version = repository.root / "digits-discriminator" / "1"
    version.mkdir()
    for file in (repository.root / "digits" / "1").iterdir():
        content = file.read_bytes()
        if file.name == "manifest.json":
            content = content.replace(b'"name": "digits"', b'"name": "digits-discriminator"')
        (version / file.name).write_bytes(content)
    registry.refresh()
    assert find(registry, "digits-discriminator").kind == "generate"
    names = [model.name for model in listed(registry)]
    assert names == ["digits", "digits-discriminator", "digits-discriminator-discriminator"]
