"""Parquet tables as Hugging Face stores pictures: a column with the bytes of picture files, and labels named in the schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

from app.images.decoding import Decoded
from training.datasets.contents import Split
from training.datasets.importing import splits
from training.datasets.importing.items import Item, Layout, check_count
from training.datasets.importing.labels import ordered
from training.datasets.importing.options import Limits
from training.datasets.importing.pictures import decoded
from training.datasets.importing.problems import Unreadable, enumerated, shown
from training.datasets.importing.trees import Beside, File, Folder, Tree, read
from training.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

MAGIC = b"PAR1"
_PICTURES, _LABELLED = 64, 65_536
"""Rows that are read at once: with pictures, and with labels alone."""
_THRIFT_BYTES = 16 * 2**20
_IMAGES = ("image", "img", "picture", "bytes")
_LABELS = ("label", "labels", "class", "target")
_REMEDY = "Hugging Face's tables have a column `image` with the bytes of picture files, and a column `label`"


@dataclass(frozen=True)
class _Table:
    path: str
    split: Split | None
    rows: int
    image: str
    label: str | None
    names: tuple[str, ...]
    """Names of the labels by their number. Empty if the labels are their own names."""


class Parquet:
    """The pictures in Parquet tables.

    Raises:
        DatasetError: pyarrow is not installed, or a table is damaged, has other columns or exceeds a limit.
    """

    layout: Layout = "parquet"

    def __init__(self, tree: Tree, paths: Sequence[str], limits: Limits) -> None:
        _require_pyarrow()
        self._tree, self._limits = tree, limits
        self._files = {file.path: file for file in tree.files}
        assigned, ignored = splits.assign(paths)
        self.ignored = tuple(ignored)
        self.has_splits = any(assigned.values())
        self._tables = [self._described(path, split) for path, split in assigned.items()]
        self.count = sum(table.rows for table in self._tables)
        check_count(self.count, limits)
        if len({table.label is None for table in self._tables}) > 1:
            raise DatasetError("Only a part of the tables has labels. Import only the tables with labels.")
        found = ordered(self._distinct(), limits)
        named = dict.fromkeys(name for table in self._tables for name in table.names)
        self.labels = tuple(sorted(found, key=list(named).index)) if named.keys() >= set(found) else found
        if len(self.labels) == 1:
            self.labels = ()

    def items(self) -> Iterator[Item]:
        index = {label: number for number, label in enumerate(self.labels)}
        for table in self._tables:
            columns = [table.image] + ([table.label] if table.label else [])
            row = 0
            with self._opened(table.path) as file:
                for batch in file.iter_batches(_PICTURES, columns=columns):
                    contents = _contents(batch.column(table.image))
                    labels = batch.column(table.label).to_pylist() if table.label else [None] * batch.num_rows
                    for content, label in zip(contents, labels, strict=True):
                        name = f"{table.path}, row {row}"
                        text = _label(label, table)
                        if table.label and text is None:
                            yield Item(name, 0, table.split, partial(_fail, "it has no label"))
                        else:
                            yield Item(name, index.get(text or "", 0), table.split, partial(_load, content, self._limits))
                        row += 1

    def _distinct(self) -> set[str]:
        found: set[str] = set()
        for table in self._tables:
            if not table.label:
                continue
            with self._opened(table.path) as file:
                for batch in file.iter_batches(_LABELLED, columns=[table.label]):
                    labels = batch.column(table.label).unique().to_pylist()
                    found |= {text for label in labels if (text := _label(label, table)) is not None}
                    if len(found) > self._limits.classes:
                        return found
        return found

    def _described(self, path: str, split: Split | None) -> _Table:
        with self._opened(path) as file:
            schema, found = file.schema_arrow, file.metadata
            sizes = [found.row_group(group).total_byte_size for group in range(found.num_row_groups)]
            rows = found.num_rows
        if max(sizes, default=0) > self._limits.table_bytes:
            raise DatasetError(
                f"{shown(path)} has a row group of more than {self._limits.table_bytes:,} bytes. Write it again with smaller "
                "row groups."
            )
        features = _features(schema)
        image = _column(schema, features, "Image", _IMAGES, path)
        if image is None or not _is_picture(schema.field(image).type):
            raise DatasetError(f"{shown(path)} has no column with pictures, only {enumerated(schema.names, 20)}. {_REMEDY}.")
        label = _column(schema, features, "ClassLabel", _LABELS, path)
        names: object = features.get(label or "", {}).get("names", ())
        if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
            names = ()
        return _Table(path, split, rows, image, label, tuple(names))

    @contextmanager
    def _opened(self, path: str) -> Iterator[pyarrow.parquet.ParquetFile]:
        """Open a table. What pyarrow raises while it is open becomes a DatasetError."""
        import pyarrow.parquet

        try:
            with self._content(self._files[path]) as content:
                yield pyarrow.parquet.ParquetFile(
                    content,
                    pre_buffer=False,
                    thrift_string_size_limit=_THRIFT_BYTES,
                    thrift_container_size_limit=self._limits.files,
                )
        except (pyarrow.ArrowException, OSError, ValueError, LookupError, TypeError, OverflowError, Unreadable) as error:
            raise DatasetError(f"{shown(path)} is not a readable Parquet file ({error}). Download it again.") from error

    def _content(self, file: File) -> BinaryIO:
        if isinstance(self._tree, Folder | Beside):
            return self._tree.open(file)
        return BytesIO(read(self._tree, file, self._limits.table_bytes))  # an entry of an archive cannot be read from its end


def _require_pyarrow() -> None:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise DatasetError(
            "Parquet files need pyarrow, which is not installed. Install the extra `parquet` of Seedling, or run: python -m "
            "pip install pyarrow."
        ) from None


def _features(schema: pyarrow.Schema) -> dict[str, Any]:
    """Return Hugging Face's description of the columns. It is empty if there is none."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {name: kind for name, kind in features.items() if isinstance(kind, dict)} if isinstance(features, dict) else {}


