"""The wire format of the Open Inference Protocol, version 2, with Triton's binary tensor data.

A request or a response is a JSON object. Binary tensors follow it, little-endian and in row-major order, in the order in which
the JSON lists them. Each element of a binary BYTES tensor is preceded by its length in four bytes. The header
`Inference-Header-Content-Length` is then the length of the JSON. All functions are pure.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from app.api.schemas.inference import InferenceBody, InputTensor
from app.errors import InvalidRequest
from app.http.problem_details import invalid_body

JSON_LENGTH = "Inference-Header-Content-Length"
INTEGERS = {"INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8"} | {
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
}
FLOATS = {"FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}
BYTES = "BYTES"
_NUMBERS = INTEGERS | FLOATS
MAX_ELEMENTS = 4_194_304
"""Elements of an input: 4,096 latents of 1,024 numbers."""
_THREE_DIGITS = np.array([b"%3d," % level for level in range(256)])
"""The text of each grey level in an array of JSON, padded with blanks, which JSON ignores."""


@dataclass(frozen=True)
class Tensor:
    """An input tensor."""

    name: str
    datatype: str
    values: NDArray[Any]
    """The elements in the tensor's shape: a number type, or object for the `bytes` of BYTES. The floats of JSON are float64."""


@dataclass(frozen=True)
class InferenceRequest:
    """A decoded request."""

    id: str | None
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, bool] | None
    """The requested outputs, and whether as binary data. None for all."""
    is_binary: bool
    """Whether outputs are binary data if `outputs` is None."""

    def wanted(self, produced: Mapping[str, object]) -> dict[str, bool]:
        """Return which outputs to send, and whether as binary data.

        Args:
            produced: the outputs of the model.

        Raises:
            InvalidRequest: a requested output does not exist.
        """
        if not self.outputs:
            return dict.fromkeys(produced, self.is_binary)
        for name in self.outputs:
            if name not in produced:
                raise InvalidRequest(f"There is no output {name!r}. Choose among {', '.join(produced)}.")
        return dict(self.outputs)


def read_request(body: bytes, json_length: str | None) -> InferenceRequest:
    """Decode the body of an inference request.

    Args:
        body: the body.
        json_length: the value of `Inference-Header-Content-Length`, if there is one.

    Raises:
        InvalidRequest: a tensor is malformed, or the lengths do not match.
        RequestValidationError: the JSON is invalid or lacks members.
    """
    end = len(body)
    if json_length is not None:
        if not (json_length.isascii() and json_length.isdigit() and len(json_length) < 10 and int(json_length) <= end):
            raise InvalidRequest(
                f"{JSON_LENGTH} must be the length of the JSON in bytes, at most that of the body ({end}). Correct it."
            )
        end = int(json_length)
    try:
        parsed = InferenceBody.model_validate_json(body[:end])
    except ValidationError as error:
        raise invalid_body(error) from error
    inputs: dict[str, Tensor] = {}
    for described in parsed.inputs:
        if described.name in inputs:
            raise InvalidRequest(f"The input {described.name} is given twice. Give it once.")
        tensor, end = _read_tensor(described, body, end)
        inputs[described.name] = tensor
    if end != len(body):
        raise InvalidRequest(
            f"{len(body) - end} bytes follow the tensors that the JSON describes. Give each binary input its binary_data_size."
        )
    is_binary = parsed.parameters.get("binary_data_output") is True
    outputs = None
    if parsed.outputs is not None:
        if any(output.parameters.get("classification") for output in parsed.outputs):
            raise InvalidRequest("The extension for classification is not supported. Request the outputs without it.")
        outputs = {output.name: output.parameters.get("binary_data", is_binary) is True for output in parsed.outputs}
    return InferenceRequest(parsed.id, inputs, outputs, is_binary)


def _read_tensor(described: InputTensor, body: bytes, start: int) -> tuple[Tensor, int]:
    """Return a tensor and the end of its binary data, which begins at `start`."""
    name, datatype, count = described.name, described.datatype, math.prod(described.shape)
    if datatype not in _NUMBERS and datatype != BYTES:
        raise InvalidRequest(f"The datatype of {name}, {datatype!r}, is not supported. Use {', '.join(_NUMBERS)} or {BYTES}.")
    if count > MAX_ELEMENTS:
        raise InvalidRequest(f"{name} has {count:,} elements; the limit is {MAX_ELEMENTS:,}. Split it over several requests.")
    if "shared_memory_region" in described.parameters:
        raise InvalidRequest(f"Shared memory is not supported. Send the data of {name} in the body.")
    size = described.parameters.get("binary_data_size")
    if size is None:
        if described.data is None:
            raise InvalidRequest(f"{name} has neither data nor a binary_data_size. Send one of them.")
        values = _from_json(name, datatype, described.data, count)
    else:
        if type(size) is not int or not 0 <= size <= len(body) - start:
            raise InvalidRequest(
                f"The binary_data_size of {name} must be an integer of at most {len(body) - start}, the remaining bytes. "
                "Correct it."
            )
        if described.data:
            raise InvalidRequest(f"{name} has both data and a binary_data_size. Send only one of them.")
        values = _from_bytes(name, datatype, body[start : start + size], count)
        start += size
    if len(values) != count:
        raise InvalidRequest(
            f"{name} has {len(values)} elements, but its shape {described.shape} has {count}. Make them agree."
        )
    return Tensor(name, datatype, values.reshape(described.shape)), start


