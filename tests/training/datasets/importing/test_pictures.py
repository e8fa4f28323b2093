"""Folders and archives of picture files."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from tests.training.datasets.importing.making import by_pixels, classes, levels, png, read, saved, splits, write, zipped
from training.datasets import importing
from training.datasets.importing import Imported, Limits
from training.errors import BrokenPicturesError, DatasetError

FORMS = {
    "folder": lambda path, files: write(path / "mine", files),
    "zip": lambda path, files: zipped(write(path, {}) / "mine.zip", files),
}


@pytest.fixture(params=FORMS)
def make(request: pytest.FixtureRequest, tmp_path: Path):
    """Makes a folder or an archive of files."""
    return lambda files: FORMS[request.param](tmp_path, files)


def check_classes(imported: Imported, files: dict[str, bytes], layout: str) -> None:
    """Check that each picture has the class of its folder, and its own pixels."""
    assert imported.report.layout == layout
    expected = {levels(1000 * k + n).tobytes(): name for k, name in enumerate(("cat", "dog")) for n in range(12)}
    assert by_pixels(imported) == expected
    assert len(files) == 24


def test_a_folder_per_class_gives_the_classes(make) -> None:
    files = classes()
    check_classes(read(make(files)), files, "folders of classes")


def test_folders_around_the_classes_are_skipped(make) -> None:
    files = classes(12, prefix="data/pictures/")
    check_classes(read(make(files)), files, "folders of classes")


def test_a_folder_and_its_archive_give_the_same_digest(tmp_path: Path) -> None:
    digests = {read(form(tmp_path, classes())).contents.digest for form in FORMS.values()}
    assert len(digests) == 1


def test_decomposed_names_of_macos_are_the_same_names(tmp_path: Path) -> None:
    files = classes(12, "café", "cafz")
    apple = {unicodedata.normalize("NFD", path): content for path, content in files.items()}
    assert apple.keys() != files.keys()
    imported = [read(form(tmp_path / str(n), each)) for n, each in enumerate((files, apple)) for form in FORMS.values()]
    assert len({each.contents.digest for each in imported}) == 1
    assert read(FORMS["folder"](tmp_path / "x", apple), renames={"café": "bar"}).contents.classes == ("cafz", "bar")
    rows = "file_name,label\n" + "".join(f"{path},{path[:4]}\n" for path in files)
    listed = read(FORMS["folder"](tmp_path / "y", apple | {"metadata.csv": rows}))
    assert listed.contents.digest == imported[0].contents.digest


def test_pictures_deeper_in_the_folder_of_a_class_belong_to_it(make) -> None:
    files = {path.replace("/", "/of/mine/"): content for path, content in classes().items()}
    check_classes(read(make(files)), files, "folders of classes")


def test_the_splits_of_the_source_are_kept(make) -> None:
    imported = read(make(splits()))
    assert imported.report.splits == "source"
    assert imported.report.test_share is None
    assert imported.report.counts == {"train": 12, "test": 12}
    assert imported.contents.test_images[0].tobytes() == levels(50_000).tobytes()


@pytest.mark.parametrize(("folder", "split"), [("val", "test"), ("Validation", "test"), ("valid", "test"), ("TEST", "test")])
def test_a_validation_split_is_the_test_split_if_there_is_no_other(make, folder: str, split: str) -> None:
    files = {path.replace("test/", f"{folder}/"): content for path, content in splits().items()}
    assert read(make(files)).report.counts == {"train": 12, "test": 12}


def test_a_validation_split_beside_a_test_split_is_left_out_and_reported(make) -> None:
    imported = read(make(splits() | {f"val/cat/{n}.png": png(90_000 + n) for n in range(3)}))
    assert imported.report.counts == {"train": 12, "test": 12}
    assert [(each.file, each.reason) for each in imported.report.ignored] == [("val/", "there is a test split already")]


def test_a_train_folder_alone_is_split_by_content(make) -> None:
    files = classes(12, prefix="train/")
    imported = read(make(files))
    check_classes(imported, files, "folders of classes")
    assert imported.report.splits == "content"


def test_a_test_split_without_a_training_split_is_refused(make) -> None:
    with pytest.raises(DatasetError, match=r"no train split\. Add one, or rename"):
        read(make(classes(6, prefix="test/") | classes(6, prefix="val/")))


def test_pictures_beside_the_splits_are_refused(make) -> None:
    with pytest.raises(DatasetError, match=r"beside the folders of the splits \(extra\)\. Move them"):
        read(make(splits() | {"extra/x.png": png(1)}))


def test_pictures_both_in_folders_and_beside_them_are_refused(make) -> None:
    with pytest.raises(DatasetError, match=r"beside them \(stray\.png\)\. Move those"):
        read(make(classes() | {"stray.png": png(1)}))


def test_a_flat_folder_has_no_classes(make) -> None:
    imported = read(make({f"{n}.png": png(n) for n in range(24)}))
    assert (imported.report.layout, imported.contents.classes) == ("folder", ())
    assert imported.contents.train_labels.max() == 0
    assert sum(imported.report.counts.values()) == 24


def test_the_folder_of_a_single_class_has_no_classes(make) -> None:
    assert read(make(classes(24, "cat"))).contents.classes == ()


def test_a_single_class_in_each_split_is_no_class_and_told(make) -> None:
    imported = read(make(classes(12, "cat", prefix="train/") | classes(5, "cat", prefix="test/")))
    assert imported.contents.classes == ()
    assert imported.report.warnings[0] == "All pictures are in the folder of one class, so the dataset has no classes."


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
@pytest.mark.parametrize("prefix", ["", "all/"])
def test_labels_in_metadata_are_used(make, name: str, prefix: str) -> None:
    files = {f"{prefix}{path.replace('/', '-')}": content for path, content in classes().items()}
    rows = [(path.removeprefix(prefix), path.removeprefix(prefix)[:3]) for path in files]
    text = "file_name,other,label\n" + "".join(f"{path},1,{label}\n" for path, label in rows)
    if name.endswith("jsonl"):
        text = "".join(json.dumps({"file_name": path, "label": label}) + "\n" for path, label in rows)
    imported = read(make(files | {prefix + name: "\ufeff" * name.endswith("csv") + text}))
    check_classes(imported, files, "metadata")


def test_metadata_of_each_split_is_used_and_unlisted_pictures_are_reported(make) -> None:
    files = {f"{split}/{n}.png": png(n + 100 * k) for k, split in enumerate(("train", "test")) for n in range(15)}
    files |= {
        f"{split}/metadata.csv": "file_name,label\n" + "".join(f"{n}.png,{n % 2}\n" for n in range(14))
        for split in ("train", "test")
    }
    report = read(make(files)).report
    assert report.counts == {"train": 14, "test": 14}
    assert [each.name for each in report.classes] == ["0", "1"]
    assert {(each.file, each.reason) for each in report.ignored} == {
        (f"{split}/14.png", "it is not listed in the metadata") for split in ("train", "test")
    }


def test_rows_without_a_file_or_a_label_are_broken_pictures(make) -> None:
    files = {f"{n}.png": png(n) for n in range(20)}
    rows = "".join(f"{n}.png,{n % 2}\n" for n in range(19))
    source = make(files | {"metadata.csv": f"file_name,label\n{rows}19.png,\n../../etc/passwd,1\nmissing.png,0\n"})
    with pytest.raises(BrokenPicturesError) as error:
        read(source)
    assert dict(error.value.broken) == {
        "19.png": "it has no label in metadata.csv, line 21",
        "../../etc/passwd": "it is listed in metadata.csv, line 22, but does not exist",
        "missing.png": "it is listed in metadata.csv, line 23, but does not exist",
    }
    assert sum(read(source, skip_broken=True).report.counts.values()) == 19


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("metadata.csv", "file_name\n1.png\n", "has no column label"),
        ("metadata.csv", "file,label\n1.png,x\n", "has no column file_name"),
        ("metadata.csv", "file_name,label,label\n1.png,x,y\n", "has no column label, or several"),
        ("metadata.csv", 'file_name,label\n"1.png,x\n', "is not CSV"),
        ("metadata.csv", b"file_name,label\n\xff.png,x\n", "is not in UTF-8"),
        ("metadata.csv", "file_name,label\n1.png,x\n1.png,y\n", "line 3, lists 1.png a second time"),
        ("metadata.csv", "file_name,label\n,x\n", "line 2, has no valid file_name"),
        ("metadata.jsonl", '{"file_name": "1.png"}\n', "line 1, lacks file_name or label"),
        ("metadata.jsonl", '{"file_name": "1.png", "label": [1]}\n', "neither text nor an integer"),
        ("metadata.jsonl", "[" * 10_000 + "\n", "is not JSON"),
        ("metadata.jsonl", "\n" + " " * 100_000 + "{}\n", "line 2, is too long"),
    ],
)
def test_damaged_metadata_is_refused_with_its_line(make, name: str, content: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words) as error:
        read(make({"1.png": png(1), name: content}))
    assert str(error.value).endswith("UTF-8.") or "Remove one" in str(error.value)


def test_other_files_are_reported_and_hidden_ones_are_not_read(make) -> None:
    hidden = {".git/x.png": "", "__MACOSX/._1.png": "", "cat/.DS_Store": "", "cat/Thumbs.db": "", "cat/Icon\r": ""}
    report = read(make(classes() | hidden | {"README.txt": "Cats", "cat/list.xml": ""})).report
    assert [each.file for each in report.ignored] == ["README.txt", "cat/list.xml"]
    assert report.found == 24


def test_broken_pictures_are_all_named_with_the_reason_and_skipped_only_when_asked(make) -> None:
    broken = {
        "cat/cut.png": png(1)[:60],
        "cat/empty.jpg": b"",
        "dog/page.png": b"<html>404</html>",
        "dog/phone.heic": b"\0\0\0\x18ftypheic",
        "dog/\x1b[31m.png": b"x",
    }
    source = make(classes() | broken)
    with pytest.raises(BrokenPicturesError) as error:
        read(source)
    reasons = dict(error.value.broken)
    assert reasons.keys() == broken.keys()
    assert reasons["cat/empty.jpg"] == "The file is empty."
    assert "damaged or cut off" in reasons["cat/cut.png"]
    assert reasons["dog/phone.heic"].startswith("The file is not a PNG, JPEG")
    assert str(error.value).startswith("5 of 29 pictures cannot be read: cat/cut.png (The picture")
    assert str(error.value).endswith("--skip-broken.")
    assert "\x1b" not in str(error.value)
    imported = read(source, skip_broken=True)
    check_classes(imported, classes(), "folders of classes")
    assert (imported.report.broken_count, len(imported.report.broken)) == (5, 5)


def test_links_in_a_folder_are_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "mine", classes())
    (source / "cat" / "secret.png").symlink_to("/etc/passwd")
    with pytest.raises(DatasetError, match=r"cat/secret\.png is a symbolic link\..*cp -rL"):
        read(source)
    (source / "cat" / "secret.png").unlink()
    (source / "cat" / "loop").symlink_to(source)
    with pytest.raises(DatasetError, match="cat/loop is a symbolic link"):
        read(source)


def test_the_named_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(write(tmp_path / "mine", classes()))
    assert read(tmp_path / "link").report.found == 24


def test_pipes_in_a_folder_are_refused_without_waiting(tmp_path: Path) -> None:
    source = write(tmp_path / "mine", classes())
    os.mkfifo(source / "cat" / "pipe.png")
    with pytest.raises(DatasetError, match=r"pipe\.png is neither a file nor a folder\. Remove"):
        read(source)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(pictures=23), r"24 pictures, but the limit is 23\. Import a part"),
        (Limits(files=23), r"more than 23 (files|entries)\. Import a part"),
        (Limits(classes=1), r"2 different classes, but the limit is 1\."),
        (Limits(depth=0), "nested too deeply|more than 0 folders"),
    ],
)
def test_a_source_that_exceeds_a_limit_is_refused(make, limits: Limits, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        importing.read_source(make(classes()), limits=limits)


def test_a_picture_file_that_exceeds_the_limit_is_broken(make) -> None:
    with pytest.raises(BrokenPicturesError) as error:
        importing.read_source(make(classes() | {"cat/large.png": bytes(2000)}), limits=Limits(picture_bytes=1999))
    assert dict(error.value.broken) == {"cat/large.png": "it has 2,000 bytes, but the limit is 1,999"}


def test_all_formats_of_uploads_are_read(make) -> None:
    picture = levels(3)
    forms = {"png": "PNG", "bmp": "BMP", "gif": "GIF", "tiff": "TIFF", "tif": "TIFF", "webp": "WEBP", "PNG": "PNG"}
    files = {
        f"{suffix}.{suffix}": saved(picture, form, **({"lossless": True} if form == "WEBP" else {}))
        for suffix, form in forms.items()
    }
    files |= {f"{n}.jpg": saved(levels(n), "JPEG", quality=95) for n in range(20)}
    imported = read(make(files))
    assert imported.report.duplicates.pictures == len(forms) - 1
    assert imported.report.found == 27


def test_photographs_of_more_than_16_megapixels_are_imported(tmp_path: Path) -> None:
    files = classes() | {"cat/camera.jpg": saved(Image.new("L", (4_010, 4_000), 200), "JPEG")}
    imported = read(FORMS["zip"](tmp_path, files))
    assert (imported.report.found, imported.report.broken_count) == (25, 0)
