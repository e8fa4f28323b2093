"""Atomic file writes: to a temporary file in the same folder, flushed to disk, then renamed."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

Stamp = tuple[int, ...]


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file atomically. After a crash or a power failure it is either the old or the new one.

    Raises:
        OSError: the file cannot be written, for example on a full disk. No temporary file is left.
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
    """Flush a file's content, or the renames in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a folder, a file or a symbolic link, without following the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def stamp_of(path: Path) -> Stamp:
    """Return a value that changes when a file is replaced or a folder's entries change; zeros if the path is missing."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_ino, status.st_nlink)
