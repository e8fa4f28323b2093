"""Selects the faces of the dataset: families that are different to look at, and up to `FACES` different faces of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFont import FreeTypeFont

from tools.letters import packages
from tools.letters.glyphs import Pixels, UnsuitableFont, open_font, render
from tools.letters.table import DROPPED, Face, Lists, split_of

FACES = 4
"""Most faces of a family, so that families with fifty weights do not dominate."""
MOST_FACES = 64
"""Of a font collection."""
SAME = 0.12
"""Faces nearer than this are the same to look at. See `distance`. The clones of Helvetica are nearer, those of Helvetica and
Arial are not."""
Rows = NDArray[np.float32]
REGULAR = ("regular", "book", "roman", "normal", "medium", "text")
STYLES = {
    *("thin", "hairline", "extralight", "ultralight", "xlight", "light", "semilight", "demilight", "book", "regular", "roman"),
    *("normal", "text", "medium", "semibold", "demibold", "demi", "bold", "extrabold", "xbold", "ultrabold", "heavy", "black"),
    *("extrablack", "ultra", "italic", "oblique", "slanted", "condensed", "semicondensed", "extracondensed", "narrow"),
    *("expanded", "extended", "wide", "cond", "ext", "semi", "extra", "retina", "nl", "unhinted", "hinted", "fat", "thick"),
}
"""Words of a name that tell faces of a family apart, and not families."""


@dataclass(frozen=True)
class Candidate:
    """A face that has all letters."""

    face: Face
    letters: Pixels
    """(26, 28, 28)"""


@dataclass(frozen=True)
class Rejected:
    """A face that is not used, and why."""

    name: str
    reason: str


def family_of(name: str) -> str:
    """Return a font's name without the words for its weight, width and slope: "Lato Black" is of the family "Lato"."""
    words = name.replace("-", " ").replace("_", " ").split()
    while len(words) > 1 and words[-1].lower() in STYLES:
        words.pop()
    return " ".join(words)


def candidates(folder: Path, lists: Lists) -> Iterator[Candidate | Rejected]:
    """Render all faces of the unpacked packages in `folder`."""
    for package, licence in lists.licences.items():
        version = packages.version_of(folder, package)
        for file in packages.font_files(folder, package):
            path = packages.unpacked(folder, package) / file
            for index in range(MOST_FACES if file.endswith(".ttc") else 1):
                try:
                    font = open_font(path, index)
                except OSError:
                    break
                yield _candidate(font, lists, Face("train", "", "", licence, package, version, file, index))


def _candidate(font: FreeTypeFont, lists: Lists, face: Face) -> Candidate | Rejected:
    name, style = font.getname()
    words = f"{name or Path(face.file).stem} {style or ''}".replace("-", " ").replace("_", " ").split()
    family = family_of(name or Path(face.file).stem)
    label = " ".join(dict.fromkeys(words[len(family.split()) :])) or "Regular"
    wanted = lists.wanted.get(face.package)
    decision = lists.families.get(f"{family} {label}") or lists.families.get(family, family)
    if decision == DROPPED or (wanted and family not in wanted):
        return Rejected(f"{family} {label}", "dropped by the lists")
    if not (family + label).isprintable() or not (family + label).isascii():
        return Rejected(f"{family} {label}", "its name is not ASCII")
    try:
        letters = render(font)
    except (UnsuitableFont, OSError) as error:
        return Rejected(f"{family} {label}", str(error))
    return Candidate(replace(face, split=split_of(decision), family=decision, style=label), letters)


def distances(some: Rows, others: Rows) -> NDArray[np.float32]:
    """Return how different faces look, (N, M): the root mean square of the differences of their pixels.

    Args:
        some: faces as rows of pixels in 0..1, (N, P).
        others: the same, (M, P).
    """
    squares = (some**2).sum(1)[:, None] + (others**2).sum(1) - 2 * some @ others.T
    found: NDArray[np.float32] = np.sqrt(np.maximum(squares, 0) / some.shape[1])
    return found


def select(found: Iterable[Candidate], say: list[str]) -> list[Candidate]:
    """Select the faces, sorted by family. Appends a line to `say` for each family that looks like another one.

    Of families that look alike, in any of their faces, the first in alphabetical order is kept.
    """
    families: dict[str, list[Candidate]] = {}
    for candidate in found:
        families.setdefault(candidate.face.family, []).append(candidate)
    chosen: list[Candidate] = []
    kept = np.empty((sum(map(len, families.values())), 26 * 28 * 28), np.float32)
    owners: list[str] = []
    for family in sorted(families):
        faces = sorted(families[family], key=_regular_first)
        rows = np.stack([face.letters.reshape(-1) for face in faces]).astype(np.float32) / np.float32(255)
        twins = np.flatnonzero((distances(rows, kept[: len(owners)]) < SAME).any(0))
        if len(twins):
            say.append(f"{family}: looks like {owners[twins[0]]}")
            continue
        chosen += [faces[index] for index in _different(distances(rows, rows))]
        kept[len(owners) : len(owners) + len(rows)] = rows
        owners += [family] * len(rows)
    return chosen


def _different(between: NDArray[np.float32]) -> list[int]:
    """Pick the first face, and then always the one that differs most from those picked already. Takes their distances."""
    picked = [0]
    while len(picked) < min(FACES, len(between)):
        nearest = between[picked].min(0)
        best = int(np.argmax(nearest))
        if nearest[best] < SAME:
            break
        picked.append(best)
    return picked


def _regular_first(candidate: Candidate) -> tuple[int, int, str]:
    words = [word.lower() for word in candidate.face.style.split()]
    return (sum(word not in REGULAR for word in words), len(words), candidate.face.file)
