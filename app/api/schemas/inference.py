"""Request and response models of the Open Inference Protocol, version 2.

The protocol: https://github.com/kserve/open-inference-protocol. The members that Triton's extensions add are described at
https://github.com/triton-inference-server/server/tree/main/docs/protocol.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_TENSORS = 16
MAX_DIMENSIONS = 8
Parameters = Annotated[
    dict[str, Any],
    Field(description="`binary_data_size`, `binary_data` and `binary_data_output` are used, others ignored."),
]
TensorName = Annotated[str, Field(min_length=1, max_length=64)]


class _Sent(BaseModel):
    """A part of a request. Members that are not listed are ignored, because clients add some of their own."""

    model_config = ConfigDict(strict=True)


class InputTensor(_Sent):
    """An input tensor."""

    name: TensorName
    datatype: str = Field(max_length=16, examples=["UINT32"])
    shape: list[Annotated[int, Field(ge=0, le=2**31 - 1)]] = Field(min_length=1, max_length=MAX_DIMENSIONS)
    parameters: Parameters = Field(default_factory=dict)
    data: list[Any] | None = Field(
        default=None,
        description="The elements in row-major order, nested or flat. Omitted if the tensor is sent as binary data.",
    )


class OutputTensor(_Sent):
    """An output tensor that the client requests."""

    name: TensorName
    parameters: Parameters = Field(default_factory=dict)


class InferenceBody(_Sent):
    """The JSON part of an inference request. Binary tensors follow it if there is an `Inference-Header-Content-Length`."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={
            "examples": [{"inputs": [{"name": "seed", "datatype": "UINT32", "shape": [2], "data": [42, 43]}]}],
        },
    )

    id: str | None = Field(default=None, max_length=256, description="Returned in the response.")
    parameters: Parameters = Field(default_factory=dict)
    inputs: list[InputTensor] = Field(min_length=1, max_length=MAX_TENSORS)
    outputs: list[OutputTensor] | None = Field(
        default=None, max_length=MAX_TENSORS, description="The outputs to return. Default: all."
    )


class ResultTensor(BaseModel):
    """An output tensor."""

    name: str
    datatype: str
    shape: list[int]
    data: list[float] | None = Field(default=None, description="The elements in row-major order, unless they are binary data.")
    parameters: dict[str, int] | None = Field(default=None, description="`binary_data_size`, for binary data.")


class InferenceResult(BaseModel):
    """The JSON part of an inference response."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[ResultTensor]


class ServerMetadata(BaseModel):
    """The server and the protocol's extensions that it supports."""

    name: str
    version: str
    extensions: list[str]


class Live(BaseModel):
    """The process is alive."""

    live: Literal[True] = True


class ServerReady(BaseModel):
    """The service can serve."""

    ready: Literal[True] = True


class ModelReady(BaseModel):
    """The model can serve."""

    name: str
    ready: Literal[True] = True


class TensorMetadata(BaseModel):
    """A tensor of a model. -1 stands for a dimension of any size."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """A model and its tensors."""

    name: str
    versions: list[str] = Field(description="Versions that can be served.")
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ConfiguredInput(BaseModel):
    """An input in the notation of Triton."""

    name: str
    data_type: str
    dims: list[int]
    optional: bool


class ConfiguredOutput(BaseModel):
    """An output in the notation of Triton."""

    name: str
    data_type: str
    dims: list[int]


class ModelConfiguration(BaseModel):
    """A model in the notation of Triton's `config.pbtxt`. The dimensions include the batch, so `max_batch_size` is 0."""

    name: str
    backend: str
    max_batch_size: Literal[0] = 0
    input: list[ConfiguredInput]
    output: list[ConfiguredOutput]


class IndexedVersion(BaseModel):
    """A version in the index of the repository."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str


class IndexBody(_Sent):
    """The body of a request for the index."""

    ready: bool = Field(default=False, description="Whether to list only versions that can be served.")
