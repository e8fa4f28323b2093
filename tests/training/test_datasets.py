"""The datasets: real, whole, and clear about it when not."""

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
from training.datasets import SOURCES, tensors
from training.datasets.idx import parse_idx, read_idx
from training.datasets.tensors import Dataset
from training.errors import DatasetError

CARRIED = SOURCES["mnist"].folders[0]
FASHION = SOURCES["fashion-mnist"].folders[0]


def test_mnist_is_carried_whole(mnist: Dataset) -> None:
    test = tensors.load("mnist", "test")
    assert (mnist.images.shape, test.images.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert mnist.images.dtype == torch.uint8
    assert mnist.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert (int(mnist.images.min()), int(mnist.images.max())) == (0, 255)
    assert mnist.labels[:5].tolist() == [5, 0, 4, 1, 9]


def test_the_licence_and_the_checksums_lie_beside_the_files() -> None:
    text = (CARRIED / "README.md").read_text()
    assert "Attribution-Share Alike 3.0" in text
    for name, digest in SOURCES["mnist"].sha256.items():
        assert f"{digest}  {name}" in text


@pytest.mark.skipif(not FASHION.exists(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_fashion_mnist_is_read_where_debian_puts_it() -> None:
    train = tensors.load("fashion-mnist", "train")
    assert train.images.shape == (60_000, 1, 28, 28)
    assert train.labels.bincount().tolist() == [6000] * 10


def copy_of_mnist(folder: Path) -> Path:
    return Path(shutil.copytree(CARRIED, folder / "mnist"))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def flip(path: Path) -> None:
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[5000] ^= 1
    path.write_bytes(gzip.compress(bytes(content), 1))


def not_gzip(path: Path) -> None:
    path.write_bytes(b"<html>404</html>")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (truncate, "cannot be decompressed"),
        (flip, "expected sha256"),
        (not_gzip, "cannot be decompressed"),
        (Path.unlink, "lacks"),
    ],
)
def test_a_spoilt_file_is_named_with_what_was_expected_and_how_to_get_it(tmp_path: Path, spoil, words: str) -> None:
    folder = copy_of_mnist(tmp_path)
    file = folder / "t10k-images-idx3-ubyte.gz"
    spoil(file)
    with pytest.raises(DatasetError) as error:
        tensors.load("mnist", "test", folder)
    assert str(folder) in str(error.value)
    assert file.name in str(error.value)
    assert words in str(error.value)
    assert str(error.value).endswith("python -m training datasets download mnist.")


def test_a_folder_without_the_dataset_says_where_it_looked(tmp_path: Path) -> None:
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
def test_what_is_not_idx_is_refused(content: bytes) -> None:
    with pytest.raises(DatasetError, match="Fetch it"):
        parse_idx(content, name="x", remedy="Fetch it.")


@given(st.binary(max_size=64))
def test_no_bytes_make_the_parser_fail_otherwise(content: bytes) -> None:
    try:
        parsed = parse_idx(content, name="x", remedy="Fetch it.")
    except DatasetError:
        parsed = None
    assert parsed is None or 4 + 4 * parsed.ndim + parsed.size == len(content)


def test_a_header_that_promises_the_world_is_refused_without_making_room_for_it(tmp_path: Path) -> None:
    content = b"\0\0\x08\x03" + b"\xff" * 12
    path = tmp_path / "huge.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(DatasetError, match="its header says"):
        read_idx(path, sha256=hashlib.sha256(content).hexdigest(), remedy="Fetch it.")


class _Mirror(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_download_is_verified_and_a_bad_mirror_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses
    import functools

    good = copy_of_mnist(tmp_path)
    (tmp_path / "bad").mkdir()
    for name in SOURCES["mnist"].sha256:
        (tmp_path / "bad" / f"{name}.gz").write_bytes(b"not it")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Mirror, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        source = dataclasses.replace(SOURCES["mnist"], mirrors=(f"{address}/bad/", f"{address}/{good.name}/"))
        monkeypatch.setitem(SOURCES, "mnist", source)
        folder = datasets.download("mnist", tmp_path / "fetched")
        assert len(tensors.load("mnist", "test", folder)) == 10_000
        bad = dataclasses.replace(source, mirrors=(f"{address}/bad/", f"{address}/none/"))
        monkeypatch.setitem(SOURCES, "mnist", bad)
        with pytest.raises(DatasetError, match="cannot be downloaded"):
            datasets.download("mnist", tmp_path / "again")
        assert list((tmp_path / "again").iterdir()) == []
    finally:
        server.shutdown()
        server.server_close()
