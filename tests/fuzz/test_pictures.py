"""Picture files from anybody: read, or refused by name, within bounds of memory; what else a file may be does not matter."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.errors import PictureInvalid, PictureTooLarge, PictureUnsupported
from app.images.decoding import MAX_PIXELS, Decoded, decode
from app.images.encoding import read_text
from app.images.preprocessing import prepare
from tests.fuzz.asgi import Server, check
from tests.fuzz.budget import is_told, tries
from tests.fuzz.mutation import damaged
from tests.fuzz.pictures import FILES, SIGNATURE, TAILS, chunk, chunks_of, gif_of, jpeg_of, png_of, saved, webp_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of what Pillow can still make sense of
REFUSED = (PictureInvalid, PictureTooLarge, PictureUnsupported)
PNGS = [content for name, content in FILES.items() if name.startswith(("png", "apng"))]
KINDS = [b"IDAT", b"IHDR", b"IEND", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"iCCP"]
KINDS += [b"eXIf", b"acTL", b"fcTL", b"fdAT", b"abCd", b"ABCD", b"\0\0\0\0"]


def read(content: bytes) -> Decoded | None:
    """What is read of it, if anything; no other error than those three passes."""
    try:
        found = decode(content)
    except REFUSED as error:
        is_told(error)
        return None
    assert found.grey.mode == "L"
    assert 0 < found.grey.width * found.grey.height <= MAX_PIXELS
    if found.alpha is not None:
        assert (found.alpha.mode, found.alpha.size) == ("L", found.grey.size)
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_whole_files_are_read(name: str) -> None:
    assert read(FILES[name]) is not None


@tries(120)
@given(content=damaged(list(FILES.values())) | st.binary(max_size=64), dataset=st.sampled_from(["mnist", "fashion-mnist", "x"]))
def test_a_damaged_picture_is_read_and_prepared_or_refused_by_name(content: bytes, dataset: str) -> None:
    found = read(content)
    if found is not None and max(found.grey.size) < 2_000:
        for how in ("auto", "none"):
            pixels = prepare(found, dataset, how)
            assert (pixels.shape, pixels.dtype) == ((28, 28), np.uint8)


@st.composite
def pngs(draw: st.DrawFn) -> bytes:
    """A PNG whose chunks were moved, left out and put in, each with its right checksum."""
    parts = chunks_of(draw(st.sampled_from(PNGS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(parts)))
        if draw(st.booleans()):
            content = draw(st.binary(max_size=40) | st.binary(max_size=20).map(lambda data: b"key\0\0" + zlib.compress(data)))
            parts.insert(place, (draw(st.sampled_from(KINDS)), content))
        elif parts:
            kind, content = parts.pop(min(place, len(parts) - 1))
            parts.insert(draw(st.integers(0, len(parts))), (kind, draw(damaged([content], 2))))
    return SIGNATURE + b"".join(chunk(kind, content) for kind, content in parts)


@tries(60)
@given(content=pngs())
def test_chunks_in_any_order_with_anything_in_them_are_read_or_refused(content: bytes) -> None:
    once, again = read(content), read(content)
    assert (once and once.grey.tobytes()) == (again and again.grey.tobytes())


@tries(35)
@given(content=pngs() | damaged(PNGS))
def test_text_chunks_are_text_or_the_file_is_no_png(content: bytes) -> None:
    try:
        outcomes = read_text(content)
    except ValueError:
        return
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in outcomes.items())


@tries(60)
@given(
    width=st.integers(0, 2**32 - 1) | st.integers(0, 5000),
    height=st.integers(0, 2**32 - 1) | st.integers(0, 5000),
    depth=st.sampled_from([1, 2, 4, 8, 16, 0, 255]),
    colour=st.sampled_from([0, 2, 3, 4, 6, 1, 255]),
)
def test_a_header_that_lies_is_found_out(width: int, height: int, depth: int, colour: int) -> None:
    content = png_of(width, height, depth=depth, colour=colour, pixels=b"\0" * 10)
    found = read(content)
    # Of a narrow picture Pillow takes what is missing for black.
    assert found is None or found.grey.width <= 80, "ten bytes hold no row that is longer"


@pytest.mark.parametrize("make", [png_of, gif_of, jpeg_of, webp_of])
@tries(5)
@given(width=st.integers(4_001, 16_383), height=st.integers(4_000, 16_383))
def test_too_large_a_picture_is_refused_whatever_its_kind(make, width: int, height: int) -> None:
    # libwebp may find the memory missing first
    with pytest.raises((PictureTooLarge, PictureInvalid) if make is webp_of else PictureTooLarge):
        decode(make(width, height))


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("name", ["png", "jpeg", "gif", "webp", "mpo", "apng"])
def test_what_hangs_on_to_a_picture_changes_nothing(name: str, tail: str) -> None:
    alone, both = decode(FILES[name]), decode(FILES[name] + TAILS[tail])
    assert (np.asarray(alone.grey) == np.asarray(both.grey)).all()


@pytest.mark.parametrize("tail", ["html", "zip", "js", "zeros"])
@pytest.mark.parametrize("name", ["png", "jpeg", "gif", "webp"])
def test_a_picture_behind_something_else_is_none(name: str, tail: str) -> None:
    with pytest.raises(PictureUnsupported):
        decode(TAILS[tail] + FILES[name])


@tries(15)
@given(
    content=damaged(list(FILES.values())) | st.binary(max_size=64), query=st.sampled_from([b"", b"?label=3", b"?prepare=none"])
)
def test_whatever_is_sent_to_be_judged_gets_a_documented_answer(server: Server, content: bytes, query: bytes) -> None:
    answer = server.ask("POST", b"/discriminate" + query, [(b"content-type", b"image/png")], content, chunk=500)
    check(answer, server.statuses("POST", "/discriminate") - {404, 503})
    assert (answer.status == 200) == (read(content) is not None)


MEBIBYTE = 2**20
MOST = 400 * MEBIBYTE
"""What docs/architecture.md allows a picture of 16 megapixels, and a little more."""


def _bombs() -> dict[str, bytes]:
    zeros = zlib.compress(b"\0" * (64 * MEBIBYTE), 9)
    text, profile, pixel = b"key\0\0" + zeros, b"name\0\0" + zeros, FILES["png"]
    bombs = {f"{make.__name__} {w}x{h}": make(w, h) for make in (png_of, gif_of, jpeg_of) for w, h in [(65_535, 65_535)]}
    bombs["webp"] = webp_of(16_383, 16_383)
    bombs["webp canvas"] = webp_of(2**24, 2**8)
    bombs["text"] = pixel[:33] + chunk(b"zTXt", text) * 20 + pixel[33:]
    bombs["international text"] = pixel[:33] + chunk(b"iTXt", b"key\0\1\0\0\0" + zeros) * 20 + pixel[33:]
    bombs["profile"] = pixel[:33] + chunk(b"iCCP", profile) * 20 + pixel[33:]
    bombs["pixels"] = png_of(100, 100, pixels=b"\0" * (64 * MEBIBYTE))
    bombs["largest"] = png_of(4_000, 4_000, pixels=b"\0" * 4_001 * 4_000)
    scans = saved(Image.new("L", (3_000, 3_000)), "JPEG", progressive=True)
    last = scans[scans.rindex(b"\xff\xda") : -2]
    bombs["scans"] = scans[:-2] + last * 2_000 + scans[-2:]
    return bombs


_CHILD = """
import json, resource, sys
from app.images.decoding import decode
from app.errors import SeedlingError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

