"""TIFF directories with any tags, and BMP headers with any numbers: decoded or rejected, within bounds of memory and time."""

from __future__ import annotations

import json
import resource
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.errors import PictureInvalid, PictureTooLarge, PictureUnsupported
from app.images.decoding import MAX_PIXELS, MAX_SIDE, decode
from app.images.tiff import MAX_BLOCKS
from tests.fuzz.budget import max_examples
from tests.fuzz.mutation import damaged
from tests.fuzz.pictures import FILES, saved

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")
REJECTED = (PictureInvalid, PictureTooLarge, PictureUnsupported)
TAGS = (256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 320, 322, 323, 324, 325, 338, 339)
OTHERS = (254, 270, 282, 330, 347, 513, 530, 700, 34665, 34853, 34675, 40965, 0xBC01)
NUMBERS = st.sampled_from([0, 1, 2, 3, 4, 5, 7, 8, 16, 17, 32, 255, 0x7FFF, 0xFFFF, 2**31, 2**32 - 1]) | st.integers(0, 40)
BMPS = [content for name, content in FILES.items() if name.startswith("bmp")]
TIFFS = [content for name, content in FILES.items() if name.startswith("tiff")]
ENTRY = 12


def check_outcome(content: bytes) -> None:
    decoded, message = None, "."
    try:
        decoded = decode(content)
    except REJECTED as error:
        message = str(error)
    assert message.endswith("."), message
    if decoded is None:
        return
    assert decoded.grey.mode == "L"
    assert 0 < decoded.grey.width * decoded.grey.height <= MAX_PIXELS
    assert max(decoded.grey.size) <= MAX_SIDE
    again = decode(content)
    assert decoded.grey.tobytes() == again.grey.tobytes(), "memory that was not initialised is shown"


def directory_of(content: bytes) -> tuple[int, list[bytes]]:
    """Return the position and the entries of the first directory of a little-endian TIFF."""
    (place,) = struct.unpack_from("<L", content, 4)
    (count,) = struct.unpack_from("<H", content, place)
    return place, [content[place + 2 + ENTRY * n : place + 2 + ENTRY * (n + 1)] for n in range(count)]


@st.composite
def directories(draw: st.DrawFn) -> bytes:
    """A TIFF whose directory has entries changed, dropped, added or repeated."""
    content = draw(st.sampled_from(TIFFS))
    _, entries = directory_of(content)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(entries)))
        if draw(st.booleans()) and place < len(entries):
            tag, kind, count, value = struct.unpack("<HHLL", entries[place])
            changed = draw(st.sampled_from(["kind", "count", "value", "drop"]))
            if changed == "drop":
                del entries[place]
                continue
            kind = draw(st.integers(0, 14)) if changed == "kind" else kind
            count = draw(NUMBERS) if changed == "count" else count
            value = draw(NUMBERS) if changed == "value" else value
            entries[place] = struct.pack("<HHLL", tag, kind, count, value)
        else:
            tag = draw(st.sampled_from(TAGS) | st.sampled_from(OTHERS))
            entries.insert(place, struct.pack("<HHLL", tag, draw(st.integers(1, 5)), draw(NUMBERS), draw(NUMBERS)))
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<L", draw(NUMBERS))
    return content[:4] + struct.pack("<L", len(content)) + content[8:] + directory


@max_examples(150)
@given(content=directories())
def test_any_directory_is_decoded_or_rejected(content: bytes) -> None:
    check_outcome(content)


@max_examples(60)
@given(content=damaged(TIFFS) | damaged(BMPS))
def test_damaged_bmp_and_tiff_files_are_decoded_or_rejected(content: bytes) -> None:
    check_outcome(content)


@max_examples(80)
@given(content=st.sampled_from(BMPS), data=st.data())
def test_any_bmp_header_is_decoded_or_rejected(content: bytes, data: st.DataObject) -> None:
    header = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from([2, 6, 10, 14, 18, 20, 22, 26, 28, 30, 34, 38, 42, 46, 50, 54, 58, 62, 66]))
        size = data.draw(st.sampled_from([2, 4]))
        header[place : place + size] = data.draw(NUMBERS).to_bytes(4, "little")[:size]
    check_outcome(bytes(header))


@max_examples(40)
@given(tail=st.binary(max_size=200), start=st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"II\0*", b"MM*\0", b"BM"]))
def test_any_bytes_behind_a_signature_are_decoded_or_rejected(start: bytes, tail: bytes) -> None:
    check_outcome(start + tail)


