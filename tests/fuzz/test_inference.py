"""Arbitrary requests of the Open Inference Protocol get a result or problem details with `error`, never a server error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.app.api.inference.wire import JSON_LENGTH, binary, tensor
from tests.fuzz.asgi import Server
from tests.fuzz.budget import max_examples
from tests.fuzz.mutation import damaged

LENGTH = JSON_LENGTH.lower().encode()
PICTURE = [[[level % 256 for level in range(row, row + 28)] for row in range(28)]]
VALID: dict[str, list[list[dict[str, Any]]]] = {
    "digits": [
        [tensor("seed", "UINT32", [1, 2]), tensor("label", "BYTES", ["3:0.5,8:0.5"]), tensor("psi", "FP32", [0.5, 1.0])],
        [tensor("seed", "BYTES", ["a text"]), tensor("label", "INT32", [7])],
        [tensor("z", "FP32", [[0.0] * 100]), tensor("label", "FP32", [[0.1] * 10])],
    ],
    "digits-discriminator": [[tensor("image", "UINT8", PICTURE), tensor("label", "INT32", [7])]],
}
VALUES = st.sampled_from([0, 1, -1, 2**32, 2**64, 10**400, 0.5, float("nan"), float("inf"), "", "x", "\0", None, True, [], {}])
DATATYPES = st.sampled_from(["UINT8", "UINT32", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES", "BOOL", ""])


@st.composite
def bodies(draw: st.DrawFn, model: str) -> tuple[bytes, bytes]:
    """A body with at most one member of one tensor changed, or damaged, and its length of JSON."""
    inputs = json.loads(json.dumps(draw(st.sampled_from(VALID[model]))))
    chosen = draw(st.sampled_from(inputs))
    mutation = draw(st.sampled_from(["none", "datatype", "shape", "data", "name", "drop", "parameters"]))
    if mutation == "datatype":
        chosen["datatype"] = draw(DATATYPES)
    elif mutation == "shape":
        chosen["shape"] = draw(st.lists(st.integers(0, 30) | VALUES, max_size=4) | VALUES)
    elif mutation == "data":
        chosen["data"] = draw(st.lists(VALUES, max_size=3) | VALUES)
        chosen["shape"] = draw(st.sampled_from([chosen["shape"], [1], [2], [3]]))
    elif mutation == "name":
        chosen["name"] = draw(st.sampled_from(["seed", "z", "label", "psi", "image", "factor"]) | VALUES)
    elif mutation == "drop":
        del chosen[draw(st.sampled_from(sorted(chosen)))]
    elif mutation == "parameters":
        chosen["parameters"] = draw(VALUES | st.fixed_dictionaries({"binary_data_size": VALUES}))
    text = json.dumps({"inputs": inputs}).encode()
    rest = draw(st.just(b"") | st.binary(max_size=8))
    length = draw(st.just(len(text)) | st.integers(0, len(text) + 9))
    return draw(st.just(text + rest) | damaged([text], 2)), str(length).encode()


def is_documented(server: Server, model: str, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
    """Whether a request gets a result, or problem details that both kinds of clients can read."""
    response = server.request("POST", f"/v2/models/{model}/infer".encode(), headers, body)
    if response.status == 200:
        return len(response.body) > 0
    assert response.status == 422, (response.status, response.body[:300])
    problem = response.json()
    assert problem["detail"].endswith(".")
    return problem["error"] == problem["detail"] and len(response.body) < 20_000


@pytest.mark.parametrize("model", VALID)
@max_examples(150)
@given(data=st.data())
def test_any_json_tensor_gets_a_documented_response(server: Server, model: str, data: st.DataObject) -> None:
    body, length = data.draw(bodies(model))
    assert is_documented(server, model, [(LENGTH, length)] if data.draw(st.booleans()) else [], body)


@pytest.mark.parametrize("model", VALID)
@max_examples(60)
@given(data=st.data())
def test_any_binary_tensor_gets_a_documented_response(server: Server, model: str, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["seed", "z", "image", "label", "psi"]))
    sample, headers = binary(
        ("image", "UINT8", PICTURE) if model != "digits" else ("seed", "BYTES", [b"42", b"43"]),
        (kind, "FP32", data.draw(st.lists(st.floats(width=32), max_size=3))),
    )
    assert is_documented(
        server, model, [(LENGTH, headers[JSON_LENGTH].encode())], data.draw(st.just(sample) | damaged([sample], 2))
    )
