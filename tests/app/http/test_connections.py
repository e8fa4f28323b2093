"""How clients share the available connections and memory, also under a flood."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from app.http.connections import Bounds, Connections
from tests import fresh
from tests.app.http.test_middleware import find_log_line
from tests.app.http.test_protocol import connect, problem, read_until_closed
from tests.live import Service, free_port, service, start
from tests.waiting import LIMIT_SECONDS, attempts

BOUNDS = Bounds(connections=40, per_client=20, body_bytes=1000, unsent_bytes=1000, proxies="203.0.113.0/24")


@dataclass(eq=False)
class Caller:
    """A fake connection that records what the registry does to it."""

    network: str
    registry: Connections
    waiting: int = 0
    rate: float = 0.0
    events: list[str] = field(default_factory=list)

    def peer(self) -> str:
        return self.network

    def unsent(self) -> int:
        return self.waiting

    def pace(self) -> float:
        return self.rate

    def close_idle(self) -> None:
        self.events.append("closed")
        self.registry.remove(self)

    def refuse_body(self) -> None:
        self.events.append("body refused")

    def hang_up(self) -> None:
        self.events.append("disconnected")


@pytest.fixture
def registry() -> Connections:
    return Connections(BOUNDS)


def callers(registry: Connections, network: str, count: int) -> list[Caller]:
    """Connect callers one after the other, each after the one before was found idle."""
    found = [Caller(network, registry) for _ in range(count)]
    for caller in found:
        assert registry.add(caller)
        registry.await_request(caller)
    return found


def test_of_connections_that_arrive_together_none_is_closed_before_it_was_polled(registry: Connections) -> None:
    older = callers(registry, "198.51.100.1", 20)
    callers(registry, "198.51.100.2", 19)
    together = [Caller("198.51.100.3", registry) for _ in range(3)]
    assert all([registry.add(caller) for caller in together])
    assert [caller.events for caller in older[:3]] == [["closed"], ["closed"], []]
    for caller in callers(registry, "198.51.100.2", 1):
        registry.set_busy(caller)
    assert not any(caller.events for caller in together)
    registry.await_request(together[0])
    registry.remove(together[1])
    registry.await_request(together[1])
    assert len(registry) == BOUNDS.connections - 1


def test_a_client_has_a_limited_share_and_its_oldest_idle_connections_are_closed(registry: Connections) -> None:
    flood = callers(registry, "198.51.100.1", 50)
    assert len(registry) == BOUNDS.per_client
    assert [bool(caller.events) for caller in flood] == [True] * 30 + [False] * 20


def test_loopback_clients_and_proxies_have_no_limit_per_client(registry: Connections) -> None:
    assert not any(caller.events for caller in callers(registry, "127.0.0.1", 18))
    assert not any(caller.events for caller in callers(registry, "203.0.113.7", 22))


def test_the_client_with_the_most_connections_makes_room_for_a_new_client(registry: Connections) -> None:
    many = callers(registry, "198.51.100.1", 20)
    few = callers(registry, "198.51.100.2", 10)
    callers(registry, "198.51.100.3", 10)
    (newcomer,) = callers(registry, "198.51.100.4", 1)
    assert many[0].events == ["closed"]
    assert not any(caller.events for caller in (*many[1:], *few, newcomer))
    assert registry.has_room(newcomer)


def test_connections_with_a_request_in_progress_are_never_closed_and_excess_ones_are_rejected(registry: Connections) -> None:
    busy = callers(registry, "127.0.0.1", 40)
    for caller in busy:
        registry.set_busy(caller)
    (late,) = callers(registry, "198.51.100.4", 1)
    assert not registry.has_room(late)
    registry.set_idle(late)  # its request got a response, even if a 503
    assert registry.has_room(late)
    assert not any(caller.events for caller in busy)
    registry.set_busy(late)
    accepted = 0
    for _ in range(10):
        extra = Caller("198.51.100.9", registry)
        accepted += registry.add(extra)
        registry.set_busy(extra)
    assert accepted == registry.reserve - 1, "connections beyond the reserve are closed at once"


def test_a_removed_connection_holds_no_memory_even_if_events_arrive_late(registry: Connections) -> None:
    (removed,) = callers(registry, "198.51.100.1", 1)
    registry.remove(removed)
    registry.set_idle(removed)
    registry.hold_body(removed, 900)
    removed.waiting = 900
    registry.hold_response(removed)
    registry.remove(removed)
    (other,) = callers(registry, "198.51.100.2", 1)
    registry.hold_body(other, 900)
    assert (len(registry), registry.unsent(), other.events, removed.events) == (1, 0, [], [])
    assert registry.has_memory("198.51.100.1")


def test_the_oldest_body_of_the_client_that_uses_the_most_memory_is_rejected(registry: Connections) -> None:
    first, second = callers(registry, "198.51.100.1", 2)
    (honest,) = callers(registry, "198.51.100.2", 1)
    registry.hold_body(honest, 300)
    registry.hold_body(first, 350)
    registry.hold_body(second, 300)
    assert not first.events
    registry.hold_body(honest, 100)
    assert (first.events, second.events, honest.events) == (["body refused"], [], [])
    registry.release_body(honest)
    registry.hold_body(second, 650)
    assert not second.events


def test_the_slowest_reader_of_the_client_that_uses_the_most_memory_is_disconnected(registry: Connections) -> None:
    slow, fast = callers(registry, "198.51.100.1", 2)
    (honest,) = callers(registry, "198.51.100.2", 1)
    slow.waiting, fast.waiting, honest.waiting = 400, 300, 500
    slow.rate, fast.rate, honest.rate = 10.0, 1e6, 1.0
    for caller in (slow, fast, honest):
        registry.hold_response(caller)
    assert (slow.events, fast.events, honest.events) == (["disconnected"], [], [])


def test_clients_with_unread_responses_get_no_large_response_and_readers_are_not_disconnected(registry: Connections) -> None:
    greedy, steady = callers(registry, "198.51.100.1", 2)
    greedy.waiting, greedy.rate = 400, 0.0
    steady.waiting, steady.rate = 300, 1e6
    registry.hold_response(greedy)
    registry.hold_response(steady)
    assert not registry.has_memory("198.51.100.1")
    assert registry.has_memory("198.51.100.2")
    assert (greedy.events, steady.events) == (["disconnected"], [])
    steady.waiting = 600
    assert not registry.has_memory("198.51.100.2"), "a client that reads its response is not disconnected"
    assert not steady.events


# Tests with a real service.


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"max_connections": 60, "read_seconds": 30, "embedded_worker": False}
    with service(tmp_path_factory.mktemp("crowded") / "state", **settings) as running:
        yield running


def test_a_flood_of_idle_connections_does_not_lock_out_other_clients(crowded: Service) -> None:
    idle = [connect(crowded) for _ in range(300)]
    statuses = []
    for _ in range(20):
        idle.append(connect(crowded))
        statuses += [fresh.get(crowded.url + path).status_code for path in ("/generate?seed=42", "/livez")]
    assert statuses == [200] * 40
    for connection in idle:
        connection.close()


def test_excess_connections_get_a_problem_and_probes_are_served(crowded: Service) -> None:
    busy = [connect(crowded) for _ in range(62)]
    for connection in busy:
        connection.sendall(b"POST /interpolate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    for _ in attempts():
        connection = connect(crowded)
        connection.sendall(b"GET /generate?seed=42 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = read_until_closed(connection)
        if not received.startswith(b"HTTP/1.1 200"):  # the service has now read all busy requests
            break
    assert problem(received) == (503, "too_many_connections")
    assert b"retry-after: 1\r\n" in received
    assert fresh.get(f"{crowded.url}/livez").status_code == 200
    for connection in busy:
        connection.close()


def test_empty_lines_without_a_request_time_out(tmp_path: Path) -> None:
    with service(tmp_path / "state", read_seconds=1, embedded_worker=False) as running:
        connection = connect(running)
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"\r\n")
        assert problem(read_until_closed(connection)) == (408, "request_late")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_dual_stack_socket_accepts_ipv4_and_logs_each_clients_address(workers: int, tmp_path: Path) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.fail("this machine has no dual-stack sockets")
    with service(tmp_path / "state", host="::", workers=workers, log_format="json", embedded_worker=False) as running:
        port = running.url.rpartition(":")[2]
        for seed, (host, expected) in enumerate([("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")]):
            assert fresh.get(f"http://{host}:{port}/generate?seed={seed}").status_code == 200
            assert find_log_line(running, target=f"/generate?seed={seed}")["client"] == expected


def test_workers_end_with_their_parent_process_and_release_the_port(tmp_path: Path) -> None:
    port = free_port()
    running = start(tmp_path / "state", workers=2, port=port, embedded_worker=False)
    workers = psutil.Process(running.process.pid).children(recursive=True)
    assert len(workers) >= 2
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    gone, alive = psutil.wait_procs(workers, timeout=LIMIT_SECONDS)
    assert not alive
    assert len(gone) == len(workers)
    with service(tmp_path / "state", workers=2, port=port, embedded_worker=False) as again:
        assert fresh.get(f"{again.url}/generate?seed=42").status_code == 200


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n", b"400"),
        (b"GET /generate?seed=1 HTTP/1.1\r\nHost: a\r\nHost: a\r\n", b"400"),
        (b"GET /generate?seed=1 HTTP/1.1\r\n", b"400"),
        (b"GET /generate?seed=1 HTTP/1.0\r\n", b"200"),
        (b"GET /generate?seed=1 HTTP/1.1\r\nHost: a\r\n", b"200"),
    ],
)
def test_a_request_must_have_exactly_one_host_header(crowded: Service, request_head: bytes, status: bytes) -> None:
    connection = connect(crowded)
    connection.sendall(request_head + b"Connection: close\r\n\r\n")
    received = read_until_closed(connection)
    assert received.split()[1] == status
    assert status == b"200" or json.loads(received.partition(b"\r\n\r\n")[2])["code"] == "host_invalid"


def test_idle_connections_to_the_metrics_port_take_no_threads_and_do_not_block_it(tmp_path: Path) -> None:
    port = free_port()
    with service(tmp_path / "state", metrics_port=port, embedded_worker=False) as running:
        process = psutil.Process(running.process.pid)
        assert fresh.get(f"http://127.0.0.1:{port}/metrics").status_code == 200
        threads = process.num_threads()
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        response = fresh.get(f"http://127.0.0.1:{port}/metrics")
        assert response.status_code == 200
        assert "seedling_workers 1.0" in response.text
        assert process.num_threads() <= threads + 1
        for connection in idle:
            connection.close()
