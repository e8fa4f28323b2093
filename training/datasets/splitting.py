"""Chooses the held-out pictures of an imported dataset by their content, so that the choice is the same on every machine."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

TEST_SHARE = 1 / 7
"""Default share of test pictures. It is MNIST's."""


def choose_test(images: NDArray[np.uint8], share: float = TEST_SHARE) -> NDArray[np.bool_]:
    """Return which pictures are test pictures, (N,).

    A picture is a test picture if the first eight bytes of the sha256 of its pixels, as a fraction of 2**64, are below `share`.
    So equal pictures are in the same split, and a picture stays in its split when others are added. If fewer than two pictures
    are below, those with the two lowest fractions are test pictures.

    Args:
        images: (N, 28, 28), at least two.
        share: expected share of test pictures, above 0 and below 1.
    """
    fractions = np.array([_fraction(picture) for picture in images])
    limit = max(share, float(np.nextafter(np.sort(fractions)[1], 1)))
    return np.asarray(fractions < limit)


def _fraction(picture: NDArray[np.uint8]) -> float:
    return int.from_bytes(hashlib.sha256(picture.tobytes()).digest()[:8], "big") / 2**64
