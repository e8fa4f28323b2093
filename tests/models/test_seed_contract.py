"""The seed contract, written out a second time."""

from __future__ import annotations

import hashlib
import struct
import threading

import numpy as np
import pytest

from models import seed_contract


def test_an_integer_seed_is_numpys_randomstate() -> None:
    z, label = seed_contract.draw(42, 100, 10)
    random = np.random.RandomState(42)
    assert z.tolist() == random.standard_normal(100).astype(np.float32).tolist()
    assert label == random.randint(10)
    # frozen: these very numbers, whatever numpy
    assert z[:4].tolist() == np.array([0.49671414, -0.1382643, 0.64768857, 1.5230298], dtype=np.float32).tolist()
    assert label == 8


def test_a_text_seeds_with_the_big_endian_words_of_its_sha256() -> None:
    words = struct.unpack(">8I", hashlib.sha256("Привет".encode()).digest())
    random = np.random.RandomState(np.array(words, dtype=np.uint32))
    z, label = seed_contract.draw("Привет", 7, 3)
    assert z.tolist() == random.standard_normal(7).astype(np.float32).tolist()
    assert label == random.randint(3)


def test_the_label_is_drawn_after_z_so_that_classes_do_not_change_z() -> None:
    assert seed_contract.draw(5, 100, 10)[0].tolist() == seed_contract.draw(5, 100, 0)[0].tolist()
    assert seed_contract.draw(5, 100, 0)[1] is None


def test_a_seed_draws_the_same_alone_and_among_others() -> None:
    z, labels = seed_contract.draw_many([7, 2**32 - 1, 7, 0], 100, 10)
    for row, label, seed in zip(z, labels, [7, 2**32 - 1, 7, 0], strict=True):
        alone, its_label = seed_contract.draw(seed, 100, 10)
        assert row.tolist() == alone.tolist()
        assert label == its_label


def test_threads_do_not_disturb_each_other() -> None:
    expected = {seed: seed_contract.draw(seed, 100, 10)[0].tolist() for seed in range(50)}
    wrong: list[int] = []

    def draw() -> None:
        wrong.extend(s for s in list(range(50)) * 20 if seed_contract.draw(s, 100, 10)[0].tolist() != expected[s])

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("seed", [-1, 2**32, "x" * 129])
def test_what_is_no_seed_is_refused(seed: int | str) -> None:
    with pytest.raises(ValueError, match=r"(Choose|Shorten)"):
        seed_contract.draw(seed, 100)
