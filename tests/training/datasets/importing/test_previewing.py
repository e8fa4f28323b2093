"""Previews."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.datasets.importing.making import classes, levels, read, saved, write
from training.datasets import importing
from training.datasets.importing import Options
from training.errors import DatasetError


def test_the_sheet_shows_each_sampled_picture_before_and_after(tmp_path: Path) -> None:
    source = write(tmp_path / "a", {f"{n}.png": saved(255 - levels(n)) for n in range(3)})
    preview = importing.preview(source)
    with Image.open(io.BytesIO(preview.sheet)) as sheet:
        assert (sheet.format, sheet.size) == ("PNG", (3 * 184 + 8, 84 + 16))
        pixels = np.asarray(sheet)
    for n in range(3):
        left = 8 + 184 * n
        assert (pixels[8:92:3, left : left + 84 : 3] == 255 - levels(n)).all()
        assert (pixels[8:92:3, left + 88 : left + 172 : 3] == levels(n)).all()


def test_a_preview_decides_about_inversion_as_the_import_does(tmp_path: Path) -> None:
    files = {f"{n:03}.png": saved(255 - levels(n) if n % 3 else levels(n)) for n in range(30)}
    source = write(tmp_path / "a", files)
    preview, imported = importing.preview(source, count=1), read(source)
    assert preview.report.inverted is imported.report.inverted is True
    assert preview.report.inverted_because == imported.report.inverted_because
    assert (preview.report.found, preview.report.examined, preview.report.balanced) == (30, 1, None)


def test_broken_pictures_are_listed_and_not_shown(tmp_path: Path) -> None:
    report = importing.preview(write(tmp_path / "a", classes(3) | {"cat/x.png": b"x"})).report
    assert [each.file for each in report.broken] == ["cat/x.png"]
    assert report.examined == 7
    assert [each.name for each in report.classes] == ["cat", "dog"]


@pytest.mark.parametrize("count", [1, 24, 500])
def test_a_preview_stores_nothing(tmp_path: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_STATE", str(tmp_path / "state"))
    source = write(tmp_path / "a", classes(30))
    assert importing.preview(source, Options("mnist"), count=count).report.examined == min(count, 60)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_source_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There are no pictures in a"):
        importing.preview(write(tmp_path / "a", {"x.doc": b""}))


def test_a_sample_of_only_broken_pictures_gives_an_empty_sheet(tmp_path: Path) -> None:
    preview = importing.preview(write(tmp_path / "a", {"1.png": b"x", "2.png": b"y"}))
    assert preview.report.broken_count == 2
    with Image.open(io.BytesIO(preview.sheet)) as sheet:
        assert sheet.getextrema() == (128, 128)
