"""Preprocessing converts any picture to the format of a dataset."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.images.decoding import Decoded
from app.images.preprocessing import Pixels, prepare
from tests.live import ROOT

MNIST = ROOT / "training" / "datasets" / "mnist"


def mnist(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first MNIST test pictures (N, 28, 28) and their labels (N,)."""
    pictures = np.frombuffer(gzip.decompress((MNIST / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress((MNIST / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    return pictures.reshape(-1, 28, 28)[:count], labels[:count]


def seven(ink: int = 0, paper: int = 255, size: tuple[int, int] = (200, 300)) -> Image.Image:
    """Draw a seven that is not centred."""
    picture = Image.new("L", size, paper)
    ImageDraw.Draw(picture).line([(20, 30), (110, 30), (50, 180)], fill=ink, width=14)
    return picture


def prepared(picture: Image.Image, dataset: str = "mnist", alpha: Image.Image | None = None, **options: str) -> Pixels:
    found = prepare(Decoded(picture, alpha), dataset, **options).pixels
    assert (found.shape, found.dtype) == ((28, 28), np.uint8)
    return found


def centre_of(picture: Pixels) -> tuple[float, float]:
    mass, indices = picture.astype(float), np.arange(28)
    return float(mass.sum(1) @ indices / mass.sum()), float(mass.sum(0) @ indices / mass.sum())


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist", "letters", "other"])
@pytest.mark.parametrize("scale", [1, 2, 8, 32])
def test_28x28_pictures_and_their_enlargements_keep_their_pixels(dataset: str, scale: int) -> None:
    for picture in mnist(5)[0]:
        large = Image.fromarray(picture.repeat(scale, 0).repeat(scale, 1))
        assert (prepared(large, dataset) == picture).all()
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    assert (prepared(Image.fromarray(noise), dataset) == noise).all(), "even if it is noise"


def test_dark_ink_on_white_is_inverted() -> None:
    drawn, negative = prepared(seven()), prepared(seven(ink=255, paper=0))
    assert (drawn == negative).all()
    assert drawn.max() > 200
    assert drawn[0].max() == drawn[:, 0].max() == 0


def test_mnist_ink_fits_20x20_and_its_centre_of_mass_is_centred() -> None:
    for size in ((200, 300), (1000, 400), (130, 200)):
        picture = prepared(seven(size=size))
        rows, columns = np.flatnonzero(picture.any(1)), np.flatnonzero(picture.any(0))
        assert rows[-1] - rows[0] + 1 == 20
        assert columns[-1] - columns[0] + 1 <= 20
        assert np.abs(np.array(centre_of(picture)) - 14).max() <= 0.51


def test_a_letter_is_prepared_like_a_digit() -> None:
    for size in ((200, 300), (1000, 400), (130, 200)):
        assert (prepared(seven(size=size), "letters") == prepared(seven(size=size), "mnist")).all()
    assert (prepared(seven(), "letters") != prepared(seven(), "other")).any()


def test_position_size_and_contrast_of_a_drawing_do_not_matter() -> None:
    expected = prepared(seven())
    assert (prepared(seven(size=(500, 500))) == expected).all()
    double = seven().resize((400, 600), Image.Resampling.NEAREST)
    assert np.abs(prepared(double).astype(int) - expected).mean() < 1
    assert np.abs(prepared(seven(ink=90, paper=200)).astype(int) - expected).max() <= 1


def test_an_enlarged_mnist_picture_is_nearly_restored() -> None:
    correlations = []
    for picture in mnist(40)[0]:
        restored = prepared(Image.fromarray(picture).resize((290, 290), Image.Resampling.BICUBIC))
        correlations.append(np.corrcoef(restored.ravel(), picture.ravel())[0, 1])
    assert np.median(correlations) > 0.95, "some are shifted by a pixel, because their centre of mass is between two pixels"


def test_transparent_pixels_are_background_for_dark_and_bright_ink() -> None:
    shape = seven(ink=255, paper=0)
    expected = prepared(shape)
    for ink in (0, 255):
        assert (prepared(Image.new("L", shape.size, ink), alpha=shape) == expected).all()
    clear = Image.new("L", shape.size, 0)
    assert not prepared(shape, alpha=clear).any()
    assert not prepared(shape, alpha=clear, mode="none").any()


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist"])
def test_a_picture_without_ink_is_black(dataset: str, level: int) -> None:
    assert not prepared(Image.new("L", (60, 50), level), dataset).any()
    paper = np.random.default_rng(0).integers(max(level - 5, 0), min(level + 6, 256), (60, 50), dtype=np.uint8)
    assert not prepared(Image.fromarray(paper), dataset).any(), "paper grain is not ink"


def test_a_fashion_mnist_picture_fills_28_pixels_and_is_centred() -> None:
    picture = Image.new("L", (400, 300), 255)
    ImageDraw.Draw(picture).rectangle([300, 100, 339, 259], fill=100)  # 40 wide, 160 high
    found = prepared(picture, "fashion-mnist")
    expected = np.zeros((28, 28))
    expected[:, 10:17] = 155
    assert np.abs(found - expected).max() <= 1


def test_pictures_for_other_datasets_are_padded_with_their_border_level() -> None:
    picture = Image.new("L", (56, 28), 200)
    ImageDraw.Draw(picture).rectangle([20, 4, 35, 23], fill=10)
    found = prepared(picture, "faces")
    assert set(found[:7].ravel()) == set(found[21:].ravel()) == {200}
    assert found[14, 14] == 10


def test_mode_none_only_scales() -> None:
    picture = seven(size=(280, 140))
    expected = np.asarray(picture.resize((28, 28), Image.Resampling.BICUBIC))
    assert (prepared(picture, mode="none") == expected).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3_000_000, 1), (2, 5_000)])
def test_extreme_aspect_ratios_are_preprocessed(size: tuple[int, int]) -> None:
    picture = Image.new("L", size)
    picture.putpixel((size[0] // 2, size[1] // 2), 255)
    found = [prepared(picture, dataset) for dataset in ("mnist", "fashion-mnist", "other")] + [prepared(picture, mode="none")]
    assert {(one.shape, one.dtype.name) for one in found} == {((28, 28), "uint8")}
