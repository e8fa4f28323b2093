"""The connections of one worker: their number per client, which are idle, and the memory they use.

uvicorn only limits the number of connections. A flood of idle sockets would lock out everybody else, and each connection could
hold an unfinished upload and an unread response of any size. Here each kind of memory that clients control has one budget for
the whole worker. When a budget is exhausted, the client with the largest share of it loses a connection, so that a single
client cannot use up the service.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from app.addresses import network

RESERVE = 20
"""One extra connection per this many is reserved on top of the maximum, for probes and for clients that were served before."""
MOST_KNOWN = 10_000
"""Maximum number of networks remembered as served before. The least recently served one is evicted first."""
BUSY_SHARE, CLIENT_SHARE = 2, 4
"""Divisors of the budget for unread responses. No further large response is started while the worker holds more than a half
of the budget, or the client more than a quarter."""
STALLED = 8 * 1024
"""Bytes per second. Slower readers may be disconnected to free memory for others."""


@dataclass(frozen=True)
class Bounds:
    """Limits for the connections of one worker."""

    connections: int
    per_client: int
    """Connections of one client network. Loopback and trusted proxies are exempt."""
    body_bytes: int
    """Bytes of request bodies in memory."""
    unsent_bytes: int
    """Bytes of responses that are finished but not yet read by their clients."""
    proxies: str = ""
    """Addresses and networks of trusted proxies, separated by commas."""


def reserve(connections: int) -> int:
    """Return the number of extra connections on top of a maximum."""
    return max(4, connections // RESERVE)


class Connection(Protocol):
    """The interface of a connection that `Connections` uses."""

    network: str

    def peer(self) -> str:
        """Return the client network that a trusted proxy reports, or else `network`."""

    def unsent(self) -> int:
        """Return the number of bytes that were written but not yet read."""

    def pace(self) -> float:
        """Return the rate at which the client reads its response, in bytes per second."""

    def close_idle(self) -> None:
        """Close a connection on which no request is in progress."""

    def refuse_body(self) -> None:
        """Respond with 503 instead of receiving the rest of a body, and close."""

    def hang_up(self) -> None:
        """Close immediately and drop unsent data."""


class Connections:
    """The registry of one worker.

    Args:
        bounds: the limits.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._proxies = list(_networks(bounds.proxies))
        self._members: set[Connection] = set()
        self._counts: Counter[str] = Counter()
        self._idle: dict[str, OrderedDict[Connection, None]] = {}
        """Idle connections by network, longest idle first."""
        self._known: OrderedDict[str, None] = OrderedDict()
        self._bodies: dict[Connection, int] = {}
        self._body_bytes = 0
        self._unread: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._members)

    # Number of connections.

    def add(self, connection: Connection) -> bool:
        """Register a new connection and close an idle one if there are too many. Return whether the new one may stay open.

        It is not idle before `await_request` is called.
        """
        name = connection.network
        self._members.add(connection)
        self._counts[name] += 1
        if self._counts[name] > self.bounds.per_client and not self._is_exempt(name):
            self._close_oldest(name)
        elif len(self) > self.bounds.connections:
            self._make_room(name)
        return len(self) <= self.bounds.connections + self.reserve

    def remove(self, connection: Connection) -> None:
        """Unregister a connection that is closed or closing. Idempotent."""
        self.set_busy(connection)
        self.release_body(connection)
        self._unread.discard(connection)
        if connection not in self._members:
            return
        self._members.remove(connection)
        self._counts[connection.network] -= 1
        if not self._counts[connection.network]:
            del self._counts[connection.network]

    def set_busy(self, connection: Connection) -> None:
        """Record that a request is in progress."""
        idle = self._idle.get(connection.network)
        if idle is not None:
            idle.pop(connection, None)
            if not idle:
                del self._idle[connection.network]

    def await_request(self, connection: Connection) -> None:
        """Record that a new connection is idle, because nothing has been received when it was first polled."""
        if connection in self._members:
            self._idle.setdefault(connection.network, OrderedDict())[connection] = None

    def set_idle(self, connection: Connection) -> None:
        """Record that a response was sent and no request is in progress."""
        if connection not in self._members:
            return
        self._idle.setdefault(connection.network, OrderedDict())[connection] = None
        self._known[connection.network] = None
        self._known.move_to_end(connection.network)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def has_room(self, connection: Connection) -> bool:
        """Whether requests on this connection are accepted. Clients that were served before may use half of the reserve."""
        name = connection.network
        if self._counts[name] > self.bounds.per_client and not self._is_exempt(name):
            return False
        extra = self.reserve // 2 if name in self._known else 0
        return len(self) <= self.bounds.connections + extra

    @property
    def reserve(self) -> int:
        """Connections on top of the maximum."""
        return reserve(self.bounds.connections)

    def _make_room(self, newcomer: str) -> None:
        """Close the longest idle connection of the network with the most connections, proxies last."""
        if self._idle:
            self._close_oldest(max(self._idle, key=lambda name: self._weight(name, newcomer)))

    def _weight(self, name: str, newcomer: str) -> tuple[bool, int, bool, bool]:
        return not self._is_proxy(name), self._counts[name], name not in self._known, name == newcomer

    def _close_oldest(self, name: str) -> None:
        idle = self._idle.get(name)
        if idle:
            next(iter(idle)).close_idle()

    def _is_exempt(self, name: str) -> bool:
        return name.startswith("127.") or name.startswith("::/64") or self._is_proxy(name)

    def _is_proxy(self, name: str) -> bool:
        return _overlaps(name, self._proxies)

    # Bodies.

    def hold_body(self, connection: Connection, size: int) -> None:
        """Record received bytes of a body. If the budget is exhausted, reject a body."""
        self._bodies[connection] = self._bodies.get(connection, 0) + size
        self._body_bytes += size
        if self._body_bytes > self.bounds.body_bytes:
            shares = Counter[str]()
            for holder, held in self._bodies.items():
                shares[holder.peer()] += held
            largest = shares.most_common(1)[0][0]
            victim = next(holder for holder in self._bodies if holder.peer() == largest)
            self.release_body(victim)
            victim.refuse_body()

    def release_body(self, connection: Connection) -> None:
        """Record that the body of a request was dropped."""
        self._body_bytes -= self._bodies.pop(connection, 0)

    # Responses.

    def hold_response(self, connection: Connection) -> None:
        """Record that a client reads slower than we write. If the budget is exhausted, disconnect the slowest reader."""
        self._unread.add(connection)
        while len(self._unread) > 1 and self.unsent() > self.bounds.unsent_bytes:
            self._hang_up(self._slowest(self._shares().most_common(1)[0][0]))

    def release_response(self, connection: Connection) -> None:
        """Record that a client has caught up."""
        self._unread.discard(connection)

    def unsent(self) -> int:
        """Return the number of bytes of unread responses."""
        return sum(reader.unsent() for reader in self._unread)

    def has_memory(self, client: str) -> bool:
        """Whether a large response may be started for a client. Other clients that have stalled are disconnected for it."""
        budget, own = self.bounds.unsent_bytes, network(client)
        while self._unread:
            shares = self._shares()
            if shares[own] > budget // CLIENT_SHARE:
                return False
            if shares.total() <= budget // BUSY_SHARE:
                return True
            largest = shares.most_common(1)[0][0]
            slowest = self._slowest(largest)
            if largest == own or slowest.pace() > STALLED:
                return False
            self._hang_up(slowest)
        return True

    def _slowest(self, peer: str) -> Connection:
        return min((reader for reader in self._unread if reader.peer() == peer), key=lambda reader: reader.pace())

    def _hang_up(self, reader: Connection) -> None:
        self._unread.discard(reader)
        reader.hang_up()

    def _shares(self) -> Counter[str]:
        shares = Counter[str]()
        for reader in self._unread:
            shares[reader.peer()] += reader.unsent()
        return shares


def is_trusted_proxy(client: str, proxies: str) -> bool:
    """Whether an address is one of the trusted proxies, which are addresses and networks separated by commas."""
    return _overlaps(network(client), list(_networks(proxies)))


def _overlaps(name: str, proxies: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    if not proxies:
        return False
    try:
        found = ipaddress.ip_network(name)
    except ValueError:
        return False
    return any(found.version == proxy.version and found.overlaps(proxy) for proxy in proxies)


def _networks(listed: str) -> Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for part in listed.split(","):
        try:
            yield ipaddress.ip_network(part.strip(), strict=False)
        except ValueError:  # a host name or *, which cannot be compared with an address
            continue
