"""Augmentation moves whole pixels with a given probability, which adapts to the overfitting of the discriminator."""

import pytest
import torch
from torch import Tensor

from training.networks.augmentation import FULL_SPEED, HIGHEST, REACH, adapted, blit

ALWAYS = torch.tensor(1.0)


def random_rows(**rows: float) -> Tensor:
    """Return random numbers that select no augmentation, except in the given rows."""
    names = ("flip", "side", "turn", "quarters", "move", "down", "right")
    neutral = {"flip": 1.0, "side": 1.0, "turn": 1.0, "quarters": 0.0, "move": 1.0, "down": 0.5, "right": 0.5}
    return torch.tensor([(neutral | rows)[name] for name in names]).view(7, 1).repeat(1, 3)


def pictures() -> Tensor:
    return torch.rand(3, 1, 28, 28)


def test_with_probability_zero_pictures_are_unchanged() -> None:
    before = pictures()
    assert torch.equal(blit(before, torch.tensor(0.0), torch.rand(7, 3)), before)


def test_quarter_turns_match_rot90() -> None:
    before = pictures()
    for quarters in range(4):
        after = blit(before, ALWAYS, random_rows(turn=0.0, quarters=(quarters + 0.5) / 4))
        assert torch.equal(after, torch.rot90(before, quarters, (2, 3)))


def test_a_flip_is_horizontal() -> None:
    before = pictures()
    assert torch.equal(blit(before, ALWAYS, random_rows(flip=0.0, side=0.0)), before.flip(3))


def test_a_translation_fills_with_black() -> None:
    before = pictures()
    after = blit(before, ALWAYS, random_rows(move=0.0, down=0.999))
    assert torch.equal(after[:, :, REACH:], before[:, :, :-REACH])
    assert not after[:, :, :REACH].any()


def test_about_the_requested_share_of_pictures_is_changed() -> None:
    before = torch.rand(4_000, 1, 8, 8)
    torch.manual_seed(0)
    after = blit(before, torch.tensor(0.5), torch.rand(7, 4_000))
    unchanged = (before == after).flatten(1).all(1).float().mean().item()
    # probabilities of no flip (3/4), no rotation (5/8) and no translation (1/2, or a translation by zero)
    assert abs(unchanged - 0.75 * 0.625 * (0.5 + 0.5 / (2 * REACH + 1) ** 2)) < 0.03


def test_the_gradient_flows_back_to_the_source_pixels() -> None:
    before = pictures().requires_grad_()
    after = blit(before, ALWAYS, random_rows(turn=0.0, quarters=0.3, flip=0.0, side=0.0))
    (gradient,) = torch.autograd.grad((after * after.detach()).sum(), before)
    assert torch.equal(gradient, before.detach())


def test_the_probability_adapts_to_overfitting() -> None:
    overfitted = {"shown": 2.0, "held_out": 0.0, "generated": -1.0}
    generalizing = {"shown": 2.0, "held_out": 1.9, "generated": -1.0}
    assert adapted(0.1, **overfitted, images=FULL_SPEED // 10) == pytest.approx(0.2)
    assert adapted(0.1, **generalizing, images=FULL_SPEED // 100) == pytest.approx(0.09)
    assert adapted(0.0, **generalizing, images=FULL_SPEED) == 0.0
    assert adapted(0.5, **overfitted, images=FULL_SPEED) == HIGHEST
    assert adapted(0.5, shown=0.0, held_out=0.0, generated=1.0, images=FULL_SPEED) == 0.0
