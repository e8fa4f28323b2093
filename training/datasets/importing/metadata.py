"""Lists of the pictures of a folder with their labels: `metadata.csv` and `metadata.jsonl` of Hugging Face's imagefolder."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

from training.datasets.importing.options import Limits
from training.datasets.importing.problems import shown
from training.errors import DatasetError

NAMES = ("metadata.csv", "metadata.jsonl")
_REMEDY = "It needs the columns file_name and label, in UTF-8"


def rows(table: str, content: bytes, limits: Limits) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the file name and the label of each row. A row without a label has an empty one.

    Raises:
        DatasetError: the table is damaged, or lacks a column.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{shown(table)} is not in UTF-8 (byte {error.start:,}). {_REMEDY}.") from error
    parsed = _from_csv(table, text, limits) if table.lower().endswith(".csv") else _from_jsonl(table, text, limits)
    for number, (line, name, label) in enumerate(parsed):
        if number >= limits.files:
            raise DatasetError(f"{shown(table)} lists more than {limits.files:,} files. Import a part of them.")
        if not name or "\0" in name or len(name) > limits.path_length:
            raise DatasetError(f"{shown(table)}, line {line}, has no valid file_name. {_REMEDY}.")
        yield line, name, label.strip()


def _from_csv(table: str, text: str, limits: Limits) -> Iterator[tuple[int, str, str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = reader.fieldnames or []
        missing = [name for name in ("file_name", "label") if list(columns).count(name) != 1]
        if missing:
            raise DatasetError(f"{shown(table)} has no column {missing[0]}, or several. {_REMEDY}.")
        for row in reader:
            if len(row["file_name"] or "") + len(row["label"] or "") > limits.line_bytes:
                raise DatasetError(f"{shown(table)}, line {reader.line_num}, is too long. {_REMEDY}.")
            yield reader.line_num, row["file_name"] or "", row["label"] or ""
    except csv.Error as error:
        raise DatasetError(f"{shown(table)}, line {reader.line_num}, is not CSV ({error}). {_REMEDY}.") from error


def _from_jsonl(table: str, text: str, limits: Limits) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(io.StringIO(text, newline="\n"), start=1):
        if not line.strip():
            continue
        where = f"{shown(table)}, line {number},"
        if len(line) > limits.line_bytes:
            raise DatasetError(f"{where} is too long. {_REMEDY}.")
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"{where} is not JSON ({error}). {_REMEDY}.") from error
        if not isinstance(row, dict) or not isinstance(row.get("file_name"), str) or "label" not in row:
            raise DatasetError(f"{where} lacks file_name or label. {_REMEDY}.")
        label = row["label"]
        if label is not None and (isinstance(label, bool) or not isinstance(label, str | int)):
            raise DatasetError(f"{where} has a label that is neither text nor an integer. {_REMEDY}.")
        yield number, row["file_name"], "" if label is None else str(label)
