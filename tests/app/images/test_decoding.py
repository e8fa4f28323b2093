"""Decoding of untrusted picture files."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from app.errors import PictureInvalid, PictureTooLarge, PictureUnsupported, SeedlingError
from app.images import decoding
from app.images.decoding import decode, is_tiny

RAMP = np.arange(256, dtype=np.uint8).reshape(8, 32)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """Return a PNG whose header has the given size, but whose pixel data is too short."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_lossless_files_keep_grey_levels(mode: str, kind: str, options: dict) -> None:
    decoded = decode(saved(Image.fromarray(RAMP).convert(mode), kind, **options))
    assert (np.asarray(decoded.grey) == RAMP).all()
    assert decoded.alpha is None


def test_16_bit_levels_are_scaled_to_8_bits_and_not_clipped() -> None:
    deep = Image.fromarray(RAMP.astype(np.uint16) * 257)
    assert (np.asarray(decode(saved(deep, "PNG")).grey) == RAMP).all()


def test_transparency_is_returned_as_alpha() -> None:
    picture = Image.merge("LA", [Image.fromarray(RAMP), Image.fromarray(RAMP[::-1].copy())])
    decoded = decode(saved(picture, "PNG"))
    assert decoded.alpha is not None
    assert (np.asarray(decoded.alpha) == RAMP[::-1]).all()
    palette = Image.fromarray(RAMP).convert("P")
    assert decode(saved(palette, "GIF", transparency=0)).alpha is not None


def test_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise
    for kind in ("PNG", "JPEG", "WEBP"):
        turned = decode(saved(Image.fromarray(RAMP), kind, exif=exif.tobytes()))
        assert turned.grey.size == (8, 32), kind
    upright = decode(saved(Image.fromarray(RAMP), "PNG", exif=exif.tobytes()))
    assert (np.asarray(upright.grey) == np.rot90(RAMP, -1)).all()


def test_an_animation_is_decoded_to_its_first_frame() -> None:
    first, second = Image.fromarray(RAMP), Image.fromarray(255 - RAMP)
    for kind, options in (("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        animation = saved(first.convert("RGB"), kind, save_all=True, append_images=[second.convert("RGB")], **options)
        assert (np.asarray(decode(animation).grey) == RAMP).all(), kind


@pytest.mark.parametrize("size", [(60_000, 60_000), (10_000, 10_000), (4_001, 4_000), (2**31 - 1, 1)])
def test_too_many_pixels_are_rejected_by_the_header(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("the picture was decoded"))
    with pytest.raises(PictureTooLarge, match="16,000,000"):
        decode(png_of_size(*size))


@pytest.mark.parametrize("size", [(1, 16_000_000), (16_000_000, 1), (900, 16_385)])
def test_too_long_sides_are_rejected_by_the_header(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("the picture was decoded"))
    with pytest.raises(PictureTooLarge, match=r"the limit is 16,384 per side\. Scale it down\."):
        decode(png_of_size(*size))


def test_sixteen_million_pixels_are_accepted() -> None:
    assert decode(saved(Image.new("1", (4_000, 4_000)), "PNG")).grey.size == (4_000, 4_000)


def test_a_jpeg_with_too_many_scans_is_rejected() -> None:
    progressive = saved(Image.new("L", (64, 64)), "JPEG", progressive=True)
    assert decode(progressive).grey.size == (64, 64)
    last = progressive[progressive.rindex(b"\xff\xda") : -2]
    with pytest.raises(PictureTooLarge, match="200 scans"):
        decode(progressive[:-2] + last * decoding.MAX_SCANS + progressive[-2:])


def test_a_jpeg_of_a_camera_is_decoded_at_a_fraction_of_its_size_where_that_suffices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_PIXELS", 10_000)
    monkeypatch.setattr(decoding, "MAX_SHRUNK_PIXELS", 160_000)
    ramp = Image.linear_gradient("L")
    for side, shrunk in ((100, 100), (101, 51), (200, 100), (240, 60), (400, 100)):
        picture = ramp.resize((side, side))
        found = np.asarray(decode(saved(picture, "JPEG", quality=95), shrink=True).grey, int)
        assert found.shape == (shrunk, shrunk), side
        assert np.abs(found - np.asarray(picture.resize((shrunk, shrunk)), int)).max() < 12, side
        if side > 100:
            with pytest.raises(PictureTooLarge, match="limit is 10,000"):
                decode(saved(picture, "JPEG"))
    for kind, side in (("JPEG", 401), ("PNG", 101)):
        with pytest.raises(PictureTooLarge, match="limit is 10,000"):
            decode(saved(ramp.resize((side, side)), kind), shrink=True)
    progressive = saved(ramp.resize((400, 400)), "JPEG", progressive=True)
    assert decode(progressive, shrink=True).grey.size == (100, 100)
    last = progressive[progressive.rindex(b"\xff\xda") : -2]
    with pytest.raises(PictureTooLarge, match="more than 12 scans"):  # each takes 16 times as long
        decode(progressive[:-2] + last * 12 + progressive[-2:], shrink=True)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_truncated_files_are_rejected(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    complete = saved(Image.fromarray(noise), kind)
    for length in (len(complete) * 3 // 4, len(complete) // 2):
        with pytest.raises(PictureInvalid, match="Save it again"):
            decode(complete[:length])
    for length in range(1, 40):
        with pytest.raises(SeedlingError):
            decode(complete[:length])


@pytest.mark.parametrize("kind", ["DIB", "TGA", "PPM", "ICO", "PCX", "EPS"])
def test_other_formats_of_pillow_are_not_decoded(kind: str) -> None:
    with pytest.raises(PictureUnsupported, match="PNG, JPEG, WebP, GIF, BMP or TIFF"):
        decode(saved(Image.fromarray(RAMP), kind))


@pytest.mark.filterwarnings("ignore")  # Pillow's warnings about damaged files
def test_damaged_files_raise_only_documented_errors() -> None:
    random = np.random.default_rng(1)
    picture = Image.fromarray(RAMP).resize((48, 48))
    files = [saved(picture.convert("RGB"), kind) for kind in ("PNG", "JPEG", "WEBP")] + [saved(picture, "GIF")]
    decoded_files = 0
    for round_ in range(4_000):
        damaged = bytearray(files[round_ % len(files)])
        for index in random.integers(0, len(damaged), 3):
            damaged[index] = random.integers(256)
        with contextlib.suppress(PictureInvalid, PictureTooLarge, PictureUnsupported):
            assert decode(bytes(damaged)) is not None
            decoded_files += 1
    assert 0 < decoded_files < 4_000, "some files are decoded, some are rejected"


def test_only_small_pngs_are_tiny() -> None:
    assert is_tiny(png_of_size(64, 64))
    assert is_tiny(png_of_size(1, 1))
    for content in (png_of_size(65, 1), png_of_size(1, 65), png_of_size(0, 5), png_of_size(5, 5)[:23], b"", b"GIF89a"):
        assert not is_tiny(content)
    assert not is_tiny(png_of_size(64, 64) + bytes(4096))
