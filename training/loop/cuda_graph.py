"""The same adversarial step as `trainer`, recorded once as a CUDA graph and replayed: a GPU is idle while Python thinks.

For a bounded time on one GPU. Everything a step reads lies on the device: pictures, order, noise, learning rate, gamma. The
noise comes from the device's generator, so a run is not repeated to the bit, as one with `minutes` never is.
Several trainers, each on a stream of its own, share one GPU better than one alone, whose kernels are small.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.datasets.tensors import Dataset
from training.loop.trainer import ADAPT_EVERY, Trainer
from training.networks import augmentation
from training.networks.optimizers import Adam
from training.spec import TrainingSpec

WARM_UP = 3
TURN = 16
"""Steps that one trainer enqueues before the next one's turn."""


class GraphTrainer(Trainer):
    """A `Trainer` whose step is a replayed graph on CUDA, and the plain step elsewhere.

    Args:
        spec: with `minutes`, which bounds it.
        data: what to show.
        held_out: pictures to adapt the augmentation by.
        device: torch device.
        half_lives: of the averaged generators, in images; the spec's own is left aside.
    """

    def __init__(self, spec: TrainingSpec, data: Dataset, held_out: Dataset, device: str, half_lives: tuple[int, ...]) -> None:
        super().__init__(spec, data, device)
        self.held_out, self.cuda = held_out, device.startswith("cuda")
        self.averages = {half_life: copy.deepcopy(self.ema.network) for half_life in half_lives}
        self.keep = {half_life: torch.zeros((), device=device) for half_life in half_lives}
        rate = torch.tensor(spec.learning_rate, device=device)
        self.rate = rate
        self.optimizers = tuple(
            Adam(net.parameters(), lr=rate, betas=(spec.beta1, spec.beta2), foreach=self.cuda, capturable=self.cuda)
            for net in (self.generator, self.discriminator)
        )
        self.weight = torch.zeros((), device=device)
        self.p = torch.zeros((), device=device)
        self.figures = torch.zeros(4, device=device)
        self.eye = torch.eye(max(self.classes, 1), device=device)
        self.order = torch.zeros(len(data), dtype=torch.long, device=device)
        self.cursor = torch.zeros((), dtype=torch.long, device=device)
        self.within = torch.arange(spec.batch_size, device=device)
        self.random = torch.Generator(device).manual_seed(spec.seed)
        self.stream = torch.cuda.Stream() if self.cuda else None
        self.graphs: dict[bool, torch.cuda.CUDAGraph] = {}
        self.pending: list[Any] = []
        self.shuffled_at = -len(data)
        self.turns = 1
        """Turns that it gets for one of another trainer."""
        with self.on_stream():
            self._shuffle()
            self._set_scalars()
            if self.cuda:
                self._record()

    def on_stream(self) -> AbstractContextManager[Any]:
        """Whatever runs within goes to this trainer's stream."""
        return torch.cuda.stream(self.stream) if self.stream else nullcontext()

    def turn(self) -> None:
        """Enqueue some steps, without waiting for them, unless the last turn but one is still at work."""
        with self.on_stream():
            for _ in range(TURN):
                if self.seen - self.shuffled_at >= len(self.order) - self.spec.batch_size:
                    self._shuffle()
                penalised = self.steps % self.spec.penalty_interval == 0
                if self.cuda:
                    self.graphs[penalised].replay()
                else:
                    self._update(penalised=penalised)
                self.seen += self.spec.batch_size
                self.steps += 1
            self._set_scalars()
            if self.cuda:
                event = torch.cuda.Event()
                event.record(self.stream)
                self.pending.append(event)
                if len(self.pending) > 2:
                    self.pending.pop(0).synchronize()

    def adapt(self) -> None:
        """Adapt the augmentation, if it is time."""
        if self.spec.augment == "adaptive" and self.seen - self.adapted_at >= ADAPT_EVERY:
            with self.on_stream():
                self.adapt_augmentation(self.held_out)
                self.p.fill_(self.augment_p)

    def facts(self) -> dict[str, Any]:
        """Where it stands; waits for what is enqueued."""
        with self.on_stream():
            loss_d, loss_g, d_real, d_fake = self.figures.tolist()
        return {
            "images": self.seen,
            "seconds": round(self.seconds, 1),
            "images_per_second": round(self.seen / max(self.seconds, 1e-9)),
            "loss_discriminator": round(loss_d, 4),
            "loss_generator": round(loss_g, 4),
            "d_real": round(d_real, 4),
            "d_fake": round(d_fake, 4),
            "augment_p": round(self.augment_p, 4),
            "learning_rate": self.learning_rate(),
            "gamma": self.gamma(),
        }

    def snapshot(self) -> list[dict[str, Any]]:
        """The averaged generators as they are now."""
        with self.on_stream():
            return [
                {"half_life": half_life, "seen": self.seen, "seconds": self.seconds, "ema": _on_cpu(network)}
                for half_life, network in self.averages.items()
            ]

    def _record(self) -> None:
        assert self.stream is not None  # noqa: S101 - for the type checker
        for penalised in (True, False):
            for _ in range(WARM_UP):
                self._update(penalised=penalised)
        self.stream.synchronize()
        for penalised in (True, False):
            graph = torch.cuda.CUDAGraph()
            graph.register_generator_state(self.random)
            with torch.cuda.graph(graph, stream=self.stream):
                self._update(penalised=penalised)
            self.graphs[penalised] = graph

    def _update(self, *, penalised: bool) -> None:
        """What is recorded: one step of both networks and of the averages."""
        index = self.order[(self.cursor + self.within) % len(self.order)]
        self.cursor.add_(self.spec.batch_size)
        real = (self.images[index].float() / 255).contiguous(memory_format=self.layout)
        label = self._one_hot(self.labels[index])
        device = torch.device(self.device).type
        with torch.autocast(device, torch.bfloat16, enabled=self.bfloat16, cache_enabled=False):
            loss_d, real_logit, fake_logit = self._step_discriminator(real, label, self.weight if penalised else 0.0)
            loss_g = self._step_generator(real, label)
        middle = (real_logit.mean() + fake_logit.mean()) / 2
        d_real, d_fake = (torch.sigmoid(logit - middle).mean() for logit in (real_logit, fake_logit))
        self.figures.copy_(torch.stack([loss_d, loss_g, d_real, d_fake]))
        with torch.no_grad():
            for half_life, network in self.averages.items():
                for average, current in zip(network.parameters(), self.generator.parameters(), strict=True):
                    average.lerp_(current, self.keep[half_life])

    def _set_scalars(self) -> None:
        self.rate.fill_(self.learning_rate())
        self.weight.fill_(self.gamma())
        for half_life, keep in self.keep.items():
            shortened = max(min(half_life, self.seen / 10), 1)
            keep.fill_(1 - 0.5 ** (self.spec.batch_size / shortened))

    def _shuffle(self) -> None:
        self.order.copy_(torch.randperm(len(self.order), generator=self.random, device=self.order.device))
        self.cursor.zero_()
        self.shuffled_at = self.seen

    def _augmented(self, images: Tensor) -> Tensor:
        if self.spec.augment == "none":
            return images
        chance = torch.rand(7, len(images), generator=self.random, device=images.device)
        return augmentation.blit(images, self.p, chance)

    def _noise(self, count: int) -> Tensor:
        return torch.randn(count, self.spec.z_dim, generator=self.random, device=self.device)

    def _one_hot(self, labels: Tensor) -> Tensor | None:
        return F.embedding(labels, self.eye) if self.classes else None  # one_hot waits for the device


