"""Encoding of pixels to files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

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
