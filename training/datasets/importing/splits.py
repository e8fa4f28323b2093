"""The splits that a source has itself, recognised by the names of its folders, files and arrays."""

from __future__ import annotations

import re
from collections.abc import Collection

from training.datasets.contents import Split
from training.datasets.importing.items import Ignored
from training.errors import DatasetError

NAMES = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "t10k": "test",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
}


def named(name: str) -> str | None:
    """Return the split that a word in a path or a key names, or None. The last one counts."""
    found = [NAMES[word] for word in words(name) if word in NAMES]
    return found[-1] if found else None


def words(name: str) -> list[str]:
    """Return the words of a path or a key, in lower case."""
    return re.split(r"[^a-z0-9]+", name.lower())


def resolve(found: Collection[str]) -> dict[str, Split | None]:
    """Return what the splits of a source become. A validation split is the test split if there is no other one.

    If there is only a training split, it becomes None: the test split is then chosen by content.

    Raises:
        DatasetError: there is no training split.
    """
    if "train" not in found:
        raise DatasetError(
            f"The source has a {' and a '.join(sorted(found))} split but no train split. Add one, or rename it so that the "
            "split is chosen by content."
        )
    if len(found) == 1:
        return {"train": None}
    resolved: dict[str, Split | None] = {"train": "train"}
    for name in ("test", "validation"):
        if name in found:
            resolved[name] = "test"
            break
    return resolved


def assign(paths: Collection[str]) -> tuple[dict[str, Split | None], list[Ignored]]:
    """Return the split of each table or array file by its path, and the files that belong to none.

    Raises:
        DatasetError: there is no training split.
    """
    found = {path: named(path) for path in paths}
    splits = {split for split in found.values() if split}
    if not splits or len(paths) == 1:
        return dict.fromkeys(paths), []
    resolved = resolve(splits)
    assigned: dict[str, Split | None] = {}
    ignored = []
    for path, split in found.items():
        if split in resolved:
            assigned[path] = resolved[split]
        else:
            reason = "there is a test split already" if split else "its name contains neither train nor test, but others do"
            ignored.append(Ignored(path, reason))
    return assigned, ignored
