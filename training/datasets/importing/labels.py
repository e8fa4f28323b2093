"""Labels of a source, and the conversion of their names to those of a dataset."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.datasets.importing.options import Limits
from training.datasets.importing.problems import composed, enumerated, shown
from training.errors import DatasetError

_LONGEST = 80
_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ı": "i",
    }
)
"""Latin letters that Unicode does not decompose."""


def ordered(labels: Iterable[str], limits: Limits) -> tuple[str, ...]:
    """Return the different labels in order: numbers by value, names by code points.

    Raises:
        DatasetError: there are too many.
    """
    names = set(labels)
    if len(names) > limits.classes:
        raise DatasetError(
            f"The source has {len(names):,} different classes, but the limit is {limits.classes}. Its labels may be something "
            "else, such as the names of the files. Correct them, or merge classes."
        )
    numeric = all(re.fullmatch(r"-?[0-9]{1,18}", name) for name in names)
    return tuple(sorted(names, key=lambda name: (int(name) if numeric else 0, name)))


def indices(values: Sequence[str] | NDArray[np.str_], labels: tuple[str, ...]) -> NDArray[np.uint16]:
    """Return the indices of the values among the labels."""
    index = {label: n for n, label in enumerate(labels)}
    return np.fromiter((index[str(value)] for value in values), np.uint16, len(values))


def class_names(labels: tuple[str, ...], renames: Mapping[str, str]) -> tuple[str, ...]:
    """Convert labels to names of classes: 1 to 80 printable ASCII characters without spaces, all different.

    White space becomes a hyphen and accents are removed, so that `Ankle boot` becomes `Ankle-boot` and `café` becomes `cafe`.

    Args:
        labels: the labels in the source.
        renames: names by label, which take precedence.

    Raises:
        DatasetError: a label has no such name, two labels have the same one, or a label to rename does not exist.
    """
    renames = {composed(label): name for label, name in renames.items()}
    unknown = [label for label in renames if label not in labels]
    if unknown:
        known = enumerated(list(labels), 20) or "none"
        raise DatasetError(f"There is no class {shown(unknown[0])!r} to rename. The classes are: {known}.")
    names = tuple(_converted(renames.get(label, label)) for label in labels)
    for label, name in zip(labels, names, strict=True):
        if not re.fullmatch(r"[!-~]{1,80}", name):
            raise DatasetError(
                f"The class {shown(label)!r} needs a name of 1 to {_LONGEST} ASCII characters without spaces. Rename its "
                f"folder or label, or add: --rename '{shown(label)}=NAME'."
            )
        same = [other for other, named in zip(labels, names, strict=True) if named == name]
        if len(same) > 1:
            raise DatasetError(
                f"The classes {shown(same[0])!r} and {shown(same[1])!r} would both be named {name!r}. Rename one, or add: "
                f"--rename '{shown(same[1])}=NAME'."
            )
    return names


def _converted(label: str) -> str:
    decomposed = unicodedata.normalize("NFKD", label.translate(_LETTERS))
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return re.sub(r"\s+", "-", letters.strip())
