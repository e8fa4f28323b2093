"""CSV tables of pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.training.datasets.importing.making import by_pixels, levels, read, stack, write, zipped
from training.datasets import importing
from training.datasets.importing import Limits
from training.errors import BrokenPicturesError, DatasetError

IMAGES = stack(20)
PIXELS = [f"pixel{n}" for n in range(784)]


def row(n: int, label: object = None, end: str = "\n") -> str:
    return ",".join(map(str, [n % 2 if label is None else label, *levels(n).ravel()])) + end


def table(count: int = 20, header: bool = True, end: str = "\n") -> str:
    return ",".join(["label", *PIXELS]) * header + end * header + "".join(row(n, end=end) for n in range(count))


def moved(text: str) -> str:
    """Move the label to the last column."""
    return "".join(f"{rest},{label}\n" for label, _, rest in (line.partition(",") for line in text.splitlines()))


@pytest.mark.parametrize(
    "text",
    [
        table(),
        table(header=False),
        table(end="\r\n"),
        "\ufeff" + table(),
        table() + "\n\n",
        moved(table()),
        table().replace("label", "class").replace(",", " , "),
        table().replace("label", '"label"').replace("\n0,", '\n"0",'),
        table(header=False).replace("\n0,", "\n0.0,").replace(",255,", ",255.0,"),
    ],
    ids=["header", "no header", "crlf", "bom", "empty lines", "label last", "spaces", "quotes", "floats"],
)
def test_tables_as_kaggle_has_them_are_read(tmp_path: Path, text: str) -> None:
    imported = read(write(tmp_path, {"a.csv": text}) / "a.csv")
    assert (imported.report.layout, imported.report.splits, imported.report.inverted) == ("csv", "content", False)
    assert by_pixels(imported) == {levels(n).tobytes(): str(n % 2) for n in range(20)}


def test_text_labels_are_read(tmp_path: Path) -> None:
    text = "".join(row(n, "AB"[n % 2]) for n in range(20))
    assert read(write(tmp_path, {"a.csv": text}) / "a.csv").contents.classes == ("A", "B")


def test_a_table_without_labels_has_no_classes(tmp_path: Path) -> None:
    text = "\n".join(line.partition(",")[2] for line in table().splitlines())
    imported = read(write(tmp_path, {"a.csv": text}) / "a.csv")
    assert (imported.contents.classes, imported.report.found) == ((), 20)


@pytest.mark.parametrize("container", ["folder", "zip"])
def test_tables_of_both_splits_are_read(tmp_path: Path, container: str) -> None:
    files = {"mnist_train.csv": table(), "mnist_test.csv": table(5), "sample_submission.csv": "ImageId,Label\n"}
    source = zipped(tmp_path / "a.zip", files) if container == "zip" else write(tmp_path / "a", files)
    report = read(source).report
    assert report.counts == {"train": 20, "test": 5}
    assert [each.file for each in report.ignored] == ["sample_submission.csv"]


def test_a_test_table_without_labels_beside_a_labelled_one_is_refused(tmp_path: Path) -> None:
    unlabelled = "\n".join(line.partition(",")[2] for line in table().splitlines())
    source = write(tmp_path, {"train.csv": table(), "test.csv": unlabelled})
    with pytest.raises(DatasetError, match="Only a part of the source has labels"):
        read(source)
    assert read(source / "train.csv").report.found == 20


def test_damaged_rows_are_broken_pictures_with_their_line(tmp_path: Path) -> None:
    lines = table().splitlines()
    lines[3] = lines[3].rpartition(",")[0]
    lines[4] += ",7"
    lines[5] = lines[5].rpartition(",")[0] + ",256"
    lines[6] = lines[6].rpartition(",")[0] + ",-1"
    lines[7] = lines[7].rpartition(",")[0] + ",1.5"
    lines[8] = lines[8].rpartition(",")[0] + ",nan"
    lines[9] = "," + lines[9].partition(",")[2]
    lines[10] = "5"
    source = write(tmp_path, {"a.csv": "\n".join(lines)}) / "a.csv"
    with pytest.raises(BrokenPicturesError) as error:
        read(source)
    assert dict(error.value.broken) == {
        "a.csv, line 4": "it has 783 levels instead of 784",
        "a.csv, line 5": "it has 785 levels instead of 784",
        "a.csv, line 6": "'256' is not a level from 0 to 255",
        "a.csv, line 7": "'-1' is not a level from 0 to 255",
        "a.csv, line 8": "'1.5' is not a level from 0 to 255",
        "a.csv, line 9": "'nan' is not a level from 0 to 255",
        "a.csv, line 10": "it has no label",
        "a.csv, line 11": "it has 1 levels instead of 784",
    }
    assert read(source, skip_broken=True).report.counts != {}
    assert sum(read(source, skip_broken=True).report.counts.values()) == 12


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty|contains no pictures"),
        ("\n\n", "is empty"),
        ("a,b\n1,2\n", "has 2 columns. A row is a label and 784 levels"),
        (table().replace(",", ";"), "has 1 columns"),
        (",".join(["what", *PIXELS]) + "\n" + row(1), "neither the first nor the last is named label"),
        ("9" * 100_000, "line 1, has more than 65,536 bytes"),
        (table() + "1," * 40_000, "line 22, has more than 65,536 bytes"),
        (",".join(["label", *PIXELS]), "contains no pictures"),
    ],
    ids=range(8),
)
def test_other_tables_are_refused(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        read(write(tmp_path, {"a.csv": content}) / "a.csv")


def test_too_many_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has more than 19 rows"):
        importing.read_source(write(tmp_path, {"a.csv": table()}) / "a.csv", limits=Limits(pictures=19))


def test_many_rows_are_read_in_order(tmp_path: Path) -> None:
    text = "".join(f"{n % 3}," + ",".join([str(n % 256), str(n // 256)] + ["0"] * 782) + "\n" for n in range(2500))
    imported = read(write(tmp_path, {"train.csv": text, "test.csv": text}))
    images, labels = imported.contents.train_images.reshape(-1, 784), imported.contents.train_labels
    assert (images[:, 0] + 256 * images[:, 1].astype(int) == np.arange(2500)).all()
    assert (labels == np.arange(2500) % 3).all()
