"""Zip archives from strangers. The whole directory is checked before an entry is read, and nothing is unpacked to the disk.

Zip bombs reach high ratios by nesting archives, or by entries that share the same compressed bytes (Fifield 2019, "A better
zip bomb", WOOT '19). Both are refused, and so is a high ratio. The declared sizes can be trusted afterwards: `zipfile` reads
no more than that, and then compares the checksum.
"""

from __future__ import annotations

import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import IO, BinaryIO, cast

from training.datasets.importing.options import Limits
from training.datasets.importing.problems import Unreadable, composed, shown
from training.datasets.importing.trees import File, is_ignored
from training.errors import DatasetError

NESTED = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|7z|rar|cab|jar|npz|tar\.\w+)$", re.IGNORECASE)
"""Archives within an archive. `.gz` is not among them: IDX files are gzipped."""
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, OSError, EOFError, RuntimeError, struct.error)
_DAMAGED_ENTRY = (*_DAMAGED, zlib.error, lzma.LZMAError)
_ENTRY = b"PK\1\2"
_ENTRY_BYTES = 256
"""Mean length of an entry in the directory of an archive, at most. Names have about 30 characters."""
_LOCAL_HEADER = 30
_ENCRYPTED = 0x1 | 0x40
_UTF8 = 0x800
_UNIX = 3
_PACK = "Pack the folder again, for example with `zip -r pictures.zip pictures`"


class Archive:
    """The files of a zip archive.

    Args:
        source: path of the archive, or an open file.
        limits: the bounds of the archive.
        nested: whether entries may be archives, which are then not read.

    Raises:
        DatasetError: the archive is damaged, exceeds a limit, or is not safe to read: paths that lead out of it, links,
            encrypted, overlapping or repeated entries, and archives within it.
    """

    def __init__(self, source: Path | BinaryIO, limits: Limits, name: str = "") -> None:
        self.name = name or (source.name if isinstance(source, Path) else "archive.zip")
        self._file = _Counted(source.open("rb") if isinstance(source, Path) else source, limits)
        try:
            self._zip = zipfile.ZipFile(cast("IO[bytes]", self._file))
        except _DAMAGED as error:
            self._file.close()
            raise DatasetError(
                f"{shown(self.name)} is not a readable zip archive ({error}). Download or pack it again."
            ) from error
        except BaseException:
            self._file.close()
            raise
        self._file.unlimited = True
        try:
            self._entries = self._checked(limits)
        except BaseException:
            self.close()
            raise
        self.files = tuple(
            File(path, self._entries[path].file_size) for path in sorted(self._entries, key=composed) if not is_ignored(path)
        )

    def _checked(self, limits: Limits) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        for info in infos:
            _check_path(info.orig_filename, limits)
            _check_entry(info)
        repeated = [name for name, count in Counter(info.filename for info in infos).items() if count > 1]
        if repeated:
            raise DatasetError(f"The archive contains {shown(repeated[0])} more than once. {_PACK}.")
        self._check_overlaps(infos)
        self._check_sizes(sum(info.file_size for info in infos), limits)
        return {info.filename: info for info in infos if not info.is_dir()}

    def _check_overlaps(self, infos: list[zipfile.ZipInfo]) -> None:
        end = 0
        for info in sorted(infos, key=lambda info: info.header_offset):
            if info.header_offset < end:
                raise DatasetError(f"The entry {shown(info.filename)} overlaps another one, as in a zip bomb. {_PACK}.")
            encoding = "utf-8" if info.flag_bits & _UTF8 else "cp437"
            length = len(info.orig_filename.encode(encoding, "replace"))
            end = info.header_offset + _LOCAL_HEADER + length + info.compress_size
        if end > self._file.size:
            raise DatasetError(f"{shown(self.name)} is cut off. Download or pack it again.")

    def _check_sizes(self, unpacked: int, limits: Limits) -> None:
        if unpacked > limits.unpacked_bytes:
            raise DatasetError(
                f"The archive unpacks to {unpacked:,} bytes, but the limit is {limits.unpacked_bytes:,}. Unpack it yourself "
                "and import the folder."
            )
        check_ratio("The archive", unpacked, self._file.size, limits)

    def open(self, file: File) -> BinaryIO:
        try:
            return cast("BinaryIO", _Entry(self._zip.open(self._entries[file.path])))
        except _DAMAGED_ENTRY as error:
            raise Unreadable(f"it is damaged in the archive: {error}") from error

    def close(self) -> None:
        self._zip.close()
        self._file.close()


