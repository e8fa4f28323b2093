"""The dataset `letters` and the command that renders it."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import ImageFont

from tools.letters import selection
from tools.letters.__main__ import DATASET, TABLE, draw, write_idx
from tools.letters.glyphs import LETTERS, UnsuitableFont, open_font, render
from tools.letters.packages import PackageMissing, fetch, font_files, version_of
from tools.letters.selection import Candidate, distances, family_of, select
from tools.letters.table import Face, read_faces, read_lists, split_of, write_faces
from training.datasets import PUBLISHED, read
from training.datasets.idx import read_idx

FACES = read_faces(DATASET / TABLE)
BUNDLED = Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def pictures_of(face: Face) -> np.ndarray:
    """Return the stored pictures of a face, (26, 28, 28)."""
    index = [other for other in FACES if other.split == face.split].index(face)
    return read("letters", face.split)[0].reshape(-1, 26, 28, 28)[index]


def candidate(family: str, style: str, letters: np.ndarray) -> Candidate:
    face = Face("train", family, style, "OFL-1.1", "fonts-x", "1", f"{family}-{style}.ttf", 0)
    return Candidate(face, letters)


def test_the_dataset_has_the_letters_of_at_least_300_families() -> None:
    assert len({face.family for face in FACES}) >= 300
    for split in ("train", "test"):
        images, labels = read("letters", split)
        own = [face for face in FACES if face.split == split]
        assert images.shape == (26 * len(own), 28, 28)
        assert (labels.reshape(-1, 26) == np.arange(26)).all()
    assert "".join(PUBLISHED["letters"].classes) == LETTERS


def test_no_family_is_in_both_splits() -> None:
    splits = {split: {face.family for face in FACES if face.split == split} for split in ("train", "test")}
    assert not splits["train"] & splits["test"]
    assert 0.1 < len(splits["test"]) / len({face.family for face in FACES}) < 0.2
    assert all(face.split == split_of(face.family) for face in FACES)
    assert [split_of(name) for name in ("DejaVu Sans", "Cabin", "Lato")] == ["train", "train", "test"]


def test_every_font_has_a_licence_that_allows_the_use_of_its_pictures() -> None:
    lists = read_lists()
    assert all(face.licence == lists.licences[face.package] for face in FACES)
    allowed = ("OFL", "font exception", "Apache", "MIT", "BSD", "Bitstream", "public domain", "CC0", "CC-BY-3.0")
    others = {face.licence for face in FACES if not any(word in face.licence for word in allowed)}
    assert others <= {
        "GUST Font Licence",
        "IPA",
        "ParaType Free Font Licence",
        "Unlicense",
        "permission of Brian Kent to redistribute and modify",
    }


def test_no_two_families_look_alike() -> None:
    rows = np.concatenate([read("letters", split)[0] for split in ("train", "test")]).reshape(len(FACES), -1)
    families = np.array([face.family for split in ("train", "test") for face in FACES if face.split == split])
    between = distances(rows.astype(np.float32) / 255, rows.astype(np.float32) / 255)
    assert between[families[:, None] != families].min() >= selection.SAME
    np.fill_diagonal(between, 1)
    assert between.min() >= selection.SAME


def test_rendering_the_fonts_that_are_installed_gives_the_same_bytes() -> None:
    installed = [face for face in FACES if Path("/", face.file).exists()]
    command = ["dpkg-query", "--show", "--showformat=${Version}"]
    checked = 0
    for package in {face.package: face for face in installed}:
        found = subprocess.run([*command, package], capture_output=True, text=True)
        for face in installed:
            if face.package == package and face.version == found.stdout:
                letters = render(open_font(Path("/", face.file), face.index))
                assert (letters == pictures_of(face)).all(), face.file
                checked += 1
    if not checked:
        pytest.skip("no font of the dataset is installed in its version. On Debian 12: apt-get install fonts-dejavu-core")


def test_the_letters_of_dejavu_are_those_of_the_file_in_matplotlib() -> None:
    """A font from elsewhere, so that the rendering is checked where no font is installed."""
    face = next(face for face in FACES if face.file.endswith("/DejaVuSans.ttf"))
    assert (render(open_font(BUNDLED / "DejaVuSans.ttf")) == pictures_of(face)).all()


def test_letters_are_fitted_into_20x20_and_centred_by_mass() -> None:
    letters = render(open_font(BUNDLED / "DejaVuSans.ttf"))
    for letter in letters:
        rows, columns = np.flatnonzero(letter.any(1)), np.flatnonzero(letter.any(0))
        assert max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1 in (19, 20)
        mass = letter.astype(float)
        for axis in (0, 1):
            assert abs(mass.sum(axis) @ np.arange(28) / mass.sum() - 14) <= 0.51
        assert letter.max() == 255


def test_a_font_without_capitals_is_unsuitable() -> None:
    with pytest.raises(UnsuitableFont, match="it has no A"):
        render(open_font(BUNDLED / "STIXSizOneSymReg.ttf"))


def test_words_for_weight_and_slope_are_no_part_of_the_family() -> None:
    names = ["Lato Black", "Lato-Bold_Italic", "Lato", "Black", "Roboto Condensed Light", "Noto Sans Mono"]
    assert [family_of(name) for name in names] == ["Lato", "Lato", "Lato", "Black", "Roboto", "Noto Sans Mono"]


def test_families_that_look_alike_are_selected_once_and_faces_by_difference() -> None:
    random = np.random.default_rng(0)
    base = [random.integers(0, 256, (26, 28, 28), dtype=np.uint8) for _ in range(7)]
    found = [candidate("A", style, base[n]) for n, style in enumerate(("Bold", "Regular", "Italic", "Thin", "Black"))]
    found += [candidate("A", "Text", base[1]), candidate("B", "Regular", base[3]), candidate("C", "Regular", base[6])]
    say: list[str] = []
    chosen = [(each.face.family, each.face.style) for each in select(found, say)]
    assert chosen[0] == ("A", "Regular")
    assert [family for family, _ in chosen] == ["A"] * selection.FACES + ["C"]
    assert ("A", "Text") not in chosen
    assert say == ["B: looks like A"]


def test_the_table_and_the_files_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_faces(tmp_path / "fonts.tsv", FACES[:3])
    assert read_faces(tmp_path / "fonts.tsv") == FACES[:3]
    images = np.arange(2 * 28 * 28, dtype=np.uint16).astype(np.uint8).reshape(2, 28, 28)
    digest = write_idx(tmp_path / "x.gz", images)
    assert digest == hashlib.sha256(gzip.decompress((tmp_path / "x.gz").read_bytes())).hexdigest()
    assert (read_idx(tmp_path / "x.gz", sha256=digest, remedy="") == images).all()


def test_fonts_are_found_in_an_unpacked_package_without_links(tmp_path: Path) -> None:
    folder = tmp_path / "fonts-x" / "usr" / "share" / "fonts"
    folder.mkdir(parents=True)
    for name in ("b.ttf", "a.OTF", "notes.txt"):
        (folder / name).touch()
    (folder / "link.ttf").symlink_to("b.ttf")
    assert font_files(tmp_path, "fonts-x") == ["usr/share/fonts/a.OTF", "usr/share/fonts/b.ttf"]


def test_packages_are_downloaded_in_their_version_and_unpacked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an apt-get that packs the files itself."""
    script = """#!/bin/sh
for last; do :; done
[ "$last" = fonts-x=1-2 ] || { echo "E: no $last" >&2; exit 100; }
mkdir -p tree/DEBIAN tree/usr && echo font > tree/usr/x.ttf
printf 'Package: fonts-x\\nVersion: 1-2\\nArchitecture: all\\nMaintainer: x\\nDescription: x\\n' > tree/DEBIAN/control
dpkg-deb --build tree fonts-x_1-2_all.deb && rm -r tree
"""
    if not shutil.which("dpkg-deb"):
        pytest.skip("there is no dpkg-deb: apt-get install dpkg")
    command = tmp_path / "bin" / "apt-get"
    command.parent.mkdir()
    command.write_text(script)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
    folder = tmp_path / "fonts"
    with pytest.raises(PackageMissing, match="no fonts-x=1-1 The table names versions of Debian 12"):
        fetch(folder, ["fonts-x"], {"fonts-x": "1-1"})
    fetch(folder, ["fonts-x"], {"fonts-x": "1-2"})
    assert font_files(folder, "fonts-x") == ["usr/x.ttf"]
    assert version_of(folder, "fonts-x") == "1-2"
    command.unlink()
    fetch(folder, ["fonts-x"], {"fonts-x": "1-2"})
    assert capsys.readouterr().err == "Unpacked 1 of 1 packages\n"


def test_faces_are_drawn_in_the_order_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "fonts-x").mkdir()
    faces = []
    for name in ("DejaVuSans.ttf", "DejaVuSerif.ttf"):
        (tmp_path / "fonts-x" / name).write_bytes((BUNDLED / name).read_bytes())
        faces.append(Face("train", name, "Regular", "Bitstream Vera", "fonts-x", "1", name, 0))
    drawn = draw(tmp_path, faces)
    assert drawn.shape == (52, 28, 28)
    assert (drawn[26:] == render(open_font(BUNDLED / "DejaVuSerif.ttf"))).all()
    assert isinstance(open_font(BUNDLED / "DejaVuSans.ttf"), ImageFont.FreeTypeFont)
