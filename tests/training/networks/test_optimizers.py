"""The optimisers are torch's, but for the compiler that torch's bring with them."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from tests.live import ROOT
from training.networks import optimizers

SETTINGS = {"Adam": {"lr": 0.01, "betas": (0.0, 0.99), "foreach": True}, "AdamW": {"lr": 0.01}, "LBFGS": {"max_iter": 3}}


def trained(kind: type[torch.optim.Optimizer], settings: dict) -> tuple[torch.Tensor, str]:
    """Weights and state after ten steps, in the middle of which the state was given to another."""
    torch.manual_seed(0)
    network, pictures = torch.nn.Linear(20, 20), torch.rand(3, 20)
    optimizer = kind(network.parameters(), **settings)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        found = network(pictures).square().mean()
        found.backward()
        return found

    for step in range(10):
        if step == 5:
            state, optimizer = optimizer.state_dict(), kind(network.parameters(), **settings)
            optimizer.load_state_dict(state)
        optimizer.step(loss)
    return network.weight.detach(), str(optimizer.state_dict())


@pytest.mark.parametrize("name", SETTINGS)
def test_they_do_as_torchs_do_to_the_last_bit(name: str) -> None:
    ours, theirs = (trained(getattr(module, name), SETTINGS[name]) for module in (optimizers, torch.optim))
    assert torch.equal(ours[0], theirs[0])
    assert ours[1] == theirs[1]


def test_a_trainer_does_not_load_the_compiler_nor_what_draws_plots() -> None:
    """Each takes a second or two of every process that trains."""
    steps = "import sys; from training.loop.trainer import Trainer; from training.loop import run"
    steps += "; from training.spec import TrainingSpec"
    steps += "; from training.datasets import tensors; spec = TrainingSpec.from_preset('quick', batch_size=2)"
    steps += "; trainer = Trainer(spec, tensors.load('mnist', 'test')); trainer.step(); trainer.state_dict()"
    steps += "; print(sorted({'torch._dynamo', 'matplotlib', 'torchmetrics'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", steps], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
