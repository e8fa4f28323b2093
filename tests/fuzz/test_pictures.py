"""Untrusted image files are decoded or rejected with a documented error, within bounded memory."""

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
from app.images.preprocessing import Mode, prepare
from app.sampling.sharpener import Factor, read_upload
from models.locations import ROOT
from models.repository import Repository
from models.sharpening import FACTORS, enlarge
from tests.fuzz.asgi import Server, check_response
from tests.fuzz.budget import check_message, max_examples
from tests.fuzz.mutation import damaged
from tests.fuzz.pictures import FILES, SIGNATURE, TAILS, chunk, chunks_of, gif_of, jpeg_of, png_of, saved, webp_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # about damage that Pillow tolerates
SHARPENER = Repository(ROOT / "models").get("sharpen-digits", 2).manifest
REJECTIONS = (PictureInvalid, PictureTooLarge, PictureUnsupported)
PNGS = [content for name, content in FILES.items() if name.startswith(("png", "apng"))]
CHUNK_TYPES = [
    b"IDAT",
    b"IHDR",
    b"IEND",
    b"PLTE",
    b"tRNS",
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"pHYs",
    b"tEXt",
    b"zTXt",
    b"iTXt",
    b"iCCP",
]
CHUNK_TYPES += [b"eXIf", b"acTL", b"fcTL", b"fdAT", b"abCd", b"ABCD", b"\0\0\0\0"]


def decode_or_none(content: bytes) -> Decoded | None:
    """Return the decoded image, or None if it is rejected. Only the three documented errors are allowed."""
    try:
        decoded = decode(content)
    except REJECTIONS as error:
        check_message(error)
        return None
    assert decoded.grey.mode == "L"
    assert 0 < decoded.grey.width * decoded.grey.height <= MAX_PIXELS
    if decoded.alpha is not None:
        assert (decoded.alpha.mode, decoded.alpha.size) == ("L", decoded.grey.size)
    return decoded


@pytest.mark.parametrize("name", FILES)
def test_an_undamaged_file_is_decoded(name: str) -> None:
    assert decode_or_none(FILES[name]) is not None


@max_examples(120)
@given(content=damaged(list(FILES.values())) | st.binary(max_size=64), dataset=st.sampled_from(["mnist", "fashion-mnist", "x"]))
def test_a_damaged_picture_is_prepared_or_rejected_with_a_documented_error(content: bytes, dataset: str) -> None:
    decoded = decode_or_none(content)
    if decoded is not None and max(decoded.grey.size) < 2_000:
        for mode in ("auto", "none"):
            pixels = prepare(decoded, dataset, mode).pixels
            assert (pixels.shape, pixels.dtype) == ((28, 28), np.uint8)


@st.composite
def pngs(draw: st.DrawFn) -> bytes:
    """A PNG with chunks moved, damaged or inserted. All checksums are valid."""
    chunks = chunks_of(draw(st.sampled_from(PNGS)))
    for _ in range(draw(st.integers(1, 4))):
        index = draw(st.integers(0, len(chunks)))
        if draw(st.booleans()):
            content = draw(st.binary(max_size=40) | st.binary(max_size=20).map(lambda data: b"key\0\0" + zlib.compress(data)))
            chunks.insert(index, (draw(st.sampled_from(CHUNK_TYPES)), content))
        elif chunks:
            kind, content = chunks.pop(min(index, len(chunks) - 1))
            chunks.insert(draw(st.integers(0, len(chunks))), (kind, draw(damaged([content], 2))))
    return SIGNATURE + b"".join(chunk(kind, content) for kind, content in chunks)


@max_examples(60)
@given(content=pngs())
def test_decoding_a_png_with_rearranged_chunks_is_deterministic(content: bytes) -> None:
    first, second = decode_or_none(content), decode_or_none(content)
    assert (first and first.grey.tobytes()) == (second and second.grey.tobytes())


@max_examples(35)
@given(content=pngs() | damaged(PNGS))
def test_text_chunks_are_strings_or_the_file_is_not_a_png(content: bytes) -> None:
    try:
        texts = read_text(content)
    except ValueError:
        return
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in texts.items())


@max_examples(60)
@given(
    width=st.integers(0, 2**32 - 1) | st.integers(0, 5000),
    height=st.integers(0, 2**32 - 1) | st.integers(0, 5000),
    depth=st.sampled_from([1, 2, 4, 8, 16, 0, 255]),
    colour=st.sampled_from([0, 2, 3, 4, 6, 1, 255]),
)
def test_a_png_with_a_false_header_is_rejected(width: int, height: int, depth: int, colour: int) -> None:
    content = png_of(width, height, depth=depth, colour=colour, pixels=b"\0" * 10)
    decoded = decode_or_none(content)
    # Pillow fills the missing pixels of a narrow picture with black.
    assert decoded is None or decoded.grey.width <= 80, "ten bytes cannot hold a longer row"


@pytest.mark.parametrize("make", [png_of, gif_of, jpeg_of, webp_of])
@max_examples(5)
@given(width=st.integers(4_001, 16_383), height=st.integers(4_000, 16_383))
def test_a_too_large_picture_of_any_format_is_rejected(make, width: int, height: int) -> None:
    # libwebp may run out of memory first
    with pytest.raises((PictureTooLarge, PictureInvalid) if make is webp_of else PictureTooLarge):
        decode(make(width, height))


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("name", ["png", "jpeg", "gif", "webp", "mpo", "apng"])
def test_data_appended_to_a_picture_is_ignored(name: str, tail: str) -> None:
    plain, with_tail = decode(FILES[name]), decode(FILES[name] + TAILS[tail])
    assert (np.asarray(plain.grey) == np.asarray(with_tail.grey)).all()


