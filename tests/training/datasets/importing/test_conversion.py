"""How pictures become 28x28 grey levels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.images import preprocessing
from app.images.decoding import Decoded, decode
from tests.training.datasets.importing.making import levels, read, saved, write
from training.datasets.importing.conversion import convert, has_bright_border
from training.errors import DatasetError


def decoded(picture: Image.Image, form: str = "PNG", **options: object) -> Decoded:
    return decode(saved(picture, form, **options))


def drawn(size: tuple[int, int], box: tuple[int, int, int, int], ink: int = 0, paper: int = 255) -> Image.Image:
    picture = Image.new("L", size, paper)
    ImageDraw.Draw(picture).rectangle(box, fill=ink)
    return picture


@pytest.mark.parametrize("fit", ["fit", "crop"])
def test_pictures_of_28x28_pixels_and_their_enlargements_keep_their_pixels(fit) -> None:
    picture = levels(1)
    enlarged = picture.repeat(8, axis=0).repeat(8, axis=1)
    for each in (picture, enlarged):
        assert (convert(decoded(Image.fromarray(each)), fit, inverted=False) == picture).all()
        assert (convert(decoded(Image.fromarray(each)), fit, inverted=True) == 255 - picture).all()


def test_fit_keeps_the_whole_picture_and_pads_it_with_the_level_of_its_border() -> None:
    picture = drawn((112, 56), (0, 20, 20, 40), ink=0, paper=200)
    converted = convert(decoded(picture), "fit", inverted=False)
    assert (converted[:7] == 200).all()
    assert (converted[-7:] == 200).all()
    assert (converted[13:16, 0:4] < 20).all(), "the left end is not cut off"


def test_crop_keeps_the_square_in_the_middle() -> None:
    picture = drawn((112, 56), (28, 0, 83, 55), ink=90, paper=200)
    assert (convert(decoded(picture), "crop", inverted=False) == 90).all()


def test_mnist_centres_the_ink_by_its_mass() -> None:
    for inverted, ink, paper in ((True, 0, 255), (False, 255, 0)):
        converted = convert(decoded(drawn((300, 200), (210, 20, 250, 119), ink, paper)), "mnist", inverted=inverted)
        rows, columns = np.nonzero(converted)
        assert (rows.min(), rows.max()) == (4, 23), "20 rows"
        assert converted.max() == 255
        assert abs((converted.sum(axis=0) @ np.arange(28)) / converted.sum() - 14) <= 0.5
        assert columns.max() - columns.min() < 10


def test_mnist_follows_the_decision_of_the_dataset_and_not_the_border_of_the_picture() -> None:
    picture = decoded(drawn((28, 28), (8, 8, 19, 19), ink=255, paper=0))
    assert convert(picture, "mnist", inverted=False)[14, 14] == 255
    assert convert(picture, "mnist", inverted=True).max() == 0, "no dark ink on a bright background"
    assert preprocessing.as_mnist(Image.new("L", (5, 5), 9), inverted=True).max() == 0


@pytest.mark.parametrize("inverted", [True, False])
def test_transparent_pixels_become_black_background(inverted: bool) -> None:
    picture = Image.new("RGBA", (28, 28), (255, 255, 255, 0))
    ImageDraw.Draw(picture).rectangle((10, 10, 17, 17), fill=(100, 100, 100, 255))
    converted = convert(decoded(picture), "fit", inverted=inverted)
    assert converted[0, 0] == 0
    assert converted[14, 14] == (155 if inverted else 100)


def test_sixteen_bits_colour_and_orientation_are_read() -> None:
    sixteen = Image.fromarray((levels(2).astype(np.uint16) << 8) + 7)
    assert (convert(decoded(sixteen), "fit", inverted=False) == levels(2)).all()
    colour = Image.merge("RGB", [Image.fromarray(levels(2))] * 3)
    assert (convert(decoded(colour), "fit", inverted=False) == levels(2)).all()
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    turned = decoded(Image.fromarray(levels(2)), "PNG", exif=exif)
    assert (convert(turned, "fit", inverted=False) == levels(2)[::-1, ::-1]).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2)])
@pytest.mark.parametrize("fit", ["fit", "crop", "mnist"])
@pytest.mark.parametrize("inverted", [True, False])
def test_tiny_and_thin_pictures_are_converted(size: tuple[int, int], fit, inverted: bool) -> None:
    converted = convert(decoded(Image.new("L", size, 128)), fit, inverted=inverted)
    assert (converted.shape, converted.dtype) == ((28, 28), np.uint8)


def test_only_a_plain_bright_border_is_one() -> None:
    assert has_bright_border(drawn((60, 60), (20, 20, 40, 40)))
    assert has_bright_border(drawn((60, 60), (0, 20, 40, 30))), "ink that reaches the border"
    assert not has_bright_border(drawn((60, 60), (20, 20, 40, 40), ink=255, paper=0))
    assert not has_bright_border(Image.new("L", (60, 60), 255)), "a blank page"
    gradient = Image.fromarray(np.tile(np.linspace(90, 255, 60).astype(np.uint8), (60, 1)))
    assert not has_bright_border(gradient), "a photograph"


def scans(folder: Path, dark: int, bright: int) -> Path:
    """Pictures with dark ink on white and with bright ink on black."""
    files = {f"dark{n}.png": saved(255 - levels(n)) for n in range(dark)}
    return write(folder, files | {f"bright{n}.png": saved(levels(100 + n)) for n in range(bright)})


@pytest.mark.parametrize(
    ("dark", "bright", "invert", "inverted", "reason"),
    [
        (11, 9, "auto", True, "11 of 20 pictures have a plain bright border"),
        (9, 11, "auto", False, "9 of 20 pictures have a plain bright border"),
        (20, 0, "no", False, "invert is no"),
        (0, 20, "yes", True, "invert is yes"),
    ],
)
def test_inversion_is_decided_once_for_all_pictures(
    tmp_path: Path, dark: int, bright: int, invert: str, inverted: bool, reason: str
) -> None:
    imported = read(scans(tmp_path / "a", dark, bright), invert=invert)
    assert (imported.report.inverted, imported.report.inverted_because) == (inverted, reason)
    found = {image.tobytes() for image in (*imported.contents.train_images, *imported.contents.test_images)}
    sources = [255 - levels(n) for n in range(dark)] + [levels(100 + n) for n in range(bright)]
    assert found == {(255 - source if inverted else source).tobytes() for source in sources}


@pytest.mark.parametrize("share", [0, -1, 0.6, 1, float("nan")])
def test_the_share_of_test_pictures_is_checked(tmp_path: Path, share: float) -> None:
    with pytest.raises(DatasetError, match=r"must be above 0 and at most 0\.5, for example"):
        read(tmp_path, test_share=share)
