"""The statistics of fine detail, and the bands of the two-sample test."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from training.datasets.tensors import Dataset
from training.evaluation import texture


def pictures(*pixels: tuple[int, int, int]) -> Tensor:
    image = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    for row, column, level in pixels:
        image[0, 0, row, column] = level
    return image


def test_specks_are_faint_pixels_with_empty_surroundings() -> None:
    alone, pair, bright = (3, 3, 8), [(10, 10, 1), (10, 11, 2)], (20, 20, 9)
    crowd = [(25, 0, 1), (25, 1, 1), (26, 0, 1), (26, 1, 1)]  # each has three neighbours that are not 0
    assert texture.measure(pictures(alone, *pair, bright, *crowd)).specks == 3
    assert texture.measure(pictures((0, 0, 1), (27, 27, 8))).specks == 2, "outside of the picture, all is empty"


def test_the_surroundings_of_the_silhouette_are_measured_by_distance() -> None:
    """A silhouette of one pixel has 8 pixels at distance 1 and 16 at distance 2."""
    found = texture.measure(pictures((10, 10, 9), (10, 11, 8), (12, 12, 1), (8, 8, 3), (10, 13, 5)))
    assert (found.faint_at_1, found.faint_at_2) == (1 / 8, 2 / 16)


def test_equal_neighbours_are_counted_among_pairs_without_empty_pixels() -> None:
    found = texture.measure(pictures((5, 5, 7), (5, 6, 7), (6, 5, 7), (6, 6, 8), (20, 20, 7)))
    assert found.equal_neighbours == 2 / 4


def test_the_top_octave_is_the_power_of_detail() -> None:
    rows = torch.arange(28)
    stripes = (255 * (rows % 2)).to(torch.uint8).repeat(28, 1)[None, None]  # the highest frequency: amplitude 1/2
    broad = (255 * (rows // 7 % 2)).to(torch.uint8).repeat(28, 1)[None, None]
    assert texture.measure(stripes).top_octave == pytest.approx(1 / 4)
    assert texture.measure(broad).top_octave < 0.03


def test_bands_keep_what_they_are_named_after() -> None:
    image = pictures((4, 4, 1), (4, 5, 16), (5, 4, 17), (5, 5, 255))
    faint, visible, coarse = (band(image)[0, 0] for band, _ in texture.BANDS.values())
    assert faint[4:6, 4:6].tolist() == [[15, 240], [240, 240]]
    assert visible[4:6, 4:6].tolist() == [[0, 0], [17, 255]]
    assert coarse[4:6, 4:6].tolist() == [[72, 72], [72, 72]]
    assert {band.dtype for band in (faint, visible, coarse)} == {torch.uint8}


def test_real_digits_have_the_statistics_that_generators_aim_at(mnist: Dataset) -> None:
    found = texture.measure(mnist.images[:5000])
    assert found.specks == pytest.approx(0.0122, abs=1e-4)
    assert found.faint_at_1 == pytest.approx(0.04566, abs=1e-5)
    assert found.faint_at_2 == 0
    assert found.equal_neighbours == pytest.approx(0.2337, abs=1e-3)
