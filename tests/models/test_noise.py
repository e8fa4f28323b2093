"""The seed contract, checked against an independent implementation."""

from __future__ import annotations

import hashlib
import struct
import threading

import numpy as np
import pytest

from models import noise


def test_an_integer_seed_gives_the_numbers_of_numpy_randomstate() -> None:
    z, label = noise.draw(42, 100, 10)
    random = np.random.RandomState(42)
    assert z.tolist() == random.standard_normal(100).astype(np.float32).tolist()
    assert label == random.randint(10)
    # frozen values, independent of the NumPy version
    assert z[:4].tolist() == np.array([0.49671414, -0.1382643, 0.64768857, 1.5230298], dtype=np.float32).tolist()
    assert label == 8


def test_a_text_seeds_the_generator_with_the_big_endian_words_of_its_sha256() -> None:
    words = struct.unpack(">8I", hashlib.sha256("Привет".encode()).digest())
    random = np.random.RandomState(np.array(words, dtype=np.uint32))
    z, label = noise.draw("Привет", 7, 3)
    assert z.tolist() == random.standard_normal(7).astype(np.float32).tolist()
    assert label == random.randint(3)


def test_the_number_of_classes_does_not_change_z() -> None:
    assert noise.draw(5, 100, 10)[0].tolist() == noise.draw(5, 100, 0)[0].tolist()
    assert noise.draw(5, 100, 0)[1] is None


def test_a_seed_gives_the_same_latent_alone_and_in_a_batch() -> None:
    z, labels = noise.draw_many([7, 2**32 - 1, 7, 0], 100, 10)
    for row, label, seed in zip(z, labels, [7, 2**32 - 1, 7, 0], strict=True):
        expected, expected_label = noise.draw(seed, 100, 10)
        assert row.tolist() == expected.tolist()
        assert label == expected_label


def test_drawing_is_thread_safe() -> None:
    expected = {seed: noise.draw(seed, 100, 10)[0].tolist() for seed in range(50)}
    wrong: list[int] = []

    def draw() -> None:
        wrong.extend(s for s in list(range(50)) * 20 if noise.draw(s, 100, 10)[0].tolist() != expected[s])

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("seed", [-1, 2**32, "x" * 129])
def test_an_invalid_seed_is_rejected(seed: int | str) -> None:
    with pytest.raises(ValueError, match=r"(Choose|Shorten)"):
        noise.draw(seed, 100)