def _on_cpu(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def train(trainers: dict[str, GraphTrainer], out: Path, *, seconds: float, snapshots: int) -> Iterator[dict[str, Any]]:
    """Train several side by side for so many seconds; write NAME.pt and NAME-discriminator.pt; yield how it goes.

    Args:
        trainers: by name.
        out: folder to write to.
        seconds: of training, by this machine's clock.
        snapshots: how often the averaged generators are kept, at equal distances, the last time at the end.
    """
    kept: dict[str, list[dict[str, Any]]] = {name: [] for name in trainers}
    start, due = time.monotonic(), 1
    last_fact = 0.0
    while (elapsed := time.monotonic() - start) < seconds:
        for trainer in trainers.values():
            trainer.seconds = min(elapsed, seconds)
            for _ in range(trainer.turns):
                trainer.turn()
            trainer.adapt()
        if elapsed - last_fact > seconds / 60:
            last_fact = elapsed
            yield from ({"name": name} | trainer.facts() for name, trainer in trainers.items())
        if elapsed >= seconds * due / snapshots and due < snapshots:
            due += 1
            _write(trainers, kept, out)
    for trainer in trainers.values():
        trainer.seconds = seconds
    yield from ({"name": name} | trainer.facts() for name, trainer in trainers.items())
    _write(trainers, kept, out)


def _write(trainers: dict[str, GraphTrainer], kept: dict[str, list[dict[str, Any]]], out: Path) -> None:
    for name, trainer in trainers.items():
        kept[name] += trainer.snapshot()
        spec = json.loads(trainer.spec.model_dump_json())
        facts = {"spec": spec, "machine": trainer.machine, "torch": str(torch.__version__)}
        torch.save(facts | {"snapshots": kept[name]}, out / f"{name}.pt")
        with trainer.on_stream():
            state = {"discriminator": _on_cpu(trainer.discriminator), "generator": _on_cpu(trainer.generator)}
        torch.save(facts | state, out / f"{name}-discriminator.pt")
