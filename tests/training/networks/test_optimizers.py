"""Our optimizers behave like torch's but do not import its compiler."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from tests.live import ROOT
from training.networks import optimizers

SETTINGS = {"Adam": {"lr": 0.01, "betas": (0.0, 0.99), "fused": True}, "AdamW": {"lr": 0.01}, "LBFGS": {"max_iter": 3}}


def trained(optimizer_type: type[torch.optim.Optimizer], settings: dict) -> tuple[torch.Tensor, str]:
    """Return the weights and state after ten steps. After five, a new optimizer continues from the saved state."""
    torch.manual_seed(0)
    network, pictures = torch.nn.Linear(20, 20), torch.rand(3, 20)
    optimizer = optimizer_type(network.parameters(), **settings)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = network(pictures).square().mean()
        value.backward()
        return value

    for step in range(10):
        if step == 5:
            state, optimizer = optimizer.state_dict(), optimizer_type(network.parameters(), **settings)
            optimizer.load_state_dict(state)
        optimizer.step(loss)
    return network.weight.detach(), str(optimizer.state_dict())


@pytest.mark.parametrize("name", SETTINGS)
def test_optimizers_match_torch_bit_for_bit(name: str) -> None:
    ours, theirs = (trained(getattr(module, name), SETTINGS[name]) for module in (optimizers, torch.optim))
    assert torch.equal(ours[0], theirs[0])
    assert ours[1] == theirs[1]


def test_a_trainer_imports_neither_the_compiler_nor_plotting_libraries() -> None:
    """Each import would cost every training process a second or two."""
    script = "import sys; from training.loop.trainer import Trainer; from training.loop import run"
    script += "; from training.spec import TrainingSpec"
    script += "; from training.datasets import tensors; spec = TrainingSpec.from_preset('quick', batch_size=2)"
    script += "; trainer = Trainer(spec, tensors.load('mnist', 'test')); trainer.step(); trainer.state_dict()"
    script += "; print(sorted({'torch._dynamo', 'matplotlib', 'torchmetrics'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("[]\n", "")
