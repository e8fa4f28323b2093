"""Archives that try to escape, to hide or to fill the memory are refused."""

from __future__ import annotations

import io
import os
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.training.datasets.importing.making import classes, png, read, write, zipped
from training.datasets import importing
from training.datasets.importing import Limits
from training.datasets.importing.archives import Archive
from training.errors import BrokenPicturesError, DatasetError


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../up.png", r"has a part that is empty, `\.` or `\.\.`"),
        ("cat/../../up.png", "has a part"),
        ("cat//x.png", "has a part"),
        ("./x.png", "has a part"),
        ("/etc/x.png", "is absolute"),
        ("C:/x.png", "is absolute"),
        ("cat\\x.png", "contains a backslash"),
        ("..\\..\\x.png", "contains a backslash"),
        ("a" * 1100 + ".png", "more than 1,024 characters"),
        ("a/" * 20 + "x.png", "more than 16 folders"),
    ],
)
def test_unsafe_paths_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    source = zipped(tmp_path / "mine.zip", classes() | {name: png(1)})
    with pytest.raises(DatasetError, match=f"unsafe path .*{reason}.*Pack the folder again"):
        read(source)
    assert os.listdir(tmp_path) == ["mine.zip"]


def test_a_nul_in_a_path_is_refused(tmp_path: Path) -> None:
    source = zipped(tmp_path / "mine.zip", {"cat/1.png@.exe": png(1)})
    source.write_bytes(source.read_bytes().replace(b"1.png@", b"1.png\0"))
    with pytest.raises(DatasetError, match="contains a NUL"):
        read(source)


def entry(name: str, mode: int, content: bytes) -> bytes:
    file = io.BytesIO()
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(info, content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("mode", "words"),
    [(stat.S_IFLNK | 0o777, "is a symbolic link"), (stat.S_IFIFO | 0o644, "is neither a file nor a folder")],
)
def test_links_and_special_files_are_refused(tmp_path: Path, mode: int, words: str) -> None:
    (tmp_path / "mine.zip").write_bytes(entry("cat/x.png", mode, b"/etc/passwd"))
    with pytest.raises(DatasetError, match=words):
        read(tmp_path / "mine.zip")


def patched(path: Path, name: str, offset: int, value: bytes) -> Path:
    """Change bytes of an entry in the directory of an archive, and at the same place of its local header."""
    content = bytearray(path.read_bytes())
    encoded = name.encode()
    central = content.rfind(b"PK\1\2", 0, content.rfind(encoded))
    content[central + offset : central + offset + len(value)] = value
    local = content.rfind(b"PK\3\4", 0, content.find(encoded) + 1)
    content[local + offset - 2 : local + offset - 2 + len(value)] = value
    path.write_bytes(bytes(content))
    return path


def test_encrypted_entries_are_refused(tmp_path: Path) -> None:
    source = patched(zipped(tmp_path / "mine.zip", classes()), "dog/011.png", 8, b"\1\0")
    with pytest.raises(DatasetError, match=r"dog/011\.png is encrypted\..*without a password"):
        read(source)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path: Path, method: int) -> None:
    with pytest.raises(DatasetError, match=r"unsupported compression \(1[24]\)"):
        read(zipped(tmp_path / "mine.zip", classes(), method))


@pytest.mark.parametrize("name", ["inner.zip", "cat/pictures.tar.gz", "a.7z", "a.npz"])
def test_archives_in_archives_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match=r"is an archive itself\. Unpack it"):
        read(zipped(tmp_path / "mine.zip", classes() | {name: b"x"}))


def test_an_archive_in_a_folder_is_reported(tmp_path: Path) -> None:
    report = read(write(tmp_path / "mine", classes() | {"all.zip": b"PK"})).report
    assert [each.file for each in report.ignored] == ["all.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_repeated_names_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for n in range(2):
            archive.writestr("cat/1.png", png(n))
    with pytest.raises(DatasetError, match=r"contains cat/1\.png more than once"):
        read(tmp_path / "mine.zip")


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    """Each entry of the directory refers to the same bytes, as in Fifield's zip bomb."""
    names = [f"{n:05}.png" for n in range(100)]
    content = png(1)
    zipped(tmp_path / "one.zip", {names[0]: content}, zipfile.ZIP_STORED)
    packed = (tmp_path / "one.zip").read_bytes()
    start = packed.index(b"PK\1\2")
    central = packed[start : packed.index(b"PK\5\6")]
    directory = b"".join(central.replace(names[0].encode(), name.encode()) for name in names)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(names), len(names), len(directory), start, 0)
    (tmp_path / "mine.zip").write_bytes(packed[:start] + directory + end)
    with pytest.raises(DatasetError, match="overlaps another one, as in a zip bomb"):
        read(tmp_path / "mine.zip")


