"""Damaged and hostile sources of pictures give a dataset, or an error that says what to do, within bounds of memory."""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import resource
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.budget import check_message, max_examples
from tests.fuzz.mutation import damaged
from tests.skipping import skip
from tests.training.datasets.importing.making import classes, idx, npy, stack, zipped
from tests.training.datasets.importing.test_parquet import table
from training.datasets import importing
from training.datasets.importing import Limits, Options, csv_tables, labels, metadata
from training.datasets.importing.archives import Archive
from training.datasets.importing.arrays import as_pictures, parse_npy
from training.datasets.importing.problems import Unreadable
from training.datasets.importing.trees import read
from training.errors import DatasetError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
LIMITS = Limits(pictures=1000, files=200, table_bytes=2**20, list_bytes=2**20, unpacked_bytes=2**22, unpacked_free=2**18)
SMALL = stack(14)


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return zipped(Path(folder) / "a.zip", files, method).read_bytes()


def npz() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, x_train=SMALL, y_train=np.arange(14) % 2, x_test=SMALL, y_test=np.arange(14) % 2)
    return file.getvalue()


ROW = b"1," + b",".join([b"0", b"255"] * 392) + b"\n"
ROWS = b"".join(ROW.replace(b"1,0", b"1,%d" % n, 1) for n in range(20))
HEADER = b"label," + b",".join(b"pixel%d" % n for n in range(784)) + b"\n"
ZIPS = [packed(classes(8)), packed(classes(8), zipfile.ZIP_STORED), npz(), packed({"a/1.png": b"", "b/": b""})]
NPYS = [npy(SMALL), npy(SMALL / 255), npy(np.asfortranarray(SMALL)), npy(np.array(["a", "b"])), npy(np.arange(14) % 2)]
IDXS = [idx(SMALL), idx(np.arange(14, dtype=np.uint8)), idx(np.zeros((1, 1, 1), np.uint8))]
CSVS = [HEADER + ROW * 3, ROWS, ROW.partition(b",")[2] * 2]
LISTS = [b"file_name,label\n1.png,a\n2.png,b\n", b'{"file_name": "1.png", "label": "a"}\n{"file_name": "2.png", "label": 3}\n']


@max_examples(150)
@given(content=damaged(ZIPS))
def test_damaged_archives_are_read_or_rejected(content: bytes) -> None:
    try:
        archive = Archive(io.BytesIO(content), LIMITS)
    except DatasetError as error:
        check_message(error)
        return
    for file in archive.files:
        assert not file.path.startswith("/")
        assert ".." not in file.path.split("/")
        try:
            assert len(read(archive, file, 2**16)) == file.size
        except Unreadable:
            continue
    archive.close()


