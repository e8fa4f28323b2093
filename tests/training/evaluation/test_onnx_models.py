"""Exported networks as the trainer runs them."""

from __future__ import annotations

import pytest
import torch

from models.sharpening import KINDS
from training.datasets import degradation
from training.evaluation.onnx_models import network_inputs


def test_the_kind_of_degradation_has_the_columns_that_the_network_was_trained_with() -> None:
    condition = degradation.degrade(torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(1)), "shrink4")
    assert network_inputs(condition)["kind"].tolist() == [[0, 1, 0]] * 2
    assert network_inputs(condition, ("shrink4", "blur"))["kind"].tolist() == [[1, 0]] * 2
    assert network_inputs(condition, tuple(reversed(KINDS)))["kind"].tolist() == [[0, 1, 0]] * 2


def test_a_network_is_not_measured_on_a_kind_of_degradation_that_it_was_not_trained_for() -> None:
    condition = degradation.degrade(torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(1)), "shrink4")
    with pytest.raises(ValueError, match="trained for shrink2, blur only"):
        network_inputs(condition, ("shrink2", "blur"))