def overlapping(size: int, rows: int, blocks: int) -> bytes:
    """A TIFF whose strips all begin at the same byte."""
    content = saved(Image.new("L", (8, 8)), "TIFF")
    entries = {struct.unpack("<HHLL", entry)[0]: struct.unpack("<HHLL", entry)[1:] for entry in directory_of(content)[1]}
    body = content + bytes(9_000_000)
    offsets = struct.pack("<L", 8) * blocks
    entries |= {256: (4, 1, size), 257: (4, 1, size), 278: (4, 1, rows), 273: (4, blocks, len(body))}
    start = len(body) + len(offsets)
    packed = b"".join(struct.pack("<HHLL", tag, *entry) for tag, entry in sorted(entries.items()))
    directory = struct.pack("<H", len(entries)) + packed + bytes(4)
    return body[:4] + struct.pack("<L", start) + body[8:] + offsets + directory


def repeated_tags(kind: int, tags: range) -> bytes:
    """A TIFF whose tags each refer to all of the file."""
    content = saved(Image.new("L", (8, 8)), "TIFF") + b"\1" * 9_000_000
    _, entries = directory_of(content)
    known = {struct.unpack_from("<H", entry)[0] for entry in entries}
    entries += [struct.pack("<HHLL", tag, kind, 1_100_000, 8) for tag in tags if tag not in known]
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return content[:4] + struct.pack("<L", len(content)) + content[8:] + directory


def run_length(size: int, runs: bytes) -> bytes:
    content = bytearray(FILES["bmp-palette"])
    content[18:26], content[28:30] = struct.pack("<LL", size, size), struct.pack("<H", 8)
    content[30:34] = struct.pack("<L", 1)
    return bytes(content) + runs


BOMBS = {
    "overlapping strips": overlapping(4_000, 3_999, MAX_BLOCKS),
    "far too many strips": overlapping(4_000, 1, 2_000_000),
    "small strips": overlapping(4_000, 1, MAX_BLOCKS),
    "rational tags": repeated_tags(5, range(20_000, 60_000)),
    "tags of the pixels": repeated_tags(4, range(250, 350)),
    "run lengths": run_length(4_000, b"\1\2" * 4_900_000),
    "long lines": run_length(4_000, b"\0\0" * 4_900_000),
    "wide bmp": FILES["bmp"][:18] + struct.pack("<LL", 2**31 - 1, 2**31 - 1) + FILES["bmp"][26:],
}
LARGEST = {
    "tiff": saved(Image.new("1", (4_000, 4_000)), "TIFF"),
    "bmp": saved(Image.new("1", (4_000, 4_000)), "BMP"),
}
MOST = 400 * 2**20
"""Bytes of memory, as for the other formats (`tests.fuzz.test_pictures`)."""
_CHILD = """
import json, resource, sys
from app.images.decoding import decode
from app.errors import SeedlingError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

before, outcomes = peak(), []
for name in sys.argv[1:]:
    content = open(name, "rb").read()
    try:
        outcomes.append(list(decode(content).grey.size))
    except SeedlingError as error:
        outcomes.append(error.code)
print(json.dumps([outcomes, peak() - before]))
"""


def _limit_cpu() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))


def test_bmp_and_tiff_bombs_take_no_more_than_the_largest_picture(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}" for number in range(len(BOMBS) + len(LARGEST))]
    for path, content in zip(paths, [*BOMBS.values(), *LARGEST.values()], strict=True):
        path.write_bytes(content)
    command = [sys.executable, "-W", "ignore", "-c", _CHILD, *map(str, paths)]
    run = subprocess.run(command, capture_output=True, check=False, preexec_fn=_limit_cpu)
    assert run.returncode == 0, run.stderr.decode()[-2000:]
    outcomes, taken = json.loads(run.stdout)
    found = dict(zip(BOMBS, outcomes, strict=False))
    assert outcomes[len(BOMBS) :] == [[4_000, 4_000]] * len(LARGEST)
    assert found == {
        "overlapping strips": "picture_invalid",
        "far too many strips": "picture_too_large",
        "small strips": "picture_invalid",
        "rational tags": [8, 8],
        "tags of the pixels": "picture_too_large",
        "run lengths": "picture_unsupported",
        "long lines": "picture_unsupported",
        "wide bmp": "picture_too_large",
    }
    assert taken < MOST


def test_data_after_a_bmp_or_tiff_is_ignored() -> None:
    for name in ("bmp", "tiff"):
        alone, both = decode(FILES[name]), decode(FILES[name] + b"<html><script>alert(1)</script></html>")
        assert (np.asarray(alone.grey) == np.asarray(both.grey)).all()