@max_examples(100)
@given(
    names=st.lists(
        st.text(min_size=1, max_size=40) | st.sampled_from(["../a.png", "/a", "a//b", "a\\b", "C:a", "."]), max_size=4
    )
)
def test_archives_with_any_names_are_read_or_rejected(names: list[str]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in dict.fromkeys(names):
            try:
                archive.writestr(name, b"x")
            except (ValueError, IndexError):  # the writer refuses it
                return
    try:
        found = Archive(file, LIMITS)
    except DatasetError as error:
        check_message(error)
        return
    for each in found.files:
        assert not {"", ".", ".."} & set(each.path.split("/"))
        assert "\\" not in each.path


@max_examples(150)
@given(content=damaged(NPYS))
def test_damaged_arrays_are_read_or_rejected(content: bytes) -> None:
    try:
        array = parse_npy(content, "a.npy")
        pictures = as_pictures(array, "a.npy")
    except DatasetError as error:
        check_message(error, "a.npy")
        return
    assert pictures.dtype == np.uint8
    assert pictures.ndim in (3, 4)


@max_examples(60)
@given(header=st.text(max_size=200) | st.sampled_from(["{" * 500, "(" * 3000, "1" * 5000, "-" * 2000 + "1", "'a'*9**9"]))
def test_arrays_with_any_header_are_read_or_rejected(header: str) -> None:
    encoded = header.encode("latin-1", "replace")
    for head in (encoded, b"{'descr': '|u1', 'fortran_order': False, 'shape': (" + encoded + b",), }"):
        try:
            parse_npy(b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head + bytes(64), "a.npy")
        except DatasetError as error:
            check_message(error, "a.npy")


@max_examples(100)
@given(content=damaged(CSVS))
def test_damaged_tables_are_read_or_rejected(content: bytes) -> None:
    try:
        part = csv_tables.parse(io.BytesIO(content), "a.csv", None, LIMITS, LIMITS.pictures)
    except DatasetError as error:
        check_message(error, "a.csv")
        return
    assert part.images.shape[1:] == (28, 28)
    assert part.labels is None or len(part.labels) == len(part.images)
    rows = [line for line in content.split(b"\n") if line.strip()]
    assert len(part.images) + len(part.broken) <= len(rows)


@max_examples(150)
@given(content=damaged(LISTS), name=st.sampled_from(metadata.NAMES))
def test_damaged_lists_are_read_or_rejected(content: bytes, name: str) -> None:
    try:
        rows = list(metadata.rows(name, content, LIMITS))
    except DatasetError as error:
        check_message(error, name)
        return
    assert all(path and "\0" not in path for _, path, _ in rows)


@max_examples(100)
@given(content=damaged([*IDXS, *(gzip.compress(each, mtime=0) for each in IDXS)]))
def test_damaged_idx_files_are_read_or_rejected(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train-images-idx3-ubyte.gz"
        path.write_bytes(content)
        check_source(path)


@max_examples(60)
@given(
    content=damaged([*ZIPS, *NPYS, *IDXS, *CSVS]), suffix=st.sampled_from([".zip", ".npz", ".npy", ".csv", ".gz", ".png", ""])
)
def test_damaged_files_of_any_name_are_read_or_rejected(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"source{suffix}"
        path.write_bytes(content)
        check_source(path)


@max_examples(40)
@given(data=st.data())
def test_damaged_parquet_files_are_read_or_rejected(data: st.DataObject) -> None:
    if not importlib.util.find_spec("pyarrow"):
        skip("pyarrow is not installed.")
    content = data.draw(damaged([table(), table(14, features=None)]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        path.write_bytes(content)
        check_source(path)


def check_source(path: Path) -> None:
    try:
        imported = importing.read_source(path, Options(skip_broken=True), LIMITS)
    except DatasetError as error:
        check_message(error)
        return
    imported.contents.check()
    assert imported.contents.digest == importing.read_source(path, Options(skip_broken=True), LIMITS).contents.digest
    json.loads(imported.report.model_dump_json())


@max_examples(200)
@given(names=st.sets(st.text(min_size=1, max_size=100), min_size=1, max_size=4))
def test_classes_of_any_name_get_a_valid_name_or_are_rejected(names: set[str]) -> None:
    try:
        found = labels.class_names(labels.ordered(names, LIMITS), {})
    except DatasetError as error:
        check_message(error, "--rename")
        found = ()
        names = set() if str(error).isprintable() else names
    assert len(set(found)) == len(names)
    assert all(name.isascii() and name.isprintable() and " " not in name and 1 <= len(name) <= 80 for name in found)


_CHILD = """
import resource, sys
from pathlib import Path
from tests.training.datasets.importing.test_parquet import table
from training.datasets import importing
from training.errors import DatasetError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[1:]:
    try:
        importing.read_source(Path(name))
        print("read")
    except DatasetError as error:
        print("rejected")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
MOST_MEGABYTES = 120


def _limit_cpu() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (120, 120))


def test_bombs_take_little_memory_and_time(tmp_path: Path) -> None:
    """Each would take gigabytes if its sizes were believed, or all of it were unpacked."""
    shape = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999, 28, 28), }"
    zeros = gzip.compress(bytes(300_000_000), 9)
    bombs = {
        "declared.npy": b"\x93NUMPY\1\0" + len(shape).to_bytes(2, "little") + shape,
        "declared-idx3": b"\0\0\x08\3" + b"\xff" * 12,
        "zeros-idx3.gz": zeros,
        "line.csv": b"1," * 100_000_000,
        "commas.csv": b",\n" * 1_000_000,
        "entries.zip": packed({f"{n}.png": b"" for n in range(30_000)}),
    }
    for name, content in bombs.items():
        (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-W", "ignore", "-c", _CHILD, *(str(tmp_path / name) for name in bombs)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=_limit_cpu)
    assert run.returncode == 0, run.stderr[-2000:]
    *outcomes, taken = run.stdout.split()
    assert outcomes == ["rejected"] * len(bombs)
    assert int(taken) < MOST_MEGABYTES
