"""The adversarial training step, and the state needed to resume a run exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.checkpoint import check_spec
from training.datasets import degradation
from training.datasets.tensors import Dataset
from training.errors import CheckpointError, DivergedError
from training.loop.batch_sampler import BatchSampler
from training.loop.device import computes_in_bfloat16, machine
from training.networks import augmentation, factory, grey_scale
from training.networks.ema import Ema
from training.networks.losses import LOSSES, gradient_penalty
from training.networks.optimizers import Adam
from training.spec import TrainingSpec

ADAPT_EVERY, ADAPT_BY = 25_000, 1_000
"""Images between two adaptations of the augmentation to held-out pictures, and number of pictures of each kind used for one."""
ADAPT_STEPS = 4
"""Steps between two adaptations of the augmentation without held-out pictures, as in ADA."""
REMEDY = (
    "Train again with a lower learning_rate or a higher gamma. The best checkpoint so far is kept: python -m training export "
    "--checkpoint best."
)


@dataclass(frozen=True)
class StepFigures:
    """Losses and discriminator outputs of one step."""

    loss_discriminator: float
    loss_generator: float
    d_real: float
    """Mean probability of being real that the discriminator assigns to real pictures; 0.5 if it cannot distinguish them."""
    d_fake: float
    """The same for generated pictures. The logits of a relativistic discriminator have an arbitrary offset, so both values
    are then relative to the midpoint between real and generated."""
    sign: float
    """Mean sign of the logits of real pictures, relative to the same midpoint: r_t of ADA. 0 if the discriminator cannot
    distinguish them, 1 if it recognises every real picture."""


class Trainer:
    """Both networks, their optimisers, the weight average and the random state of one run.

    Args:
        spec: the training spec.
        data: the real pictures.
        device: torch device. Runs are reproducible to the bit only on the CPU.
    """

    def __init__(self, spec: TrainingSpec, data: Dataset, device: str = "cpu") -> None:
        torch.manual_seed(spec.seed)
        self.spec, self.device = spec, device
        self.classes = len(data.info.classes) if spec.conditional else 0
        convolutional = "conv" in (spec.network, spec.discriminator_network)
        layout = torch.channels_last if convolutional else torch.contiguous_format
        generator, discriminator = factory.build(spec, len(data.info.classes))
        if spec.grey_scale == "equalised":
            for network in (generator, discriminator):
                assert network.scale is not None  # noqa: S101 - for the type checker
                network.scale.set(grey_scale.equalised(data.images))
        self.generator = generator.to(device, memory_format=layout)  # type: ignore[call-overload]
        self.discriminator = discriminator.to(device, memory_format=layout)  # type: ignore[call-overload]
        self.ema = Ema(self.generator, spec.ema_images)
        self.optimizers = tuple(
            Adam(net.parameters(), lr=spec.learning_rate, betas=(spec.beta1, spec.beta2), fused=True)
            for net in (self.generator, self.discriminator)
        )
        self.rng = torch.Generator().manual_seed(spec.seed)
        self.sampler = BatchSampler(len(data), self.rng)
        self.images, self.labels = data.images.to(device), data.labels.to(device)
        self.eye = torch.eye(max(self.classes, 1), device=device)
        self.layout = layout
        self.bfloat16 = computes_in_bfloat16(spec.precision, device)
        self.loss = None if spec.loss == "mse" else LOSSES[spec.loss]
        """None: the generator is trained by mean squared error, without the discriminator."""
        self.augment_p, self.adapted_at = 0.0, 0
        """Probability of each augmentation, and images seen at its last adaptation."""
        self.signs: list[float] = []
        """`StepFigures.sign` of each step since the last adaptation, if there are no held-out pictures to adapt to."""
        self.seen = self.steps = 0
        self.seconds = 0.0
        self.machine = machine(device)

    @property
    def done(self) -> bool:
        """Whether the run has reached its number of images or its time limit."""
        return self.part >= 1

    @property
    def part(self) -> float:
        """Completed fraction of the run, from 0 to 1: of the images or of the minutes, whichever is larger."""
        by_images = self.seen / self.spec.images
        by_clock = self.seconds / (60 * self.spec.minutes) if self.spec.minutes else 0.0
        return min(max(by_images, by_clock), 1.0)

    def learning_rate(self) -> float:
        """Return the current learning rate: constant at first, then a half-cosine decay."""
        spec = self.spec
        decayed = max(self.part - spec.decay_from, 0.0) / (1 - spec.decay_from)
        return spec.final_learning_rate + (spec.learning_rate - spec.final_learning_rate) * _cosine(decayed)

    def gamma(self) -> float:
        """Return the current weight of the gradient penalties.

        It follows a half cosine from first_gamma to gamma over the burn-in, and from gamma to final_gamma over the run.
        """
        spec = self.spec
        gamma = spec.gamma
        if spec.final_gamma is not None:
            gamma = spec.final_gamma + (gamma - spec.final_gamma) * _cosine(self.part)
        if spec.first_gamma is None or self.seen >= spec.burn_in:
            return gamma
        return gamma + (spec.first_gamma - gamma) * _cosine(self.seen / spec.burn_in)

    def step(self) -> StepFigures:
        """Train the discriminator, then the generator, on one batch.

        Raises:
            DivergedError: a loss is not finite. The state must not be saved.
        """
        for optimizer in self.optimizers:
            optimizer.param_groups[0]["lr"] = self.learning_rate()
        real, label = self._real_batch()
        gamma = self.gamma() if self.steps % self.spec.penalty_interval == 0 else 0.0
        measured = self._train(real, label, gamma)
        self.seen += len(real)
        self.steps += 1
        self.ema.update(self.generator, len(real), self.seen)

        figures = StepFigures(*measured.tolist())
        if not measured[:2].isfinite().all():
            raise DivergedError(
                f"After {self.seen} images a loss is not a finite number (discriminator {figures.loss_discriminator}, "
                f"generator {figures.loss_generator}). {REMEDY}"
            )
        return figures

    def adapt_to_sign(self, sign: float) -> None:
        """Adapt the augmentation probability without held-out pictures, every few steps.

        Args:
            sign: `StepFigures.sign` of the last step.
        """
        if self.spec.augment == "none":
            return
        self.signs.append(sign)
        if len(self.signs) >= ADAPT_STEPS:
            mean, images = sum(self.signs) / len(self.signs), self.seen - self.adapted_at
            self.augment_p = augmentation.adapted_to_signs(self.augment_p, sign=mean, images=images)
            self.signs, self.adapted_at = [], self.seen

    def check_finite(self) -> None:
        """Check that all weights are finite.

        Raises:
            DivergedError: a weight is not finite.
        """
        networks = (
            ("generator", self.generator),
            ("discriminator", self.discriminator),
            ("average", self.ema.network),
        )
        for name, network in networks:
            if not all(bool(p.isfinite().all()) for p in network.parameters()):
                raise DivergedError(f"After {self.seen} images the {name} has weights that are not finite numbers. {REMEDY}")

    def _train(self, real: Tensor, label: Tensor | None, gamma: float | Tensor, *, cache_casts: bool = True) -> Tensor:
        """Train both networks on one batch. Return the fields of `StepFigures`, (5,), without waiting for the device."""
        kind = torch.device(self.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=self.bfloat16, cache_enabled=cache_casts):
            # One forward pass of the generator serves both steps: its weights do not change in between.
            fake = self.generator(self._noise(len(real)), label)
            if self.loss:
                loss_d, real_logit, fake_logit = self._step_discriminator(real, fake.detach(), label, gamma)
            else:
                loss_d = real_logit = fake_logit = torch.zeros((), device=self.device)
            loss_g = self._step_generator(real, fake, label, real_logit)
        middle = (real_logit.mean() + fake_logit.mean()) / 2 if self.loss and self.loss.generator_sees_real else 0.0
        d_real, d_fake = (torch.sigmoid(logit - middle).mean() for logit in (real_logit, fake_logit))
        return torch.stack([loss_d, loss_g, d_real, d_fake, torch.sign(real_logit - middle).mean()])

    def _step_discriminator(
        self, real: Tensor, fake: Tensor, label: Tensor | None, gamma: float | Tensor = 0.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        assert self.loss  # noqa: S101 - for the type checker
        penalised = isinstance(gamma, Tensor) or gamma > 0
        # a single forward pass for both halves and for the penalties: (2N, 1, 28, 28)
        both = self._augmented(torch.cat([real, fake])).contiguous(memory_format=self.layout)
        channels = self.discriminator.channels(both).requires_grad_(penalised)
        logit = self.discriminator.logit(channels, None if label is None else torch.cat([label, label]))
        real_logit, fake_logit = logit.chunk(2)
        loss = total = self.loss.discriminator(real_logit, fake_logit)
        if penalised:
            # R1 of the real half plus R2 of the generated half is twice the mean over both
            total = loss + 0.5 * gamma * self.spec.penalty_interval * 2 * gradient_penalty(logit, channels)
        self._descend(self.discriminator, 1, total)
        return loss.detach(), real_logit.detach(), fake_logit.detach()

    def _step_generator(self, real: Tensor, fake: Tensor, label: Tensor | None, real_logit: Tensor) -> Tensor:
        """Train the generator on pictures that it has just drawn. Return its loss.

        `real_logit` is from the discriminator's step, before its update. The relativistic loss uses it as a reference only.
        """
        if not self.loss:
            loss = F.mse_loss(fake, real)
            self._descend(self.generator, 0, loss)
            return loss.detach()
        self.discriminator.requires_grad_(False)  # skips its weight gradients in the backward pass
        fake_logit = self.discriminator(self._augmented(fake), label)
        loss = total = self.loss.generator(real_logit, fake_logit)
        if self.spec.consistency and label is not None:
            with torch.autocast(fake.device.type, enabled=False):
                total = loss + self.spec.consistency * degradation.inconsistency(fake, label)
        self._descend(self.generator, 0, total)
        self.discriminator.requires_grad_(True)
        return loss.detach()

    def _descend(self, network: nn.Module, which: int, loss: Tensor) -> None:
        network.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[which].step()

    def _real_batch(self) -> tuple[Tensor, Tensor | None]:
        index = self.sampler.next(self.spec.batch_size).to(self.device)
        real = (self.images[index].float() / 255).contiguous(memory_format=self.layout)  # (N, 1, 28, 28)
        return real, self._condition(real, index)

    def _condition(self, real: Tensor, index: Tensor) -> Tensor | None:
        """Return what both networks are conditioned on: degraded pictures, or one-hot labels, or nothing."""
        if self.spec.task == "sharpen":
            return degradation.degrade_randomly(real, self.rng)
        return self._one_hot(self.labels[index])

    def _augmented(self, images: Tensor) -> Tensor:
        """Augment pictures, (N, 1, 28, 28), for the discriminator. Differentiable."""
        if (p := self._augmentation_probability()) is not None:
            chance = torch.rand(augmentation.CHANCES, len(images), generator=self.rng, device=self.rng.device)
            images = augmentation.blit(images, p, chance.to(images.device), turns=self.spec.augment_turns)
        return augmentation.translated(images, self.spec.translate, self.rng)

    def _augmentation_probability(self) -> Tensor | None:
        """Return the probability of each augmentation, a scalar; None if there is nothing to do."""
        return torch.tensor(self.augment_p, device=self.device) if self.augment_p else None

    def _noise(self, count: int) -> Tensor:
        return torch.randn(count, self.spec.z_dim, generator=self.rng, device=self.rng.device).to(self.device)

    @torch.no_grad()
    def adapt_augmentation(self, held_out: Dataset) -> None:
        """Adapt the augmentation probability to how far the discriminator overfits the training pictures.

        Args:
            held_out: pictures that the discriminator is not trained on.
        """
        if self.spec.augment == "none":
            return
        count = min(ADAPT_BY, len(held_out), len(self.labels))
        index, shown = (
            torch.randint(0, size, (count,), generator=self.rng, device=self.rng.device)
            for size in (len(held_out), len(self.labels))
        )
        index, shown = index.to(held_out.images.device), shown.to(self.device)
        held, held_labels = held_out.images[index].to(self.device).float() / 255, held_out.labels[index].to(self.device)
        label = self._one_hot(held_labels)
        groups = {
            "held_out": (held, label),
            "shown": (self.images[shown].float() / 255, self._one_hot(self.labels[shown])),
            "generated": (self.generator(self._noise(count), label), label),
        }
        logits = {name: self.discriminator(*group).mean().item() for name, group in groups.items()}
        self.augment_p = augmentation.adapted(self.augment_p, images=self.seen - self.adapted_at, **logits)
        self.adapted_at = self.seen

    def _one_hot(self, labels: Tensor) -> Tensor | None:
        return self.eye[labels] if self.classes else None  # F.one_hot may wait for the device

    def state_dict(self) -> dict[str, Any]:
        """Return the complete training state, as tensors and plain values."""
        return {
            "spec": self.spec.model_dump(mode="json"),
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "ema": self.ema.network.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "rng": self.rng.get_state(),
            "order": self.sampler.order.to(torch.int32),
            "position": self.sampler.position,
            "augment_p": self.augment_p,
            "adapted_at": self.adapted_at,
            "signs": self.signs,
            "seen": self.seen,
            "steps": self.steps,
            "seconds": self.seconds,
            "machine": self.machine,
            "torch": str(torch.__version__),
        }

    def load_weights(self, state: dict[str, Any]) -> None:
        """Initialise the generator, and the discriminator unless the spec says otherwise, from another run.

        The generator gets the averaged weights. If it has a noise map and the weights have none, the map is added.

        Raises:
            CheckpointError: the weights have different shapes.
        """
        try:
            weights = self.generator.adapted(state["ema"])
            self.generator.load_state_dict(weights)
            self.ema.network.load_state_dict(weights)
            if self.spec.initial_networks == "both":
                self.discriminator.load_state_dict(state["discriminator"])
        except (KeyError, RuntimeError) as error:
            raise CheckpointError(
                f"The initial weights do not match the networks of the spec ({error}). Use the version's network, conditional, "
                "z_dim and both widths (with initial_networks=generator, only the generator's), or start without its weights."
            ) from error

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state from `state_dict`.

        Raises:
            CheckpointError: the state belongs to a different spec, or is incomplete.
        """
        check_spec(state, self.spec)
        try:
            self.generator.load_state_dict(state["generator"])
            self.discriminator.load_state_dict(state["discriminator"])
            self.ema.network.load_state_dict(state["ema"])
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.rng.set_state(state["rng"].cpu())
            self.sampler.order, self.sampler.position = state["order"].long().cpu(), state["position"]
            self.augment_p, self.adapted_at = state.get("augment_p", 0.0), state.get("adapted_at", 0)
            self.signs = list(state.get("signs", []))
            self.seen, self.steps, self.seconds = state["seen"], state["steps"], state["seconds"]
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"The checkpoint does not match this version of the trainer ({error}). Start a new run in another folder."
            ) from error


def _cosine(part: float) -> float:
    """Half cosine, from 1 at 0 to 0 at 1."""
    return 0.5 * (1 + math.cos(part * math.pi))
