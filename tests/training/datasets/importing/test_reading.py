"""What an import tells about a source."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.live import ROOT
from tests.training.datasets.importing.making import classes, levels, png, read, saved, splits, write
from training.datasets import importing
from training.datasets.importing import Report
from training.datasets.importing.growing import Growing
from training.datasets.splitting import choose_test
from training.errors import DatasetError


def test_test_pictures_are_chosen_by_content_with_the_share(tmp_path: Path) -> None:
    source = write(tmp_path / "a", classes(200))
    pictures = np.stack([levels(1000 * k + n) for k in range(2) for n in range(200)])
    for share in (1 / 7, 0.5):
        imported = read(source, test_share=share)
        expected = choose_test(pictures, share)
        assert (imported.contents.test_images == pictures[expected]).all()
        assert imported.report.test_share == share
        assert imported.report.counts == {"train": int((~expected).sum()), "test": int(expected.sum())}
    more = write(tmp_path / "b", classes(250))
    kept = {each.tobytes() for each in read(source).contents.test_images}
    assert kept <= {each.tobytes() for each in read(more).contents.test_images}, "pictures stay in their split"


def test_duplicates_are_counted_and_named_also_across_classes_and_splits(tmp_path: Path) -> None:
    files = splits(8)
    files |= {"train/cat/copy.png": files["train/cat/000.png"], "train/cat/third.bmp": saved(levels(0), "BMP")}
    files |= {"train/dog/wrong.png": files["train/cat/001.png"], "test/cat/leak.png": files["train/cat/002.png"]}
    report = read(write(tmp_path / "a", files)).report
    found = report.duplicates
    assert (found.pictures, found.across_classes, found.across_splits) == (4, 1, 1)
    assert found.examples == (
        ("train/cat/001.png", "train/dog/wrong.png"),
        ("test/cat/leak.png", "train/cat/002.png"),
        ("train/cat/000.png", "train/cat/copy.png", "train/cat/third.bmp"),
    )
    assert report.warnings[0].startswith(
        "Equal pictures are in different classes (1 groups, for example train/cat/001.png and train/dog/wrong.png)"
    )
    assert "are in both splits" in report.warnings[1]
    assert report.counts == {"train": 19, "test": 17}, "they are kept"


def test_balance_is_told(tmp_path: Path) -> None:
    balanced = read(write(tmp_path / "a", classes(20) | {f"dog/more{n}.png": png(7000 + n) for n in range(20)}))
    assert balanced.report.balanced is True
    files = classes(20) | {f"dog/more{n}.png": png(7000 + n) for n in range(21)}
    report = read(write(tmp_path / "b", files)).report
    assert report.balanced is False
    assert any("dog has 41 pictures, cat has 20" in warning for warning in report.warnings)
    assert any("fewer than 100 training pictures: cat, dog" in warning for warning in report.warnings)
    assert read(write(tmp_path / "c", {f"{n}.png": png(n) for n in range(20)})).report.balanced is None


def test_blank_pictures_are_told(tmp_path: Path) -> None:
    report = read(write(tmp_path / "a", classes() | {"cat/blank.png": saved(Image.new("L", (9, 9)))})).report
    assert report.blank == 1
    assert any("1 pictures have a single level" in warning for warning in report.warnings)


@pytest.mark.parametrize(
    ("files", "options", "words"),
    [
        (
            {"train/cat/1.png": png(1), "train/dog/2.png": png(2), "test/1.txt": b""},
            {},
            r"The train split has 0 pictures, of 2",
        ),
        (splits() | {"test/owl/1.png": png(3)}, {}, r"no training pictures of the classes: owl\. Add some, or remove"),
        (
            {"1.png": png(1)},
            {},
            r"The train split has 1 pictures, of 1 in the source, but at least 10 are needed\. Add pictures\.",
        ),
        (
            classes(prefix="train/") | {"test/cat/2.png": b"broken"},
            {"skip_broken": True},
            r"The test split has 0 pictures, of 25 in the source, but at least 2 are needed\. Add pictures to it\.",
        ),
        ({"a/1.png": b"", "b/1.png": b""}, {"skip_broken": True}, r"The train split has 0 pictures"),
        ({}, {}, r"There are no pictures in mine\. It is empty\. Name a folder or zip"),
        ({"notes.txt": b"a", "x.doc": b"b"}, {}, r"It contains notes\.txt, x\.doc\. Name"),
        ({"x.doc": b"b"}, {}, r"It contains x\.doc\. Name a folder or zip archive of pictures, or \.npz"),
    ],
)
def test_a_source_that_makes_no_dataset_is_refused(tmp_path: Path, files, options, words: str) -> None:
    source = write(tmp_path / "mine", files)
    source.mkdir(exist_ok=True)
    with pytest.raises(DatasetError, match=words) as error:
        read(source, **options)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.tar.gz", b"\x1f\x8b", "is an archive of an unsupported kind. Unpack it"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "is an archive of an unsupported kind"),
        ("a.png", png(1), "is a single picture. Name the folder"),
        ("a.doc", b"x", "is not of a known layout. Name"),
        ("a", b"", "is not of a known layout. Name"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    with pytest.raises(DatasetError, match=words.replace(".", r"\.")):
        read(write(tmp_path, {name: content}) / name)


def test_a_missing_source_and_devices_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"cannot be read \(No such file or directory\)"):
        read(tmp_path / "nothing")
    with pytest.raises(DatasetError, match=r"is neither a file nor a folder\."):
        read(Path("/dev/null"))


def test_progress_counts_every_picture(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    importing.read_source(write(tmp_path / "a", classes()), progress=lambda done, total: calls.append((done, total)))
    assert calls == [(n, 24) for n in range(1, 25)]


def test_the_report_is_json_without_paths_of_the_machine(tmp_path: Path) -> None:
    report = read(write(tmp_path / "mine", classes())).report
    text = report.model_dump_json()
    assert Report.model_validate(json.loads(text)) == report
    assert str(tmp_path) not in text
    assert report.source == "mine"


def test_pictures_are_never_decoded_all_at_once(tmp_path: Path) -> None:
    """Sixty pictures of a megapixel are sixty megabytes when decoded."""
    rng = np.random.RandomState(0)
    files = {
        f"{n}.jpg": saved(np.asarray(Image.fromarray(rng.randint(0, 255, (8, 8), np.uint8)).resize((1000, 1000))), "JPEG")
        for n in range(60)
    }
    source = write(tmp_path / "a", files)
    read(source)
    tracemalloc.start()
    try:
        read(source)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_a_growing_array_keeps_all_pictures() -> None:
    growing = Growing()
    for n in range(5000):
        growing.append(np.full((28, 28), n % 251, np.uint8))
    assert (growing.array[:, 3, 5] == np.arange(5000) % 251).all()
    assert growing.array.shape == (5000, 28, 28)


def test_importing_does_not_import_torch_or_pyarrow() -> None:
    script = "import sys, training.datasets.importing; print(sorted({'torch', 'pyarrow', 'rich', 'typer'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
