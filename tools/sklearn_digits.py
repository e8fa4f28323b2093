"""Writes scikit-learn's 1,797 handwritten digits, 8x8, as a .npz file to import: a small dataset.

    python -m pip download --no-deps --dest build scikit-learn
    python -m tools.sklearn_digits build/scikit_learn-*.whl build/sklearn-digits.npz

The pictures lie inside the wheel, which is neither installed nor run. They are by E. Alpaydin and C. Kaynak, from the UCI
repository of machine learning (https://archive.ics.uci.edu/dataset/80), under CC BY 4.0.
"""

from __future__ import annotations

import argparse
import gzip
import zipfile
from pathlib import Path

import numpy as np

DIGITS = "sklearn/datasets/data/digits.csv.gz"
LEVELS = 16
"""The level of full ink. The background is 0."""
SIDE = 8


def convert(wheel: Path, out: Path) -> int:
    """Write the digits of a wheel of scikit-learn, and return their number.

    Args:
        wheel: the `.whl` file.
        out: the `.npz` file, with `images`, (N, 8, 8) uint8 in 0..255, and `labels`, (N,) in 0..9.
    """
    with zipfile.ZipFile(wheel) as archive:
        table = gzip.decompress(archive.read(DIGITS)).decode("ascii")
    rows = np.array([line.split(",") for line in table.split()], dtype=np.float64).astype(np.uint8)  # (N, 65)
    images = np.rint(rows[:, :-1] * (255 / LEVELS)).astype(np.uint8).reshape(-1, SIDE, SIDE)
    np.savez_compressed(out, images=images, labels=rows[:, -1])
    return len(rows)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tools.sklearn_digits", description="Write scikit-learn's digits as .npz.")
    parser.add_argument("wheel", type=Path, help="The .whl file of scikit-learn.")
    parser.add_argument("out", type=Path, help="The .npz file to write.")
    options = parser.parse_args()
    print(f"Wrote {convert(options.wheel, options.out):,} pictures to {options.out}")


if __name__ == "__main__":
    main()
