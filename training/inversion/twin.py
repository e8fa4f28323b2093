"""A generator's `generator.onnx` as a torch module that has gradients.

It executes the graph of the exported file, so that it needs neither the trained weights nor the architecture. Two operations
have no useful gradient. Rounding is left out, or passes the gradient through unchanged. The table of grey levels is
interpolated linearly.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

from training.errors import TrainingError

_ELEMENTWISE: dict[str, Callable[..., Tensor]] = {
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Div": torch.div,
    "MatMul": torch.matmul,
}


class Twin(nn.Module):
    """A generator in torch: z (N, z_dim) and, if conditional, label (N, K) to image (N, 1, 28, 28) in 0..1.

    Args:
        path: generator.onnx.
        rounds: whether to round like the file. The pictures are then equal to those of ONNX Runtime.

    Raises:
        TrainingError: the graph has an operation that is unknown here.
    """

    def __init__(self, path: Path, *, rounds: bool = False) -> None:
        super().__init__()
        graph = onnx.load(path).graph
        self.rounds = rounds
        self.is_conditional = len(graph.input) > 1
        self._nodes = [each for each in graph.node if each.op_type != "Constant"]
        self._attributes = [
            {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute} for node in self._nodes
        ]
        constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        for name, value in constants.items():
            self.register_buffer(_key(name), torch.from_numpy(value.copy()), persistent=False)
        self._constants = set(constants)
        self._output = graph.output[0].name
        known = {*_ELEMENTWISE, *(name.removeprefix("_op_") for name in dir(self) if name.startswith("_op_"))}
        unknown = {node.op_type for node in self._nodes} - known
        if unknown:
            raise TrainingError(
                f"{path} has the operations {', '.join(sorted(unknown))}, which have no torch twin. Export it again."
            )

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        values: dict[str, Tensor] = {"z": z} | ({} if label is None else {"label": label})
        for node, attributes in zip(self._nodes, self._attributes, strict=True):
            inputs = [self._value(values, name) for name in node.input]
            function = _ELEMENTWISE.get(node.op_type)
            out = function(*inputs) if function else getattr(self, f"_op_{node.op_type}")(attributes, *inputs)
            values[node.output[0]] = out
        image: Tensor = values[self._output]
        return image

    def _value(self, values: dict[str, Tensor], name: str) -> Tensor:
        found: Tensor = getattr(self, _key(name)) if name in self._constants else values[name]
        return found

    def _op_Round(self, _: dict[str, Any], x: Tensor) -> Tensor:
        return x + (torch.round(x) - x).detach() if self.rounds else x

    def _op_Floor(self, _: dict[str, Any], x: Tensor) -> Tensor:
        return torch.floor(x)

    def _op_Sigmoid(self, _: dict[str, Any], x: Tensor) -> Tensor:
        return torch.sigmoid(x)

    def _op_Clip(self, _: dict[str, Any], x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        return torch.clamp(x, float(low), float(high))

    def _op_Concat(self, attributes: dict[str, Any], *parts: Tensor) -> Tensor:
        return torch.cat(parts, dim=attributes["axis"])

    def _op_Gemm(self, attributes: dict[str, Any], x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.linear(x, weight if attributes.get("transB") else weight.T, bias)

    def _op_LeakyRelu(self, attributes: dict[str, Any], x: Tensor) -> Tensor:
        return F.leaky_relu(x, attributes["alpha"])

    def _op_Conv(self, attributes: dict[str, Any], x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return F.conv2d(x, weight, bias, stride=attributes["strides"], padding=attributes["pads"][:2])

    def _op_Reshape(self, _: dict[str, Any], x: Tensor, shape: Tensor) -> Tensor:
        return x.reshape([x.shape[n] if size == 0 else size for n, size in enumerate(shape.tolist())])

    def _op_Transpose(self, attributes: dict[str, Any], x: Tensor) -> Tensor:
        return x.permute(*attributes["perm"])

    def _op_DepthToSpace(self, attributes: dict[str, Any], x: Tensor) -> Tensor:
        if attributes.get("mode", b"DCR") == b"CRD":
            return F.pixel_shuffle(x, attributes["blocksize"])
        n, c, h, w = x.shape
        b = attributes["blocksize"]
        x = x.view(n, b, b, c // b**2, h, w).permute(0, 3, 4, 1, 5, 2)
        return x.reshape(n, c // b**2, h * b, w * b)

    def _op_Slice(self, _: dict[str, Any], x: Tensor, start: Tensor, end: Tensor, axes: Tensor, step: Tensor) -> Tensor:
        for first, last, axis, by in zip(start.tolist(), end.tolist(), axes.tolist(), step.tolist(), strict=True):
            cut = [slice(None)] * x.dim()
            cut[axis] = slice(first, min(last, x.shape[axis]), by)
            x = x[tuple(cut)]
        return x

    def _op_Cast(self, _: dict[str, Any], x: Tensor) -> Tensor:
        return x  # indices of grey levels stay fractions, so that they have gradients

    def _op_GatherElements(self, _: dict[str, Any], table: Tensor, index: Tensor) -> Tensor:
        below = torch.floor(index.detach()).clamp(0, len(table) - 2)
        low = below.long()
        return torch.lerp(table[low], table[low + 1], index - below)

    _op_Gather = _op_GatherElements


def _key(name: str) -> str:
    return "constant_" + name.replace(".", "_").replace("/", "_")
