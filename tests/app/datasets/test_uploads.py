"""The storage of uploads, without a service."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import time
from pathlib import Path

import pytest

from app.datasets import uploads as module
from app.datasets.uploads import Uploads
from app.errors import (
    BodyTooLarge,
    ChecksumMismatch,
    DiskFull,
    InvalidRequest,
    NotFound,
    TooManyUploads,
    UploadConflict,
    UploadLocked,
)


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads", most_bytes=1000, keep_seconds=60)


def sha1(content: bytes) -> str:
    return "sha1 " + base64.b64encode(hashlib.sha1(content).digest()).decode()


def append(uploads: Uploads, upload_id: str, offset: int, content: bytes, checksum: str | None = None) -> None:
    with uploads.append(upload_id, offset, checksum) as appending:
        appending.write(content)
        appending.flush()


def test_a_file_arrives_in_parts_and_is_complete_with_its_last_byte(uploads: Uploads) -> None:
    upload = uploads.create(6, "pictures.tar.gz", "alice")
    append(uploads, upload.id, 0, b"abc")
    assert (uploads.get(upload.id).offset, uploads.get(upload.id).is_complete) == (3, False)
    append(uploads, upload.id, 3, b"def")
    found = uploads.get(upload.id)
    assert found.is_complete
    assert found.path.read_bytes() == b"abcdef"
    assert (found.description.by, found.description.filename) == ("alice", "pictures.tar.gz")


@pytest.mark.parametrize("filename", ["../../etc/passwd", "/etc/passwd", "a/../../x.zip", ".zip", "x.z\0p", "a." + "b" * 300])
def test_the_name_of_a_file_never_chooses_its_place(uploads: Uploads, filename: str) -> None:
    upload = uploads.create(1, filename, "alice")
    assert upload.path == uploads.folder / upload.id / "data"


@pytest.mark.parametrize("upload_id", ["..", "", "../uploads", "0" * 31, "0" * 32, "A" * 32, "0" * 31 + "\n"])
def test_an_unknown_or_malformed_id_is_not_found(uploads: Uploads, upload_id: str) -> None:
    with pytest.raises(NotFound, match="Start a new one"):
        uploads.get(upload_id)


def test_bytes_at_another_offset_are_rejected_and_the_offset_is_named(uploads: Uploads) -> None:
    upload = uploads.create(6, "", "alice")
    append(uploads, upload.id, 0, b"abc")
    for offset in (0, 2, 4):
        with pytest.raises(UploadConflict, match="has 3 bytes"):
            append(uploads, upload.id, offset, b"x")
    assert uploads.get(upload.id).path.read_bytes() == b"abc"


def test_one_request_at_a_time_writes_to_an_upload(uploads: Uploads) -> None:
    upload = uploads.create(6, "", "alice")
    with uploads.append(upload.id, 0) as appending:
        with pytest.raises(UploadLocked):
            append(uploads, upload.id, 0, b"x")
        with pytest.raises(UploadLocked):
            uploads.delete(upload.id)
        appending.write(b"a")
    append(uploads, upload.id, 1, b"b")
    assert uploads.get(upload.id).path.read_bytes() == b"ab"


def test_an_upload_that_is_deleted_between_its_opening_and_its_lock_is_unknown(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uploads.create(6, "", "alice")
    really = module.fcntl.flock

    def deleting(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(module.fcntl, "flock", really)
        uploads.delete(upload.id)
        really(descriptor, operation)

    monkeypatch.setattr(module.fcntl, "flock", deleting)
    with pytest.raises(NotFound):
        append(uploads, upload.id, 0, b"x")


def test_a_file_may_have_its_announced_length_and_no_more(uploads: Uploads) -> None:
    with pytest.raises(BodyTooLarge, match="GAN_MAX_DATASET_BYTES"):
        uploads.create(1001, "", "alice")
    upload = uploads.create(6, "", "alice")
    append(uploads, upload.id, 0, b"abc")
    with pytest.raises(BodyTooLarge):
        append(uploads, upload.id, 3, b"defg")
    assert uploads.get(upload.id).offset == 3, "bytes before the excess are kept"
    unknown = uploads.create(None, "", "alice")
    with pytest.raises(BodyTooLarge), uploads.append(unknown.id, 0) as appending:
        appending.write(b"x" * 1001)


def test_a_file_of_unannounced_length_is_complete_once_it_is_finished(uploads: Uploads) -> None:
    upload = uploads.create(None, "", "alice")
    append(uploads, upload.id, 0, b"abc")
    assert not uploads.get(upload.id).is_complete
    assert uploads.finish(upload.id, "x.zip").is_complete


def test_bytes_with_a_wrong_checksum_are_dropped(uploads: Uploads) -> None:
    upload = uploads.create(9, "", "alice")
    append(uploads, upload.id, 0, b"abc", sha1(b"abc"))
    with pytest.raises(ChecksumMismatch, match="Send them again"):
        append(uploads, upload.id, 3, b"dex", sha1(b"def"))
    assert uploads.get(upload.id).offset == 3
    append(uploads, upload.id, 3, b"def", "sha256 " + base64.b64encode(hashlib.sha256(b"def").digest()).decode())
    assert uploads.get(upload.id).path.read_bytes() == b"abcdef"


@pytest.mark.parametrize("checksum", ["crc32 AAAA", "sha1 ?", "sha1", ""])
def test_a_checksum_that_cannot_be_checked_is_rejected(uploads: Uploads, checksum: str) -> None:
    upload = uploads.create(9, "", "alice")
    with pytest.raises((InvalidRequest, ChecksumMismatch)):
        append(uploads, upload.id, 0, b"abc", checksum or "nothing")
    assert uploads.get(upload.id).offset == 0


def test_bytes_whose_checksum_was_not_checked_before_the_service_was_killed_do_not_count(uploads: Uploads) -> None:
    upload = uploads.create(9, "", "alice")
    append(uploads, upload.id, 0, b"abc")
    (upload.folder / "unchecked").write_text("3")
    with upload.path.open("ab") as file:
        file.write(b"xyz")
    assert uploads.get(upload.id).offset == 3
    append(uploads, upload.id, 3, b"def")
    assert uploads.get(upload.id).path.read_bytes() == b"abcdef"
    assert uploads.get(upload.id).offset == 6


def test_uploads_expire_after_their_last_byte(uploads: Uploads) -> None:
    old, kept = uploads.create(9, "", "alice"), uploads.create(9, "", "alice")
    long_ago = time.time() - 61
    for path in (old.path, old.folder / "upload.json", old.folder):
        os.utime(path, (long_ago, long_ago))
    with pytest.raises(NotFound):
        uploads.get(old.id)
    assert [upload.id for upload in uploads.all()] == [kept.id]
    uploads.prune()
    assert not old.folder.exists()
    assert kept.folder.exists()


def test_the_number_of_uploads_is_bounded(uploads: Uploads) -> None:
    found = [uploads.create(1, "", "alice") for _ in range(module.MOST_UPLOADS)]
    with pytest.raises(TooManyUploads, match="DELETE /admin/uploads"):
        uploads.create(1, "", "alice")
    uploads.delete(found[0].id)
    uploads.create(1, "", "alice")


def test_a_full_disk_keeps_the_bytes_before_and_no_others(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = uploads.create(9, "", "alice")
    really = os.pwrite

    def short(descriptor: int, content: memoryview, offset: int) -> int:
        if offset >= 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(descriptor, content[: 5 - offset], offset)

    monkeypatch.setattr(module.os, "pwrite", short)
    with pytest.raises(DiskFull, match="Free disk space"):
        append(uploads, upload.id, 0, b"abcdefghi")
    monkeypatch.setattr(module.os, "pwrite", really)
    assert uploads.get(upload.id).offset == 5
    append(uploads, upload.id, 5, b"fghi")
    assert uploads.get(upload.id).path.read_bytes() == b"abcdefghi"


def test_an_upload_that_would_leave_too_little_room_is_rejected_before_it_begins(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = type("usage", (), {"free": module.RESERVE + 99})
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: free)
    with pytest.raises(DiskFull, match="Free disk space"):
        uploads.create(100, "", "alice")
    uploads.create(99, "", "alice")
