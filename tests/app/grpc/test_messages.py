"""Messages of gRPC become the bodies of the REST routes, and their responses become messages."""

from __future__ import annotations

import numpy as np
import pytest

from app.api.inference.tensors import InferenceRequest, read_request, write_response
from app.errors import InvalidRequest
from app.grpc import inference_pb2 as pb
from app.grpc.messages import infer_body, infer_response


def read(request: pb.ModelInferRequest) -> InferenceRequest:
    body, length = infer_body(request)
    return read_request(body, str(length))


def test_typed_and_raw_contents_are_the_same_tensors() -> None:
    typed, raw = (pb.ModelInferRequest(id="7", outputs=[{"name": "image"}]) for _ in range(2))
    typed.inputs.add(name="seed", datatype="UINT32", shape=[2]).contents.uint_contents.extend([1, 2**32 - 1])
    typed.inputs.add(name="psi", datatype="FP32", shape=[2]).contents.fp32_contents.extend([0.7, 1])
    typed.inputs.add(name="label", datatype="BYTES", shape=[2]).contents.bytes_contents.extend([b"", b"\xff3"])
    typed.inputs.add(name="n", datatype="INT64", shape=[1]).contents.int64_contents.append(-(2**63))
    values = {"seed": np.array([1, 2**32 - 1], "<u4"), "psi": np.array([0.7, 1], "<f4"), "n": np.array([-(2**63)], "<i8")}
    for tensor in typed.inputs:
        raw.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        label = b"\0\0\0\0" + b"\x02\0\0\0\xff3"
        raw.raw_input_contents.append(label if tensor.name == "label" else values[tensor.name].tobytes())
    for request in (read(typed), read(raw)):
        assert (request.id, request.outputs, request.is_binary) == ("7", {"image": True}, True)
        assert request.inputs["label"].values.tolist() == [b"", b"\xff3"]
        assert {name: request.inputs[name].values.tolist() for name in values} == {k: v.tolist() for k, v in values.items()}


def test_contents_that_do_not_match_are_rejected() -> None:
    request = pb.ModelInferRequest(inputs=[{"name": "seed", "datatype": "UINT8", "shape": [1]}], raw_input_contents=[b"", b""])
    with pytest.raises(InvalidRequest, match="1 inputs, but 2"):
        infer_body(request)
    del request.raw_input_contents[:]
    request.inputs[0].contents.uint_contents.append(256)
    with pytest.raises(InvalidRequest, match="range of UINT8"):
        read(request)
    request.raw_input_contents.append(b"\0")
    with pytest.raises(InvalidRequest, match="both contents and"):
        infer_body(request)
    for datatype in ("FP16", "BF16", ""):
        other = pb.ModelInferRequest(inputs=[{"name": "seed", "datatype": datatype, "shape": [1]}])
        with pytest.raises(InvalidRequest):
            read(other)
    other = pb.ModelInferRequest(inputs=[{"name": "seed", "datatype": "UINT8", "shape": [1]}])
    other.inputs[0].parameters["shared_memory_region"].string_param = "a"
    with pytest.raises(InvalidRequest, match="Shared memory"):
        read(other)


def test_a_response_has_its_outputs_as_raw_contents() -> None:
    outputs = {"a": np.arange(6, dtype=np.uint8).reshape(2, 3), "b": np.array([0.5], dtype=np.float32)}
    content, headers = write_response("m", 3, InferenceRequest("7", {}, None, is_binary=True), outputs)
    found = infer_response(content, int(headers["Inference-Header-Content-Length"]))
    assert (found.model_name, found.model_version, found.id) == ("m", "3", "7")
    assert [(output.name, output.datatype, list(output.shape)) for output in found.outputs] == [
        ("a", "UINT8", [2, 3]),
        ("b", "FP32", [1]),
    ]
    assert list(found.raw_output_contents) == [values.tobytes() for values in outputs.values()]
