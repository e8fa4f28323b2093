"""Rounds the weights of a layer to its grid such that the errors cancel on typical inputs.

Rounding each weight to the nearest multiple lets the errors of a layer's hundreds of products add up. Instead, the weights are
rounded one after another, and the error of each is compensated by the weights that are still to be rounded, as far as their
inputs are correlated (optimal brain quantisation, as in GPTQ, Frantar 2022, arXiv:2210.17323). The bias is rounded last. It is
the weight of an input that is always one, so it also removes the mean error.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MOST_ROWS = 20_000
"""Maximum number of input vectors that the correlations are estimated from."""
DAMPING = 1e-4
"""Added to the diagonal of the correlations, relative to its mean. Inputs that are always zero would make them singular."""


class Compensation:
    """Rounds the weights of one layer.

    Args:
        affine: the layer, which provides the shape of its inputs.
        inputs: typical inputs of the layer, integers, (N, C) or (N, C, H, W).
    """

    def __init__(self, affine: nn.Linear | nn.Conv2d, inputs: Tensor) -> None:
        rows = _rows(affine, inputs).double()
        rows = torch.cat([rows, torch.ones(len(rows), 1, dtype=torch.float64)], dim=1)  # (M, K + 1), with the bias
        correlations = rows.T @ rows / len(rows)
        power = correlations.diagonal().clone()
        # Correlations that few vectors suggest by chance would be compensated at the expense of all others.
        correlations *= len(rows) / sum(rows.shape)
        correlations.diagonal().copy_(power + DAMPING * power.mean())
        power[-1] = -1.0  # the bias comes last
        self._order = torch.argsort(power, descending=True, stable=True)
        ordered = correlations[self._order][:, self._order]
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(ordered))
        self._factor = torch.linalg.cholesky(inverse, upper=True)

    def round(self, weight: Tensor, bias: Tensor, bits: Tensor) -> tuple[Tensor, Tensor]:
        """Round weights and biases to multiples of 2**-bits.

        Args:
            weight: float64, (C_out, ...).
            bias: float64, (C_out,).
            bits: number of fractional bits of each output channel, (C_out,).
        """
        scale = torch.exp2(bits.double())
        rest = torch.cat([weight.flatten(1), bias[:, None]], dim=1)[:, self._order]  # (C_out, K + 1)
        rounded = torch.empty_like(rest)
        for column, factors in enumerate(self._factor):
            rounded[:, column] = (rest[:, column] * scale).round() / scale
            error = (rest[:, column] - rounded[:, column]) / factors[column]
            rest[:, column:] -= error[:, None] * factors[None, column:]
        rounded = rounded[:, torch.argsort(self._order)]
        return rounded[:, :-1].reshape(weight.shape), rounded[:, -1]


def _rows(affine: nn.Linear | nn.Conv2d, inputs: Tensor) -> Tensor:
    """Return the vectors that the weights of an output channel are multiplied with, (M, K), evenly sampled."""
    if isinstance(affine, nn.Conv2d):
        size, padding, stride = affine.kernel_size[0], int(affine.padding[0]), affine.stride[0]
        inputs = F.unfold(inputs, size, padding=padding, stride=stride).transpose(1, 2).flatten(0, 1)
    step = math.ceil(len(inputs) / MOST_ROWS)
    while step > 1 and math.gcd(step, 14) > 1:  # otherwise, all would be from the same rows of the pictures
        step += 1
    return inputs[::step]
