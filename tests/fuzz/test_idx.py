"""Dataset files, damaged: an array of just what is in the file, or an error that says how to get the right one."""

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

from tests.fuzz.budget import is_told, tries
from tests.fuzz.mutation import damaged
from training.datasets.idx import parse_idx, read_idx
from training.errors import DatasetError

PIXELS = bytes(range(60))
WHOLE = b"\0\0\x08\3" + struct.pack(">III", 3, 4, 5) + PIXELS
LABELS = b"\0\0\x08\1" + struct.pack(">I", 60) + PIXELS


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A header of up to four sizes, and as many bytes as it says, or others."""
    sizes = draw(st.lists(st.integers(0, 5) | st.sampled_from([2**31, 2**32 - 1]), max_size=4))
    kind = draw(st.sampled_from([b"\0\0\x08", b"\0\0\x08", b"\0\0\x0d", b"\0\1\x08"]))
    said = int(np.prod(sizes, dtype=object))
    length = said if said < 1_000 and draw(st.booleans()) else draw(st.integers(0, 70))
    return kind + bytes([len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + bytes(length)


@tries(60)
@given(content=files() | damaged([WHOLE, LABELS]))
@example(content=WHOLE)
@example(content=b"\0\0\x08\0x")
def test_every_byte_is_accounted_for_or_the_file_is_refused(content: bytes) -> None:
    try:
        found = parse_idx(content, name="file", remedy="Fetch it.")
    except DatasetError as error:
        is_told(error, "Fetch it.")
        return
    assert found.dtype == np.uint8
    assert content == b"\0\0\x08" + bytes([found.ndim]) + struct.pack(f">{found.ndim}I", *found.shape) + found.tobytes()


@tries(50)
@given(content=damaged([gzip.compress(WHOLE, mtime=0), gzip.compress(LABELS, mtime=0)]) | st.binary(max_size=30))
@example(content=b"")
@example(content=b"\x1f\x8b")
def test_a_damaged_archive_is_refused_or_is_the_published_file(tmp_path_factory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "file.gz"
    path.write_bytes(content)
    try:
        found = read_idx(path, sha256=hashlib.sha256(WHOLE).hexdigest(), remedy="Fetch it.")
    except DatasetError as error:
        is_told(error, "Fetch it.", "file.gz")
        return
    assert found.tobytes() == PIXELS
    assert found.shape == (3, 4, 5)


@pytest.mark.parametrize("sizes", [(2**32 - 1,) * 3, (2**32 - 1,), (1, 2**32 - 1)])
def test_a_header_makes_no_room_for_what_is_not_there(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    content = b"\0\0\x08" + bytes([len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError):
            parse_idx(content, name="file", remedy="Fetch it.")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
