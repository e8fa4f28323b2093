"""Folders of picture files, in the layouts of torchvision's ImageFolder and of Hugging Face's imagefolder.

cats/1.png  dogs/1.png                      a folder per class
train/cats/1.png  test/dogs/1.png           with splits
metadata.csv  1.png  2.png                  with labels in a table: file_name,label
1.png  2.png                                without classes
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import partial

from app.errors import SeedlingError
from app.images.decoding import REMEDY, Decoded, decode
from training.datasets.contents import Split
from training.datasets.importing import metadata, splits
from training.datasets.importing.items import Ignored, Item, Layout, check_count
from training.datasets.importing.labels import ordered
from training.datasets.importing.options import Limits
from training.datasets.importing.problems import Unreadable, composed, enumerated, shown
from training.datasets.importing.trees import File, Tree, read
from training.errors import DatasetError

SUFFIXES = re.compile(r"\.(png|jpe?g|jfif|webp|gif|bmp|tiff?|heic|heif|avif|svg|ico|psd|jp2|jxl)$", re.IGNORECASE)
"""Files that are pictures by their name. Those of unsupported formats are reported as broken, not ignored."""


class Pictures:
    """The picture files of a folder or an archive.

    Raises:
        DatasetError: the layout is ambiguous, or exceeds a limit.
    """

    layout: Layout

    def __init__(self, tree: Tree, limits: Limits) -> None:
        self._tree, self._limits = tree, limits
        self._files = {file.path: file for file in tree.files}
        self._broken: dict[str, str] = {}
        """Reasons by path of pictures that a table lists, but that cannot be imported."""
        pictures = [path for path in self._files if SUFFIXES.search(path)]
        tables = [path for path in self._files if posixpath.basename(path).lower() in metadata.NAMES]
        root = _root([*pictures, *tables])
        bases, left_out = _bases(root, [*pictures, *tables])
        tables = [path for path in tables if f"{posixpath.dirname(path)}/".removeprefix("/") in {root, *bases}]
        ignored = [Ignored(folder, "there is a test split already") for folder in left_out]
        pictures = [path for path in pictures if not path.startswith(left_out)]
        used = {*pictures, *tables}
        ignored += [
            Ignored(path, "it is not a picture") for path in self._files if path not in used and not path.startswith(left_out)
        ]
        splits_of = {path: next((bases[base] for base in bases if path.startswith(base)), None) for path in pictures}
        if tables:
            self.layout = "metadata"
            labels = self._listed(tables)
            ignored += [Ignored(path, "it is not listed in the metadata") for path in pictures if path not in labels]
            labels = {path: labels[path] for path in pictures if path in labels}
        else:
            labels = _folder_labels(pictures, [*bases, root])
            self.layout = "folders of classes" if any(labels.values()) else "folder"
        self.has_splits = any(bases.values())
        self.ignored = tuple(ignored)
        self.labels = ordered((label for label in labels.values() if label), limits)
        if len(self.labels) == 1:
            self.labels = ()
        index = {label: number for number, label in enumerate(self.labels)}
        self._found = [(path, index.get(label, 0), splits_of[path]) for path, label in labels.items()]
        self.count = len(self._found) + len(self._broken)
        check_count(self.count, limits)

    def items(self) -> Iterator[Item]:
        for path, label, split in self._found:
            yield Item(path, label, split, partial(self._load, self._files[path]))
        for path, reason in self._broken.items():
            yield Item(path, 0, None, partial(_fail, reason))

    def _load(self, file: File) -> Decoded:
        return decoded(read(self._tree, file, self._limits.picture_bytes))

    def _listed(self, tables: list[str]) -> dict[str, str]:
        """Return the labels of the pictures that metadata files list, by path."""
        labels: dict[str, str] = {}
        for table in tables:
            try:
                content = read(self._tree, self._files[table], self._limits.list_bytes)
            except Unreadable as error:
                raise DatasetError(f"{shown(table)} cannot be read: {error}. Save it again.") from error
            folder = table.rpartition("/")[0]
            by_name = {composed(path): path for path in self._files}
            for line, name, label in metadata.rows(table, content, self._limits):
                path = posixpath.normpath(posixpath.join(folder, name))
                path = by_name.get(composed(path), path)
                if path in labels or path in self._broken:
                    raise DatasetError(
                        f"{shown(table)}, line {line}, lists {shown(name)} a second time. Remove one of the lines."
                    )
                if path not in self._files:
                    self._broken[path] = f"it is listed in {shown(table)}, line {line}, but does not exist"
                elif not label:
                    self._broken[path] = f"it has no label in {shown(table)}, line {line}"
                else:
                    labels[path] = composed(label)
        return labels


def decoded(content: bytes) -> Decoded:
    """Decode a picture file. A large JPEG is decoded at a fraction of its size.

    Raises:
        Unreadable: the file is damaged, too large or of another format.
    """
    try:
        return decode(content, shrink=True)
    except SeedlingError as error:
        raise Unreadable(str(error).removesuffix(REMEDY).strip()) from error


def _fail(reason: str) -> Decoded:
    raise Unreadable(reason)


def _root(paths: list[str]) -> str:
    """Return the folder that contains everything, with a slash at its end, or an empty text. It is not named like a split."""
    root = ""
    while True:
        tops = {path[len(root) :].partition("/")[:2] for path in paths}
        top, slash = tops.pop() if len(tops) == 1 else ("", "")
        if not slash or top.lower() in splits.NAMES:
            return root
        root += f"{top}/"


def _bases(root: str, paths: list[str]) -> tuple[dict[str, Split | None], tuple[str, ...]]:
    """Return the splits by folder, and the folders of a split that is left out. Both are empty without splits."""
    below = [path[len(root) :].partition("/") for path in paths]
    tops = {top: splits.NAMES.get(top.lower()) for top, slash, _ in below if slash}
    names = {name for name in tops.values() if name}
    others = sorted(top for top, name in tops.items() if not name)
    if not names or (others and "train" not in names):
        return {}, ()
    others += sorted(top for top, slash, _ in below if not slash and SUFFIXES.search(top))
    if others:
        raise DatasetError(
            f"There are pictures beside the folders of the splits ({enumerated(others)}). Move them into train or test."
        )
    resolved = splits.resolve(names)
    bases = {f"{root}{top}/": resolved[name] for top, name in tops.items() if name in resolved}
    return bases, tuple(f"{root}{top}/" for top, name in tops.items() if name not in resolved)


def _folder_labels(pictures: list[str], bases: list[str]) -> dict[str, str]:
    """Return the label of each picture: its folder within the root or the split. It is empty if there are no such folders."""
    inside = {path: path.removeprefix(next(base for base in bases if path.startswith(base))) for path in pictures}
    loose = [path for path, rest in inside.items() if "/" not in rest]
    if loose and len(loose) < len(inside):
        raise DatasetError(
            f"There are pictures both in folders and beside them ({enumerated(loose)}). Move those into the folders of their "
            "classes, or move all pictures into one folder if there are no classes."
        )
    return {path: composed(rest.partition("/")[0]) if "/" in rest else "" for path, rest in inside.items()}
