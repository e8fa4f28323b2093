"""Attempts to exhaust the memory of a service. It has one worker and the memory limit of compose.yaml."""

from __future__ import annotations

import contextlib
import io
import re
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image

from benchmarks.attacks import narrow_png
from tests.app.http.test_protocol import connect, problem, read_until_closed
from tests.live import Service, service
from tests.memory import GIBIBYTE, cgroup, peak
from tests.waiting import LIMIT_SECONDS, attempts

CHUNKED = b"POST /interpolate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
PIPELINED = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
WALK = b'{"keyframes":[1,42]}'
STRANGER, OTHER = "127.0.0.1", "127.0.0.9"
MEBIBYTE = 2**20


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with (
        cgroup(GIBIBYTE) as group,
        service(tmp_path_factory.mktemp("limited") / "state", group=group, forked=False, embedded_worker=False) as running,
    ):
        yield running
        assert running.process.poll() is None, "the service was killed"


@pytest.fixture(scope="module")
def other(limited: Service) -> Iterator[httpx.Client]:
    """A client with another address."""
    transport = httpx.HTTPTransport(local_address=OTHER)
    with httpx.Client(base_url=limited.url, transport=transport, timeout=LIMIT_SECONDS, trust_env=False) as client:
        yield client


@contextlib.contextmanager
def growth_below(running: Service, most: int) -> Iterator[None]:
    before = peak(running.process.pid)
    yield
    assert running.process.poll() is None, "the service was killed"
    assert peak(running.process.pid) - before < most


