"""CSV tables with the 784 pixels of a picture in each row, as Kaggle has MNIST: `label,pixel0,pixel1,...,pixel783`."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from training.datasets.contents import SIDE, Split
from training.datasets.importing import splits
from training.datasets.importing.arrays import Arrays, Part
from training.datasets.importing.growing import Growing
from training.datasets.importing.options import Limits
from training.datasets.importing.problems import Unreadable, shown
from training.datasets.importing.trees import Tree
from training.errors import DatasetError

PIXELS = SIDE * SIDE
_LABEL = re.compile(r"label|class|target|y", re.IGNORECASE)
_CHUNK = 1000
_MOST_BROKEN = 100_000
_REMEDY = f"A row is a label and {PIXELS} levels from 0 to 255, separated by commas, as in `label,pixel0,...,pixel{PIXELS - 1}`"


def from_files(tree: Tree, paths: Sequence[str], limits: Limits) -> Arrays:
    """Read CSV tables.

    Raises:
        DatasetError: a table has other columns, or exceeds a limit.
    """
    assigned, ignored = splits.assign(paths)
    files = {file.path: file for file in tree.files}
    parts: list[Part] = []
    for path, split in assigned.items():
        try:
            with tree.open(files[path]) as file:
                parts.append(parse(file, path, split, limits, limits.pictures - sum(len(part.images) for part in parts)))
        except Unreadable as error:
            raise DatasetError(f"{shown(path)} cannot be read: {error}. Save it again.") from error
    return Arrays("csv", parts, limits, ignored)


def parse(file: BinaryIO | io.BytesIO, path: str, split: Split | None, limits: Limits, most: int) -> Part:
    """Parse a table with at most `most` rows. Rows that are damaged are listed, not refused.

    The header is optional. So is the label, which is the first column, or the column named label, class, target or y.

    Raises:
        DatasetError: the first row has other columns, or there are too many rows.
    """
    lines = _lines(file, path, limits)
    first = next(lines, None)
    if first is None:
        raise DatasetError(f"{shown(path)} is empty. {_REMEDY}.")
    columns = _cells(first[1])
    label_at = 0 if len(columns) == PIXELS + 1 else None
    if len(columns) not in (PIXELS, PIXELS + 1):
        raise DatasetError(f"{shown(path)} has {len(columns):,} columns. {_REMEDY}.")
    is_header = not all(re.fullmatch(r"[0-9]+(\.0*)?", cell) for cell in columns[1:-1])
    if is_header and label_at is not None:
        label_at = next((n for n in (0, PIXELS) if _LABEL.fullmatch(columns[n])), None)
        if label_at is None:
            raise DatasetError(
                f"{shown(path)} has {PIXELS + 1} columns, but neither the first nor the last is named label. {_REMEDY}."
            )
    images, numbers, labels = Growing(), [], []
    broken: list[tuple[str, str]] = []
    pending = [] if is_header else [first]
    while chunk := pending + [line for _, line in zip(range(_CHUNK - len(pending)), lines, strict=False)]:
        pending = []
        for number, label, pixels in _parsed(chunk, label_at):
            if isinstance(pixels, str):
                broken.append((f"{path}, line {number}", pixels))
            else:
                images.append(pixels)
                numbers.append(number)
                labels.append(label)
        if len(images) + len(broken) > most or len(broken) > _MOST_BROKEN:
            raise DatasetError(
                f"{shown(path)} has more than {most:,} rows, or {_MOST_BROKEN:,} broken ones. Import a part of it."
            )
    return Part(
        split,
        images.array,
        None if label_at is None else labels,
        partial(_name, path, np.array(numbers, np.int64)),
        broken=tuple(broken),
    )


def _name(path: str, numbers: NDArray[np.int64], index: int) -> str:
    return f"{path}, line {numbers[index]}"


def _lines(file: BinaryIO | io.BytesIO, path: str, limits: Limits) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line that is not empty."""
    number = 0
    while line := file.readline(limits.line_bytes + 1):
        number += 1
        if len(line) > limits.line_bytes:
            raise DatasetError(f"{shown(path)}, line {number}, has more than {limits.line_bytes:,} bytes. {_REMEDY}.")
        text = line.decode("utf-8", "replace").removeprefix("\ufeff").strip()
        if text:
            yield number, text


def _cells(line: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(",")]


def _parsed(lines: list[tuple[int, str]], label_at: int | None) -> Iterator[tuple[int, str, NDArray[np.uint8] | str]]:
    """Yield the number, the label and the pixels of each line, or the reason why it is broken."""
    rows = [_separated(line, label_at) for _, line in lines]
    levels: NDArray[np.float64] | None = None
    with contextlib.suppress(ValueError):
        levels = np.loadtxt([pixels or "x" for _, pixels in rows], np.float64, comments=None, delimiter=",", ndmin=2)
        if levels.shape != (len(rows), PIXELS) or not ((levels >= 0) & (levels <= 255) & (levels % 1 == 0)).all():
            levels = None
    for n, ((number, _), (label, pixels)) in enumerate(zip(lines, rows, strict=True)):
        if label_at is not None and not label:
            yield number, "", "it has no label"
        elif levels is not None:
            yield number, label, levels[n].astype(np.uint8).reshape(SIDE, SIDE)
        else:
            yield number, label, _row(pixels)


def _separated(line: str, label_at: int | None) -> tuple[str, str]:
    """Return the label, empty without one, and the pixels of a line."""
    line = line.replace('"', "")
    if label_at is None:
        return "", line
    label, _, pixels = line.partition(",") if label_at == 0 else line.rpartition(",")[::-1]
    label = label.strip()
    return re.sub(r"^(-?[0-9]+)\.0+$", r"\1", label), pixels


def _row(pixels: str) -> NDArray[np.uint8] | str:
    cells = [cell.strip() for cell in pixels.split(",")]
    if len(cells) != PIXELS:
        return f"it has {len(cells):,} levels instead of {PIXELS}"
    for cell in cells:
        if not re.fullmatch(r"[0-9]{1,3}(\.0*)?", cell, re.ASCII) or float(cell) > 255:
            return f"{shown(cell)!r} is not a level from 0 to 255"
    return np.array([float(cell) for cell in cells]).astype(np.uint8).reshape(SIDE, SIDE)
