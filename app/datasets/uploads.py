"""Files that clients upload in parts, as the tus protocol prescribes (https://tus.io/protocols/resumable-upload).

An upload is a folder, `<state>/uploads/<id>`, with the received bytes and a description that is written once. The size of the
file is the offset, so that a service that was killed resumes with exactly the bytes that it has. All workers and replicas that
share the state folder can continue an upload; a lock on its file admits one of them at a time.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from app.errors import (
    BodyTooLarge,
    ChecksumMismatch,
    DiskFull,
    InvalidRequest,
    NotFound,
    StoreUnavailable,
    TooManyUploads,
    UploadConflict,
    UploadLocked,
)
from models.atomic import remove, sync, write_atomically

UPLOAD_ID = "^[0-9a-f]{32}$"
ALGORITHMS = ("sha1", "sha256", "md5")
"""Checksums that clients may send. tus requires sha1; the checksums detect damage, not attacks."""
MOST_UPLOADS = 16
"""Uploads that are kept at a time, finished or not."""
RESERVE = 64 * 2**20
"""Bytes of the disk that uploads leave free, for the job store and the models."""
_DESCRIPTION, _DATA, _UNCHECKED = "upload.json", "data", "unchecked"


@dataclass(frozen=True)
class Description:
    """What is known about an upload when it begins."""

    length: int | None
    """Bytes of the whole file. None if the file arrives in one request that does not announce its size."""
    filename: str
    by: str
    """Name of the token that began the upload."""
    created: float


@dataclass(frozen=True)
class Upload:
    """An upload, as found on the disk."""

    id: str
    folder: Path
    description: Description
    offset: int
    """Number of bytes received."""
    expires: float
    """When the upload will be deleted, in seconds since the epoch."""

    @property
    def path(self) -> Path:
        """The file. Its name on the disk is not that of the client."""
        return self.folder / _DATA

    @property
    def is_complete(self) -> bool:
        return self.offset == self.description.length


class Uploads:
    """The uploads of a state folder.

    Args:
        folder: where they are stored. Created with the first upload.
        most_bytes: maximum size of a file.
        keep_seconds: age after its last byte at which an upload is deleted.
    """

    def __init__(self, folder: Path, most_bytes: int, keep_seconds: float) -> None:
        self.folder, self.most_bytes, self.keep_seconds = folder, most_bytes, keep_seconds

    def create(self, length: int | None, filename: str, by: str) -> Upload:
        """Begin an upload.

        Raises:
            BodyTooLarge: the file would be too large.
            TooManyUploads: as many uploads as are allowed exist already.
            DiskFull: the disk has no room for the file.
            StoreUnavailable: the state folder is not writable.
        """
        if length is not None:
            self.check_size(length)
        with _storing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self.prune()
            if sum(1 for _ in self._folders()) >= MOST_UPLOADS:
                raise TooManyUploads(
                    f"There are {MOST_UPLOADS} uploads already. Import or delete some (GET and DELETE /admin/uploads)."
                )
            check_room(self.folder, length or 0)
            upload_id = secrets.token_hex(16)
            description = Description(length, filename[:255], by, time.time())
            part = self.folder / f".part-{upload_id}"
            part.mkdir()
            try:
                (part / _DATA).touch()
                write_atomically(part / _DESCRIPTION, json.dumps(asdict(description)).encode())
                part.rename(self.folder / upload_id)
            except BaseException:
                remove(part)
                raise
            sync(self.folder)
        return self.get(upload_id)

    def check_size(self, length: int) -> None:
        """Raise BodyTooLarge if a file of this many bytes is not accepted."""
        if length > self.most_bytes:
            raise BodyTooLarge(
                f"The file has {length:,} bytes, and {self.most_bytes:,} are allowed. Split it into several datasets, or raise "
                "GAN_MAX_DATASET_BYTES."
            )

    def get(self, upload_id: str) -> Upload:
        """Return an upload.

        Raises:
            NotFound: it does not exist or has expired.
        """
        folder = self.folder / upload_id
        if not re.fullmatch(UPLOAD_ID, upload_id):
            raise _unknown(upload_id)
        try:
            description = Description(**json.loads((folder / _DESCRIPTION).read_bytes()))
            status = (folder / _DATA).stat()
        except (OSError, ValueError, TypeError) as error:
            raise _unknown(upload_id) from error
        expires = status.st_mtime + self.keep_seconds
        if expires < time.time():
            raise _unknown(upload_id)
        return Upload(upload_id, folder, description, min(status.st_size, _verified(folder, status.st_size)), expires)

    def all(self) -> list[Upload]:
        """Return the uploads, newest first."""
        found = []
        for folder in self._folders():
            with contextlib.suppress(NotFound):
                found.append(self.get(folder.name))
        return sorted(found, key=lambda upload: upload.description.created, reverse=True)

    @contextlib.contextmanager
    def append(self, upload_id: str, offset: int, checksum: str | None = None) -> Iterator[Appending]:
        """Open an upload to append bytes. No other process can do so meanwhile.

        Args:
            upload_id: the upload.
            offset: the number of bytes that it has, according to the client.
            checksum: the algorithm and the base64 of the digest of the bytes that will be appended, as in
                "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=".

        Raises:
            NotFound: the upload does not exist.
            UploadConflict: the upload has a different number of bytes.
            UploadLocked: another request appends to the upload.
            InvalidRequest: the checksum is malformed, or its algorithm unknown.
        """
        digest = _Checksum(checksum) if checksum else None
        upload = self.get(upload_id)
        with _storing(self.folder), _locked(upload) as descriptor:
            verified = _verified(upload.folder, os.fstat(descriptor).st_size)
            os.truncate(descriptor, min(verified, os.fstat(descriptor).st_size))
            actual = os.fstat(descriptor).st_size
            if actual != offset:
                raise UploadConflict(
                    f"The upload has {actual} bytes, not {offset}. Read Upload-Offset with HEAD, then continue from there."
                )
            if digest:
                write_atomically(upload.folder / _UNCHECKED, str(actual).encode())
            try:
                appending = Appending(upload, descriptor, actual, self.most_bytes, digest)
                yield appending
            finally:
                if digest and not digest.passed:
                    os.truncate(descriptor, actual)
                (upload.folder / _UNCHECKED).unlink(missing_ok=True)

    def finish(self, upload_id: str, filename: str) -> Upload:
        """Record the length and the name of a file that arrived in one request, which may not announce them."""
        upload = self.get(upload_id)
        description = Description(**{**asdict(upload.description), "length": upload.offset, "filename": filename[:255]})
        with _storing(self.folder):
            write_atomically(upload.folder / _DESCRIPTION, json.dumps(asdict(description)).encode())
        return self.get(upload_id)

    def delete(self, upload_id: str) -> None:
        """Delete an upload.

        Raises:
            NotFound: it does not exist.
            UploadLocked: a request appends to it.
        """
        upload = self.get(upload_id)
        with _storing(self.folder), _locked(upload):
            remove(upload.folder)

    def prune(self) -> None:
        """Delete expired uploads, and remains of uploads that were not created completely."""
        now = time.time()
        for folder in self._folders(".part-"):
            with contextlib.suppress(OSError):
                if folder.stat().st_mtime < now - 3600:
                    remove(folder)
        for folder in self._folders():
            try:
                self.get(folder.name)
            except NotFound:
                newest = max((path.stat().st_mtime for path in (folder, *folder.iterdir())), default=0.0)
                if newest + self.keep_seconds < now:
                    remove(folder)

    def _folders(self, prefix: str = "") -> Iterator[Path]:
        try:
            names = sorted(os.listdir(self.folder))
        except OSError:
            return
        for name in names:
            if name.startswith(prefix) and re.fullmatch(UPLOAD_ID, name.removeprefix(prefix)):
                yield self.folder / name


class Appending:
    """An upload that is being appended to. Its bytes are on the disk after `flush`."""

    def __init__(self, upload: Upload, descriptor: int, offset: int, most_bytes: int, digest: _Checksum | None) -> None:
        self.upload, self.offset = upload, offset
        self._descriptor, self._digest = descriptor, digest
        self._end = most_bytes if upload.description.length is None else upload.description.length
        self._unchecked_room = 0

    def check_fits(self, size: int) -> None:
        """Raise BodyTooLarge if this many more bytes exceed the length of the upload."""
        if self.offset + size > self._end:
            raise BodyTooLarge(
                f"The upload is limited to {self._end:,} bytes, and this request exceeds them. Send only what is missing, or "
                "begin another upload."
            )

    def write(self, content: bytes) -> None:
        """Append bytes.

        Raises:
            BodyTooLarge: they exceed the length of the upload.
            DiskFull: the disk is full. The bytes before stay.
        """
        self.check_fits(len(content))
        self._unchecked_room -= len(content)
        if self._unchecked_room < 0:
            check_room(self.upload.folder, len(content))
            self._unchecked_room = RESERVE // 4
        with _storing(self.upload.folder):
            rest = memoryview(content)
            while rest:
                written = os.pwrite(self._descriptor, rest, self.offset)
                if self._digest:
                    self._digest.update(rest[:written])
                self.offset, rest = self.offset + written, rest[written:]

    def flush(self, *, is_whole: bool = True) -> None:
        """Write the bytes through to the disk.

        Args:
            is_whole: whether all bytes that the client wanted to append have arrived, so that the checksum can be checked.

        Raises:
            ChecksumMismatch: the bytes do not have the checksum. They are dropped.
            DiskFull: the disk is full.
        """
        if self._digest and is_whole:
            self._digest.check()
        with _storing(self.upload.folder):
            os.fsync(self._descriptor)


class _Checksum:
    """The checksum of one request (tus, extension Checksum)."""

    def __init__(self, header: str) -> None:
        algorithm, _, encoded = header.strip().partition(" ")
        if algorithm not in ALGORITHMS:
            raise InvalidRequest(
                f"The algorithm {algorithm[:20]!r} of Upload-Checksum is unknown. Use {', '.join(ALGORITHMS)}."
            )
        try:
            self._expected = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise InvalidRequest("The checksum is not base64. Send Upload-Checksum: sha1 BASE64_OF_THE_DIGEST.") from error
        self._digest = hashlib.new(algorithm, usedforsecurity=False)
        self.passed = False

    def update(self, content: memoryview) -> None:
        self._digest.update(content)

    def check(self) -> None:
        self.passed = hmac.compare_digest(self._digest.digest(), self._expected)
        if not self.passed:
            raise ChecksumMismatch("The bytes do not match the announced checksum and were discarded. Send them again.")


def check_room(folder: Path, size: int) -> None:
    """Raise DiskFull unless the disk of a folder has room for this many bytes, besides the reserve."""
    free = shutil.disk_usage(folder).free
    if free < size + RESERVE:
        raise DiskFull(
            f"The disk has {free:,} bytes left, but {size + RESERVE:,} are needed: {size:,} for the file, and a reserve. Free "
            "disk space, or delete uploads, then continue."
        )


@contextlib.contextmanager
def _locked(upload: Upload) -> Iterator[int]:
    """Hold the lock of an upload. Yields the descriptor of its file."""
    try:
        descriptor = os.open(upload.path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise _unknown(upload.id) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UploadLocked(
                "Another request or an import is using this upload. Wait for a second, read Upload-Offset with HEAD, then "
                "continue."
            ) from error
        if os.fstat(descriptor).st_nlink == 0:
            raise _unknown(upload.id)  # deleted meanwhile
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _storing(folder: Path) -> Iterator[None]:
    """Turn errors of the file system into DiskFull or StoreUnavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull(
                f"The disk is full ({error.strerror}). The bytes received so far are kept. Free disk space, or delete "
                "uploads, then continue."
            ) from error
        raise StoreUnavailable(
            f"The upload cannot be stored ({error.strerror}). Make the state folder writable, then try again."
        ) from error


def _verified(folder: Path, size: int) -> int:
    """Return the number of bytes whose checksum was checked. It is smaller than `size` after a service was killed."""
    try:
        return int((folder / _UNCHECKED).read_text())
    except (OSError, ValueError):
        return size


def _unknown(upload_id: str) -> NotFound:
    return NotFound(f"There is no upload {upload_id[:40]!r}, or it has expired. Start a new one with POST /admin/uploads.")
