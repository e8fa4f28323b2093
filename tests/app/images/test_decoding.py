"""Picture files from anybody."""

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
from app.images.decoding import decode

RAMP = np.arange(256, dtype=np.uint8).reshape(8, 32)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header says so, and whose pixels are a few bytes that inflate to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_a_grey_level_stays_what_it_is_in_every_file_that_loses_nothing(mode: str, kind: str, options: dict) -> None:
    decoded = decode(saved(Image.fromarray(RAMP).convert(mode), kind, **options))
    assert (np.asarray(decoded.grey) == RAMP).all()
    assert decoded.alpha is None


def test_sixteen_bits_become_eight_and_are_not_cut_off() -> None:
    deep = Image.fromarray(RAMP.astype(np.uint16) * 257)
    assert (np.asarray(decode(saved(deep, "PNG")).grey) == RAMP).all()


def test_what_is_transparent_is_told() -> None:
    picture = Image.merge("LA", [Image.fromarray(RAMP), Image.fromarray(RAMP[::-1].copy())])
    decoded = decode(saved(picture, "PNG"))
    assert decoded.alpha is not None
    assert (np.asarray(decoded.alpha) == RAMP[::-1]).all()
    palette = Image.fromarray(RAMP).convert("P")
    assert decode(saved(palette, "GIF", transparency=0)).alpha is not None


def test_a_picture_is_turned_as_its_camera_was() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is on the right
    for kind in ("PNG", "JPEG", "WEBP"):
        turned = decode(saved(Image.fromarray(RAMP), kind, exif=exif.tobytes()))
        assert turned.grey.size == (8, 32), kind
    upright = decode(saved(Image.fromarray(RAMP), "PNG", exif=exif.tobytes()))
    assert (np.asarray(upright.grey) == np.rot90(RAMP, -1)).all()


def test_an_animation_is_its_first_frame() -> None:
    first, second = Image.fromarray(RAMP), Image.fromarray(255 - RAMP)
    for kind, options in (("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        moving = saved(first.convert("RGB"), kind, save_all=True, append_images=[second.convert("RGB")], **options)
        assert (np.asarray(decode(moving).grey) == RAMP).all(), kind


@pytest.mark.parametrize("size", [(60_000, 60_000), (10_000, 10_000), (4_001, 4_000), (2**31 - 1, 1)])
def test_a_header_that_announces_too_much_is_enough_to_refuse(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(PictureTooLarge, match="16,000,000"):
        decode(png_of_size(*size))


@pytest.mark.parametrize("size", [(1, 16_000_000), (16_000_000, 1), (900, 16_385)])
def test_a_side_has_a_bound_of_its_own(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(PictureTooLarge, match=r"the limit is 16,384 per side\. Scale it down\."):
        decode(png_of_size(*size))


def test_sixteen_million_pixels_are_not_too_many() -> None:
    assert decode(saved(Image.new("1", (4_000, 4_000)), "PNG")).grey.size == (4_000, 4_000)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    progressive = saved(Image.new("L", (64, 64)), "JPEG", progressive=True)
    assert decode(progressive).grey.size == (64, 64)
    last = progressive[progressive.rindex(b"\xff\xda") : -2]
    with pytest.raises(PictureTooLarge, match="200 scans"):
        decode(progressive[:-2] + last * decoding.MAX_SCANS + progressive[-2:])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_file_cut_off_anywhere_is_refused_by_name(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    whole = saved(Image.fromarray(noise), kind)
    for kept in (len(whole) * 3 // 4, len(whole) // 2):
        with pytest.raises(PictureInvalid, match="Save it again"):
            decode(whole[:kept])
    for kept in range(1, 40):
        with pytest.raises(SeedlingError):
            decode(whole[:kept])


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PPM", "ICO", "PCX", "EPS"])
def test_what_pillow_could_read_besides_is_not_read(kind: str) -> None:
    with pytest.raises(PictureUnsupported, match="PNG, JPEG, WebP or GIF"):
        decode(saved(Image.fromarray(RAMP), kind))


@pytest.mark.filterwarnings("ignore")  # of Pillow's: what it can still make sense of
def test_no_damage_makes_it_fail_in_another_way() -> None:
    random = np.random.default_rng(1)
    picture = Image.fromarray(RAMP).resize((48, 48))
    files = [saved(picture.convert("RGB"), kind) for kind in ("PNG", "JPEG", "WEBP")] + [saved(picture, "GIF")]
    read = 0
    for round_ in range(4_000):
        damaged = bytearray(files[round_ % len(files)])
        for place in random.integers(0, len(damaged), 3):
            damaged[place] = random.integers(256)
        with contextlib.suppress(PictureInvalid, PictureTooLarge, PictureUnsupported):
            assert decode(bytes(damaged)) is not None
            read += 1
    assert 0 < read < 4_000, "some of them can still be read, and some are refused; nothing else was raised"