def check_ratio(what: str, unpacked: int, packed: int, limits: Limits) -> None:
    """Raise DatasetError if something unpacks to far more than its size."""
    if unpacked > limits.unpacked_free and unpacked > limits.ratio * packed:
        raise DatasetError(
            f"{what} unpacks to more than {limits.ratio} times its size, as a zip bomb does. Unpack it yourself and import the "
            "result."
        )


def _check_path(path: str, limits: Limits) -> None:
    reason = ""
    parts = path.removesuffix("/").split("/")
    if "\0" in path:
        reason = "it contains a NUL"
    elif "\\" in path:
        reason = "it contains a backslash"
    elif path.startswith("/") or re.match(r"[A-Za-z]:", path):
        reason = "it is absolute"
    elif any(part in ("", ".", "..") for part in parts):
        reason = "it has a part that is empty, `.` or `..`"
    elif len(path) > limits.path_length:
        reason = f"it has more than {limits.path_length:,} characters"
    elif len(parts) > limits.depth + 1:
        reason = f"it has more than {limits.depth} folders"
    if reason:
        raise DatasetError(f"The archive has an entry with the unsafe path {shown(path)}: {reason}. {_PACK}.")


def _check_entry(info: zipfile.ZipInfo) -> None:
    name = shown(info.filename)
    if info.flag_bits & _ENCRYPTED:
        raise DatasetError(f"The entry {name} is encrypted. {_PACK}, without a password.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DatasetError(f"The entry {name} has an unsupported compression ({info.compress_type}). {_PACK}.")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.create_system == _UNIX and kind == stat.S_IFLNK:
        raise DatasetError(f"The entry {name} is a symbolic link. {_PACK}, which packs the files that links lead to.")
    if info.create_system == _UNIX and kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DatasetError(f"The entry {name} is neither a file nor a folder. {_PACK}, without it.")
    if NESTED.search(info.filename) and not info.is_dir() and not is_ignored(info.filename):
        raise DatasetError(
            f"The entry {name} is an archive itself. Unpack it and import it alone, or pack the folder without it."
        )


class _Counted:
    """A file that refuses to be read as the directory of an archive with too many entries.

    `zipfile` reads the whole directory and makes an object of each entry before it returns, and the number of entries that the
    archive declares need not be true.
    """

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._file, self._most = file, limits.files
        self.size = file.seek(0, 2)
        file.seek(0)
        self.unlimited = False

    def read(self, size: int = -1) -> bytes:
        if self.unlimited:
            return self._file.read(size)
        if (size if size >= 0 else self.size - self._file.tell()) <= self._most * _ENTRY_BYTES:
            content = self._file.read(size)
            if content.count(_ENTRY) <= self._most:
                return content
        raise DatasetError(f"The archive has more than {self._most:,} entries. Import a part of them.")

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()


class _Entry:
    """An opened entry. Damage that is found while reading makes it Unreadable."""

    def __init__(self, entry: IO[bytes]) -> None:
        self._entry = entry

    def read(self, size: int = -1) -> bytes:
        try:
            return self._entry.read(size)
        except _DAMAGED_ENTRY as error:
            raise Unreadable(f"it is damaged in the archive: {error}") from error

    def readline(self, size: int = -1) -> bytes:
        try:
            return self._entry.readline(size)
        except _DAMAGED_ENTRY as error:
            raise Unreadable(f"it is damaged in the archive: {error}") from error

    def __enter__(self) -> _Entry:
        return self

    def __exit__(self, *_: object) -> None:
        self._entry.close()

    def close(self) -> None:
        self._entry.close()
