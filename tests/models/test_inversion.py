"""Refinement finds the latent of a picture, and never makes an estimate worse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.inversion import BOUND, MAX_STEPS, STEP, Refined, on_grid, refine, rmse
from tests.fuzz.budget import max_examples

Z_DIM = 10
WEIGHTS = np.random.RandomState(3).standard_normal((Z_DIM, 784)) * 1.2


def draw(z: np.ndarray) -> np.ndarray:
    """Return made pictures: squashed mixtures of ten shapes, rounded to grey levels."""
    return np.rint(255 / (1 + np.exp(-z.astype(np.float64) @ WEIGHTS))).astype(np.uint8).reshape(-1, 28, 28)


def target(seed: int) -> tuple[np.ndarray, np.ndarray]:
    z = on_grid(np.random.RandomState(seed).standard_normal(Z_DIM))
    return z, draw(z[None])[0]


def refined(seed: int, steps: int) -> Refined:
    return refine(target(seed)[1], np.zeros(Z_DIM), draw, steps)


def test_a_drawn_picture_gives_its_latent_back() -> None:
    for seed in range(20):
        z, picture = target(seed)
        found = refine(picture, np.zeros(Z_DIM), draw, MAX_STEPS)
        assert found.error < 1.0 < 30 < found.start
        assert np.abs(found.z - z).max() < 0.1


@given(st.integers(0, 10_000), st.integers(0, MAX_STEPS - 1))
@max_examples(20)
def test_more_steps_never_make_the_error_larger(seed: int, steps: int) -> None:
    fewer, more = refined(seed, steps), refined(seed, steps + 1)
    assert more.error <= fewer.error <= fewer.start
    assert fewer.steps <= steps


def test_without_steps_the_estimate_is_drawn_as_it_is() -> None:
    picture = target(1)[1]
    found = refine(picture, np.full(Z_DIM, 0.25), draw, 0)
    assert found.z.tolist() == [0.25] * Z_DIM
    assert (found.steps, found.drawn, found.error) == (0, 1, found.start)


def test_the_picture_and_the_error_are_those_of_the_latent() -> None:
    picture = target(2)[1]
    found = refine(picture, np.zeros(Z_DIM), draw, 3)
    assert (draw(found.z[None])[0] == found.pixels).all()
    assert found.error == pytest.approx(rmse(found.pixels[None], picture)[0])
    assert found.drawn == 1 + found.steps * (Z_DIM + 4)


def test_steps_are_bounded() -> None:
    drawn = 0

    def counting(z: np.ndarray) -> np.ndarray:
        nonlocal drawn
        drawn += len(z)
        return draw(z)

    noise = np.random.RandomState(0).randint(0, 256, (28, 28)).astype(np.uint8)
    found = refine(noise, np.zeros(Z_DIM), counting, 1_000_000)
    assert drawn == found.drawn <= 1 + MAX_STEPS * (Z_DIM + 4)


def test_latents_are_short_decimals_within_the_bounds_of_generators() -> None:
    found = on_grid(np.array([0.1, -20.0, 20.0, -0.0001]))
    assert found.tolist() == [26 * STEP, -BOUND, BOUND, 0.0]
    assert not np.signbit(found[3]), "a zero without a sign"


def test_an_estimate_at_the_bounds_is_probed_inwards() -> None:
    found = refine(target(4)[1], np.full(Z_DIM, 100.0), draw, 2)
    assert np.isfinite(found.error)
    assert (np.abs(found.z) <= BOUND).all()
