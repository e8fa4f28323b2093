"""Uploads in parts (tus 1.0) to a real service with two workers."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.live import Service, free_port, service, start
from tests.memory import peak
from tests.skipping import skip
from tests.waiting import LIMIT_SECONDS, attempts

TOKEN, VIEWER = "0123456789abcdef-admin", "0123456789abcdef-viewer"
PART = {"Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0"}
MEGABYTE = 1_000_000
SETTINGS = {
    "workers": 2,
    "admin_token": TOKEN,
    "viewer_tokens": f'{{"viewer": "{VIEWER}"}}',
    "embedded_worker": False,
    "max_dataset_bytes": 80 * MEGABYTE,
    "read_seconds": 2,
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("uploads") / "state", **SETTINGS) as running:
        yield running


@pytest.fixture
def admin(running: Service) -> Iterator[httpx.Client]:
    with administrator(running) as client:
        yield client
        for upload in client.get("/admin/uploads").json()["uploads"]:
            client.delete(f"/admin/uploads/{upload['id']}")


def administrator(running: Service, token: str = TOKEN) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=running.url, headers=headers, timeout=LIMIT_SECONDS, trust_env=False, verify=False)


def begin(client: httpx.Client, length: int, filename: str = "pictures.zip") -> str:
    """Begin an upload and return its path."""
    named = base64.b64encode(filename.encode()).decode()
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(length), "Upload-Metadata": f"filename {named}"}
    response = client.post("/admin/uploads", headers=headers)
    assert response.status_code == 201, response.text
    return response.headers["location"]


def append(client: httpx.Client, path: str, offset: int, content: bytes, **headers: str) -> httpx.Response:
    return client.patch(path, headers=PART | {"Upload-Offset": str(offset)} | headers, content=content)


def offset_of(client: httpx.Client, path: str) -> int:
    response = client.head(path, headers={"Tus-Resumable": "1.0.0"})
    assert (response.status_code, response.headers["cache-control"], response.headers["tus-resumable"]) == (
        200,
        "no-store",
        "1.0.0",
    )
    return int(response.headers["upload-offset"])


def begin_to_send(running: Service, path: str, announced: int, content: bytes) -> socket.socket:
    """Send the beginning of a part on a connection that stays open."""
    port = int(running.url.rsplit(":", 1)[1])
    connection = socket.create_connection(("127.0.0.1", port))
    head = f"PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nUpload-Offset: 0\r\n"
    head += f"Content-Type: application/offset+octet-stream\r\nContent-Length: {announced}\r\n\r\n"
    connection.sendall(head.encode() + content)
    return connection


def wait_for_size(state: Path, path: str, size: int) -> None:
    file = state / "uploads" / path.rsplit("/", 1)[1] / "data"
    for _ in attempts(0.05):
        if file.stat().st_size >= size:
            return
    raise AssertionError(f"{file} has {file.stat().st_size} bytes")


def state_of(running: Service) -> Path:
    return running.log.with_suffix("")


def test_the_protocol_describes_itself(admin: httpx.Client) -> None:
    response = admin.options("/admin/uploads")
    assert response.status_code == 204
    assert response.headers["tus-version"] == "1.0.0"
    assert response.headers["tus-extension"] == "creation,creation-with-upload,checksum,expiration,termination"
    assert response.headers["tus-max-size"] == str(80 * MEGABYTE)
    assert response.headers["tus-checksum-algorithm"] == "sha1,sha256,md5"


def test_a_file_in_parts_arrives_unchanged(admin: httpx.Client, running: Service) -> None:
    content = os.urandom(5 * MEGABYTE)
    path = begin(admin, len(content))
    for offset in range(0, len(content), 2 * MEGABYTE):
        assert offset_of(admin, path) == offset
        response = append(admin, path, offset, content[offset : offset + 2 * MEGABYTE])
        assert response.status_code == 204
        assert "GMT" in response.headers["upload-expires"]
    shown = admin.get(path).json()
    assert (shown["offset"], shown["length"], shown["complete"], shown["by"]) == (len(content), len(content), True, "admin")
    assert shown["filename"] == "pictures.zip"
    stored = state_of(running) / "uploads" / shown["id"] / "data"
    assert hashlib.sha256(stored.read_bytes()).digest() == hashlib.sha256(content).digest()
    assert admin.delete(path).status_code == 204
    assert admin.head(path).status_code == 404
    assert not stored.exists()


def test_the_first_bytes_may_come_with_the_creation(admin: httpx.Client) -> None:
    response = admin.post("/admin/uploads", headers=PART | {"Upload-Length": "6"}, content=b"abc")
    assert (response.status_code, response.headers["upload-offset"]) == (201, "3")
    assert append(admin, response.headers["location"], 3, b"def").headers["upload-offset"] == "6"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"Upload-Offset": "2"}, 409, "upload_conflict"),
        ({"Content-Type": "application/zip"}, 415, "upload_unsupported"),
        ({"Tus-Resumable": "0.2.2"}, 412, "tus_version_unknown"),
        ({"Upload-Checksum": "sha1 " + base64.b64encode(hashlib.sha1(b"other").digest()).decode()}, 460, "checksum_mismatch"),
        ({"Upload-Checksum": "crc32 AAAA"}, 422, "invalid_request"),
    ],
)
def test_a_part_that_does_not_fit_is_rejected_and_nothing_is_lost(
    admin: httpx.Client, change: dict[str, str], status: int, code: str
) -> None:
    path = begin(admin, 9)
    append(admin, path, 0, b"abc")
    response = append(admin, path, 3, b"def", **change)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert offset_of(admin, path) == 3
    assert append(admin, path, 3, b"def").status_code == 204


def test_a_file_that_is_too_large_is_rejected_before_it_is_sent(admin: httpx.Client) -> None:
    response = admin.post("/admin/uploads", headers={"Upload-Length": str(80 * MEGABYTE + 1)})
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    path = begin(admin, 9)
    response = append(admin, path, 0, b"0123456789")
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")

    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 100_000

    response = admin.patch(path, headers=PART | {"Upload-Offset": "0"}, content=endless())
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_without_an_administrators_token_nothing_is_written(running: Service, admin: httpx.Client) -> None:
    path = begin(admin, 9)
    with (
        httpx.Client(base_url=running.url, trust_env=False, verify=False) as stranger,
        administrator(running, VIEWER) as viewer,
    ):
        assert append(stranger, path, 0, b"abc").status_code == 401
        assert append(viewer, path, 0, b"abc").status_code == 403
        assert stranger.post("/admin/uploads", headers={"Upload-Length": "9"}).status_code == 401
        assert viewer.post("/admin/uploads", headers={"Upload-Length": "9"}).status_code == 403
        assert viewer.options("/admin/uploads").status_code == 204
        assert viewer.get(path).json()["offset"] == 0
    assert offset_of(admin, path) == 0


def test_a_large_upload_takes_neither_memory_nor_the_budget_for_bodies(tmp_path: Path) -> None:
    with service(tmp_path / "state", **(SETTINGS | {"workers": 1, "body_memory": 2 * MEGABYTE})) as running:
        with administrator(running) as admin:
            path = begin(admin, 80 * MEGABYTE)
            before = peak(running.process.pid)
            assert append(admin, path, 0, b"x" * (80 * MEGABYTE)).status_code == 204
            assert peak(running.process.pid) - before < 25 * MEGABYTE


def test_one_request_writes_at_a_time_and_a_dead_connection_does_not_block_for_long(
    admin: httpx.Client, running: Service
) -> None:
    path = begin(admin, 9 * MEGABYTE)
    connection = begin_to_send(running, path, 9 * MEGABYTE, b"x" * (2 * MEGABYTE))
    wait_for_size(state_of(running), path, MEGABYTE)
    response = append(admin, path, offset_of(admin, path), b"y")
    assert (response.status_code, response.json()["code"], response.headers["retry-after"]) == (423, "upload_locked", "1")
    for _ in attempts(0.1):  # until the silent connection times out
        offset = offset_of(admin, path)
        response = append(admin, path, offset, b"y")
        if response.status_code == 204:
            break
    assert response.status_code == 204
    assert offset == 2 * MEGABYTE, "what has arrived is kept"
    connection.close()


def test_an_upload_continues_after_the_service_was_killed(tmp_path: Path) -> None:
    content, port = os.urandom(9 * MEGABYTE), free_port()
    running = start(tmp_path / "state", port=port, **SETTINGS)
    with administrator(running) as admin:
        path = begin(admin, len(content))
    connection = begin_to_send(running, path, len(content), content[: 5 * MEGABYTE])
    wait_for_size(tmp_path / "state", path, 3 * MEGABYTE)
    workers = psutil.Process(running.process.pid).children(recursive=True)
    running.process.kill()
    for worker in workers:
        worker.kill()
    running.process.wait()
    connection.close()
    with service(tmp_path / "state", port=port, **SETTINGS) as running, administrator(running) as admin:
        offset = offset_of(admin, path)
        assert 3 * MEGABYTE <= offset <= 5 * MEGABYTE
        assert append(admin, path, offset, content[offset:]).status_code == 204
        stored = tmp_path / "state" / "uploads" / path.rsplit("/", 1)[1] / "data"
        assert stored.read_bytes() == content


def test_a_full_disk_is_reported_and_the_upload_continues_once_there_is_space(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        skip(f"cannot mount a file system: {mounted.stderr.strip()}")
    try:
        with service(disk / "state", **SETTINGS) as running, administrator(running) as admin:
            path = begin(admin, 70 * MEGABYTE)
            ballast = disk / "ballast"
            ballast.write_bytes(b"x" * (40 * MEGABYTE))
            response = append(admin, path, 0, b"x" * (70 * MEGABYTE))
            assert (response.status_code, response.json()["code"]) == (507, "disk_full")
            assert "Free disk space" in response.json()["detail"]
            offset = offset_of(admin, path)
            assert 10 * MEGABYTE < offset < 60 * MEGABYTE
            refused = admin.post("/admin/uploads", headers={"Upload-Length": str(60 * MEGABYTE)})
            assert (refused.status_code, refused.json()["code"]) == (507, "disk_full")
            assert admin.get("/generate?seed=42").status_code == 200
            ballast.unlink()
            assert append(admin, path, offset, b"x" * (70 * MEGABYTE - offset)).status_code == 204
            assert admin.get(path).json()["complete"]
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_the_audit_log_has_the_beginning_and_the_end_of_an_upload_but_not_its_parts(admin: httpx.Client) -> None:
    path = begin(admin, 9)
    append(admin, path, 0, b"abc")
    append(admin, path, 0, b"abc")
    admin.delete(path)
    entries = admin.get("/admin/audit").json()["entries"]
    found = [(e["action"], e["status"], e["outcome"]) for e in entries if e["target"].startswith("/admin/uploads")]
    assert found[:3] == [("delete", 204, "ok"), ("append", 409, "upload_conflict"), ("create", 201, "ok")]
