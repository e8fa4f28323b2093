"""Pictures in arrays, and NumPy's files with them: `.npz`, and `.npy` beside each other."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.images.decoding import MAX_PIXELS, MAX_SIDE, Decoded
from training.datasets.contents import SIDE, Split
from training.datasets.importing import splits
from training.datasets.importing.items import Ignored, Item, Layout, check_count
from training.datasets.importing.labels import indices, ordered
from training.datasets.importing.options import Limits
from training.datasets.importing.problems import Unreadable, enumerated, shown
from training.datasets.importing.trees import File, Tree, read
from training.errors import DatasetError

SUFFIX = ".npy"
_IMAGES = {"x", "image", "images", "img", "imgs", "data", "pictures"}
_LABELS = {"y", "label", "labels", "target", "targets"}
_NAMES = {"classes", "names"}
_REMEDY = "Save it with numpy.save or numpy.savez, in x_train, y_train, x_test and y_test, or in images and labels"
_COLOURS = {3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Part:
    """Pictures in an array, of one file or of one split of it."""

    split: Split | None
    images: NDArray[np.uint8]
    """(N, H, W), (N, H, W, 3) or (N, H, W, 4)."""
    labels: Sequence[str] | NDArray[np.str_] | None
    """(N,), or None without classes."""
    name_of: Callable[[int], str]
    """Name of the picture at an index."""
    order: tuple[str, ...] = ()
    """Names of the classes in their order. By default, they are sorted."""
    broken: tuple[tuple[str, str], ...] = ()
    """Name and reason of each further picture, which cannot be read."""


class Arrays:
    """Pictures in arrays.

    Raises:
        DatasetError: only some have labels, or a limit is exceeded.
    """

    def __init__(self, layout: Layout, parts: Sequence[Part], limits: Limits, ignored: Sequence[Ignored] = ()) -> None:
        self.layout, self.ignored = layout, tuple(ignored)
        self._parts = parts
        self.has_splits = any(part.split for part in parts)
        self.count = sum(len(part.images) + len(part.broken) for part in parts)
        check_count(self.count, limits)
        labelled = [part.labels for part in parts if part.labels is not None]
        if labelled and len(labelled) < len(parts):
            raise DatasetError(
                "Only a part of the source has labels. Add the missing labels, or import only the part with labels."
            )
        self.labels = ordered((str(label) for labels in labelled for label in np.unique(np.asarray(labels))), limits)
        order = next((part.order for part in parts if set(part.order) >= set(self.labels)), self.labels)
        self.labels = tuple(sorted(self.labels, key=order.index))
        if len(self.labels) == 1:
            self.labels = ()
        self._indices = [indices(labels, self.labels) if self.labels else None for labels in labelled] or [None] * len(parts)

    def items(self) -> Iterator[Item]:
        for part, labels in zip(self._parts, self._indices, strict=True):
            for n in range(len(part.images)):
                label = 0 if labels is None else int(labels[n])
                yield Item(part.name_of(n), label, part.split, partial(_decoded, part.images[n]))
            for name, reason in part.broken:
                yield Item(name, 0, part.split, partial(_fail, reason))


def _decoded(image: NDArray[np.uint8]) -> Decoded:
    """Convert an array (H, W), (H, W, 3) or (H, W, 4)."""
    picture = Image.fromarray(image)
    if picture.mode != "RGBA":
        return Decoded(picture.convert("L"), None)
    alpha = picture.getchannel("A")
    return Decoded(picture.convert("L"), None if alpha.getextrema() == (255, 255) else alpha)


def _fail(reason: str) -> Decoded:
    raise Unreadable(reason)


def from_files(layout: Layout, tree: Tree, limits: Limits, *, alone: str = "") -> Arrays:
    """Read the `.npy` files of a tree, which are also the arrays of a `.npz` file.

    Args:
        layout: npz or npy.
        tree: the files. Their names tell pictures and labels, and the splits.
        limits: the bounds of the arrays.
        alone: path of a file that contains pictures, whatever its name.

    Raises:
        DatasetError: an array is damaged, is missing, or has a wrong shape or type.
    """
    found: dict[tuple[str | None, str], File] = {}
    ignored = []
    for file in tree.files:
        key = file.path.removesuffix(SUFFIX)
        kind = "images" if file.path == alone else kind_of(key)
        if kind is None or not file.path.endswith(SUFFIX):
            ignored.append(Ignored(file.path, "its name is not one of pictures or labels"))
            continue
        where = (splits.named(key) if kind != "names" else None, kind)
        if where in found:
            raise DatasetError(f"Both {shown(found[where].path)} and {shown(file.path)} contain {kind}. {_REMEDY}.")
        found[where] = file
    named = {split for split, kind in found if split and kind == "images"}
    resolved: dict[str | None, Split | None] = dict(splits.resolve(named).items()) if named else {None: None}
    skipped = [file for (split, kind), file in found.items() if kind != "names" and split not in resolved]
    ignored += [Ignored(file.path, "it belongs to no split that is used") for file in skipped]
    names = _read(tree, found[None, "names"], limits) if (None, "names") in found else None
    order = () if names is None else tuple(str(name) for name in names.ravel())
    parts = []
    for split, target in resolved.items():
        pictures = found.get((split, "images"))
        if pictures is None:
            raise DatasetError(f"{shown(tree.name)} contains no array of pictures. {_REMEDY}.")
        images = as_pictures(_read(tree, pictures, limits), pictures.path)
        labels = None
        if (split, "labels") in found:
            labels = _as_labels(_read(tree, found[split, "labels"], limits), found[split, "labels"].path, len(images), names)
        parts.append(Part(target, images, labels, partial(_name, pictures.path.removesuffix(SUFFIX)), order))
    return Arrays(layout, parts, limits, ignored)


def _name(array: str, index: int) -> str:
    return f"{array}[{index}]"


def kind_of(key: str) -> str | None:
    """Return what an array contains by its name: images, labels or names of classes. None if it is something else."""
    found = set(splits.words(key))
    if found & _NAMES or {"class", "names"} <= found:
        return "names"
    if found & _LABELS or key == "arr_1":
        return "labels"
    return "images" if found & _IMAGES or key == "arr_0" else None


def _read(tree: Tree, file: File, limits: Limits) -> NDArray[Any]:
    try:
        return parse_npy(read(tree, file, limits.table_bytes), file.path)
    except Unreadable as error:
        raise DatasetError(f"{shown(file.path)} cannot be read: {error}. {_REMEDY}.") from error


def parse_npy(content: bytes, name: str) -> NDArray[Any]:
    """Return the array in a `.npy` file, without a copy. Pickled objects are never loaded.

    Raises:
        DatasetError: the file is damaged, or contains other values than numbers, truth values or text.
    """
    file = BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"its version is {version[0]}.{version[1]}")
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings(action="ignore"):  # about files of Python 2, which are read
            shape, is_fortran, dtype = header(file)
    except (ValueError, TypeError, SyntaxError, OverflowError, MemoryError, RecursionError, EOFError, TokenError) as error:
        raise DatasetError(f"{shown(name)} is not a readable .npy file ({error}). {_REMEDY}.") from error
    if dtype.hasobject or dtype.kind not in "buifU" or dtype.itemsize == 0:
        raise DatasetError(
            f"{shown(name)} contains {dtype}, which is not supported. Convert it to uint8 for pictures. {_REMEDY}."
        )
    size, expected = len(content) - file.tell(), math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size != expected:
        raise DatasetError(f"{shown(name)} has {size:,} bytes of data, but its header says {shape} of {dtype}. {_REMEDY}.")
    flat = np.frombuffer(content, dtype, math.prod(shape), file.tell())
    return flat.reshape(shape[::-1]).T if is_fortran else flat.reshape(shape)


def as_pictures(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Convert an array to pictures, (N, H, W), (N, H, W, 3) or (N, H, W, 4), with levels in 0..255.

    It may be (N, 784), have a channel of its own before or after the picture, and contain truth values or fractions in 0..1.

    Raises:
        DatasetError: the array is empty, or has another shape or range.
    """
    shape = array.shape
    if array.ndim == 2 and shape[1] == SIDE * SIDE:
        array = array.reshape(-1, SIDE, SIDE)
    elif array.ndim == 4 and 1 in (shape[1], shape[3]):
        array = array[:, 0] if shape[1] == 1 else array[..., 0]
    elif array.ndim == 4 and shape[1] in _COLOURS and shape[3] not in _COLOURS:
        array = np.moveaxis(array, 1, 3)
    is_colour = array.ndim == 4 and array.shape[3] in _COLOURS
    if not (array.ndim == 3 or is_colour) or array.size == 0 or array.dtype.kind not in "buif":
        raise DatasetError(
            f"{shown(name)} has {array.dtype} {shape}, which are not pictures. Save them as uint8 in (N, 28, 28), (N, height, "
            "width) or (N, height, width, 3)."
        )
    height, width = array.shape[1:3]
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS:
        raise DatasetError(f"{shown(name)} has pictures of {width:,} x {height:,} pixels. Scale them down.")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    lowest, highest = array.min(), array.max()
    if not (lowest >= 0 and highest <= 255):
        raise DatasetError(
            f"{shown(name)} has values from {lowest} to {highest}. Scale them to 0..255 and convert them to uint8."
        )
    fractions = array.dtype.kind == "b" or (array.dtype.kind == "f" and highest <= 1)
    converted = np.empty(array.shape, np.uint8)
    for n, picture in enumerate(array):  # one by one: a float array of them all would need four or eight times the memory
        converted[n] = np.rint(picture * 255.0) if fractions else np.rint(picture)
    return converted


