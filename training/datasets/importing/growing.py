"""An array of pictures that grows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.datasets.contents import SIDE

_FIRST = 1024


class Growing:
    """Pictures (N, 28, 28), uint8, of which the number is not known in advance. They take 784 bytes each."""

    def __init__(self) -> None:
        self._array = np.empty((_FIRST, SIDE, SIDE), np.uint8)
        self._count = 0

    def append(self, picture: NDArray[np.uint8]) -> None:
        """Add a picture (28, 28)."""
        if self._count == len(self._array):
            # in place, so that two copies never exist; no other reference to it exists until `array` is used
            self._array.resize((self._count * 3 // 2, SIDE, SIDE), refcheck=False)
        self._array[self._count] = picture
        self._count += 1

    def __len__(self) -> int:
        return self._count

    @property
    def array(self) -> NDArray[np.uint8]:
        """The pictures. Do not append to them afterwards."""
        return self._array[: self._count]
