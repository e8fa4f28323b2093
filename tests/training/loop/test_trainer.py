"""The adversarial training step: determinism, exact resumption and detection of divergence."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.training.conftest import lecture_spec, small_spec
from training.checkpoint import NEWER_FIELDS, load_checkpoint, save_checkpoint
from training.datasets.tensors import Dataset
from training.errors import CheckpointError, DivergedError
from training.loop.stopping import hold_out
from training.loop.trainer import ADAPT_STEPS, StepFigures, Trainer
from training.networks.augmentation import FULL_SPEED, HIGHEST, REACH
from training.networks.losses import LOSSES
from training.spec import TrainingSpec

SPECS = {
    "standard": small_spec(),
    "lecture": lecture_spec(),
    "logarithmic": small_spec(grey_scale="logarithmic", stem_channels=4),
    "augmented": small_spec(augment="adaptive", held_out=1_000, metrics_every=1),
}


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_two_runs_of_one_spec_are_bit_identical(spec: TrainingSpec, mnist: Dataset) -> None:
    first, second = Trainer(spec, mnist), Trainer(spec, mnist)
    assert [first.step() for _ in range(6)] == [second.step() for _ in range(6)]
    assert same_weights(first.generator, second.generator)
    other = Trainer(spec.model_copy(update={"seed": 1}), mnist)
    assert [other.step() for _ in range(6)] != [first.step() for _ in range(6)]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_resumed_run_is_bit_identical_to_an_uninterrupted_one(spec: TrainingSpec, mnist: Dataset, tmp_path: Path) -> None:
    uninterrupted = Trainer(spec, mnist)
    before = Trainer(spec, mnist)
    uninterrupted.augment_p = before.augment_p = 0.5
    expected = [uninterrupted.step() for _ in range(11)]
    figures = [before.step() for _ in range(5)]
    save_checkpoint(before.state_dict(), tmp_path / "checkpoint.pt")
    torch.manual_seed(999)
    after = Trainer(spec, mnist)
    after.load_state_dict(load_checkpoint(tmp_path / "checkpoint.pt"))
    figures += [after.step() for _ in range(6)]

    assert figures == expected
    for network in ("generator", "discriminator"):
        assert same_weights(getattr(after, network), getattr(uninterrupted, network))
    assert same_weights(after.ema.network, uninterrupted.ema.network)
    assert (after.seen, after.steps) == (uninterrupted.seen, uninterrupted.steps) == (11 * 16, 11)


def test_each_step_changes_only_its_own_network(mnist: Dataset) -> None:
    trainer = Trainer(lecture_spec(), mnist)
    real, label = trainer._real_batch()
    discriminator, generator = copy.deepcopy(trainer.discriminator), copy.deepcopy(trainer.generator)
    fake = trainer.generator(trainer._noise(len(real)), label)
    trainer._step_generator(real, fake, label, torch.zeros(len(real)))
    assert same_weights(trainer.discriminator, discriminator)
    assert not same_weights(trainer.generator, generator)
    generator = copy.deepcopy(trainer.generator)
    trainer._step_discriminator(real, fake.detach(), label)
    assert same_weights(trainer.generator, generator)
    assert not same_weights(trainer.discriminator, discriminator)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_both_steps_use_the_same_generated_pictures(
    spec: TrainingSpec, mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(spec, mnist)
    forward, drawn = trainer.generator.forward, []
    monkeypatch.setattr(trainer.generator, "forward", lambda *given: drawn.append(forward(*given)) or drawn[-1])
    shown = []
    augmented = trainer._augmented
    monkeypatch.setattr(trainer, "_augmented", lambda images: shown.append(images.detach().clone()) or augmented(images))
    trainer.step()
    assert len(drawn) == 1
    for_discriminator, for_generator = shown
    assert torch.equal(for_discriminator[spec.batch_size :], drawn[0])
    assert torch.equal(for_generator, drawn[0])


def test_the_generator_compares_with_the_real_logits_of_the_discriminators_step(
    mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(small_spec(), mnist)
    step, logits, compared = trainer._step_discriminator, [], []
    monkeypatch.setattr(trainer, "_step_discriminator", lambda *given: logits.append(step(*given)) or logits[-1])

    def loss(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        compared.append((real, fake.detach()))
        return LOSSES["relativistic"].generator(real, fake)

    monkeypatch.setattr(trainer, "loss", replace(trainer.loss, generator=loss))
    trainer.step()
    ((real, fake),) = compared
    assert torch.equal(real, logits[0][1])
    assert not torch.equal(fake, logits[0][2]), "the discriminator has been updated in between"


def test_the_learning_rate_decays_with_a_half_cosine(mnist: Dataset) -> None:
    trainer = Trainer(small_spec(learning_rate=1e-3, final_learning_rate=1e-4, images=1000), mnist)
    rates = []
    for trainer.seen in (0, 500, 1000, 1100):
        rates.append(trainer.learning_rate())
    assert rates == pytest.approx([1e-3, 5.5e-4, 1e-4, 1e-4])
    trainer.seen = 500
    trainer.step()
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(5.5e-4)


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_nan_loss_stops_the_run_with_a_remedy(mnist: Dataset, network: str) -> None:
    trainer = Trainer(small_spec(), mnist)
    with torch.no_grad():
        next(getattr(trainer, network).parameters()).fill_(float("nan"))
    with pytest.raises(DivergedError, match="learning_rate"):
        trainer.step()


def test_a_checkpoint_of_another_spec_is_rejected_with_the_differing_fields(mnist: Dataset) -> None:
    state = Trainer(small_spec(), mnist).state_dict()
    with pytest.raises(CheckpointError, match="differs in gamma, seed"):
        Trainer(small_spec(seed=5, gamma=1.0), mnist).load_state_dict(state)
    del state["optimizers"]
    with pytest.raises(CheckpointError, match="Start a new run"):
        Trainer(small_spec(), mnist).load_state_dict(state)


def test_a_checkpoint_without_newer_spec_fields_can_be_resumed(mnist: Dataset) -> None:
    trainer = Trainer(small_spec(), mnist)
    state = trainer.state_dict()
    for name in NEWER_FIELDS:
        del state["spec"][name]
    trainer.load_state_dict(state)
    with pytest.raises(CheckpointError, match=r"differs in held_out\)"):
        Trainer(small_spec(held_out=10), mnist).load_state_dict(state)


def test_a_checkpoint_of_an_earlier_release_keeps_the_arithmetic_of_its_optimizers(mnist: Dataset) -> None:
    trainer = Trainer(small_spec(), mnist)
    trainer.step()
    state = copy.deepcopy(trainer.state_dict())
    for saved in state["optimizers"]:
        saved["param_groups"][0] |= {"foreach": True, "fused": None}
    trainer.load_state_dict(state)
    assert [optimizer.param_groups[0]["fused"] for optimizer in trainer.optimizers] == [None, None]
    before = trainer.steps
    trainer.step()
    assert trainer.steps == before + 1


def test_translation_moves_each_picture_independently_and_fills_with_black(mnist: Dataset) -> None:
    trainer = Trainer(small_spec(translate=2), mnist)
    dots = torch.zeros(200, 1, 28, 28)
    dots[:, 0, 14, 14] = 1
    moved = trainer._augmented(dots)
    assert moved.shape == dots.shape
    assert torch.equal(moved.sum((1, 2, 3)), torch.ones(200))
    positions = {tuple(position) for position in moved[:, 0].nonzero()[:, 1:].tolist()}
    assert positions == {(y, x) for y in range(12, 17) for x in range(12, 17)}
    assert torch.equal(trainer._augmented(torch.ones(50, 1, 28, 28)).amax((1, 2, 3)), torch.ones(50))
    assert trainer._augmented(torch.ones(50, 1, 28, 28)).min() == 0


def test_gamma_decays_with_a_half_cosine_during_the_burn_in(mnist: Dataset) -> None:
    trainer = Trainer(small_spec(gamma=0.5, first_gamma=1.5, burn_in=100), mnist)
    assert trainer.gamma() == 1.5
    trainer.seen = 50
    assert trainer.gamma() == pytest.approx(1.0)
    trainer.seen = 100
    assert trainer.gamma() == 0.5
    assert Trainer(small_spec(gamma=0.5), mnist).gamma() == 0.5


def test_bfloat16_gives_similar_losses_with_float32_weights_and_outputs(mnist: Dataset) -> None:
    exact, rounded = (Trainer(small_spec(precision=p), mnist) for p in ("float32", "bfloat16"))
    assert (exact.bfloat16, rounded.bfloat16) == (False, True)
    exact_figures, rounded_figures = exact.step(), rounded.step()
    assert exact_figures != rounded_figures
    assert exact_figures.loss_discriminator == pytest.approx(rounded_figures.loss_discriminator, rel=0.02)
    assert {p.dtype for net in (rounded.generator, rounded.discriminator) for p in net.parameters()} == {torch.float32}
    with torch.autocast("cpu", torch.bfloat16):
        label = torch.eye(10)
        assert rounded.generator(torch.randn(10, 100), label).dtype == torch.float32
        assert rounded.discriminator(torch.rand(10, 1, 28, 28), label).dtype == torch.float32


def test_final_gamma_is_reached_at_the_end_of_the_run(mnist: Dataset) -> None:
    trainer = Trainer(small_spec(gamma=0.5, final_gamma=0.1, images=1_000), mnist)
    gammas = []
    for trainer.seen in (0, 500, 1_000):
        gammas.append(trainer.gamma())
    assert gammas == pytest.approx([0.5, 0.3, 0.1])


def test_decay_from_delays_the_decay_of_the_learning_rate(mnist: Dataset) -> None:
    trainer = Trainer(small_spec(learning_rate=1e-3, final_learning_rate=1e-4, images=1_000, decay_from=0.5), mnist)
    rates = []
    for trainer.seen in (0, 500, 750, 1_000):
        rates.append(trainer.learning_rate())
    assert rates == pytest.approx([1e-3, 1e-3, 5.5e-4, 1e-4])


def test_augmentation_increases_with_overfitting_and_decreases_without(mnist: Dataset) -> None:
    shown, held_out = hold_out(mnist, 1_000)
    inverted = replace(held_out, images=255 - held_out.images)  # rated like generated ones, as by an overfitted discriminator
    trainer = Trainer(small_spec(augment="adaptive", held_out=1_000, metrics_every=1), shown)
    for _ in range(60):
        trainer.step()
    trainer.adapt_augmentation(inverted)
    assert trainer.augment_p == pytest.approx(trainer.seen / FULL_SPEED)
    assert trainer.adapted_at == trainer.seen
    trainer.step()
    trainer.adapt_augmentation(held_out)
    assert trainer.augment_p == pytest.approx((trainer.seen - 32) / FULL_SPEED)


def test_without_augmentation_adapting_changes_nothing(mnist: Dataset) -> None:
    trainer = Trainer(small_spec(), mnist)
    before = trainer.rng.get_state()
    trainer.adapt_augmentation(mnist)
    assert torch.equal(trainer.rng.get_state(), before)
    assert trainer.augment_p == 0


def few(mnist: Dataset, count: int = 30) -> Dataset:
    return replace(mnist, images=mnist.images[:count], labels=mnist.labels[:count])


def test_augmentation_turns_pictures_only_if_the_spec_says_so(mnist: Dataset) -> None:
    dots = torch.zeros(400, 1, 28, 28)
    dots[:, 0, 4, 6] = 1
    for turns in (True, False):
        trainer = Trainer(small_spec(augment="adaptive", augment_turns=turns), few(mnist))
        trainer.augment_p = HIGHEST
        moved = trainer._augmented(dots)[:, 0].nonzero()[:, 1:] - torch.tensor([4, 6])
        assert (int(moved.abs().max()) > REACH) is turns


def step_and_adapt(trainer: Trainer) -> tuple[StepFigures, float]:
    figures = trainer.step()
    trainer.adapt_to_sign(figures.sign)
    return figures, trainer.augment_p


def test_without_held_out_pictures_augmentation_follows_the_signs_of_four_steps(mnist: Dataset) -> None:
    trainer = Trainer(small_spec(augment="adaptive"), few(mnist))
    for sign, part in ((1.0, 1), (0.0, 0), (0.61, 1), (0.61, 2)):  # rises, falls, rises twice
        for _ in range(ADAPT_STEPS):
            trainer.step()
            trainer.adapt_to_sign(sign)
        assert trainer.augment_p == pytest.approx(part * ADAPT_STEPS * 16 / FULL_SPEED)
        assert (trainer.signs, trainer.adapted_at) == ([], trainer.seen)
    trainer.augment_p = HIGHEST
    for _ in range(ADAPT_STEPS):
        trainer.adapt_to_sign(1.0)
    assert trainer.augment_p == HIGHEST
    plain = Trainer(small_spec(), few(mnist))
    for _ in range(ADAPT_STEPS):
        plain.adapt_to_sign(1.0)
    assert (plain.augment_p, plain.signs) == (0.0, [])


@pytest.mark.parametrize("spec", [small_spec(), lecture_spec()], ids=["relativistic", "bce"])
def test_the_sign_is_that_of_real_logits_relative_to_the_midpoint(
    spec: TrainingSpec, mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(spec, mnist)
    real, label = trainer._real_batch()
    offset = 5.0 if spec.loss == "relativistic" else 0.0  # the logits of a relativistic discriminator have one
    logits = (offset + torch.tensor(signs).repeat(spec.batch_size // 4) for signs in ([3.0, 1.0, 1.0, -1.0], [-1.0] * 4))
    monkeypatch.setattr(trainer, "_step_discriminator", lambda *_: (torch.tensor(0.5), *logits))
    assert trainer._train(real, label, 0.0)[4] == pytest.approx((3 - 1) / 4)


def test_a_run_that_adapts_without_held_out_pictures_resumes_bit_identically(mnist: Dataset, tmp_path: Path) -> None:
    spec = small_spec(augment="adaptive", batch_size=48)  # a batch has more pictures than the dataset
    uninterrupted, before = (Trainer(spec, few(mnist)) for _ in range(2))
    uninterrupted.augment_p = before.augment_p = 0.5
    expected = [step_and_adapt(uninterrupted) for _ in range(13)]
    figures = [step_and_adapt(before) for _ in range(6)]
    assert len(before.signs) == 6 % ADAPT_STEPS
    save_checkpoint(before.state_dict(), tmp_path / "checkpoint.pt")
    after = Trainer(spec, few(mnist))
    after.load_state_dict(load_checkpoint(tmp_path / "checkpoint.pt"))
    figures += [step_and_adapt(after) for _ in range(7)]
    assert figures == expected
    assert len({p for _, p in expected}) == 1 + 13 // ADAPT_STEPS
    assert same_weights(after.ema.network, uninterrupted.ema.network)


def test_a_checkpoint_without_signs_still_loads(mnist: Dataset) -> None:
    trainer = Trainer(small_spec(), few(mnist))
    state = trainer.state_dict()
    del state["signs"]
    trainer.load_state_dict(state)
    assert trainer.signs == []


def test_a_warm_start_of_the_generator_alone_may_add_a_noise_map_and_another_discriminator(mnist: Dataset) -> None:
    """The pictures hardly change at first, and the discriminator is the one that the seed gives."""
    before = Trainer(small_spec(seed=1), mnist)
    state = {"ema": before.generator.state_dict(), "discriminator": before.discriminator.state_dict()}
    spec = small_spec(noise_map=True, discriminator_widths=(8, 16, 16, 16), initial_networks="generator")
    after, fresh = Trainer(spec, mnist), Trainer(spec, mnist)
    after.load_weights(state)
    z, label = torch.randn(20, before.spec.z_dim), torch.eye(10).repeat(2, 1)
    with torch.no_grad():
        pictures, expected, unlike = (each.generator(z, label) for each in (after, before, fresh))
    assert 0 < (pictures - expected).abs().mean() * 10 < (unlike - expected).abs().mean()
    assert same_weights(after.generator, after.ema.network)
    assert same_weights(after.discriminator, fresh.discriminator)

    with pytest.raises(CheckpointError, match="initial_networks=generator"):
        Trainer(spec.model_copy(update={"initial_networks": "both"}), mnist).load_weights(state)