def test_a_high_ratio_is_refused_and_a_large_total_too(tmp_path: Path) -> None:
    source = zipped(tmp_path / "mine.zip", {"cat/1.bmp": bytes(1_000_000), "dog/1.png": png(1)})
    with pytest.raises(DatasetError, match="unpacks to more than 200 times its size"):
        importing.read_source(source, limits=Limits(unpacked_free=999_999))
    with pytest.raises(DatasetError, match=r"unpacks to 1,000,\d+ bytes, but the limit is 1,000,000\. Unpack it yourself"):
        importing.read_source(source, limits=Limits(unpacked_bytes=1_000_000))


def test_more_is_never_read_than_an_entry_declares(tmp_path: Path) -> None:
    """The directory declares 100 bytes for an entry of ten megabytes."""
    source = zipped(tmp_path / "mine.zip", {"cat/1.png": bytes(10_000_000)})
    patched(source, "cat/1.png", 24, struct.pack("<L", 100))
    with pytest.raises(BrokenPicturesError) as error:
        read(source)
    assert dict(error.value.broken)["cat/1.png"].startswith("it is damaged in the archive: Bad CRC-32")


def test_the_directory_is_counted_before_it_is_parsed(tmp_path: Path) -> None:
    """The archive declares one entry but has thousands."""
    source = zipped(tmp_path / "mine.zip", {f"{n}.png": b"" for n in range(5000)})
    content = bytearray(source.read_bytes())
    end = content.rindex(b"PK\5\6")
    content[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    source.write_bytes(bytes(content))
    with pytest.raises(DatasetError, match="more than 4,999 entries"):
        Archive(source, Limits(files=4999))


@pytest.mark.parametrize("keep", [10, 100, -30])
def test_a_truncated_archive_is_refused(tmp_path: Path, keep: int) -> None:
    source = zipped(tmp_path / "mine.zip", classes())
    source.write_bytes(source.read_bytes()[:keep])
    with pytest.raises(DatasetError, match=r"not a readable zip archive.*Download or pack it again"):
        read(source)


def test_damage_within_an_entry_breaks_only_that_picture(tmp_path: Path) -> None:
    source = zipped(tmp_path / "mine.zip", classes())
    content = bytearray(source.read_bytes())
    place = content.index(b"cat/005.png") + 200
    content[place] ^= 0xFF
    source.write_bytes(bytes(content))
    imported = read(source, skip_broken=True)
    assert [each.file for each in imported.report.broken] == ["cat/005.png"]
    assert sum(imported.report.counts.values()) == 23


_CHILD = """
import resource, sys
from pathlib import Path
from training.datasets import importing
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
try:
    print(sum(importing.read_source(Path(sys.argv[1])).report.counts.values()))
except Exception as error:
    print(error)
print(peak() - before)
"""


def test_a_bomb_takes_little_memory(tmp_path: Path) -> None:
    """256 megabytes of zeros in 256 kilobytes: refused, before any of them is unpacked."""
    with zipfile.ZipFile(tmp_path / "mine.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(4):
            with archive.open(f"{n}.png", "w") as file:
                for _ in range(64):
                    file.write(bytes(2**20))
    done = subprocess.run([sys.executable, "-c", _CHILD, tmp_path / "mine.zip"], capture_output=True, text=True, check=True)
    message, taken = done.stdout.splitlines()
    assert "unpacks to more than 200 times its size" in message
    assert int(taken) < 20


def test_an_archive_that_is_larger_than_the_directory_of_the_most_entries_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x_train=np.random.default_rng(0).integers(0, 256, (200, 28, 28), np.uint8))
    assert path.stat().st_size > 100 * 46, "the directory of 100 entries is smaller"
    assert importing.read_source(path, limits=Limits(files=100)).report.found == 200