def _from_json(name: str, datatype: str, data: list[Any], count: int) -> NDArray[Any]:
    """Return the elements of an array that may be nested, (N,)."""
    for _ in range(8):
        if not data or type(data[0]) is not list:
            break
        if any(type(part) is not list for part in data):
            raise InvalidRequest(f"The data of {name} is not rectangular. Nest it as its shape says, or send it flat.")
        data = list(itertools.chain.from_iterable(data))
    if len(data) != count:
        raise InvalidRequest(f"{name} has {len(data)} elements, but its shape has {count}. Make them agree.")
    types = set(map(type, data))
    if datatype == BYTES:
        if types - {str}:
            raise InvalidRequest(f"{name} is of the datatype BYTES, so its elements in JSON must be strings. Correct it.")
        return _objects([text.encode("utf-8", "surrogatepass") for text in data])
    if types - ({int} if datatype in INTEGERS else {int, float}):
        kind = "integers" if datatype in INTEGERS else "numbers"
        raise InvalidRequest(f"{name} is of the datatype {datatype}, so its elements must be {kind}. Correct it.")
    try:
        return np.array(data, dtype=INTEGERS.get(datatype, "<f8"))
    except OverflowError as error:
        raise InvalidRequest(f"A number of {name} is not in the range of {datatype}. Correct it.") from error


def _from_bytes(name: str, datatype: str, data: bytes, count: int) -> NDArray[Any]:
    """Return the elements of binary data, (N,)."""
    if datatype == BYTES:
        return _objects(_split(name, data))
    each = np.dtype(_NUMBERS[datatype]).itemsize
    if len(data) != count * each:
        raise InvalidRequest(
            f"{name} has {len(data)} bytes of binary data, but its shape has {count} elements of {each} bytes each. Make them "
            "agree."
        )
    return np.frombuffer(data, dtype=_NUMBERS[datatype])


def _split(name: str, data: bytes) -> list[bytes]:
    parts, start = [], 0
    while start < len(data):
        size = int.from_bytes(data[start : start + 4], "little")
        end = start + 4 + size
        if start + 4 > len(data) or end > len(data):
            raise InvalidRequest(f"The binary data of {name} is cut off. Write four bytes of length before each element.")
        parts.append(data[start + 4 : end])
        start = end
    return parts


def _objects(values: list[bytes]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def datatype_of(values: NDArray[Any]) -> str:
    """Return the protocol's name of a number type."""
    return next(name for name, code in _NUMBERS.items() if values.dtype == np.dtype(code))


def write_response(
    model: str, version: int, request: InferenceRequest, outputs: Mapping[str, NDArray[Any]]
) -> tuple[bytes, dict[str, str]]:
    """Encode the response to a request.

    Args:
        model: name of the model.
        version: its version.
        request: the request.
        outputs: the outputs of the model. Those that were not requested are left out.

    Returns:
        The body, and the header with the length of its JSON if binary data follows it.

    Raises:
        InvalidRequest: see `InferenceRequest.wanted`.
    """
    described, parts = [], []
    for name, is_binary in request.wanted(outputs).items():
        values = outputs[name]
        head = {"name": name, "datatype": datatype_of(values), "shape": list(values.shape)}
        if is_binary:
            parts.append(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())
            described.append(json.dumps(head | {"parameters": {"binary_data_size": len(parts[-1])}}).encode())
        else:
            described.append(json.dumps(head)[:-1].encode() + b', "data": [' + _numbers(values) + b"]}")
    top: dict[str, str] = {"model_name": model, "model_version": str(version)}
    if request.id is not None:
        top["id"] = request.id
    content = json.dumps(top)[:-1].encode() + b', "outputs": [' + b", ".join(described) + b"]}"
    return content + b"".join(parts), {JSON_LENGTH: str(len(content))} if parts else {}


def _numbers(values: NDArray[Any]) -> bytes:
    """Return the elements of an array as JSON without brackets. Millions of grey levels take some ten milliseconds."""
    if values.dtype == np.uint8:
        return bytes(_THREE_DIGITS[values.ravel()].tobytes()[:-1])
    return json.dumps(values.ravel().tolist())[1:-1].encode()