def _as_labels(array: NDArray[Any], name: str, count: int, names: NDArray[Any] | None) -> Sequence[str] | NDArray[np.str_]:
    """Convert an array (N,) or (N, 1) of integers or text to labels."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    whole = array.dtype.kind in "ui" or (array.dtype.kind == "f" and bool(np.isfinite(array).all() and (array % 1 == 0).all()))
    if array.ndim != 1 or not (whole or array.dtype.kind == "U"):
        raise DatasetError(f"{shown(name)} has {array.dtype} {array.shape}, which are not labels. Save an integer per picture.")
    if len(array) != count:
        raise DatasetError(f"{shown(name)} has {len(array):,} labels for {count:,} pictures. Save one per picture.")
    if array.dtype.kind == "U":
        empty = [f"{name}[{n}]" for n in np.flatnonzero(array == "")]
        if empty:
            raise DatasetError(f"There are empty labels: {enumerated(empty)}. Name their class.")
        return array
    if array.dtype.kind == "f" and np.abs(array).max() >= 2**53:
        raise DatasetError(f"{shown(name)} has labels that are not exact. Save integers.")
    if names is None:
        return [str(int(value)) for value in array]
    if names.ndim != 1 or names.dtype.kind != "U" or int(array.min()) < 0 or int(array.max()) >= len(names):
        raise DatasetError(f"{shown(name)} has labels without a name among {names.shape} names. Save a text for each label.")
    return [str(names[int(value)]) for value in array]
