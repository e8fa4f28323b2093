"""Parquet tables of Hugging Face."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.skipping import skip
from tests.training.datasets.importing.making import by_pixels, levels, png, read, write, zipped
from training.datasets import importing
from training.datasets.importing import Limits
from training.errors import BrokenPicturesError, DatasetError

FEATURES = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}


@pytest.fixture(autouse=True)
def _pyarrow() -> None:
    if not importlib.util.find_spec("pyarrow"):
        skip("pyarrow is not installed.")


def table(count: int = 20, first: int = 0, features: dict[str, Any] | None = FEATURES, **columns: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    defaults = {
        "image": [{"bytes": png(n), "path": f"{n}.png"} for n in range(first, first + count)],
        "label": [n % 2 for n in range(first, first + count)],
    }
    arrow = pa.table({name: values for name, values in (defaults | columns).items() if values is not None})
    if features is not None:
        arrow = arrow.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file = io.BytesIO()
    pq.write_table(arrow, file, row_group_size=7)
    return file.getvalue()


EXPECTED = {levels(n).tobytes(): ("cat", "dog")[n % 2] for n in range(20)}


def test_a_table_with_named_labels_is_read(tmp_path: Path) -> None:
    imported = read(write(tmp_path, {"a.parquet": table()}) / "a.parquet")
    assert (imported.report.layout, imported.report.splits) == ("parquet", "content")
    assert by_pixels(imported) == EXPECTED


@pytest.mark.parametrize("container", ["folder", "zip"])
@pytest.mark.parametrize("pattern", ["data/{}-00000-of-00001.parquet", "default/{}/0000.parquet"])
def test_the_files_of_a_repository_are_read_with_their_splits(tmp_path: Path, container: str, pattern: str) -> None:
    files = {pattern.format("train"): table(), pattern.format("test"): table(5, 100), "README.md": b"A card"}
    source = zipped(tmp_path / "a.zip", files) if container == "zip" else write(tmp_path / "a", files)
    imported = read(source)
    assert imported.report.counts == {"train": 20, "test": 5}
    assert imported.contents.classes == ("cat", "dog")
    assert imported.contents.test_images[0].tobytes() == levels(100).tobytes()


@pytest.mark.parametrize(
    ("columns", "classes"),
    [
        ({"features": None}, ("0", "1")),
        ({"features": None, "label": ["b", "a"] * 10}, ("a", "b")),
        ({"features": None, "label": None}, ()),
        ({"image": [png(n) for n in range(20)]}, ("cat", "dog")),
        ({"features": FEATURES | {"label": {"names": ["owl", "Ü 1"], "_type": "ClassLabel"}}}, ("owl", "U-1")),
        ({"features": {"label": "what", "image": 7}}, ("0", "1")),
    ],
)
def test_other_labels_and_plain_bytes_are_read(tmp_path: Path, columns: dict[str, Any], classes: tuple[str, ...]) -> None:
    imported = read(write(tmp_path, {"a.parquet": table(**columns)}) / "a.parquet")
    assert imported.contents.classes == classes
    assert by_pixels(imported).keys() == EXPECTED.keys()


def test_pictures_without_bytes_or_labels_are_broken(tmp_path: Path) -> None:
    images = [{"bytes": png(n), "path": None} for n in range(18)] + [{"bytes": None, "path": "/etc/passwd"}, None]
    source = write(tmp_path, {"a.parquet": table(image=images, label=[0, 1] * 8 + [-1, None, 0, 0])}) / "a.parquet"
    with pytest.raises(BrokenPicturesError) as error:
        read(source)
    assert dict(error.value.broken) == {
        "a.parquet, row 16": "it has no label",
        "a.parquet, row 17": "it has no label",
        "a.parquet, row 18": "the table contains at most its path, not its bytes",
        "a.parquet, row 19": "the table contains at most its path, not its bytes",
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: table()[:-20], "not a readable Parquet file"),
        (lambda: b"PAR1" + bytes(100), "not a readable Parquet file"),
        (lambda: table(image=None, features=None), "no column with pictures, only label"),
        (lambda: table(image=["1.png"] * 20), "no column with pictures"),
        (
            lambda: table(
                features=FEATURES | {"fine": FEATURES["label"], "coarse": FEATURES["label"], "label": {}},
                fine=[0] * 20,
                coarse=[1] * 20,
            ),
            "several columns of the type ClassLabel: fine, coarse. Name the one to use label",
        ),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, content: Any, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        read(write(tmp_path, {"a.parquet": content()}) / "a.parquet")


def test_a_damaged_page_is_refused(tmp_path: Path) -> None:
    content = bytearray(table())
    content[4:40] = bytes(36)
    with pytest.raises(DatasetError, match="is not a readable Parquet file"):
        read(write(tmp_path, {"a.parquet": bytes(content)}) / "a.parquet")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(pictures=19), "20 pictures, but the limit is 19"),
        (Limits(table_bytes=1000), "row group of more than 1,000 bytes"),
    ],
)
def test_tables_above_the_limits_are_refused(tmp_path: Path, limits: Limits, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        importing.read_source(write(tmp_path, {"a.parquet": table()}) / "a.parquet", limits=limits)


def test_without_pyarrow_the_error_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path, {"a.parquet": table()}) / "a.parquet"
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DatasetError, match=r"need pyarrow, which is not installed\. Install the extra `parquet`"):
        read(source)
