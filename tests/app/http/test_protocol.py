"""Slow, endless and malformed requests, byte by byte over a socket."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from tests.live import Service, service

READ_SECONDS, WRITE_SECONDS = 2.0, 3.0
GET = b"GET /generate?seed=42 HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /discriminate HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that waits for two seconds, and holds few connections."""
    settings = {"read_seconds": READ_SECONDS, "write_seconds": WRITE_SECONDS, "max_connections": 60, "embedded_worker": False}
    with service(tmp_path_factory.mktemp("patient") / "state", **settings) as running:
        yield running


def connect(running: Service) -> socket.socket:
    host, port = running.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def until_closed(connection: socket.socket) -> bytes:
    """Everything the service says before it hangs up."""
    said = b""
    with connection:
        try:
            while part := connection.recv(65536):
                said += part
        except ConnectionResetError:
            pass
    return said


def problem(said: bytes) -> tuple[int, str]:
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    payload = json.loads(body)
    assert payload["status"] == int(head.split()[1])
    return payload["status"], payload["code"]


def test_who_connects_and_says_nothing_is_hung_up_on(patient: Service) -> None:
    began = time.monotonic()
    assert until_closed(connect(patient)) == b""
    assert READ_SECONDS * 0.9 < time.monotonic() - began < READ_SECONDS + 10


def test_headers_that_trickle_in_are_cut_off(patient: Service) -> None:
    connection = connect(patient)
    connection.sendall(GET)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(until_closed, connection)
        sent = 0
        while not answer.done() and sent < 200:
            try:
                connection.sendall(b"a: b\r\n")
            except OSError:
                break
            sent += 1
            time.sleep(0.1)
        assert problem(answer.result()) == (408, "request_late")
    assert sent < 150, "each piece bought no more time"


def test_a_body_that_trickles_in_is_cut_off(patient: Service) -> None:
    connection = connect(patient)
    connection.sendall(POST + b"Content-Length: 100000\r\n\r\n")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(until_closed, connection)
        for _ in range(200):
            if answer.done():
                break
            try:
                connection.sendall(b"x")
            except OSError:
                break
            time.sleep(0.1)
        assert problem(answer.result()) == (408, "request_late")


def test_a_body_that_comes_slowly_but_steadily_is_waited_for(patient: Service, client: httpx.Client) -> None:
    picture = client.get("/generate?seed=42&scale=32").content
    connection = connect(patient)
    connection.sendall(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % (len(picture) + 3 * 20_000))
    began = time.monotonic()
    connection.sendall(picture)
    for _ in range(3):  # a body has no time limit as long as 8 kB/s arrive
        time.sleep(READ_SECONDS * 0.7)
        connection.sendall(b"x" * 20_000)
    assert time.monotonic() - began > 2 * READ_SECONDS
    said = until_closed(connection)
    assert said.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("headers", [b"a: " + b"b" * 200_000, b"a: b\r\n" * 40_000], ids=["one long", "many short"])
def test_headers_without_an_end_are_refused_and_not_kept(patient: Service, headers: bytes) -> None:
    process = psutil.Process(patient.process.pid)
    before = process.memory_info().rss
    connection = connect(patient)
    connection.settimeout(10)
    try:
        connection.sendall(GET + headers)
    except OSError:
        pass  # it hung up on the way
    said = until_closed(connection)
    if said:  # else the system threw the answer away, as more was sent after it
        assert problem(said) == (431, "headers_too_large")
    assert process.memory_info().rss - before < 30_000_000


def test_who_does_not_read_the_answer_is_hung_up_on(patient: Service) -> None:
    process = psutil.Process(patient.process.pid)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, port = patient.url.removeprefix("http://").split(":")
    connection.connect((host, int(port)))
    ours = connection.getsockname()[1]
    connection.sendall(b"GET /generate?seeds=0-4095&format=npy&scale=2 HTTP/1.1\r\nHost: x\r\n\r\n")

    def held() -> bool:
        return any(c.raddr and c.raddr.port == ours for c in process.net_connections("tcp"))

    deadline = time.monotonic() + 40
    while not held():
        assert time.monotonic() < deadline
    while held() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not held()
    connection.close()


def test_an_answer_that_is_read_slowly_arrives_whole(patient: Service) -> None:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    host, port = patient.url.removeprefix("http://").split(":")
    connection.connect((host, int(port)))
    connection.sendall(b"GET /generate?seeds=0-4095&format=npy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    got, began = 0, time.monotonic()
    while part := connection.recv(40_000):
        got += len(part)
        time.sleep(0.08 if time.monotonic() - began < 3 * WRITE_SECONDS else 0)
    assert got > 4096 * 784
    assert time.monotonic() - began > WRITE_SECONDS
    connection.close()


def test_many_slow_callers_do_not_keep_the_others_out(patient: Service) -> None:
    slow = [connect(patient) for _ in range(100)]
    for connection in slow:
        try:
            connection.sendall(GET)
        except OSError:
            pass  # it made room for another
    assert [httpx.get(f"{patient.url}/generate?seed=42", trust_env=False).status_code for _ in range(20)] == [200] * 20
    for connection in slow:
        connection.close()


def test_connections_that_are_kept_are_timed_for_each_request(patient: Service) -> None:
    with connect(patient) as connection:
        for _ in range(3):
            connection.sendall(GET + b"\r\n")
            answer = connection.recv(65536)
            while b"IEND" not in answer:
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(READ_SECONDS * 0.8)  # idle for less than uvicorn keeps a connection
        connection.sendall(GET)
        assert problem(until_closed(connection)) == (408, "request_late")


def test_nothing_but_http_is_spoken(patient: Service) -> None:
    connection = connect(patient)
    connection.sendall(
        GET + b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert until_closed(connection).startswith(b"HTTP/1.1 200"), "an upgrade that is not made is a request like others"
    connection = connect(patient)
    connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100)
    assert until_closed(connection).startswith(b"HTTP/1.1 400")
