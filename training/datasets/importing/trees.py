"""The files of a source: those of a folder or of a zip archive. Nothing is ever unpacked to the disk."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from training.datasets.importing.options import Limits
from training.datasets.importing.problems import Unreadable, composed, shown
from training.errors import DatasetError

_IGNORED = re.compile(r"\.|__MACOSX$|(thumbs\.db|desktop\.ini|icon\r|\$recycle\.bin|@eadir)$", re.IGNORECASE)
"""Files and folders of operating systems and of version control."""
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class File:
    """A file of a source."""

    path: str
    """Relative to the source, with `/` between folders."""
    size: int
    """Unpacked size in bytes, as declared."""


class Tree(Protocol):
    """The files below a folder or in an archive, without hidden ones."""

    name: str
    """Name of the source, without its path."""
    files: tuple[File, ...]
    """In order of path, by code points of composed letters, so that the order is the same on every system."""

    def open(self, file: File) -> BinaryIO:
        """Open a file for reading.

        Raises:
            Unreadable: the file cannot be opened.
        """
        ...

    def close(self) -> None:
        """Close the archive."""
        ...


def read(tree: Tree, file: File, most: int) -> bytes:
    """Return the content of a file of at most `most` bytes.

    Raises:
        Unreadable: the file is larger, or cannot be read.
    """
    if file.size > most:
        raise Unreadable(f"it has {file.size:,} bytes, but the limit is {most:,}")
    with tree.open(file) as opened:
        chunks, left = [], most + 1
        while left > 0 and (chunk := opened.read(min(left, _CHUNK))):
            chunks.append(chunk)
            left -= len(chunk)
    if left <= 0:
        raise Unreadable(f"it has more than {most:,} bytes")
    return b"".join(chunks)


def is_ignored(path: str) -> bool:
    """Whether a path is hidden, or belongs to an operating system."""
    return any(_IGNORED.match(part) for part in path.split("/"))


class Folder:
    """The files below a folder.

    Raises:
        DatasetError: the folder contains links or special files, cannot be read, or exceeds a limit.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.name = path.resolve().name
        self._path = path
        self.files = tuple(sorted(self._walk(limits), key=lambda file: composed(file.path)))

    def _walk(self, limits: Limits) -> list[File]:
        files: list[File] = []
        pending = [""]
        while pending:
            below = pending.pop()
            try:
                with os.scandir(self._path / below) as entries:
                    for entry in entries:
                        path = f"{below}{entry.name}"
                        if is_ignored(entry.name):
                            continue
                        _check_kind(entry, path)
                        if entry.is_dir(follow_symlinks=False):
                            if path.count("/") >= limits.depth:
                                raise DatasetError(
                                    f"{shown(path)} is nested too deeply: at most {limits.depth} folders are read. Move the "
                                    "pictures up."
                                )
                            pending.append(f"{path}/")
                        else:
                            files.append(File(path, entry.stat(follow_symlinks=False).st_size))
                            if len(files) > limits.files:
                                raise DatasetError(f"The folder has more than {limits.files:,} files. Import a part of them.")
            except OSError as error:
                where = shown(self._path / below)
                raise DatasetError(f"{where} cannot be read ({error.strerror}). Correct its permissions.") from error
        return files

    def open(self, file: File) -> BinaryIO:
        try:
            # the file may have been replaced by a link or a pipe since the folder was listed
            descriptor = os.open(self._path / file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise Unreadable("it is not a regular file")
            return os.fdopen(descriptor, "rb")
        except OSError as error:
            raise Unreadable(f"it cannot be opened: {error.strerror}") from error

    def close(self) -> None:
        pass


def _check_kind(entry: os.DirEntry[str], path: str) -> None:
    if entry.is_symlink():
        raise DatasetError(
            f"{shown(path)} is a symbolic link. Links are not followed, because they can lead out of the folder. Copy the "
            "folder with `cp -rL` and import the copy."
        )
    if not entry.is_dir(follow_symlinks=False) and not entry.is_file(follow_symlinks=False):
        raise DatasetError(f"{shown(path)} is neither a file nor a folder. Remove it from the folder.")


class Beside:
    """Some files of a folder, chosen by their names. Links are followed, because the user named the file itself."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._folder = folder
        self.name = names[0]
        found = [name for name in dict.fromkeys(names) if (folder / name).is_file()]
        self.files = tuple(File(name, (folder / name).stat().st_size) for name in sorted(found))

    def open(self, file: File) -> BinaryIO:
        try:
            return (self._folder / file.path).open("rb")
        except OSError as error:
            raise Unreadable(f"it cannot be opened: {error.strerror}") from error

    def close(self) -> None:
        pass
