"""Translates the messages of gRPC to the bodies of the REST routes, and back."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np

from app.api.inference.tensors import BYTES, FLOATS
from app.errors import InvalidRequest
from app.grpc import inference_pb2 as pb

_FIELDS = {
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    **{"INT64": "int64_contents", "UINT64": "uint64_contents", "FP32": "fp32_contents", "FP64": "fp64_contents"},
    **{BYTES: "bytes_contents", "BOOL": "bool_contents"},
}
"""The field of the contents for each datatype. FP16 has none."""


def infer_body(request: pb.ModelInferRequest) -> tuple[bytes, int]:
    """Return the body of `POST /v2/models/{name}/infer` for a message, and the length of its JSON.

    Raises:
        InvalidRequest: the raw contents do not match the inputs.
    """
    raw = list(request.raw_input_contents)
    if raw and len(raw) != len(request.inputs):
        raise InvalidRequest(
            f"There are {len(request.inputs)} inputs, but {len(raw)} raw_input_contents. Send one for each input, or use "
            "contents."
        )
    inputs, parts = [], []
    for tensor, content in itertools.zip_longest(request.inputs, raw):
        described: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
        described["parameters"] = _parameters(tensor.parameters)
        if content is None:
            values = getattr(tensor.contents, _FIELDS.get(tensor.datatype, "bytes_contents"))
            if tensor.datatype == BYTES:
                content = b"".join(len(value).to_bytes(4, "little") + value for value in values)
            elif tensor.datatype in FLOATS:
                content = np.array(values, dtype=FLOATS[tensor.datatype]).tobytes()
            else:  # integers may exceed the range of a shorter datatype, which is checked as for JSON
                described["data"] = [int(value) for value in values] if tensor.datatype in _FIELDS else []
        elif tensor.HasField("contents"):
            raise InvalidRequest(f"{tensor.name} has both contents and raw_input_contents. Send one of them.")
        if content is not None:
            described["parameters"]["binary_data_size"] = len(content)
            parts.append(content)
        inputs.append(described)
    body: dict[str, Any] = {"inputs": inputs, "parameters": {**_parameters(request.parameters), "binary_data_output": True}}
    if request.id:
        body["id"] = request.id
    if request.outputs:
        body["outputs"] = [
            {"name": output.name, "parameters": {**_parameters(output.parameters), "binary_data": True}}
            for output in request.outputs
        ]
    head = json.dumps(body).encode()
    return b"".join([head, *parts]), len(head)


def _parameters(sent: Any) -> dict[str, Any]:  # noqa: ANN401 - a map of protobuf
    """Return parameters as JSON. The size of binary data is known from the message."""
    known = ((name, value.WhichOneof("parameter_choice"), value) for name, value in sent.items())
    return {name: getattr(value, kind) for name, kind, value in known if kind and name != "binary_data_size"}


def infer_response(content: bytes, length: int) -> pb.ModelInferResponse:
    """Return the message for the body of an inference response, all of whose outputs are binary data.

    Args:
        content: the body.
        length: the length of its JSON.
    """
    head = json.loads(content[:length])
    response = pb.ModelInferResponse(model_name=head["model_name"], model_version=head["model_version"], id=head.get("id", ""))
    for output in head["outputs"]:
        response.outputs.add(name=output["name"], datatype=output["datatype"], shape=output["shape"])
        size = output["parameters"]["binary_data_size"]
        response.raw_output_contents.append(content[length : length + size])
        length += size
    return response


def model_metadata(described: dict[str, Any]) -> pb.ModelMetadataResponse:
    """Return the message for the response of `GET /v2/models/{name}`."""
    return pb.ModelMetadataResponse(
        name=described["name"],
        versions=described["versions"],
        platform=described["platform"],
        inputs=[pb.ModelMetadataResponse.TensorMetadata(**tensor) for tensor in described["inputs"]],
        outputs=[pb.ModelMetadataResponse.TensorMetadata(**tensor) for tensor in described["outputs"]],
    )
