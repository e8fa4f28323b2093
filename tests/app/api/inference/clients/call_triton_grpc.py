"""Call a service with tritonclient.grpc, and print what it finds: `call_triton_grpc.py HOST:PORT`."""

from __future__ import annotations

import json
import sys

import numpy as np
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(sys.argv[1])


def tensor(name: str, datatype: str, values: np.ndarray) -> triton.InferInput:
    return triton.InferInput(name, list(values.shape), datatype).set_data_from_numpy(values)


def typed() -> list:
    """Draw with typed contents, for which tritonclient has only its generated code."""
    request = service_pb2.ModelInferRequest(model_name="digits", model_version="1", id="7")
    request.inputs.add(name="seed", datatype="UINT32", shape=[1]).contents.uint_contents.append(42)
    request.inputs.add(name="label", datatype="BYTES", shape=[1]).contents.bytes_contents.append(b"7")
    request.inputs.add(name="psi", datatype="FP32", shape=[1]).contents.fp32_contents.append(0.5)
    response = service_pb2_grpc.GRPCInferenceServiceStub(client._channel).ModelInfer(request)
    assert (response.model_name, response.model_version, response.id) == ("digits", "1", "7")
    return np.frombuffer(response.raw_output_contents[0], np.uint8).reshape(response.outputs[0].shape).tolist()


def error_of(model: str, values: np.ndarray, datatype: str = "UINT32") -> str:
    try:
        client.infer(model, [tensor("seed", datatype, values)])
    except InferenceServerException as raised:
        return f"{raised.status()} {raised.message()}"
    return ""


found = {
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "model_ready": client.is_model_ready("digits", "1"),
    "server": client.get_server_metadata(as_json=True),
    "metadata": client.get_model_metadata("digits", as_json=True),
    "picture": client.infer("digits", [tensor("seed", "UINT32", np.array([42], dtype=np.uint32))]).as_numpy("image").tolist(),
    "text": client.infer("digits", [tensor("seed", "BYTES", np.array([b"42"], dtype=object))]).as_numpy("image").tolist(),
    "many": client.infer(
        "digits",
        [tensor("seed", "UINT32", np.arange(100, dtype=np.uint32))],
        outputs=[triton.InferRequestedOutput("image")],
    )
    .as_numpy("image")
    .tolist(),
    "typed": typed(),
    "unknown": error_of("nothing", np.array([42], dtype=np.uint32)),
    "invalid": error_of("digits", np.array([1.0], dtype=np.float32), "FP32"),
    "too_much": error_of("digits", np.arange(4097, dtype=np.uint32)),
    "too_large": error_of("digits", np.zeros(400_000, dtype=np.uint32)),
}
print(json.dumps(found))
