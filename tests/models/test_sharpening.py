"""How a degraded picture is recognised."""

from __future__ import annotations

import numpy as np
import pytest

from models import sharpening
from models.locations import ROOT
from models.repository import Repository

SMALL = np.arange(49, dtype=np.uint8).reshape(7, 7) * 5
MIDDLE = np.arange(196, dtype=np.uint8).reshape(14, 14)
FULL = (np.arange(784) % 251).astype(np.uint8).reshape(28, 28)


@pytest.mark.parametrize(
    ("picture", "factor", "kind"),
    [
        (SMALL, None, "shrink4"),
        (SMALL, "4", "shrink4"),
        (MIDDLE, None, "shrink2"),
        (FULL, None, "blur"),
        (FULL, "blur", "blur"),
        (FULL, "2", "shrink2"),
        (sharpening.enlarge(SMALL), None, "shrink4"),
        (sharpening.enlarge(MIDDLE), None, "shrink2"),
        (sharpening.enlarge(SMALL), "2", "shrink2"),
        (np.zeros((28, 28), np.uint8), None, "blur"),
    ],
)
def test_the_kind_follows_from_the_size_the_blocks_or_the_factor(
    picture: sharpening.Pixels, factor: str | None, kind: str
) -> None:
    degraded = sharpening.recognise(picture, factor)
    assert degraded.kind == kind
    assert degraded.pixels.shape == (28, 28)


def test_a_small_picture_is_enlarged_by_repeating_pixels() -> None:
    assert (sharpening.recognise(SMALL).pixels[:4, 4:8] == SMALL[0, 1]).all()


def test_a_full_picture_with_a_factor_is_replaced_by_its_area_means() -> None:
    degraded = sharpening.recognise(FULL, "2").pixels
    assert degraded[0, 0] == degraded[1, 1] == round((0 + 1 + 28 + 29) / 4 + 0.01)
    assert sharpening.means(np.array([[1, 2], [2, 1]], np.uint8).repeat(14, 0).repeat(14, 1), 2).max() == 2


@pytest.mark.parametrize(
    ("side", "factor", "message"),
    [
        (7, "2", "14x14 or 28x28 pixels, not 7x7"),
        (14, "4", "7x7 or 28x28 pixels, not 14x14"),
        (14, "blur", "28x28 pixels, not 14x14"),
        (20, None, "20x20 pixels. Shrink it"),
    ],
)
def test_a_size_that_does_not_fit_is_rejected_with_the_remedy(side: int, factor: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sharpening.recognise(np.zeros((side, side), np.uint8), factor)


def test_golden_inputs_have_every_kind_and_never_change() -> None:
    pictures, kinds = sharpening.golden_inputs(range(6))
    assert kinds == ["shrink2", "shrink4", "blur"] * 2
    assert pictures.shape == (6, 28, 28)
    assert pictures[0, 0, ::2].tolist() == [172, 47, 117, 192, 67, 251, 195, 103, 9, 211, 21, 242, 36, 87]
    assert sharpening.one_hot(kinds[:3]).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_golden_inputs_and_columns_follow_the_kinds_of_the_version() -> None:
    pictures, kinds = sharpening.golden_inputs(range(3), ("blur", "shrink4"))
    assert kinds == ["blur", "shrink4", "blur"]
    assert (pictures[1, ::4, ::4].repeat(4, 0).repeat(4, 1) == pictures[1]).all()
    assert sharpening.one_hot(kinds, ("blur", "shrink4")).tolist() == [[1, 0], [0, 1], [1, 0]]


def test_versions_of_earlier_releases_have_the_first_kinds() -> None:
    repository = Repository(ROOT / "models")
    manifest = repository.get("sharpen-digits", 2).manifest
    assert (manifest.kinds, manifest.degradations) == (None, ("shrink2", "shrink4", "blur"))
    assert repository.get("digits", 4).manifest.degradations == ()
    assert manifest.model_copy(update={"kinds": ("blur",)}).degradations == ("blur",)