def _column(schema: pyarrow.Schema, features: dict[str, Any], kind: str, usual: Sequence[str], path: str) -> str | None:
    """Return the column of a kind, by Hugging Face's description or else by its name."""
    described = [name for name in schema.names if features.get(name, {}).get("_type") == kind]
    candidates = described or [name for name in schema.names if name.lower() in usual]
    preferred = [name for name in candidates if name == usual[0]]
    if len(candidates) > 1 and not preferred:
        raise DatasetError(
            f"{shown(path)} has several columns of the type {kind}: {enumerated(candidates)}. Name the one to use {usual[0]}."
        )
    chosen: list[str] = preferred or candidates
    return chosen[0] if chosen else None


def _is_picture(kind: pyarrow.DataType) -> bool:
    import pyarrow.types

    if pyarrow.types.is_struct(kind):
        index = kind.get_field_index("bytes")
        return index >= 0 and _is_picture(kind.field(index).type)
    return bool(pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind))


def _label(value: object, table: _Table) -> str | None:
    """Return the text of a label, or None if it is missing. -1 denotes a missing one in Hugging Face's tables."""
    if value is None or value == "" or isinstance(value, bool | float | list | dict | bytes):
        return None
    if table.names and isinstance(value, int):
        return table.names[value] if 0 <= value < len(table.names) else None
    return str(value)


def _contents(pictures: pyarrow.Array) -> Iterator[bytes | None]:
    """Return the bytes of each picture, or None if there are none."""
    import pyarrow.types

    is_struct = pyarrow.types.is_struct(pictures.type)
    for picture in pictures:
        content = picture if not is_struct or not picture.is_valid else picture["bytes"]
        yield content.as_py() if content.is_valid else None


def _load(content: bytes | None, limits: Limits) -> Decoded:
    if content is None:
        raise Unreadable("the table contains at most its path, not its bytes")
    if len(content) > limits.picture_bytes:
        raise Unreadable(f"it has {len(content):,} bytes, but the limit is {limits.picture_bytes:,}")
    return decoded(content)


def _fail(reason: str) -> Decoded:
    raise Unreadable(reason)
