"""What a caller chooses about an import, and the bounds of what is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from training.datasets.contents import MAX_CLASSES
from training.datasets.splitting import TEST_SHARE
from training.errors import DatasetError

Fit = Literal["fit", "crop", "mnist"]
Invert = Literal["auto", "yes", "no"]
MOST_TEST_SHARE = 0.5


@dataclass(frozen=True)
class Options:
    """How the pictures of a source become a dataset.

    Raises:
        DatasetError: the share of test pictures is out of range.
    """

    fit: Fit = "fit"
    """`fit`: the whole picture, padded with the level of its border. `crop`: the square in its middle. `mnist`: the ink in
    20x20 pixels, centred by its mass, as MNIST was made."""
    invert: Invert = "auto"
    """Whether dark and bright are swapped, in all pictures alike. `auto` decides by their borders."""
    skip_broken: bool = False
    """Leave out pictures that cannot be read, instead of refusing the import."""
    test_share: float = TEST_SHARE
    """Expected share of test pictures, above 0 and at most 0.5. Not used if the source has its own splits."""
    renames: Mapping[str, str] = field(default_factory=dict)
    """New names of classes, by their name in the source."""

    def __post_init__(self) -> None:
        if not 0 < self.test_share <= MOST_TEST_SHARE:
            raise DatasetError(f"The share of test pictures must be above 0 and at most {MOST_TEST_SHARE}, for example 0.15.")


@dataclass(frozen=True)
class Limits:
    """Bounds of a source. What exceeds one is refused before it is read into memory."""

    files: int = 1_100_000
    """Files in a folder or entries in an archive. They take about 1 kB of memory each."""
    pictures: int = 1_000_000
    """Pictures of a dataset. They take 784 bytes of memory each, and as much again while they are split."""
    classes: int = MAX_CLASSES
    """Classes of a dataset."""
    picture_bytes: int = 64 * 2**20
    """Size of a picture file. The limits of its pixels are those of `app.images.decoding`."""
    table_bytes: int = 2 * 2**30
    """Unpacked size of a single array or table."""
    list_bytes: int = 256 * 2**20
    """Size of `metadata.csv` or `metadata.jsonl`."""
    unpacked_bytes: int = 64 * 2**30
    """Sum of the unpacked sizes in an archive."""
    ratio: int = 200
    """Unpacked size of an archive, relative to its size. Deflate reaches 1,032."""
    unpacked_free: int = 64 * 2**20
    """Archives that unpack to at most this may have any ratio."""
    depth: int = 16
    """Folders within folders."""
    path_length: int = 1024
    """Characters of a path."""
    line_bytes: int = 64 * 2**10
    """Length of a line of a CSV or JSONL file. A row of 784 pixels has at most 3,924."""