before, outcomes = peak(), {}
for name in sys.argv[1:]:
    content = open(name, "rb").read()
    try:
        outcomes[name] = list(decode(content).grey.size)
    except SeedlingError as error:
        outcomes[name] = error.code
print(json.dumps([outcomes, peak() - before]))
"""


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))  # seconds of the processor's: what would take for ever is ended


def test_bombs_are_refused_or_take_no_more_than_the_largest_picture(tmp_path: Path) -> None:
    bombs = _bombs()
    paths = {str(tmp_path / name.replace(" ", "-")): name for name in bombs}
    for path, name in paths.items():
        Path(path).write_bytes(bombs[name])
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CHILD, *paths], capture_output=True, check=False, preexec_fn=_bound
    )
    assert run.returncode == 0, run.stderr.decode()[-2000:]
    outcomes, taken = json.loads(run.stdout)
    outcomes = {paths[path]: outcome for path, outcome in outcomes.items()}
    assert outcomes.pop("largest") == [4_000, 4_000]
    assert outcomes.pop("pixels") in ([100, 100], "picture_invalid")
    assert outcomes.pop("profile") in ([17, 12], [12, 17], "picture_invalid")
    assert set(outcomes.values()) <= {"picture_too_large", "picture_invalid"}, outcomes
    assert taken < MOST
