"""Damaged dataset files give the array that they contain, or an error that says how to get the right file."""

from __future__ import annotations

import gzip
import hashlib
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.budget import check_message, max_examples
from tests.fuzz.mutation import damaged
from training.datasets.idx import parse_idx, read_idx
from training.errors import DatasetError

PIXELS = bytes(range(60))
IMAGES = b"\0\0\x08\3" + struct.pack(">III", 3, 4, 5) + PIXELS
LABELS = b"\0\0\x08\1" + struct.pack(">I", 60) + PIXELS


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A header with up to four sizes, followed by the declared number of bytes or another number."""
    sizes = draw(st.lists(st.integers(0, 5) | st.sampled_from([2**31, 2**32 - 1]), max_size=4))
    magic = draw(st.sampled_from([b"\0\0\x08", b"\0\0\x08", b"\0\0\x0d", b"\0\1\x08"]))
    declared = int(np.prod(sizes, dtype=object))
    length = declared if declared < 1_000 and draw(st.booleans()) else draw(st.integers(0, 70))
    return magic + bytes([len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + bytes(length)


@max_examples(60)
@given(content=files() | damaged([IMAGES, LABELS]))
@example(content=IMAGES)
@example(content=b"\0\0\x08\0x")
def test_a_parsed_array_holds_every_byte_of_its_file(content: bytes) -> None:
    try:
        array = parse_idx(content, name="file", remedy="Fetch it.")
    except DatasetError as error:
        check_message(error, "Fetch it.")
        return
    assert array.dtype == np.uint8
    assert content == b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@max_examples(50)
@given(content=damaged([gzip.compress(IMAGES, mtime=0), gzip.compress(LABELS, mtime=0)]) | st.binary(max_size=30))
@example(content=b"")
@example(content=b"\x1f\x8b")
def test_a_damaged_archive_is_rejected_unless_its_content_is_unchanged(tmp_path_factory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "file.gz"
    path.write_bytes(content)
    try:
        array = read_idx(path, sha256=hashlib.sha256(IMAGES).hexdigest(), remedy="Fetch it.")
    except DatasetError as error:
        check_message(error, "Fetch it.", "file.gz")
        return
    assert array.tobytes() == PIXELS
    assert array.shape == (3, 4, 5)


@pytest.mark.parametrize("sizes", [(2**32 - 1,) * 3, (2**32 - 1,), (1, 2**32 - 1)])
def test_memory_is_not_allocated_for_declared_but_missing_data(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    content = b"\0\0\x08" + bytes([len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError):
            parse_idx(content, name="file", remedy="Fetch it.")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
