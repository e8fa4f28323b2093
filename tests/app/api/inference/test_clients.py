"""The clients of Triton, KServe and MLServer, unmodified, get the same pictures as `/generate`."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from app import __version__
from tests.app.api.inference.foreign import call, program, run
from tests.app.reading import pixels
from tests.live import Service


@pytest.fixture(scope="module")
def seed_42(client: httpx.Client) -> list[list[int]]:
    return pixels(client.get("/generate", params={"seed": 42}).content).tolist()


def test_tritonclient_gets_the_picture_of_a_seed(live: Service, client: httpx.Client, seed_42: list) -> None:
    found = call("call_triton_http.py", live.url.removeprefix("http://"))
    assert (found["live"], found["ready"], found["model_ready"], found["unknown_ready"]) == (True, True, True, False)
    assert (found["server"]["name"], found["server"]["version"]) == ("seedling", __version__)
    assert found["metadata"] == client.get("/v2/models/digits").json()
    assert (found["config"], found["index"]) == ("digits", ["digits", "digits-discriminator"])
    for way in ("binary", "json", "text", "json_output"):
        assert found[way] == [seed_42], way
    labelled = client.get("/generate", params={"seed": 42, "label": 7, "psi": 0.5}).content
    assert found["labelled"] == [pixels(labelled).tolist()]
    assert len(found["logits"]) == 3
    assert found["error"] == "422 The limit is 4096 pictures per request. Split them over several requests."


def test_kserves_client_gets_the_picture_of_a_seed(live: Service, seed_42: list) -> None:
    found = call("call_kserve.py", live.url)
    assert (found["live"], found["ready"], found["model_ready"], found["unknown_ready"]) == (True, True, True, False)
    assert found["json"] == found["binary"] == [seed_42]
    assert found["status"] == 422


@pytest.mark.parametrize("options", [[], ["--binary-data"]], ids=["json", "binary"])
def test_mlservers_client_gets_the_picture_of_a_seed(live: Service, seed_42: list, tmp_path: Path, options: list[str]) -> None:
    label = {"name": "label", "datatype": "INT32", "shape": [1], "data": [99]}
    seed = {"name": "seed", "datatype": "UINT32", "shape": [1], "data": [42]}
    requests = [{"id": "a", "inputs": [seed]}, {"id": "b", "inputs": [seed, label]}]
    (tmp_path / "in").write_text("".join(f"{json.dumps(request)}\n" for request in requests))
    address = live.url.removeprefix("http://")
    files = ["--input-data-path", str(tmp_path / "in"), "--output-data-path", str(tmp_path / "out")]
    run(
        program("mlserver", "mlserver"), "infer", "--url", address, "--model-name", "digits", *files, "--retries", "1", *options
    )
    found = {line["parameters"]["batch_index"]: line for line in map(json.loads, (tmp_path / "out").read_text().splitlines())}
    (image,) = found[0]["outputs"]
    assert (image["shape"], image["data"]) == ([1, 28, 28], [level for row in seed_42 for level in row])
    assert found[1]["error"]["msg"].startswith("There is no class '99'.")
