"""IDX files, named as those of MNIST: `train-images-idx3-ubyte.gz` beside `train-labels-idx1-ubyte.gz`."""

from __future__ import annotations

import re
import zlib
from functools import partial

import numpy as np
from numpy.typing import NDArray

from training.datasets.contents import Split
from training.datasets.idx import parse_idx
from training.datasets.importing import splits
from training.datasets.importing.archives import check_ratio
from training.datasets.importing.arrays import Arrays, Part, as_pictures
from training.datasets.importing.items import Ignored
from training.datasets.importing.options import Limits
from training.datasets.importing.problems import Unreadable, enumerated, shown
from training.datasets.importing.trees import File, Tree, read
from training.errors import DatasetError

MAGIC = b"\0\0\x08"
GZIP = b"\x1f\x8b"
_IMAGES = re.compile(r"idx3", re.IGNORECASE)
_CHUNK = 2**20
_REMEDY = "Use the files of MNIST as an example: train-images-idx3-ubyte.gz beside train-labels-idx1-ubyte.gz"


def is_images(path: str) -> bool:
    """Whether a file is named like one with pictures."""
    return bool(_IMAGES.search(path.rpartition("/")[2]))


def related(name: str) -> list[str]:
    """Return the names of the files that may belong to a file with pictures: its labels, and the test split with its labels."""
    tests = [name.replace("train", test) for test in ("t10k", "test") if "train" in name]
    return [other for images in (name, *tests) for other in ([images] if images != name else []) + _labels_of(images)]


def _labels_of(name: str) -> list[str]:
    """Return the possible names of the labels' file."""
    changed = name.replace("images", "labels").replace("idx3", "idx1")
    if changed == name:
        return []
    return [changed, changed.removesuffix(".gz") if changed.endswith(".gz") else f"{changed}.gz"]


def from_files(tree: Tree, limits: Limits, *, alone: str = "") -> Arrays:
    """Read the IDX files of a tree.

    Args:
        tree: the files.
        limits: the bounds of the files.
        alone: path of a file with pictures, whatever its name. Other files with pictures are its test split.

    Raises:
        DatasetError: a file is damaged, or several belong to the same split.
    """
    files = {file.path: file for file in tree.files}
    images = [path for path in files if path == alone or is_images(path)]
    assigned, ignored = ({alone: None}, []) if images == [alone] else splits.assign(images)
    by_split: dict[Split | None, list[str]] = {}
    for path, split in assigned.items():
        by_split.setdefault(split, []).append(path)
    parts, used = [], set()
    for split, paths in by_split.items():
        if len(paths) > 1:
            raise DatasetError(f"There are several files with pictures: {enumerated(paths)}. Import one of them by its path.")
        labels_path = next((other for other in _labels_of(paths[0]) if other in files), None)
        parts.append(_part(tree, files[paths[0]], files[labels_path] if labels_path else None, split, limits))
        used |= {paths[0], labels_path}
    ignored += [Ignored(path, "no file with pictures belongs to it") for path in files if path not in used | {*images}]
    return Arrays("idx", parts, limits, ignored)


def _part(tree: Tree, images: File, labels: File | None, split: Split | None, limits: Limits) -> Part:
    pictures = _read(tree, images, limits)
    if pictures.ndim != 3:
        raise DatasetError(f"{shown(images.path)} has {pictures.ndim} dimensions, but pictures have 3. {_REMEDY}.")
    values = None
    if labels:
        found = _read(tree, labels, limits)
        if found.shape != pictures.shape[:1]:
            raise DatasetError(
                f"{shown(labels.path)} has labels {found.shape} for {len(pictures):,} pictures. Both must belong to the same "
                f"set. {_REMEDY}."
            )
        values = found.astype(str)
    return Part(split, as_pictures(pictures, images.path), values, partial(_name, images.path))


def _name(path: str, index: int) -> str:
    return f"{path}[{index}]"


def _read(tree: Tree, file: File, limits: Limits) -> NDArray[np.uint8]:
    try:
        content = read(tree, file, limits.table_bytes)
        if content[:2] == GZIP:
            content = unpacked(content, file.path, limits)
    except Unreadable as error:
        raise DatasetError(f"{shown(file.path)} cannot be read: {error}. {_REMEDY}.") from error
    array: NDArray[np.uint8] = parse_idx(content, name=shown(file.path), remedy=f"{_REMEDY}.")
    return array


def unpacked(packed: bytes, name: str, limits: Limits) -> bytes:
    """Decompress a gzip file.

    Raises:
        DatasetError: the file is damaged, or unpacks to more than a limit.
    """
    content = bytearray()
    decompressor = zlib.decompressobj(wbits=31)
    rest = packed
    try:
        while not decompressor.eof:
            chunk = decompressor.decompress(rest, _CHUNK)
            rest = decompressor.unconsumed_tail
            if not chunk and not rest and not decompressor.eof:
                raise EOFError("it is cut off")
            content += chunk
            if len(content) > limits.table_bytes:
                raise DatasetError(f"{shown(name)} unpacks to more than {limits.table_bytes:,} bytes. Import a part of it.")
            check_ratio(shown(name), len(content), len(packed), limits)
    except (zlib.error, EOFError) as error:
        raise DatasetError(f"{shown(name)} cannot be decompressed as gzip ({error}). Download it again.") from error
    return bytes(content)
