"""Encoding of pixels to files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import GifImagePlugin, Image, ImageChops, ImageSequence

from app.images import encoding
from tests.app.reading import frames, pixels

pictures = hnp.arrays(np.uint8, (28, 28))
keys = st.sampled_from(["seed", "label", "model", "psi", "Software"])
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200)


@given(pictures, st.dictionaries(keys, texts))
def test_a_png_keeps_text_chunks_and_pixels(picture: np.ndarray, text: dict[str, str]) -> None:
    content = encoding.png(picture, text)
    assert encoding.read_text(content) == text
    assert (pixels(content) == picture).all()


@given(pictures)
def test_webp_is_lossless(picture: np.ndarray) -> None:
    assert (pixels(encoding.webp(picture)) == picture).all()


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.just(3), st.just(2))), st.integers(1, 5))
def test_a_sheet_places_pictures_row_by_row(stack: np.ndarray, columns: int) -> None:
    sheet = encoding.sheet(stack, columns)
    for index, picture in enumerate(stack):
        y, x = 3 * (index // columns), 2 * (index % columns)
        assert (sheet[y : y + 3, x : x + 2] == picture).all()
    assert sheet.sum() == stack.sum(dtype=int)


@pytest.mark.parametrize("kind", ["gif", "apng", "webp"])
def test_animations_are_lossless(kind: str) -> None:
    stack = np.random.RandomState(0).randint(0, 256, (7, 28, 28)).astype(np.uint8)
    stack[0] = np.arange(784).reshape(28, 28) % 256
    write = {"gif": encoding.gif, "apng": encoding.apng, "webp": encoding.animated_webp}[kind]
    assert (np.stack(frames(write(stack, 12, loop=True))) == stack).all()
    assert write(stack, 12, loop=True) == write(stack, 12, loop=True)


@pytest.mark.parametrize("kind", ["gif", "apng", "webp"])
@pytest.mark.parametrize("size", [(28, 28), (3, 5), (56, 28)])
def test_animations_keep_every_frame_and_its_duration(kind: str, size: tuple[int, int]) -> None:
    stack = np.random.RandomState(0).randint(0, 256, (9, *size)).astype(np.uint8)
    stack[1] = stack[2] = stack[0]
    stack[4:] = stack[3]
    stack[6, -1, -1] ^= 1  # one pixel changes, and changes back
    write = {"gif": encoding.gif, "apng": encoding.apng, "webp": encoding.animated_webp}[kind]
    content = write(stack, 10, loop=False)
    assert (np.stack(frames(content)) == stack).all()
    with Image.open(io.BytesIO(content)) as animation:
        durations = [(frame.load(), animation.info["duration"])[1] for frame in ImageSequence.Iterator(animation)]
    assert durations == [100] * 9
    still = write(np.repeat(stack[:1], 4, axis=0), 10, loop=True)
    assert len(frames(still)) == 4


def test_text_chunks_are_read_only_from_png_files() -> None:
    for content in (b"", b"GIF89a", encoding.png(np.zeros((2, 2), np.uint8))[:40]):
        with pytest.raises(ValueError, match="Give a PNG"):
            encoding.read_text(content)


def archive(files: list[tuple[str, bytes]]) -> bytes:
    target = encoding.Archive()
    for name, content in files:
        target.add(name, content)
    return target.content()


def test_an_archive_depends_only_on_its_files() -> None:
    files = [("a.png", b"1"), ("b.png", b"2")]
    assert archive(files) == archive(files)


def test_a_gif_has_the_bytes_that_pillow_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (9, 28, 28), dtype=np.uint8)
    frames[1], frames[3] = frames[0], frames[2]
    frames[3, 5, 7] ^= 1
    frames[5, :, 3:], frames[6, 4:9] = frames[4, :, 3:], frames[5, 4:9]
    blocks, _ = GifImagePlugin.getheader(Image.fromarray(frames[0]), info={"loop": 0})
    before = None
    for number, frame in enumerate(frames):
        box = (
            (0, 0, 28, 28)
            if before is None
            else ImageChops.difference(before, Image.fromarray(frame)).getbbox() or (0, 0, 1, 1)
        )
        blocks += GifImagePlugin.getdata(
            Image.fromarray(frame).crop(box), box[:2], duration=[80, 90][number % 3 == 1], disposal=1
        )
        before = Image.fromarray(frame)
    for compared in (1, 3 * 784, 10**6):
        monkeypatch.setattr(encoding, "_COMPARED", compared)
        assert encoding.gif(frames, 12, loop=True) == b"".join([*blocks, b";"])
