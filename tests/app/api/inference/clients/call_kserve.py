"""Call a service with KServe's InferenceRESTClient, and print what it finds: `call_kserve.py URL`."""

from __future__ import annotations

import asyncio
import json
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferOutput, InferRequest, RESTConfig

URL = sys.argv[1]


def request(datatype: str, values: np.ndarray, *, binary: bool) -> InferRequest:
    seed = InferInput("seed", list(values.shape), datatype)
    seed.set_data_from_numpy(values, binary_data=binary)
    return InferRequest("digits", [seed], parameters={"binary_data_output": True} if binary else None)


def pixels(output: InferOutput) -> list:
    return output.as_numpy().tolist()


async def main() -> dict[str, object]:
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=300)) as client:
        seed = np.array([42], dtype=np.uint32)
        try:
            await client.infer(URL, request("UINT32", np.arange(4097, dtype=np.uint32), binary=True), model_name="digits")
            status = 200
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
        json_result = await client.infer(URL, request("UINT32", seed, binary=False), model_name="digits")
        binary_result = await client.infer(URL, request("UINT32", seed, binary=True), model_name="digits")
        return {
            "live": await client.is_server_live(URL),
            "ready": await client.is_server_ready(URL),
            "model_ready": await client.is_model_ready(URL, "digits"),
            "unknown_ready": await client.is_model_ready(URL, "nothing"),
            "json": pixels(json_result.outputs[0]),
            "binary": pixels(binary_result.outputs[0]),
            "status": status,
        }


print(json.dumps(asyncio.run(main())))
