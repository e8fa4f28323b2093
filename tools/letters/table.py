"""The table of the faces of the dataset, `fonts.tsv`, and the lists of packages and of excluded families."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent
TEST_SHARE = 1 / 7
DROPPED = "dropped"


@dataclass(frozen=True)
class Face:
    """A face of a font, such as the bold one. Its letters A to Z are 26 consecutive pictures of its split."""

    split: Literal["train", "test"]
    family: str
    style: str
    licence: str
    package: str
    version: str
    file: str
    """Path inside the package."""
    index: int
    """Index of the face in a font collection, 0 for other files."""


def split_of(family: str) -> Literal["train", "test"]:
    """Return the split of a family: test if the first 8 bytes of the sha256 of its name, as a fraction of 2**64, are below 1/7.

    Splits are by family. The letters of one font, and its weights, look alike: in both splits, they would be a leak.
    """
    fraction = int.from_bytes(hashlib.sha256(family.encode()).digest()[:8], "big") / 2**64
    return "test" if fraction < TEST_SHARE else "train"


def read_faces(path: Path) -> list[Face]:
    """Read `fonts.tsv`."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Face(**{**row, "index": int(row["index"])}) for row in rows]  # type: ignore[arg-type]


def write_faces(path: Path, faces: Iterable[Face]) -> None:
    """Write `fonts.tsv`."""
    lines = ["\t".join(field.name for field in fields(Face))]
    lines += ["\t".join(str(value) for value in astuple(face)) for face in faces]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Lists:
    """The choices made by hand, from `packages.tsv` and `families.tsv`."""

    licences: dict[str, str]
    """Package to the licence of its fonts."""
    wanted: dict[str, set[str]]
    """Package to the families to use, if not all."""
    families: dict[str, str]
    """Name of a family, or of a family and a style, to the family that it is part of, or `DROPPED`."""


def read_lists() -> Lists:
    """Read the lists of this folder."""
    rows = _rows("packages.tsv")
    return Lists(
        {row[0]: row[1] for row in rows},
        {row[0]: set(row[2].split("; ")) for row in rows if len(row) > 2},
        {row[0]: row[1] for row in _rows("families.tsv")},
    )


def _rows(name: str) -> list[list[str]]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]
