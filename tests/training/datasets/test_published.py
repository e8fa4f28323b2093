"""Loading, verifying and downloading the datasets."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import shutil
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training import datasets
from training.datasets import PUBLISHED, tensors
from training.datasets.idx import parse_idx, read_idx
from training.datasets.tensors import Dataset
from training.errors import DatasetError

MNIST = PUBLISHED["mnist"].folders[0]
FASHION = PUBLISHED["fashion-mnist"].folders[0]


def test_the_bundled_mnist_is_complete(mnist: Dataset) -> None:
    test = tensors.load("mnist", "test")
    assert (mnist.images.shape, test.images.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert mnist.images.dtype == torch.uint8
    assert mnist.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert (int(mnist.images.min()), int(mnist.images.max())) == (0, 255)
    assert mnist.labels[:5].tolist() == [5, 0, 4, 1, 9]


@pytest.mark.parametrize(("name", "licence"), [("mnist", "Attribution-Share Alike 3.0"), ("letters", "OFL-1.1")])
def test_the_readme_of_a_bundled_dataset_has_the_licence_and_checksums(name: str, licence: str) -> None:
    text = (PUBLISHED[name].folders[0] / "README.md").read_text()
    assert licence in text
    for file, digest in PUBLISHED[name].sha256.items():
        assert f"{digest}  {file}" in text


def test_the_bundled_letters_are_complete() -> None:
    train, test = (tensors.load("letters", split) for split in ("train", "test"))
    assert (train.images.shape, test.images.shape) == ((16_276, 1, 28, 28), (2_418, 1, 28, 28))
    assert train.labels.bincount().tolist() == [626] * 26
    assert test.labels.bincount().tolist() == [93] * 26
    assert (int(train.images.min()), int(train.images.max())) == (0, 255)


def test_a_dataset_without_mirrors_is_not_downloaded(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"is part of the repository.* python -m tools.letters render makes it anew\.$"):
        datasets.download("letters", tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


@pytest.mark.skipif(not FASHION.exists(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_fashion_mnist_is_read_from_the_debian_package() -> None:
    train = tensors.load("fashion-mnist", "train")
    assert train.images.shape == (60_000, 1, 28, 28)
    assert train.labels.bincount().tolist() == [6000] * 10


def copy_of_mnist(folder: Path) -> Path:
    return Path(shutil.copytree(MNIST, folder / "mnist"))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def flip_bit(path: Path) -> None:
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[5000] ^= 1
    path.write_bytes(gzip.compress(bytes(content), 1))


def not_gzip(path: Path) -> None:
    path.write_bytes(b"<html>404</html>")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (truncate, "cannot be decompressed"),
        (flip_bit, "expected sha256"),
        (not_gzip, "cannot be decompressed"),
        (Path.unlink, "lacks"),
    ],
)
def test_the_error_about_a_damaged_file_has_its_path_and_the_remedy(tmp_path: Path, damage, words: str) -> None:
    folder = copy_of_mnist(tmp_path)
    file = folder / "t10k-images-idx3-ubyte.gz"
    damage(file)
    with pytest.raises(DatasetError) as error:
        tensors.load("mnist", "test", folder)
    assert str(folder) in str(error.value)
    assert file.name in str(error.value)
    assert words in str(error.value)
    assert str(error.value).endswith("python -m training datasets download mnist.")


def test_the_error_about_a_missing_dataset_has_the_folder_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as error:
        tensors.load("fashion-mnist", "train", tmp_path)
    assert str(tmp_path) in str(error.value)
    assert "apt-get install dataset-fashion-mnist" in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x08\x03\0\0\0\x01",
        b"\0\0\x0d\x01\0\0\0\x01\0",
        b"\0\0\x08\x01\0\0\0\x05abc",
        b"\0\0\x08\x01\0\0\0\x02abc",
    ],
)
def test_data_that_is_not_idx_is_rejected(content: bytes) -> None:
    with pytest.raises(DatasetError, match="Fetch it"):
        parse_idx(content, name="x", remedy="Fetch it.")


@given(st.binary(max_size=64))
def test_the_parser_raises_only_dataset_errors(content: bytes) -> None:
    try:
        parsed = parse_idx(content, name="x", remedy="Fetch it.")
    except DatasetError:
        parsed = None
    assert parsed is None or 4 + 4 * parsed.ndim + parsed.size == len(content)


def test_a_huge_declared_size_is_rejected_without_allocating_memory(tmp_path: Path) -> None:
    content = b"\0\0\x08\x03" + b"\xff" * 12
    path = tmp_path / "huge.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(DatasetError, match="its header says"):
        read_idx(path, sha256=hashlib.sha256(content).hexdigest(), remedy="Fetch it.")


class _Mirror(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_download_is_verified_and_a_bad_mirror_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses
    import functools

    good = copy_of_mnist(tmp_path)
    (tmp_path / "bad").mkdir()
    for name in PUBLISHED["mnist"].sha256:
        (tmp_path / "bad" / f"{name}.gz").write_bytes(b"wrong content")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Mirror, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        source = dataclasses.replace(PUBLISHED["mnist"], mirrors=(f"{address}/bad/", f"{address}/{good.name}/"))
        monkeypatch.setitem(PUBLISHED, "mnist", source)
        folder = datasets.download("mnist", tmp_path / "fetched")
        assert len(tensors.load("mnist", "test", folder)) == 10_000
        bad = dataclasses.replace(source, mirrors=(f"{address}/bad/", f"{address}/none/"))
        monkeypatch.setitem(PUBLISHED, "mnist", bad)
        with pytest.raises(DatasetError, match="cannot be downloaded"):
            datasets.download("mnist", tmp_path / "again")
        assert list((tmp_path / "again").iterdir()) == []
    finally:
        server.shutdown()
        server.server_close()
