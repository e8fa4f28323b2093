"""Call a service with tritonclient.http, and print what it finds: `call_triton_http.py HOST:PORT`."""

from __future__ import annotations

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(sys.argv[1], network_timeout=300.0)


def tensor(name: str, datatype: str, values: np.ndarray, *, binary: bool = True) -> triton.InferInput:
    return triton.InferInput(name, list(values.shape), datatype).set_data_from_numpy(values, binary_data=binary)


def draw(*inputs: triton.InferInput, model: str = "digits", **arguments: object) -> list:
    return client.infer(model, list(inputs), **arguments).as_numpy("image").tolist()


seed = np.array([42], dtype=np.uint32)
try:
    client.infer("digits", [tensor("seed", "UINT32", np.arange(4097, dtype=np.uint32))])
    error = ""
except InferenceServerException as raised:
    error = f"{raised.status()} {raised.message()}"
image = client.infer("digits", [tensor("seed", "UINT32", np.arange(3, dtype=np.uint32))]).as_numpy("image")
scores = client.infer("digits-discriminator", [tensor("image", "UINT8", image)])
found = {
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "model_ready": client.is_model_ready("digits", "1"),
    "unknown_ready": client.is_model_ready("nothing"),
    "server": client.get_server_metadata(),
    "metadata": client.get_model_metadata("digits"),
    "config": client.get_model_config("digits")["name"],
    "index": [entry["name"] for entry in client.get_model_repository_index()],
    "binary": draw(tensor("seed", "UINT32", seed)),
    "json": draw(tensor("seed", "UINT32", seed, binary=False), model_version="1", request_id="7"),
    "text": draw(tensor("seed", "BYTES", np.array([b"42"], dtype=object))),
    "json_output": draw(tensor("seed", "UINT32", seed), outputs=[triton.InferRequestedOutput("image", binary_data=False)]),
    "labelled": draw(
        tensor("seed", "UINT32", seed),
        tensor("label", "BYTES", np.array(["7"], dtype=object)),
        tensor("psi", "FP32", np.array([0.5], dtype=np.float32)),
    ),
    "logits": scores.as_numpy("logit").tolist(),
    "error": error,
}
print(json.dumps(found))
