"""The command that writes the digits of the page Learn."""

from __future__ import annotations

import gzip

import numpy as np

from tools.small_digits import CLASSES, EACH, FILE, pack
from training.datasets.published import read_published

MOST_BYTES = 150_000


def test_the_committed_digits_are_those_that_the_command_writes() -> None:
    assert gzip.decompress(FILE.read_bytes()) == pack()
    assert FILE.stat().st_size <= MOST_BYTES


def test_a_packed_digit_is_the_mean_of_its_blocks_in_sixteen_levels() -> None:
    packed = np.frombuffer(pack(), np.uint8)
    count = CLASSES * EACH
    labels, halves = packed[count * 98 :], packed[: count * 98].reshape(count, 98)
    assert np.bincount(labels).tolist() == [EACH] * CLASSES
    pictures, classes = read_published("mnist", "train")
    assert labels[:20].tolist() == classes[:20].tolist()  # no class has 200 pictures so early
    first = pictures[0].astype(float)
    row, column = 5, 7
    mean = first[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean()
    assert mean > 0
    byte = halves[0, (row * 14 + column) // 2]
    assert (row * 14 + column) % 2 == 1
    assert byte & 15 == round(mean * 15 / 255)