@pytest.mark.parametrize("tail", ["html", "zip", "js", "zeros"])
@pytest.mark.parametrize("name", ["png", "jpeg", "gif", "webp"])
def test_a_picture_that_follows_other_data_is_rejected(name: str, tail: str) -> None:
    with pytest.raises(PictureUnsupported):
        decode(TAILS[tail] + FILES[name])


@max_examples(15)
@given(
    content=damaged(list(FILES.values())) | st.binary(max_size=64), query=st.sampled_from([b"", b"?label=3", b"?prepare=none"])
)
def test_any_upload_to_discriminate_gets_a_documented_response(server: Server, content: bytes, query: bytes) -> None:
    response = server.request("POST", b"/discriminate" + query, [(b"content-type", b"image/png")], content, chunk=500)
    check_response(response, server.documented_statuses("POST", "/discriminate") - {404, 503})
    assert (response.status == 200) == (decode_or_none(content) is not None)


def small_png(width: int, height: int, seed: int) -> bytes:
    """Return a PNG of random grey levels, in which every other seed has only two levels, so that blocks are equal."""
    levels = np.random.RandomState(seed).randint(0, 256, (height, width))
    return saved(Image.fromarray((levels if seed % 2 else levels // 250 * 255).astype(np.uint8)), "PNG")


SMALL_SIDES = st.sampled_from([1, 6, 7, 8, 13, 14, 15, 27, 28, 29, 56, 70])


@given(
    content=damaged(list(FILES.values())) | st.builds(small_png, SMALL_SIDES, SMALL_SIDES, st.integers(0, 99)),
    factor=st.sampled_from(["2", "4", "blur"]) | st.none(),
    mode=st.sampled_from(["auto", "none"]),
)
def test_any_upload_to_sharpen_becomes_an_input_of_the_network_or_is_rejected(
    content: bytes, factor: Factor | None, mode: Mode
) -> None:
    try:
        upload = read_upload(content, factor, mode, SHARPENER)
    except REJECTIONS as error:
        check_message(error)
        return
    pixels, shrunk_by = upload.degraded.pixels, FACTORS[upload.degraded.kind]
    assert (pixels.shape, pixels.dtype) == ((28, 28), np.uint8)
    assert factor in (None, str(shrunk_by) if shrunk_by > 1 else "blur")
    assert (enlarge(pixels[::shrunk_by, ::shrunk_by]) == pixels).all(), "blocks of a shrunk picture have one level"
    assert upload.preprocessing in ("none", "mnist" if mode == "auto" else "resized")


MEBIBYTE = 2**20
MAX_MEMORY = 400 * MEBIBYTE
"""The memory for a picture of 16 megapixels according to docs/architecture.md, with some margin."""


def _bombs() -> dict[str, bytes]:
    zeros = zlib.compress(b"\0" * (64 * MEBIBYTE), 9)
    text, profile, png = b"key\0\0" + zeros, b"name\0\0" + zeros, FILES["png"]
    bombs = {f"{make.__name__} {w}x{h}": make(w, h) for make in (png_of, gif_of, jpeg_of) for w, h in [(65_535, 65_535)]}
    bombs["webp"] = webp_of(16_383, 16_383)
    bombs["webp canvas"] = webp_of(2**24, 2**8)
    bombs["text"] = png[:33] + chunk(b"zTXt", text) * 20 + png[33:]
    bombs["international text"] = png[:33] + chunk(b"iTXt", b"key\0\1\0\0\0" + zeros) * 20 + png[33:]
    bombs["profile"] = png[:33] + chunk(b"iCCP", profile) * 20 + png[33:]
    bombs["pixels"] = png_of(100, 100, pixels=b"\0" * (64 * MEBIBYTE))
    bombs["largest"] = png_of(4_000, 4_000, pixels=b"\0" * 4_001 * 4_000)
    progressive = saved(Image.new("L", (3_000, 3_000)), "JPEG", progressive=True)
    last_scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    bombs["scans"] = progressive[:-2] + last_scan * 2_000 + progressive[-2:]
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


def _limit_cpu_time() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))  # CPU seconds, so that an endless computation is stopped


def test_decompression_bombs_need_no_more_memory_than_the_largest_picture(tmp_path: Path) -> None:
    bombs = _bombs()
    paths = {str(tmp_path / name.replace(" ", "-")): name for name in bombs}
    for path, name in paths.items():
        Path(path).write_bytes(bombs[name])
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CHILD, *paths], capture_output=True, check=False, preexec_fn=_limit_cpu_time
    )
    assert run.returncode == 0, run.stderr.decode()[-2000:]
    outcomes, used = json.loads(run.stdout)
    outcomes = {paths[path]: outcome for path, outcome in outcomes.items()}
    assert outcomes.pop("largest") == [4_000, 4_000]
    assert outcomes.pop("pixels") in ([100, 100], "picture_invalid")
    assert outcomes.pop("profile") in ([17, 12], [12, 17], "picture_invalid")
    assert set(outcomes.values()) <= {"picture_too_large", "picture_invalid"}, outcomes
    assert used < MAX_MEMORY
