"""The published datasets: their locations, checksums, download and metadata. Does not import torch."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.datasets.contents import Split
from training.datasets.idx import MOST_BYTES, read_idx
from training.errors import DatasetError

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "seedling" / "datasets"


@dataclass(frozen=True)
class PublishedDataset:
    """A published dataset: its classes, its files with the sha256 of their decompressed bytes, and their locations."""

    name: str
    title: str
    licence: str
    classes: tuple[str, ...]
    sha256: dict[str, str]
    folders: tuple[Path, ...]
    mirrors: tuple[str, ...]
    remedy: str

    @property
    def reference(self) -> str:
        """The name. A published dataset has one version."""
        return self.name

    @property
    def digest(self) -> str:
        """sha256 of the whole dataset, computed from the digests of its files in order of name."""
        lines = "".join(f"{self.sha256[name]}  {name}\n" for name in sorted(self.sha256))
        return hashlib.sha256(lines.encode()).hexdigest()


PUBLISHED: dict[str, PublishedDataset] = {
    "mnist": PublishedDataset(
        name="mnist",
        title="MNIST handwritten digits",
        licence="CC BY-SA 3.0, Y. LeCun, C. Cortes, C.J.C. Burges",
        classes=tuple("0123456789"),
        sha256={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        folders=(Path(__file__).parent / "mnist",),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        remedy="Restore training/datasets/mnist from git, or run: python -m training datasets download mnist",
    ),
    "fashion-mnist": PublishedDataset(
        name="fashion-mnist",
        title="Fashion-MNIST clothes",
        licence="MIT, Zalando SE",
        classes=(
            "t-shirt",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle-boot",
        ),
        sha256={
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        folders=(Path("/usr/share/datasets/fashion-mnist"),),
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        ),
        remedy="On Debian: apt-get install dataset-fashion-mnist. Elsewhere: python -m training datasets download "
        "fashion-mnist. Or name the folder that holds its four .gz files with --data",
    ),
    "letters": PublishedDataset(
        name="letters",
        title="Capitals of fonts from Debian",
        licence="free licences of the fonts: OFL-1.1, GPL with font exception and others, see fonts.tsv",
        classes=tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        sha256={
            "train-images-idx3-ubyte": "e01a419be28854936c26c147a81e275967193a7e82b0dab1b69c6c1132b894b7",
            "train-labels-idx1-ubyte": "07fe62c4b29aa4e9a2ed6c4d309a466dde24bbf7cf0564ae0854b50b95fc8f6c",
            "t10k-images-idx3-ubyte": "d0f2dcd266b8512e36024a7e118f65a647b57de282a7a92ad874404613f92f11",
            "t10k-labels-idx1-ubyte": "f4c7a017a3c17e41a332c1436f044365307ea71782ad2013f3b3674e4ba590a5",
        },
        folders=(Path(__file__).parent / "letters",),
        mirrors=(),
        remedy="Restore training/datasets/letters from git. On Debian 12, python -m tools.letters render makes it anew",
    ),
}
FILES: dict[Split, tuple[str, str]] = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def locate(dataset: PublishedDataset, folder: Path | None = None) -> Path:
    """Return the folder to read a dataset from: `folder` unless it is None, else the first location with all its files.

    The download cache comes first, so that a download takes precedence over damaged files elsewhere.

    Raises:
        DatasetError: no folder has all files.
    """
    candidates = (folder,) if folder else (CACHE / dataset.name, *dataset.folders)
    for candidate in candidates:
        if all((candidate / f"{name}.gz").exists() for name in dataset.sha256):
            return candidate
    files = [f"{name}.gz" for name in dataset.sha256]
    missing = "; ".join(f"{c} lacks {', '.join(f for f in files if not (c / f).exists())}" for c in candidates)
    remedy = f"Put the files there, gzipped. {dataset.remedy}" if folder else dataset.remedy
    raise DatasetError(f"{dataset.title}: {missing}. {remedy}.")


def read_published(name: str, split: Split, folder: Path | None = None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read and verify one split: pictures (N, 28, 28), where 0 is background, and labels (N,) in 0..K-1. Both are read-only.

    Raises:
        DatasetError: a file is missing, truncated or not the published one. The message names the file and the remedy.
    """
    dataset = PUBLISHED[name]
    where = locate(dataset, folder)
    remedy = f"{'Put the published file there. ' if folder else ''}{dataset.remedy}."
    images, labels = (read_idx(where / f"{file}.gz", sha256=dataset.sha256[file], remedy=remedy) for file in FILES[split])
    return images, labels


def download(name: str, folder: Path | None = None) -> Path:
    """Download a published dataset's files from its public mirrors, verify them, and return their folder.

    Raises:
        DatasetError: the dataset is unknown or has no mirrors, or no mirror returned a file with the published checksum.
    """
    if name not in PUBLISHED:
        raise DatasetError(f"{name} cannot be downloaded. Choose one of: {', '.join(PUBLISHED)}.")
    dataset = PUBLISHED[name]
    if not dataset.mirrors:
        raise DatasetError(f"{name} is part of the repository and is not published elsewhere. {dataset.remedy}.")
    folder = folder or CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, sha256 in dataset.sha256.items():
        _fetch(f"{file}.gz", folder, sha256, dataset.mirrors)
    return folder


def _fetch(file: str, folder: Path, sha256: str, mirrors: tuple[str, ...]) -> None:
    part, failures = folder / f"{file}.part", []
    remedy = "Check the network, or copy the file there by hand."
    for mirror in mirrors:
        try:
            with urllib.request.urlopen(mirror + file, timeout=60) as response:  # noqa: S310 - the mirrors are constants
                part.write_bytes(response.read(MOST_BYTES))
            read_idx(part, sha256=sha256, remedy=remedy)
        except (OSError, http.client.HTTPException, DatasetError) as error:
            failures.append(f"{mirror}: {error}")
        else:
            part.replace(folder / file)
            return
        finally:
            part.unlink(missing_ok=True)
    raise DatasetError(f"{file} cannot be downloaded. {'; '.join(failures)}. {remedy}")
