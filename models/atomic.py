"""Files that are whole or not there: written beside their place, flushed to the disk, and renamed into it."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

Stamp = tuple[int, ...]


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that a crash or a power cut at any moment leaves the old one or the new one.

    Raises:
        OSError: it could not be written (a full disk); nothing of the attempt stays.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Make what was written to a file, or renamed in a folder, outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove what a writer left: a folder, a file, or a link, but never what the link points to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def stamp_of(path: Path) -> Stamp:
    """What changes when a file is replaced or a folder gets or loses an entry; zeros if there is nothing."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_ino, status.st_nlink)
