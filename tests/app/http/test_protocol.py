"""Slow, endless and malformed requests, sent byte by byte over a socket."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from tests import fresh
from tests.live import Service, service
from tests.waiting import LIMIT_SECONDS, wait_until

READ_SECONDS, WRITE_SECONDS = 2.0, 3.0
GET = b"GET /generate?seed=42 HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /discriminate HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with timeouts of a few seconds and few connections."""
    settings = {"read_seconds": READ_SECONDS, "write_seconds": WRITE_SECONDS, "max_connections": 60, "embedded_worker": False}
    with service(tmp_path_factory.mktemp("impatient") / "state", **settings) as running:
        yield running


def connect(running: Service) -> socket.socket:
    host, port = running.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=LIMIT_SECONDS)


def read_until_closed(connection: socket.socket) -> bytes:
    """Return everything that the service sends before it closes the connection."""
    received = b""
    with connection:
        try:
            while part := connection.recv(65536):
                received += part
        except ConnectionResetError:
            pass
    return received


def problem(received: bytes) -> tuple[int, str]:
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    payload = json.loads(body)
    assert payload["status"] == int(head.split()[1])
    return payload["status"], payload["code"]


def test_an_idle_connection_is_closed(impatient: Service) -> None:
    started = time.monotonic()
    assert read_until_closed(connect(impatient)) == b""
    assert time.monotonic() - started > READ_SECONDS * 0.9


def test_headers_that_arrive_too_slowly_time_out(impatient: Service) -> None:
    connection = connect(impatient)
    connection.sendall(GET)
    with ThreadPoolExecutor(1) as pool:
        response = pool.submit(read_until_closed, connection)
        sent = 0
        while not response.done() and sent < 200:
            try:
                connection.sendall(b"a: b\r\n")
            except OSError:
                break
            sent += 1
            time.sleep(0.1)
        assert problem(response.result()) == (408, "request_late")
    assert sent < 150, "no header line extends the deadline"


def test_a_body_that_arrives_too_slowly_times_out(impatient: Service) -> None:
    connection = connect(impatient)
    connection.sendall(POST + b"Content-Length: 100000\r\n\r\n")
    with ThreadPoolExecutor(1) as pool:
        response = pool.submit(read_until_closed, connection)
        for _ in range(200):
            if response.done():
                break
            try:
                connection.sendall(b"x")
            except OSError:
                break
            time.sleep(0.1)
        assert problem(response.result()) == (408, "request_late")


def test_a_slow_but_steady_body_is_accepted(impatient: Service, client: httpx.Client) -> None:
    picture = client.get("/generate?seed=42&scale=32").content
    connection = connect(impatient)
    connection.sendall(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % (len(picture) + 3 * 20_000))
    started = time.monotonic()
    connection.sendall(picture)
    for _ in range(3):  # a body has no time limit as long as 8 kB/s arrive
        time.sleep(READ_SECONDS * 0.7)
        connection.sendall(b"x" * 20_000)
    assert time.monotonic() - started > 2 * READ_SECONDS
    received = read_until_closed(connection)
    assert received.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("headers", [b"a: " + b"b" * 200_000, b"a: b\r\n" * 40_000], ids=["one long", "many short"])
def test_endless_headers_are_rejected_and_not_buffered(impatient: Service, headers: bytes) -> None:
    process = psutil.Process(impatient.process.pid)
    before = process.memory_info().rss
    connection = connect(impatient)
    try:
        connection.sendall(GET + headers)
    except OSError:
        pass  # the service closed the connection before everything was sent
    received = read_until_closed(connection)
    if received:  # a reset connection discards the response
        assert problem(received) == (431, "headers_too_large")
    assert process.memory_info().rss - before < 30_000_000


def test_a_client_that_does_not_read_the_response_is_disconnected(impatient: Service) -> None:
    process = psutil.Process(impatient.process.pid)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, port = impatient.url.removeprefix("http://").split(":")
    connection.connect((host, int(port)))
    client_port = connection.getsockname()[1]
    connection.sendall(b"GET /generate?seeds=0-4095&format=npy&scale=2 HTTP/1.1\r\nHost: x\r\n\r\n")

    def connected() -> bool:
        return any(c.raddr and c.raddr.port == client_port for c in process.net_connections("tcp"))

    wait_until(connected)
    wait_until(lambda: not connected(), 0.1)
    assert not connected()
    connection.close()


def test_a_slowly_read_response_arrives_completely(impatient: Service) -> None:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    host, port = impatient.url.removeprefix("http://").split(":")
    connection.connect((host, int(port)))
    connection.sendall(b"GET /generate?seeds=0-4095&format=npy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    size, started = 0, time.monotonic()
    while part := connection.recv(40_000):
        size += len(part)
        time.sleep(0.08 if time.monotonic() - started < 3 * WRITE_SECONDS else 0)
    assert size > 4096 * 784
    assert time.monotonic() - started > WRITE_SECONDS
    connection.close()


def test_many_slow_clients_do_not_lock_out_others(impatient: Service) -> None:
    slow = [connect(impatient) for _ in range(100)]
    for connection in slow:
        try:
            connection.sendall(GET)
        except OSError:
            pass  # the service closed it to make room
    assert [fresh.get(f"{impatient.url}/generate?seed=42").status_code for _ in range(20)] == [200] * 20
    for connection in slow:
        connection.close()


def test_the_timeout_applies_to_each_request_of_a_reused_connection(impatient: Service) -> None:
    with connect(impatient) as connection:
        for _ in range(3):
            connection.sendall(GET + b"\r\n")
            response = connection.recv(65536)
            while b"IEND" not in response:
                response += connection.recv(65536)
            assert response.startswith(b"HTTP/1.1 200")
            time.sleep(READ_SECONDS * 0.8)  # less than uvicorn's keep-alive timeout
        connection.sendall(GET)
        assert problem(read_until_closed(connection)) == (408, "request_late")


def test_only_http_is_accepted(impatient: Service) -> None:
    connection = connect(impatient)
    connection.sendall(
        GET + b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert read_until_closed(connection).startswith(b"HTTP/1.1 200"), (
        "a request with an unsupported upgrade is an ordinary request"
    )
    connection = connect(impatient)
    connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100)
    assert read_until_closed(connection).startswith(b"HTTP/1.1 400")


def test_a_body_that_arrives_after_the_response_starts_no_timeout(impatient: Service) -> None:
    post = b"POST /admin/retrain HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nContent-Length: 2\r\n\r\n"
    for late in (b"{}", b"{}\r\n"):
        with connect(impatient) as connection:
            connection.sendall(post)
            assert connection.recv(65536).startswith(b"HTTP/1.1 401")
            connection.sendall(late)
            until = time.monotonic() + 2 * READ_SECONDS
            while time.monotonic() < until:  # a timer that nobody stopped would refuse one of these requests
                connection.sendall(GET + b"\r\n")
                response = connection.recv(65536)
                while b"IEND" not in response:
                    assert not response or response.startswith(b"HTTP/1.1 200"), response
                    part = connection.recv(65536)
                    assert part, "the service closed the connection"
                    response += part
                time.sleep(READ_SECONDS / 20)