def send_until_rejected(connection: socket.socket, piece: bytes, most: int) -> int:
    """Send a piece repeatedly until the service closes the connection. Return the number of bytes sent."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < most:
            connection.sendall(piece)
            sent += len(piece)
    return sent


def first_bytes(connection: socket.socket) -> bytes:
    """Return the start of a response and leave the rest unread. Return nothing if the service has disconnected."""
    connection.settimeout(LIMIT_SECONDS)
    try:
        return connection.recv(12)
    except ConnectionError:
        return b""


def chunk(content: bytes, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n" % (len(content), extension, content)


def test_endless_trailers_are_rejected_and_not_buffered(limited: Service) -> None:
    with growth_below(limited, 20 * MEBIBYTE):
        connection = connect(limited)
        connection.sendall(CHUNKED + chunk(b"{}") + b"0\r\n")
        assert send_until_rejected(connection, b"a: b\r\n" * 10_000, 120_000_000) < 20_000_000
        received = read_until_closed(connection)
        assert not received or problem(received) == (431, "headers_too_large")


def test_trailers_are_limited_to_64_kibibytes(limited: Service) -> None:
    for size, expected in ((60_000, b"HTTP/1.1 200"), (300_000, b"HTTP/1.1 431")):
        connection = connect(limited)
        connection.sendall(CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + chunk(WALK) + b"0\r\n")
        connection.sendall(b"a: " + b"b" * size + b"\r\n")
        if expected.endswith(b"200"):
            connection.sendall(b"\r\n")
        assert read_until_closed(connection).startswith(expected)


def test_a_long_chunk_extension_is_rejected(limited: Service) -> None:
    connection = connect(limited)
    connection.sendall(CHUNKED)
    send_until_rejected(connection, b"2;a=" + b"b" * 1000, 200_000)
    received = read_until_closed(connection)
    assert not received or received.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))


def test_a_body_in_many_small_chunks_with_extensions_is_accepted(limited: Service) -> None:
    connection = connect(limited)
    pieces = b"".join(chunk(WALK[n : n + 1], b";a=b") for n in range(len(WALK)))
    padded = b"".join(chunk(b" ", b";name=value") for _ in range(20_000))
    connection.sendall(CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + pieces + padded + b"0\r\n\r\n")
    assert read_until_closed(connection).startswith(b"HTTP/1.1 200")


def test_a_trailer_never_counts_as_a_header(limited: Service) -> None:
    token = (limited.log.parent / "state" / "admin-token").read_bytes().strip()
    head = b"POST /admin/retrain HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
    body = chunk(b"{}") + b"0\r\n"
    for request, expected in (
        (head + b"\r\n" + body + b"Authorization: Bearer " + token + b"\r\n\r\n", b"HTTP/1.1 401"),
        (head + b"Authorization: Bearer " + token + b"\r\n\r\n" + body + b"\r\n", b"HTTP/1.1 501"),
    ):
        connection = connect(limited)
        connection.sendall(request)
        assert read_until_closed(connection).startswith(expected)


def test_too_many_header_lines_are_rejected_and_not_buffered(limited: Service) -> None:
    with growth_below(limited, 60 * MEBIBYTE):
        connections = [connect(limited) for _ in range(150)]
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"a:b\r\n" * 12_000)
        for connection in connections:
            received = read_until_closed(connection)
            assert not received or problem(received) == (431, "headers_too_large")


@pytest.mark.parametrize(("requests", "statuses"), [(17, [200] * 17), (18, [503]), (1000, [503])])
def test_a_connection_may_have_one_request_in_progress_and_sixteen_waiting(
    limited: Service, requests: int, statuses: list[int]
) -> None:
    connection = connect(limited)
    connection.sendall(PIPELINED * (requests - 1) + PIPELINED.replace(b"x\r\n", b"x\r\nConnection: close\r\n"))
    received = read_until_closed(connection)
    assert [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", received)] == statuses
    if statuses == [503]:
        assert problem(received) == (503, "too_many_pipelined")


def test_pipelined_requests_are_not_buffered(limited: Service) -> None:
    with growth_below(limited, 60 * MEBIBYTE):
        connections = [connect(limited) for _ in range(60)]
        for connection in connections:
            with contextlib.suppress(OSError):  # the server may close the connection before everything is sent
                connection.sendall(PIPELINED * 8_000)
        for connection in connections:
            received = read_until_closed(connection)
            assert not received or problem(received) == (503, "too_many_pipelined")


def test_unfinished_uploads_do_not_exhaust_the_memory(limited: Service, other: httpx.Client) -> None:
    picture = other.get("/generate?seed=42&scale=8").content
    part = b"\0" * 9_900_000
    held = []
    for _ in range(98):
        connection = connect(limited)
        connection.sendall(b"POST /discriminate HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n")
        with contextlib.suppress(OSError):
            connection.sendall(part)
        held.append(connection)
    assert other.post("/discriminate", content=picture).status_code == 200, "uploads of other clients are accepted"
    rejected = 0
    for connection in held:
        connection.settimeout(0.05)
        with contextlib.suppress(TimeoutError, OSError):
            received = connection.recv(65536)
            rejected += received.startswith(b"HTTP/1.1 503") or not received
        connection.close()
    assert limited.process.poll() is None, "the service was killed"
    assert peak(limited.process.pid) < 0.6 * GIBIBYTE


def test_pictures_that_decode_to_many_pixels_do_not_exhaust_the_memory(limited: Service, other: httpx.Client) -> None:
    picture = Image.new("RGBA", (4000, 4000), (1, 2, 3, 4))
    picture.paste((0, 0, 0, 255), (1000, 1000, 3000, 3000))
    largest = io.BytesIO()
    picture.save(largest, "WEBP", quality=1, method=0)
    del picture
    with growth_below(limited, 400 * MEBIBYTE), ThreadPoolExecutor(8) as pool:
        sent = [narrow_png(1, 16_000_000), largest.getvalue()] * 4
        statuses = list(pool.map(lambda content: other.post("/discriminate", content=content).status_code, sent))
    assert statuses == [413, 200] * 4


def test_unread_responses_do_not_exhaust_the_memory(limited: Service, other: httpx.Client) -> None:
    held = []
    for first in range(40):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.bind((STRANGER, 0))
        host, port = limited.url.removeprefix("http://").split(":")
        connection.connect((host, int(port)))
        seeds = b"%d-%d" % (first, first + 78)  # identical requests would be drawn only once
        connection.sendall(b"GET /generate?seeds=%s&scale=32&format=npy HTTP/1.1\r\nHost: x\r\n\r\n" % seeds)
        held.append(connection)
    statuses = Counter(first_bytes(connection) for connection in held)
    assert statuses.keys() <= {b"HTTP/1.1 200", b"HTTP/1.1 503", b""}
    assert 0 < statuses[b"HTTP/1.1 200"] < 40
    pictures = None
    for _ in attempts(0.1):  # the lane is full until the clients that do not read are disconnected
        response = other.get("/generate?seeds=0-78&scale=32&format=npy")
        if response.status_code == 200:
            pictures = np.load(io.BytesIO(response.content))
            break
        assert response.json()["code"] == "busy"
    assert pictures is not None
    assert pictures.shape == (79, 896, 896)
    assert limited.process.poll() is None, "the service was killed"
    assert peak(limited.process.pid) < 0.7 * GIBIBYTE
    for connection in held:
        connection.close()


def test_unread_large_single_pictures_do_not_exhaust_the_memory(limited: Service, other: httpx.Client) -> None:
    with growth_below(limited, 250 * MEBIBYTE):
        held = []
        for seed in range(400):
            connection = connect(limited)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(b"GET /generate?seed=%d&scale=32&format=npy HTTP/1.1\r\nHost: x\r\n\r\n" % seed)
            held.append(connection)
        assert {first_bytes(connection) for connection in held} <= {b"HTTP/1.1 200", b"HTTP/1.1 503", b""}
        assert other.get("/generate?seed=42").status_code == 200
        for connection in held:
            connection.close()


def test_unfinished_forms_do_not_exhaust_the_memory(limited: Service, other: httpx.Client) -> None:
    picture = other.get("/generate?seed=42&scale=8").content
    head = b"POST /discriminate HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n"
    head += b"Content-Type: multipart/form-data; boundary=a\r\n"
    part = b'\r\n--a\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + b"\0" * 9_900_000
    held = []
    for _ in range(98):
        connection = connect(limited)
        with contextlib.suppress(OSError):
            connection.sendall(head + part)
        held.append(connection)
    alone, sent = other.post("/discriminate", content=picture), other.post("/discriminate", files={"file": picture})
    assert (sent.status_code, sent.json()) == (200, alone.json()), "uploads of other clients are accepted"
    for connection in held:
        connection.close()
    assert limited.process.poll() is None, "the service was killed"
    assert peak(limited.process.pid) < 0.6 * GIBIBYTE


def test_concurrent_large_forms_do_not_exhaust_the_memory(limited: Service, other: httpx.Client) -> None:
    largest = other.get("/generate?seed=42&scale=8").content.ljust(10_000_000, b"\0")
    with ThreadPoolExecutor(12) as pool:
        responses = list(pool.map(lambda _: other.post("/discriminate", files={"file": largest}), range(36)))
    assert {response.status_code for response in responses} <= {200, 503}
    assert any(response.status_code == 200 for response in responses)
    assert {response.json()["code"] for response in responses if response.status_code == 503} <= {"busy"}
    assert limited.process.poll() is None, "the service was killed"
    assert peak(limited.process.pid) < 0.7 * GIBIBYTE


def test_endless_part_headers_are_rejected_and_not_buffered(limited: Service) -> None:
    head = b"POST /discriminate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9999999\r\n"
    for start in (b"--a\r\nContent-Disposition: ", b"--a\r\n" + b"a: b\r\n" * 20, b"\r\n" * 20 + b"-", b"--a\r\n"):
        with growth_below(limited, 20 * MEBIBYTE):
            connection = connect(limited)
            connection.sendall(head + b"Content-Type: multipart/form-data; boundary=a\r\n\r\n" + start)
            with contextlib.suppress(OSError):
                connection.sendall(b"b" * 300_000)
            connection.settimeout(LIMIT_SECONDS)
            assert connection.recv(12) == b"HTTP/1.1 422"
            connection.close()


def test_rejected_forms_are_not_kept_in_memory(limited: Service, other: httpx.Client) -> None:
    large = b"\0" * 9_900_000
    with growth_below(limited, 60 * MEBIBYTE):
        for _ in range(20):
            two = other.post("/discriminate", files=[("a", ("a", large)), ("b", ("b", b"x"))])
            assert (two.status_code, two.json()["code"]) == (422, "form_invalid")
            assert other.post("/discriminate", files={"file": large + bytes(200_000)}).status_code == 413
