"""IDX files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.training.datasets.importing.making import idx, read, stack, write, zipped
from training.datasets import PUBLISHED, importing, read_published
from training.datasets.importing import Limits
from training.errors import DatasetError

IMAGES, LABELS = stack(40), (np.arange(40) % 2).astype(np.uint8)


def four(prefix: str = "", test: str = "t10k", *, packed: bool = True, dot: str = "-") -> dict[str, bytes]:
    pack = gzip.compress if packed else bytes
    files = {}
    for split, rows in (("train", slice(0, 24)), (test, slice(24, 40))):
        files[f"{prefix}{split}-images{dot}idx3-ubyte{'.gz' * packed}"] = pack(idx(IMAGES[rows]))
        files[f"{prefix}{split}-labels{dot}idx1-ubyte{'.gz' * packed}"] = pack(idx(LABELS[rows]))
    return files


def test_the_files_of_mnist_give_mnist() -> None:
    imported = read(PUBLISHED["mnist"].folders[0])
    for split, images, labels in (
        ("train", imported.contents.train_images, imported.contents.train_labels),
        ("test", imported.contents.test_images, imported.contents.test_labels),
    ):
        expected = read_published("mnist", split)
        assert (images == expected[0]).all()
        assert (labels == expected[1]).all()
    report = imported.report
    assert (report.layout, report.inverted, report.balanced, report.warnings) == ("idx", False, True, ())
    assert [each.name for each in report.classes] == list("0123456789")


@pytest.mark.parametrize("container", ["folder", "zip", "file"])
@pytest.mark.parametrize("files", [four(), four("emnist-letters-", "test"), four(packed=False), four(packed=False, dot=".")])
def test_the_files_of_a_set_are_found_by_their_names(tmp_path: Path, files: dict[str, bytes], container: str) -> None:
    source = zipped(tmp_path / "a.zip", files) if container == "zip" else write(tmp_path / "a", files)
    imported = read(source / next(iter(files)) if container == "file" else source)
    assert imported.report.counts == {"train": 24, "test": 16}
    assert (imported.contents.test_labels == LABELS[24:]).all()


def test_a_test_file_alone_is_split_by_content(tmp_path: Path) -> None:
    source = write(tmp_path, four())
    report = read(source / "t10k-images-idx3-ubyte.gz").report
    assert (report.found, report.splits, len(report.classes)) == (16, "content", 2)


def test_pictures_without_labels_have_no_classes(tmp_path: Path) -> None:
    imported = read(write(tmp_path, {"pictures": idx(IMAGES)}) / "pictures")
    assert (imported.report.layout, imported.contents.classes, imported.report.found) == ("idx", (), 40)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train-labels-idx1-ubyte.gz": gzip.compress(idx(LABELS))}, r"labels \(40,\) for 24 pictures"),
        ({"train-labels-idx1-ubyte.gz": gzip.compress(idx(IMAGES))}, r"labels \(40, 28, 28\) for 24"),
        ({"train-images-idx3-ubyte.gz": gzip.compress(idx(LABELS))}, "has 1 dimensions, but pictures have 3"),
        ({"train-images-idx3-ubyte.gz": gzip.compress(idx(IMAGES))[:-20]}, "cannot be decompressed as gzip .*cut off"),
        ({"train-images-idx3-ubyte.gz": b"\x1f\x8bnonsense"}, "cannot be decompressed as gzip"),
        ({"train-images-idx3-ubyte.gz": gzip.compress(b"\0\0\x0d\3" + bytes(12))}, "not an IDX file of unsigned bytes"),
        ({"train-images-idx3-ubyte.gz": gzip.compress(b"\0\0\x08\3" + b"\xff" * 12)}, "its header says"),
        ({"more-train-images-idx3-ubyte": idx(IMAGES)}, "several files with pictures"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, changes: dict[str, bytes], words: str) -> None:
    with pytest.raises(DatasetError, match=words) as error:
        read(write(tmp_path, four() | changes))
    assert str(error.value).endswith(".")


def test_a_gzip_bomb_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path, {"a-idx3": gzip.compress(bytes(10_000_000))})
    with pytest.raises(DatasetError, match="unpacks to more than 200 times its size"):
        importing.read_source(source, limits=Limits(unpacked_free=2**20))
    with pytest.raises(DatasetError, match="unpacks to more than 5,000,000 bytes"):
        importing.read_source(source, limits=Limits(table_bytes=5_000_000))
