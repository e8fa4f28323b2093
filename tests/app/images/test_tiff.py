"""Decoding of BMP and TIFF files: uncompressed pixels of the first page, within bounds."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from app.errors import PictureInvalid, PictureTooLarge, PictureUnsupported, SeedlingError
from app.images import tiff
from app.images.decoding import decode
from tests.app.images.test_decoding import RAMP, saved

SHORT, LONG, RATIONAL = 3, 4, 5
SIZES = {SHORT: "H", LONG: "L", RATIONAL: "Q"}
Tags = dict[int, tuple[int, list[int]]]


def tags(width: int = 32, height: int = 8, **more: tuple[int, list[int]]) -> Tags:
    """Return the tags of a grey picture of one strip whose pixels begin at byte 8."""
    found: Tags = {256: (LONG, [width]), 257: (LONG, [height]), 258: (SHORT, [8]), 259: (SHORT, [1]), 262: (SHORT, [1])}
    found |= {273: (LONG, [8]), 277: (SHORT, [1]), 278: (LONG, [height]), 279: (LONG, [width * height])}
    return found | {int(name[1:]): value for name, value in more.items()}


def tiff_of(entries: Tags, pixels: bytes = RAMP.tobytes(), order: str = "<", next_page: int = 0) -> bytes:
    """Return a TIFF file: header, pixels, values of the tags, directory."""
    body = bytearray(pixels)
    directory = struct.pack(f"{order}H", len(entries))
    for tag, (kind, values) in sorted(entries.items()):
        data = struct.pack(f"{order}{len(values)}{SIZES[kind]}", *values)
        if len(data) > 4:
            body += bytes(len(body) % 2)
            place, body = 8 + len(body), body + data
            data = struct.pack(f"{order}L", place)
        directory += struct.pack(f"{order}HHL4s", tag, kind, len(values), data)
    body += bytes(len(body) % 2)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", 8 + len(body))
    return head + body + directory + struct.pack(f"{order}L", next_page)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_bmp_files_keep_grey_levels(mode: str) -> None:
    decoded = decode(saved(Image.fromarray(RAMP).convert(mode), "BMP"))
    assert (np.asarray(decoded.grey) == RAMP).all()
    assert decoded.alpha is None


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "RGBX", "P", "PA", "CMYK"])
def test_tiff_files_keep_grey_levels(mode: str) -> None:
    decoded = decode(saved(Image.fromarray(RAMP).convert(mode), "TIFF"))
    assert (np.asarray(decoded.grey) == RAMP).all()
    assert decoded.alpha is None


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_black_and_white_files_are_decoded(kind: str) -> None:
    levels = np.where(RAMP > 127, 255, 0)
    assert (np.asarray(decode(saved(Image.fromarray(levels.astype(np.uint8)).convert("1"), kind)).grey) == levels).all()


@pytest.mark.parametrize(("mode", "order"), [("I;16", "<u2"), ("I;16B", ">u2")])
def test_16_bit_levels_of_either_byte_order_are_scaled_to_8_bits(mode: str, order: str) -> None:
    deep = Image.frombytes(mode, (32, 8), (RAMP.astype(np.uint16) * 257).astype(order).tobytes())
    assert (np.asarray(decode(saved(deep, "TIFF")).grey) == RAMP).all()


def test_transparency_of_a_tiff_is_returned_as_alpha() -> None:
    picture = Image.merge("LA", [Image.fromarray(RAMP), Image.fromarray(RAMP[::-1].copy())])
    decoded = decode(saved(picture, "TIFF"))
    assert decoded.alpha is not None
    assert (np.asarray(decoded.alpha) == RAMP[::-1]).all()


@pytest.mark.parametrize("order", "<>")
def test_strips_tiles_and_planes_are_decoded(order: str) -> None:
    assert (np.asarray(decode(tiff_of(tags(), order=order)).grey) == RAMP).all()
    strips = tags(t273=(LONG, [8 + 32 * row for row in range(8)]), t278=(SHORT, [1]))
    assert (np.asarray(decode(tiff_of(strips, order=order)).grey) == RAMP).all()
    tiles = tags(32, 16, t322=(SHORT, [16]), t323=(SHORT, [16]), t324=(LONG, [8, 8 + 256]))
    del tiles[273], tiles[278]
    double = np.vstack([RAMP, RAMP])
    pixels = double[:, :16].tobytes() + double[:, 16:].tobytes()
    assert (np.asarray(decode(tiff_of(tiles, pixels, order)).grey) == double).all()
    rgb = {"t258": (SHORT, [8, 8, 8]), "t262": (SHORT, [2]), "t277": (SHORT, [3]), "t284": (SHORT, [2])}
    planes = tags(t273=(LONG, [8, 8 + 256, 8 + 512]), **rgb)
    assert (np.asarray(decode(tiff_of(planes, RAMP.tobytes() * 3, order)).grey) == RAMP).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_the_orientation_of_a_tiff_is_applied_once(orientation: int, deep: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(RAMP.astype(np.uint16) * 257 if deep else RAMP)
    upright = decode(saved(Image.fromarray(RAMP), "PNG", exif=exif.tobytes()))
    assert (np.asarray(decode(saved(picture, "TIFF", exif=exif)).grey) == np.asarray(upright.grey)).all()


def test_a_tiff_is_decoded_to_its_first_page() -> None:
    pages = saved(Image.fromarray(RAMP), "TIFF", save_all=True, append_images=[Image.fromarray(255 - RAMP)])
    assert (np.asarray(decode(pages).grey) == RAMP).all()
    assert (np.asarray(decode(tiff_of(tags(), next_page=0xFFFFFFFF)).grey) == RAMP).all()


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma"])
def test_a_compressed_tiff_is_rejected_without_libtiff(compression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compressed = saved(Image.fromarray(RAMP).convert("RGB"), "TIFF", compression=compression)
    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(PictureUnsupported, match=compression.removeprefix("tiff_") + r".*Save it without compression .*\."):
        decode(compressed)


@pytest.mark.parametrize("mode", ["I", "F", "YCbCr", "LAB"])
def test_a_tiff_of_other_levels_is_rejected(mode: str) -> None:
    picture = Image.fromarray(RAMP).convert("RGB").convert(mode) if mode in ("YCbCr", "LAB") else Image.new(mode, (9, 9))
    with pytest.raises(PictureUnsupported, match="not integers of 1, 2, 4, 8 or 16 bits"):
        decode(saved(picture, "TIFF"))
    with pytest.raises(PictureUnsupported, match="not integers of 1, 2, 4, 8 or 16 bits"):
        decode(tiff_of(tags(16, 8, t258=(SHORT, [12]))))
    with pytest.raises(PictureUnsupported, match="unsupported layout"):
        decode(tiff_of(tags(t262=(SHORT, [99]))))


def test_bigtiff_is_not_decoded() -> None:
    with pytest.raises(PictureUnsupported, match="The file is not a PNG"):
        decode(saved(Image.fromarray(RAMP), "TIFF", big_tiff=True))


@pytest.mark.parametrize("compression", [1, 2])
def test_a_run_length_encoded_bmp_is_rejected(compression: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bytearray(saved(Image.fromarray(RAMP), "BMP"))
    whole[30:34] = struct.pack("<L", compression)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(PictureUnsupported, match="run-length"):
        decode(bytes(whole))


def test_truncated_tiff_files_are_rejected() -> None:
    whole = saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)), "TIFF")
    for length in (len(whole) * 3 // 4, len(whole) // 2):
        with pytest.raises(PictureInvalid, match="Save it again"):
            decode(whole[:length])
    for length in range(200):
        with pytest.raises(SeedlingError):
            decode(whole[:length])


@pytest.mark.parametrize("size", [(60_000, 60_000), (4_001, 4_000), (2**32 - 1, 1), (16_385, 1), (1, 16_385)])
@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_large_bmp_and_tiff_files_are_rejected_by_the_header(
    size: tuple[int, int], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bytearray(saved(Image.fromarray(RAMP), "BMP"))
    whole[18:26] = struct.pack("<LL", *size)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(PictureTooLarge, match="Scale it down"):
        decode(bytes(whole) if kind == "BMP" else tiff_of(tags(*size)))


def test_sixteen_million_pixels_are_accepted() -> None:
    for kind in ("BMP", "TIFF"):
        assert decode(saved(Image.new("1", (4_000, 4_000)), kind)).grey.size == (4_000, 4_000)


def test_strips_that_overlap_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    for entries in (
        tags(t273=(LONG, [8] * 9), t278=(LONG, [1])),
        tags(1_000, 1_000, t273=(LONG, [8] * tiff.MAX_BLOCKS), t278=(LONG, [999])),
        tags(t273=(LONG, [8] * 17), t278=(LONG, [4])),
    ):
        with pytest.raises(PictureInvalid, match="overlap"):
            decode(tiff_of(entries))


def test_a_tiff_has_a_bounded_number_of_values() -> None:
    for name in ("t258", "t273", "t320", "t339"):
        with pytest.raises(PictureTooLarge, match="but the limit is"):
            decode(tiff_of(tags(**{name: (LONG, [8] * (tiff.MAX_BLOCKS + 1))})))
    with pytest.raises(SeedlingError):
        decode(tiff_of(tags(t273=(RATIONAL, [8] * 100_000))))


def test_metadata_of_a_tiff_is_not_read() -> None:
    # Pillow would turn all values of the Exif directory into Python objects.
    pixels = RAMP.tobytes() + b"\1\0\0\0" * 500_000
    entries = tags() | {700: (RATIONAL, [1] * 1_000), 0xBC01: (SHORT, [1])}
    end = len(tiff_of(entries | {34665: (LONG, [0])}, pixels))
    exif = struct.pack("<HHHLLL", 1, 37500, RATIONAL, 250_000, 264, 0)
    content = tiff_of(entries | {34665: (LONG, [end])}, pixels) + exif
    tracemalloc.start()
    try:
        decoded = decode(content)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (np.asarray(decoded.grey) == RAMP).all()
    assert most < 2 * len(content)
