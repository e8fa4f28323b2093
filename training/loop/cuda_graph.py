"""Trains on a GPU for a limited time, with the training step captured as a CUDA graph.

A single step launches hundreds of small kernels, and launching them one by one from Python leaves a GPU mostly idle. A graph
launches all of them at once. Several trainers, each with its own stream, use the GPU better than one.

Random numbers come from the device's generator, so a run is not reproducible to the bit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.checkpoint import save_checkpoint
from training.datasets.tensors import Dataset
from training.loop.trainer import ADAPT_EVERY, Trainer
from training.networks.ema import Ema
from training.networks.optimizers import Adam
from training.spec import TrainingSpec

WARM_UP = 3
"""Steps of each kind before the capture, in which libraries choose their kernels."""
TURN = 16
"""Steps that a trainer enqueues before it is another trainer's turn."""
MOST_PENDING = 2
"""Turns that may be enqueued and unfinished."""


class GraphTrainer(Trainer):
    """A `Trainer` whose step is captured as a CUDA graph. On other devices it runs the same step uncaptured.

    Args:
        spec: the training spec. `minutes` limits the run.
        data: the real pictures.
        held_out: pictures for adapting the augmentation.
        device: torch device.
        half_lives: half-lives of the averaged generators, in images, instead of that of the spec.
        turns: turns in a row when several trainers alternate, for a larger share of the device.
    """

    def __init__(
        self,
        spec: TrainingSpec,
        data: Dataset,
        held_out: Dataset,
        device: str,
        half_lives: tuple[int, ...],
        turns: int = 1,
    ) -> None:
        super().__init__(spec, data, device)
        self.held_out, self.turns, self.captures = held_out, turns, device.startswith("cuda")
        self.averages = [Ema(self.generator, half_life) for half_life in half_lives]
        # Whatever changes between steps is a tensor, so that the graph reads its current value.
        self.rate, self.penalty_weight, self.p = (torch.zeros((), device=device) for _ in range(3))
        self.average_weights = [torch.zeros((), device=device) for _ in half_lives]
        self.measured = torch.zeros(4, device=device)
        self.order = torch.zeros(len(data), dtype=torch.long, device=device)
        self.cursor = torch.zeros((), dtype=torch.long, device=device)
        self.within = torch.arange(spec.batch_size, device=device)
        self.rng = torch.Generator(device).manual_seed(spec.seed)
        self.optimizers = tuple(
            Adam(
                network.parameters(),
                lr=self.rate,
                betas=(spec.beta1, spec.beta2),
                foreach=self.captures,
                capturable=self.captures,
            )
            for network in (self.generator, self.discriminator)
        )
        self.stream = torch.cuda.Stream() if self.captures else None
        self.graphs: dict[bool, torch.cuda.CUDAGraph] = {}
        self.pending: list[torch.cuda.Event] = []
        with self.on_stream():
            self._shuffle()
            self._set_scalars()
            if self.captures:
                self._capture()

    def on_stream(self) -> AbstractContextManager[Any]:
        """Return a context in which operations are enqueued on this trainer's stream."""
        return torch.cuda.stream(self.stream) if self.stream else nullcontext()

    def turn(self) -> None:
        """Enqueue a turn of steps. Wait only if too many turns are unfinished."""
        with self.on_stream():
            for _ in range(TURN):
                if self.seen - self.shuffled_at + self.spec.batch_size > len(self.order):
                    self._shuffle()
                penalised = self.steps % self.spec.penalty_interval == 0
                if self.captures:
                    self.graphs[penalised].replay()
                else:
                    self._update(penalised=penalised)
                self.seen += self.spec.batch_size
                self.steps += 1
            self._set_scalars()
            if self.captures:
                event = torch.cuda.Event()
                event.record(self.stream)
                self.pending.append(event)
                if len(self.pending) > MOST_PENDING:
                    self.pending.pop(0).synchronize()

    def adapt(self) -> None:
        """Adapt the augmentation if it is due."""
        if self.spec.augment == "adaptive" and self.seen - self.adapted_at >= ADAPT_EVERY:
            with self.on_stream():
                self.adapt_augmentation(self.held_out)
                self.p.fill_(self.augment_p)

    def progress(self) -> dict[str, Any]:
        """Return the fields of a progress event. Waits for the enqueued steps."""
        with self.on_stream():
            loss_d, loss_g, d_real, d_fake = (round(value, 4) for value in self.measured.tolist())
        return {
            "images": self.seen,
            "seconds": round(self.seconds, 1),
            "images_per_second": round(self.seen / max(self.seconds, 1e-9)),
            "loss_discriminator": loss_d,
            "loss_generator": loss_g,
            "d_real": d_real,
            "d_fake": d_fake,
            "augment_p": round(self.augment_p, 4),
            "learning_rate": self.learning_rate(),
            "gamma": self.gamma(),
        }

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the averaged generators, with what a checkpoint records about them."""
        with self.on_stream():
            return [
                {"half_life": ema.half_life, "seen": self.seen, "seconds": self.seconds, "ema": _on_cpu(ema.network)}
                for ema in self.averages
            ]

    def networks(self) -> dict[str, Any]:
        """Return both networks."""
        with self.on_stream():
            return {"discriminator": _on_cpu(self.discriminator), "generator": _on_cpu(self.generator)}

    def _capture(self) -> None:
        assert self.stream is not None  # noqa: S101 - for the type checker
        for penalised in (True, False):
            for _ in range(WARM_UP):
                self._update(penalised=penalised)
        self.stream.synchronize()
        for penalised in (True, False):
            graph = torch.cuda.CUDAGraph()
            graph.register_generator_state(self.rng)
            with torch.cuda.graph(graph, stream=self.stream):
                self._update(penalised=penalised)
            self.graphs[penalised] = graph

    def _update(self, *, penalised: bool) -> None:
        """Run one step of both networks and of the averages. This is what the graph captures."""
        index = self.order[(self.cursor + self.within) % len(self.order)]
        self.cursor.add_(self.spec.batch_size)
        real = (self.images[index].float() / 255).contiguous(memory_format=self.layout)
        gamma = self.penalty_weight if penalised else 0.0
        self.measured.copy_(self._train(real, self._one_hot(self.labels[index]), gamma, cache_casts=False))
        for ema, weight in zip(self.averages, self.average_weights, strict=True):
            ema.move(self.generator, weight)

    def _set_scalars(self) -> None:
        self.rate.fill_(self.learning_rate())
        self.penalty_weight.fill_(self.gamma())
        for ema, weight in zip(self.averages, self.average_weights, strict=True):
            weight.fill_(ema.weight(self.spec.batch_size, self.seen))

    def _shuffle(self) -> None:
        self.order.copy_(torch.randperm(len(self.order), generator=self.rng, device=self.order.device))
        self.cursor.zero_()
        self.shuffled_at = self.seen

    def _augmentation_probability(self) -> Tensor | None:
        return None if self.spec.augment == "none" else self.p


def _on_cpu(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def train(trainers: dict[str, GraphTrainer], out: Path, *, seconds: float, snapshots: int) -> Iterator[dict[str, Any]]:
    """Train several specs side by side. Write NAME.pt with the snapshots and NAME-networks.pt. Yield progress events.

    Args:
        trainers: the trainers by name.
        out: existing output folder.
        seconds: duration of the training.
        snapshots: number of snapshots of the averaged generators, at equal intervals, the last one at the end.
    """
    collected: dict[str, list[dict[str, Any]]] = {name: [] for name in trainers}
    start, due, reported = time.monotonic(), 1, 0.0
    while (elapsed := time.monotonic() - start) < seconds:
        for trainer in trainers.values():
            trainer.seconds = min(elapsed, seconds)
            for _ in range(trainer.turns):
                trainer.turn()
            trainer.adapt()
        if elapsed - reported > seconds / 60:
            reported = elapsed
            yield from ({"name": name} | trainer.progress() for name, trainer in trainers.items())
        if elapsed >= seconds * due / snapshots and due < snapshots:
            due += 1
            _write(trainers, collected, out)
    for trainer in trainers.values():
        trainer.seconds = seconds
    yield from ({"name": name} | trainer.progress() for name, trainer in trainers.items())
    _write(trainers, collected, out)


def _write(trainers: dict[str, GraphTrainer], collected: dict[str, list[dict[str, Any]]], out: Path) -> None:
    for name, trainer in trainers.items():
        collected[name] += trainer.snapshot()
        facts = {
            "spec": trainer.spec.model_dump(mode="json"),
            "machine": trainer.machine,
            "torch": str(torch.__version__),
        }
        save_checkpoint(facts | {"snapshots": collected[name]}, out / f"{name}.pt")
        save_checkpoint(facts | trainer.networks(), out / f"{name}-networks.pt")
