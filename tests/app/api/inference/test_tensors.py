"""The wire format of the Open Inference Protocol: what is written is read back, and nothing malformed gets through."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st

from app.api.inference.tensors import InferenceRequest, Tensor, datatype_of, read_request, write_response
from app.errors import InvalidRequest
from tests.app.api.inference.wire import JSON_LENGTH, binary, tensor
from tests.fuzz.budget import check_message, max_examples


def read(*inputs: dict, **members: object) -> InferenceRequest:
    return read_request(json.dumps({"inputs": inputs, **members}).encode(), None)


def test_numbers_and_texts_in_json_are_read_in_their_shape() -> None:
    request = read(tensor("seed", "UINT32", [[1, 2], [3, 4294967295]]), tensor("label", "BYTES", ["a", "é"]), id="7")
    assert request.id == "7"
    assert request.inputs["seed"].values.tolist() == [[1, 2], [3, 4294967295]]
    assert request.inputs["label"].values.tolist() == [b"a", "é".encode()]


def test_binary_tensors_are_read_in_the_order_of_the_json() -> None:
    body, headers = binary(("seed", "UINT32", [7, 8]), ("label", "BYTES", [b"", b"\xff12"]), ("psi", "FP32", [0.5]))
    request = read_request(body, headers[JSON_LENGTH])
    assert request.inputs["seed"].values.tolist() == [7, 8]
    assert request.inputs["label"].values.tolist() == [b"", b"\xff12"]
    assert request.inputs["psi"].values.tolist() == [0.5]


def test_a_flat_array_is_read_in_the_shape_of_its_tensor() -> None:
    request = read({"name": "z", "datatype": "FP32", "shape": [2, 2], "data": [1, 2.5, 3, 4]})
    assert request.inputs["z"].values.tolist() == [[1, 2.5], [3, 4]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": [1]}, "has 1 elements, but its shape"),
        ({"data": [[1], 2]}, "not rectangular"),
        ({"data": [1, 2.0]}, "must be integers"),
        ({"data": [1, True]}, "must be integers"),
        ({"data": ["1", "2"]}, "must be integers"),
        ({"data": [1, 2**32]}, "not in the range of UINT32"),
        ({"data": [-1, 2]}, "not in the range of UINT32"),
        ({"datatype": "FP32", "data": [1, 10**400]}, "not in the range of FP32"),
        ({"datatype": "BYTES"}, "must be strings"),
        ({"datatype": "COMPLEX"}, "is not supported"),
        ({"data": None}, "neither data nor"),
        ({"shape": [2**31 - 1] * 8}, "the limit is"),
        ({"parameters": {"binary_data_size": 1}}, "at most 0"),
        ({"parameters": {"binary_data_size": True}, "data": None}, "must be an integer"),
        ({"parameters": {"shared_memory_region": "a"}}, "Shared memory is not supported"),
    ],
)
def test_a_malformed_tensor_is_rejected_with_the_remedy(change: dict, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message) as caught:
        read({"name": "seed", "datatype": "UINT32", "shape": [2], "data": [1, 2]} | change)
    check_message(caught.value)


def test_lengths_that_do_not_match_are_rejected() -> None:
    body, headers = binary(("seed", "UINT32", [7]))
    for wrong in ("", "-1", "x", "²", str(len(body) + 1), "9" * 20):
        with pytest.raises(InvalidRequest, match=JSON_LENGTH):
            read_request(body, wrong)
    with pytest.raises(InvalidRequest, match="1 bytes follow"):
        read_request(body + b"x", headers[JSON_LENGTH])
    with pytest.raises(InvalidRequest, match="at most 3"):
        read_request(body[:-1], headers[JSON_LENGTH])
    with pytest.raises(InvalidRequest, match="is given twice"):
        read(tensor("seed", "UINT32", [1]), tensor("seed", "UINT32", [1]))
    cut, headers = binary(("seed", "BYTES", [b"abc"]))
    head = json.loads(cut[: int(headers[JSON_LENGTH])])
    head["inputs"][0]["parameters"]["binary_data_size"] = 5
    with pytest.raises(InvalidRequest, match="cut off"):
        read_request(json.dumps(head).encode() + b"\x03\0\0\0a", str(len(json.dumps(head))))


def test_each_output_can_be_requested_as_json_or_binary_data() -> None:
    produced = {"a": np.arange(256, dtype=np.uint8).reshape(2, 128), "b": np.array([0.5, -1.25], dtype=np.float32)}
    request = InferenceRequest("x", {}, {"b": True, "a": False}, is_binary=False)
    content, headers = write_response("digits", 3, request, produced)
    length = int(headers[JSON_LENGTH])
    assert json.loads(content[:length]) == {
        "model_name": "digits",
        "model_version": "3",
        "id": "x",
        "outputs": [
            {"name": "b", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": 8}},
            {"name": "a", "datatype": "UINT8", "shape": [2, 128], "data": list(range(256))},
        ],
    }
    assert content[length:] == produced["b"].tobytes()
    with pytest.raises(InvalidRequest, match="no output 'c'"):
        write_response("digits", 3, InferenceRequest(None, {}, {"c": True}, is_binary=False), produced)


ARRAYS = st.one_of(
    *[
        st.lists(st.integers(np.iinfo(dtype).min, np.iinfo(dtype).max), min_size=1, max_size=20).map(
            lambda values, dtype=dtype: np.array(values, dtype=dtype)
        )
        for dtype in ("uint8", "int32", "uint32", "uint64")
    ],
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20).map(
        lambda values: np.array(values, dtype=np.float32)
    ),
)


@max_examples(100)
@given(values=ARRAYS, is_binary=st.booleans())
def test_a_written_tensor_is_read_back_as_it_was(values: np.ndarray, is_binary: bool) -> None:
    content, headers = write_response("m", 1, InferenceRequest(None, {}, None, is_binary), {"x": values})
    length = int(headers.get(JSON_LENGTH, len(content)))
    body = json.dumps({"inputs": json.loads(content[:length])["outputs"]}).encode()
    tensor: Tensor = read_request(body + content[length:], str(len(body))).inputs["x"]
    assert tensor.datatype == datatype_of(values)
    assert tensor.values.astype(values.dtype).tolist() == values.tolist()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([2**32, 2**64, 10**400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
INPUT = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["seed", "z", ""]) | JSON,
        "datatype": st.sampled_from(["UINT32", "BYTES", "FP32", "FP16", "INT8", "BOOL"]) | JSON,
        "shape": st.lists(st.integers(0, 4), max_size=3) | JSON,
    },
    optional={
        "data": JSON | st.lists(st.integers(0, 9), max_size=4),
        "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 20) | JSON}) | JSON,
    },
)


@max_examples(300)
@given(inputs=st.lists(INPUT, max_size=3) | JSON, rest=st.binary(max_size=24), length=st.none() | st.integers(0, 300))
def test_any_body_is_read_or_rejected(inputs: object, rest: bytes, length: int | None) -> None:
    head = json.dumps({"inputs": inputs}).encode()
    try:
        request = read_request(head + rest, str(len(head) if length is None else length))
    except InvalidRequest as error:
        check_message(error)
    except RequestValidationError:
        pass
    else:
        assert all(tensor.values.ndim for tensor in request.inputs.values())
