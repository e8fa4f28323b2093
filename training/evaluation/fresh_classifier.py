"""A small classifier that figures train from scratch on a set of pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.networks.optimizers import AdamW

BATCH = 100
LEARNING_RATE = 2e-3


def _block(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, stride=stride, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU()
    )


def fresh(classes: int) -> nn.Sequential:
    """Return a new network with 0.4 million parameters: pictures in 0..1, (N, 1, 28, 28) -> class logits (N, K)."""
    trunk = [_block(1, 16, 1), _block(16, 32, 2), _block(32, 64, 2), nn.Flatten()]
    return nn.Sequential(*trunk, nn.Linear(64 * 49, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, classes))


def learn(images: Tensor, targets: Tensor, classes: int, *, seed: int, epochs: int) -> nn.Sequential:
    """Train a new network to classify pictures. torch's global random state is preserved.

    Args:
        images: uint8, (N, 1, 28, 28).
        targets: class of each picture, (N,).
        classes: number of classes K.
        seed: seed of the weights, the order and the dropout. Equal seeds give equal networks on the same machine.
        epochs: number of epochs.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = fresh(classes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = AdamW(network.parameters(), LEARNING_RATE, weight_decay=1e-2, foreach=True)
        steps = epochs * -(-len(images) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
        network.train()
        for _ in range(epochs):
            for index in torch.randperm(len(images)).split(BATCH):
                loss = F.cross_entropy(network(_as_input(images[index])), targets[index])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
    trained: nn.Sequential = network.eval()
    return trained


@torch.inference_mode()
def probabilities(network: nn.Module, images: Tensor) -> Tensor:
    """Return a network's class probabilities, (N, K), for uint8 pictures (N, 1, 28, 28)."""
    return torch.cat([network(_as_input(part)) for part in images.split(500)]).softmax(1)


def _as_input(images: Tensor) -> Tensor:
    return (images.float() / 255).contiguous(memory_format=torch.channels_last)
