"""The command that writes scikit-learn's digits as a .npz file."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np

from tools.sklearn_digits import DIGITS, convert


def test_the_digits_of_a_wheel_are_written_with_their_labels_and_full_range(tmp_path: Path) -> None:
    levels = np.stack([np.arange(64) % 17, np.full(64, 16), np.zeros(64)]).astype(int)
    labels = [7, 0, 9]
    # The table of scikit-learn is written in this format.
    lines = [",".join(f"{value:.18e}" for value in [*row, label]) for row, label in zip(levels, labels, strict=True)]
    with zipfile.ZipFile(tmp_path / "scikit_learn.whl", "w") as wheel:
        wheel.writestr(DIGITS, gzip.compress("\n".join(lines).encode()))
        wheel.writestr("sklearn/__init__.py", "raise SystemExit")
    assert convert(tmp_path / "scikit_learn.whl", tmp_path / "digits.npz") == 3
    with np.load(tmp_path / "digits.npz", allow_pickle=False) as written:
        images, labels_written = written["images"], written["labels"]
    assert (images.shape, images.dtype) == ((3, 8, 8), np.uint8)
    assert (images[0, 0, 0], images[0, 1, 0], images[0, 2, 0]) == (0, 128, 255)
    assert (images[1] == 255).all()
    assert not images[2].any()
    assert labels_written.tolist() == labels
