"""Encode requests and decode responses of the Open Inference Protocol, without the service's own code."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np

JSON_LENGTH = "Inference-Header-Content-Length"
DTYPES = {"UINT8": "<u1", "UINT32": "<u4", "INT32": "<i4", "FP32": "<f4"}


def tensor(name: str, datatype: str, values: Any) -> dict[str, Any]:
    """Return an input as JSON."""
    array = np.array(values)
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": array.tolist()}


def binary(*inputs: tuple[str, str, Any], **members: Any) -> tuple[bytes, dict[str, str]]:
    """Return a body with binary inputs, and its headers."""
    described, parts = [], []
    for name, datatype, values in inputs:
        if datatype == "BYTES":
            shape = [len(values)]
            parts.append(b"".join(len(value).to_bytes(4, "little") + value for value in values))
        else:
            array = np.array(values, dtype=DTYPES[datatype])
            shape = list(array.shape)
            parts.append(array.tobytes())
        size = {"binary_data_size": len(parts[-1])}
        described.append({"name": name, "datatype": datatype, "shape": shape, "parameters": size})
    head = json.dumps({"inputs": described, **members}).encode()
    return head + b"".join(parts), {JSON_LENGTH: str(len(head))}


def outputs(response: httpx.Response) -> dict[str, np.ndarray]:
    """Return the outputs of a response by name."""
    assert response.status_code == 200, response.text
    length = int(response.headers.get(JSON_LENGTH, len(response.content)))
    rest, found = response.content[length:], {}
    for output in json.loads(response.content[:length])["outputs"]:
        dtype = DTYPES[output["datatype"]]
        if "data" in output:
            array = np.array(output["data"], dtype=dtype)
        else:
            size = output["parameters"]["binary_data_size"]
            array, rest = np.frombuffer(rest[:size], dtype=dtype), rest[size:]
        found[output["name"]] = array.reshape(output["shape"])
    assert not rest
    return found
