"""Sources made of small pictures."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.datasets import importing
from training.datasets.importing import Imported


def levels(seed: int, shape: tuple[int, ...] = (28, 28)) -> NDArray[np.uint8]:
    """A bright blob of random levels on black, with a black border."""
    rng = np.random.RandomState(seed)
    picture = np.zeros(shape, np.uint8)
    picture[4:-4, 4:-4] = rng.randint(1, 256, picture[4:-4, 4:-4].shape)
    return picture


def saved(picture: NDArray[np.uint8] | Image.Image, form: str = "PNG", **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def png(seed: int) -> bytes:
    return saved(levels(seed))


def write(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write files by their path below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def zipped(path: Path, files: Mapping[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def classes(count: int = 12, *names: str, prefix: str = "") -> dict[str, bytes]:
    """PNG files in a folder per class, each of `count` different pictures."""
    named = names or ("cat", "dog")
    return {f"{prefix}{name}/{n:03}.png": png(1000 * k + n) for k, name in enumerate(named) for n in range(count)}


def splits(count: int = 6) -> dict[str, bytes]:
    """The same in folders of splits."""
    train, test = classes(count, prefix="train/"), classes(count, prefix="test/")
    return train | {path: png(50_000 + n) for n, path in enumerate(test)}


def idx(array: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def npy(array: NDArray[Any], *, allow_pickle: bool = False) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=allow_pickle)
    return file.getvalue()


def stack(count: int, first: int = 0) -> NDArray[np.uint8]:
    return np.stack([levels(first + n) for n in range(count)])


def read(path: Path, **options: Any) -> Imported:
    return importing.read_source(path, importing.Options(**options))


def by_pixels(imported: Imported) -> dict[bytes, str]:
    """Return the class of each picture by its pixels, of both splits."""
    c = imported.contents
    names = c.classes or ("",)
    pairs = [*zip(c.train_images, c.train_labels, strict=True), *zip(c.test_images, c.test_labels, strict=True)]
    return {image.tobytes(): names[label] for image, label in pairs}
