"""NumPy's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.training.datasets.importing.making import npy, read, stack, write, zipped
from training.datasets import importing
from training.datasets.importing import Limits
from training.errors import DatasetError

IMAGES, LABELS = stack(20), np.arange(20) % 2


def saved(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


@pytest.mark.parametrize(
    "keys",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("train_images", "train_labels", "val_images", "val_labels"),
    ],
)
def test_the_splits_of_an_npz_are_kept(tmp_path: Path, keys: tuple[str, ...]) -> None:
    arrays = (IMAGES[:15], LABELS[:15], IMAGES[15:], LABELS[15:])
    imported = read(saved(tmp_path / "a.npz", **dict(zip(keys, arrays, strict=True))))
    c = imported.contents
    for found, expected in zip((c.train_images, c.train_labels, c.test_images, c.test_labels), arrays, strict=True):
        assert (found == expected).all()
    assert c.classes == ("0", "1")
    assert imported.report.splits == "source"


@pytest.mark.parametrize("keys", [("images", "labels"), ("x", "y"), ("data", "target"), ("arr_0", "arr_1")])
def test_an_npz_without_splits_is_split_by_content(tmp_path: Path, keys: tuple[str, str]) -> None:
    imported = read(saved(tmp_path / "a.npz", **dict(zip(keys, (IMAGES, LABELS[:, None]), strict=True)), extra=np.zeros(3)))
    assert (imported.report.splits, imported.report.found) == ("content", 20)
    assert [each.file for each in imported.report.ignored] == ["extra.npy"]


def test_an_npz_with_a_third_split_leaves_it_out(tmp_path: Path) -> None:
    arrays = {
        f"{split}_{kind}": array
        for split in ("train", "val", "test")
        for kind, array in (("images", IMAGES), ("labels", LABELS))
    }
    report = read(saved(tmp_path / "a.npz", **arrays)).report
    assert report.counts == {"train": 20, "test": 20}
    assert {each.file for each in report.ignored} == {"val_images.npy", "val_labels.npy"}
    assert report.duplicates.across_splits == 20


def test_names_of_classes_in_an_npz_are_used(tmp_path: Path) -> None:
    imported = read(saved(tmp_path / "a.npz", images=IMAGES, labels=LABELS, class_names=np.array(["dog", "cat", "owl"])))
    assert imported.contents.classes == ("dog", "cat"), "in the order of their numbers"
    imported = read(saved(tmp_path / "b.npz", images=IMAGES, labels=np.array(["dog", "cat"])[LABELS]))
    assert imported.contents.classes == ("cat", "dog")


def test_labels_with_gaps_become_consecutive_classes_in_order_of_value(tmp_path: Path) -> None:
    imported = read(saved(tmp_path / "a.npz", x_train=IMAGES, y_train=LABELS * 7 + 3, x_test=IMAGES, y_test=LABELS * 7 + 3))
    assert imported.contents.classes == ("3", "10")
    assert (imported.contents.train_labels == LABELS).all()


@pytest.mark.parametrize("container", ["folder", "zip", "file"])
def test_npy_files_beside_each_other_are_read_like_an_npz(tmp_path: Path, container: str) -> None:
    files = {
        "x_train.npy": npy(IMAGES[:15]),
        "y_train.npy": npy(LABELS[:15]),
        "x_test.npy": npy(IMAGES[15:]),
        "y_test.npy": npy(LABELS[15:]),
    }
    source = zipped(tmp_path / "a.zip", files) if container == "zip" else write(tmp_path / "a", files)
    imported = read(source / "x_train.npy" if container == "file" else source)
    assert imported.report.counts == {"train": 15, "test": 5}
    assert imported.contents.classes == ("0", "1")


def test_an_array_alone_has_no_classes(tmp_path: Path) -> None:
    imported = read(write(tmp_path, {"mine.npy": npy(IMAGES)}) / "mine.npy")
    assert (imported.report.layout, imported.contents.classes, imported.report.found) == ("npy", (), 20)


@pytest.mark.parametrize(
    "array",
    [
        IMAGES.reshape(20, 784),
        IMAGES[:, None],
        IMAGES[..., None],
        np.repeat(IMAGES[..., None], 3, axis=3),
        np.repeat(IMAGES[:, None], 3, axis=1),
        IMAGES.astype(np.int64),
        IMAGES.astype(">u2"),
        IMAGES / 255,
        (IMAGES / 255).astype(np.float32),
        np.asfortranarray(IMAGES),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_usual_shapes_and_types_give_the_same_pixels(tmp_path: Path, array: NDArray[Any]) -> None:
    file = tmp_path / "a.npz"
    np.savez(file, x_train=array, y_train=LABELS, x_test=array, y_test=LABELS)
    assert (read(file).contents.train_images == IMAGES).all()


def test_transparent_and_larger_pictures_are_converted(tmp_path: Path) -> None:
    large = np.zeros((12, 56, 56, 4), np.uint8)
    large[:, 10:40, 20:30] = 255
    large[:, :, :, 0] += np.arange(12, dtype=np.uint8)[:, None, None]
    imported = read(saved(tmp_path / "a.npz", images=large))
    expected = np.zeros((28, 28), np.uint8)
    expected[5:20, 10:15] = 255
    assert (imported.contents.train_images[0] > 128).tolist() == (expected > 128).tolist()
    assert Image.fromarray(imported.contents.train_images[0]).getpixel((0, 0)) == 0


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("/tmp/trap", "w"))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": np.array([Trap()], object)}, "contains object, which is not supported"),
        ({"images": np.zeros((3, 28, 28), "c8")}, "contains complex64"),
        ({"images": np.zeros((3, 5))}, "are not pictures"),
        ({"images": np.zeros((0, 28, 28))}, "are not pictures"),
        ({"images": IMAGES.astype(int) + 1000}, "has values from 1000 to 1255. Scale them to 0..255"),
        ({"images": IMAGES - 0.5}, "has values from -0.5"),
        ({"images": np.full((3, 28, 28), np.nan)}, "has values from nan"),
        ({"images": IMAGES, "labels": LABELS[:5]}, "5 labels for 20 pictures"),
        ({"images": IMAGES, "labels": np.eye(20)}, "which are not labels. Save an integer per picture"),
        ({"images": IMAGES, "labels": LABELS + 0.5}, "which are not labels"),
        ({"images": IMAGES, "labels": np.full(20, 1e300)}, "not exact"),
        ({"images": IMAGES, "labels": np.array(["a", ""] * 10)}, "There are empty labels: labels.npy"),
        ({"images": IMAGES, "labels": LABELS, "classes": np.array(["only"])}, "without a name among"),
        ({"labels": LABELS}, "contains no array of pictures"),
        ({"images": IMAGES, "data": IMAGES}, "Both .* contain images"),
        ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES}, "Only a part of the source has labels"),
        ({"x_test": IMAGES, "y_test": LABELS}, "has a test split but no train split"),
        ({"images": np.zeros((1, 20_000, 1), np.uint8)}, "20,000 pixels. Scale them down"),
    ],
)
def test_arrays_that_are_no_dataset_are_refused(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DatasetError, match=words) as error:
        read(tmp_path / "a.npz")
    assert str(error.value).endswith(".")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 28, 28), }", "its header says"),
        (b"{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 28, 28), }", "its header says"),
        (b"{'descr': '|O', 'fortran_order': False, 'shape': (1, 28, 28), }", "contains object"),
        (b"{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (784,), }", "which is not supported"),
        (b"__import__('os').system('true')", "not a readable .npy file"),
        (b"(" * 5000, "not a readable .npy file"),
        (b"{'descr': '|u1'}", "not a readable .npy file"),
    ],
)
def test_hostile_headers_are_refused_without_allocating(tmp_path: Path, header: bytes, words: str) -> None:
    content = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(784)
    with pytest.raises(DatasetError, match=words):
        read(write(tmp_path, {"a.npy": content}) / "a.npy")


def test_arrays_above_the_limits_are_refused(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.npz", images=IMAGES)
    with pytest.raises(DatasetError, match="the limit is 15,000"):
        importing.read_source(source, limits=Limits(table_bytes=15_000))
    with pytest.raises(DatasetError, match="20 pictures, but the limit is 19"):
        importing.read_source(source, limits=Limits(pictures=19))
