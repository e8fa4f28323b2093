"""Writes the digits that the page Learn trains a GAN on: 2,000 of MNIST's training pictures, shrunk to 14x14 pixels.

    python -m tools.small_digits

The file is gzipped. It has the pictures one after another, two pixels of 16 levels in each byte, the left one in the upper
half, and then one byte with the class of each picture. The pictures are the first 200 of each class, in the order of MNIST.

MNIST is by LeCun, Cortes and Burges, under CC BY-SA 3.0 (training/datasets/mnist), and so is this file.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from training.datasets.published import read_published

FILE = Path(__file__).resolve().parent.parent / "web" / "src" / "pages" / "learn" / "gan" / "digits.bin"
EACH = 200
"""Pictures of each class."""
CLASSES = 10
SIDE = 14
MOST_LEVEL = 15


def pack() -> bytes:
    """Return the content of the file. It is the same on every machine, apart from the compression."""
    pictures, labels = read_published("mnist", "train")
    first = np.sort(np.concatenate([np.flatnonzero(labels == each)[:EACH] for each in range(CLASSES)]))
    means = pictures[first].reshape(-1, SIDE, 2, SIDE, 2).mean(axis=(2, 4))  # (N, 14, 14) in 0..255
    levels = np.rint(means * (MOST_LEVEL / 255)).astype(np.uint8).reshape(len(first), -1)
    halves: bytes = (levels[:, 0::2] << 4 | levels[:, 1::2]).tobytes()
    classes: bytes = labels[first].tobytes()
    return halves + classes


def main() -> None:
    """Run the command."""
    FILE.write_bytes(gzip.compress(pack(), mtime=0))
    print(f"Wrote {CLASSES * EACH:,} digits to {FILE.name}: {FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
