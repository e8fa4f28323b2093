"""The files of a run's folder that are kept in object storage, and how they are divided into objects.

A file is a list of parts. Each part is an object of at most `MOST_BYTES`, so that a slow network can transfer it in time. A
file that only grows gets further parts, and small ones are joined, so that n appends need about log(n) parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel

MOST_BYTES = 1024 * 1024
FILES = ("checkpoint.pt", "best.pt", "initial.pt", "spec.json")
"""A file that is newer than the checkpoint is harmless. The checkpoint is therefore read first."""
DATASETS = "datasets"
FOLDERS = (DATASETS, "candidate", "samples")
GROWING = ("log.txt", "events.jsonl")
"""They come last, so that they contain everything about the other files."""


class Part(BaseModel):
    """A part of a file."""

    name: str
    """Name of the object."""
    sha256: str
    size: int


Files = dict[str, list[Part]]
"""Paths in the folder, with the parts of each file."""


def names_in(folder: Path) -> list[str]:
    """Return the paths of the files to keep, in the order in which they must be read."""
    found = [name for name in FILES if (folder / name).is_file()]
    for inner in FOLDERS:
        paths = sorted((folder / inner).rglob("*"))
        found += [str(path.relative_to(folder)) for path in paths if path.is_file() and not path.name.startswith(".")]
    return found + [name for name in GROWING if (folder / name).is_file()]


def content_of(path: Path) -> bytes:
    """Return the content of a file to keep. An incomplete last event is omitted.

    Raises:
        OSError: the file cannot be read.
    """
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1] if path.suffix == ".jsonl" else content


def divide(content: bytes, known: Sequence[Part], upload: Callable[[bytes, str], Part], *, grows: bool) -> list[Part]:
    """Return the parts of a file.

    Args:
        content: the file's content.
        known: parts of the file before.
        upload: stores a part with a sha256, unless it is stored already.
        grows: whether to keep the known parts with which the content begins.
    """
    parts, start = [], 0
    for part in known if grows else ():
        if sha256(content[start : start + part.size]) != part.sha256:
            break
        parts.append(part)
        start += part.size
    while parts and start < len(content) and parts[-1].size <= min(len(content) - start, MOST_BYTES // 2):
        start -= parts.pop().size
    for begin in range(start, len(content), MOST_BYTES):
        piece = content[begin : begin + MOST_BYTES]
        parts.append(upload(piece, sha256(piece)))
    return parts


def matches(path: Path, parts: Sequence[Part]) -> bool:
    """Whether a file has exactly the content of these parts."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    start = 0
    for part in parts:
        if sha256(content[start : start + part.size]) != part.sha256:
            return False
        start += part.size
    return start == len(content)


def sha256(content: bytes) -> str:
    """Return the hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()
