"""Finds out what a source contains: picture files, arrays or tables, in a folder, an archive or a file of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.datasets.importing import arrays, csv_tables, idx_files, parquet, splits
from training.datasets.importing.archives import Archive
from training.datasets.importing.items import Source
from training.datasets.importing.options import Limits
from training.datasets.importing.pictures import SUFFIXES, Pictures
from training.datasets.importing.problems import enumerated, shown
from training.datasets.importing.trees import Beside, Folder, Tree
from training.errors import DatasetError

KNOWN = "a folder or zip archive of pictures, or .npz, .npy, .csv, .parquet or IDX files (.gz)"
_ZIP, _NPY = b"PK", b"\x93NUMPY"
_OTHER_ARCHIVES = re.compile(r"\.(tar|tgz|tbz2?|txz|7z|rar|tar\.\w+)$", re.IGNORECASE)
_CSV = re.compile(r"\.(csv|txt)$", re.IGNORECASE)
_PARQUET = re.compile(r"\.(parquet|pq)$", re.IGNORECASE)


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Source]:
    """Open a source.

    Raises:
        DatasetError: it does not exist, is of no known layout, is damaged or exceeds a limit.
    """
    trees: list[Tree] = []
    try:
        source = _in_folder(path, limits) if path.is_dir() else _in_file(path, limits, trees)
        if not source.count:
            raise DatasetError(f"{shown(path)} contains no pictures. Name {KNOWN}.")
        yield source
    finally:
        for tree in trees:
            tree.close()


def _in_folder(path: Path, limits: Limits) -> Source:
    return _in_tree(Folder(path, limits), limits)


def _in_file(path: Path, limits: Limits, trees: list[Tree]) -> Source:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise DatasetError(f"{shown(path)} cannot be read ({error.strerror}). Name {KNOWN}.") from error
    if not path.is_file():
        raise DatasetError(f"{shown(path)} is neither a file nor a folder. Name {KNOWN}.")
    if start.startswith(_ZIP):
        archive = Archive(path, limits)
        trees.append(archive)
        if path.suffix.lower() == ".npz" or (archive.files and all(f.path.endswith(arrays.SUFFIX) for f in archive.files)):
            return arrays.from_files("npz", archive, limits)
        return _in_tree(archive, limits)
    alone = Beside(path.parent, [path.name])
    if start.startswith(_NPY):
        return _npy(path, limits)
    if start.startswith(parquet.MAGIC):
        return parquet.Parquet(alone, [path.name], limits)
    if _OTHER_ARCHIVES.search(path.name):
        raise DatasetError(
            f"{shown(path)} is an archive of an unsupported kind. Unpack it and import the folder, or pack it as a zip."
        )
    if start.startswith((idx_files.MAGIC, idx_files.GZIP)):
        return idx_files.from_files(Beside(path.parent, [path.name, *idx_files.related(path.name)]), limits, alone=path.name)
    if _CSV.search(path.name):
        return csv_tables.from_files(alone, [path.name], limits)
    if SUFFIXES.search(path.name):
        raise DatasetError(f"{shown(path)} is a single picture. Name the folder that contains it.")
    raise DatasetError(f"{shown(path)} is not of a known layout. Name {KNOWN}.")


def _npy(path: Path, limits: Limits) -> Source:
    """Read an array, and those beside it if its name is one of theirs, such as `x_train.npy`."""
    beside = [path.name]
    if splits.named(path.stem) or path.stem.lower() in ("images", "x"):
        beside += [file.name for file in path.parent.glob(f"*{arrays.SUFFIX}") if arrays.kind_of(file.stem)]
    return arrays.from_files("npy", Beside(path.parent, beside), limits, alone=path.name)


def _in_tree(tree: Tree, limits: Limits) -> Source:
    paths = [file.path for file in tree.files]
    if any(SUFFIXES.search(path) for path in paths):
        return Pictures(tree, limits)
    if any(idx_files.is_images(path) for path in paths):
        return idx_files.from_files(tree, limits)
    tables = [path for path in paths if _PARQUET.search(path)]
    if tables:
        return parquet.Parquet(tree, tables, limits)
    if any(path.endswith(arrays.SUFFIX) for path in paths):
        return arrays.from_files("npy", tree, limits)
    tables = [path for path in paths if path.lower().endswith(".csv")]
    if tables:
        return csv_tables.from_files(tree, tables, limits)
    contained = f"It contains {enumerated(paths)}. " if paths else "It is empty. "
    raise DatasetError(f"There are no pictures in {shown(tree.name)}. {contained}Name {KNOWN}.")
