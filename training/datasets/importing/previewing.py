"""A preview of an import: a sample of the pictures before and after conversion. Stores nothing."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.images import preprocessing
from app.images.decoding import Decoded
from training.datasets.contents import SIDE
from training.datasets.importing.conversion import decide, spread
from training.datasets.importing.labels import class_names
from training.datasets.importing.opening import opened
from training.datasets.importing.options import Limits, Options
from training.datasets.importing.reading import Collected
from training.datasets.importing.report import Report

PICTURES = 24
MOST_PICTURES = 500
_SCALE, _GAP, _COLUMNS, _PAPER = 3, 8, 4, 128


@dataclass(frozen=True)
class Preview:
    """A sample of a source before and after conversion, inverted exactly as an import would do it."""

    report: Report
    """What was found in the sample. Its classes are those of the whole source, its counts those of the sample."""
    sheet: bytes
    """PNG: pairs of a picture as decoded, scaled down, and the converted one, enlarged by 3. Four pairs are in a row."""


def preview(path: Path, options: Options | None = None, limits: Limits | None = None, count: int = PICTURES) -> Preview:
    """Convert a sample of a source, spread evenly over it. Broken pictures are listed and not shown.

    Raises:
        DatasetError: as `read_source`, apart from broken pictures.
    """
    options, limits = options or Options(), limits or Limits()
    with opened(path, limits) as source:
        names = class_names(source.labels, options.renames)
        inversion = decide(source, options.invert)
        collected, pairs = Collected(), []
        for item in spread(source, min(count, MOST_PICTURES)):
            picture = collected.add(item, options, inversion)
            if picture:
                pairs.append((_thumbnail(picture), collected.images.array[-1].copy()))
        is_test = collected.is_test(source, options.test_share)
        report = collected.report(path, source, options, names, inversion, is_test)
    return Preview(report, _sheet(pairs))


def _thumbnail(picture: Decoded) -> Image.Image:
    """Return a picture within the size of an enlarged converted one."""
    grey = preprocessing.opaque(picture)
    side = SIDE * _SCALE
    scale = side / max(grey.size)
    width, height = (max(1, round(length * scale)) for length in grey.size)
    return grey.resize((width, height), Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BICUBIC)


def _sheet(pairs: list[tuple[Image.Image, NDArray[np.uint8]]]) -> bytes:
    side, columns = SIDE * _SCALE, max(1, min(_COLUMNS, len(pairs)))
    cell = 2 * side + 2 * _GAP
    rows = max(1, math.ceil(len(pairs) / columns))
    sheet = Image.new("L", (columns * cell + _GAP, rows * (side + _GAP) + _GAP), _PAPER)
    for n, (before, after) in enumerate(pairs):
        left, top = _GAP + n % columns * cell, _GAP + n // columns * (side + _GAP)
        sheet.paste(before, (left + (side - before.width) // 2, top + (side - before.height) // 2))
        enlarged = Image.fromarray(after).resize((side, side), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (left + side + _GAP // 2, top))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()
